use std::io::{self, Read, Write};

use ruzstd::decoding::StreamingDecoder;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use twox_hash::XxHash64;

/// A section of a recording: its kind, and its content as it is stored.
///
/// It stays compressed in memory until it is read, so that a recording takes no more memory than its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Section {
    pub(super) kind: [u8; 4],
    pub(super) stored: Vec<u8>,
    pub(super) raw_len: u32,
}

impl Section {
    /// Compresses a content of at most [`MOST_RAW`] bytes.
    pub(super) fn pack(kind: [u8; 4], raw: &[u8]) -> Self {
        let packed = compress_to_vec(raw, CompressionLevel::Fastest);
        let stored = if packed.len() < raw.len() { packed } else { raw.to_vec() };
        Self { kind, stored, raw_len: u32::try_from(raw.len()).unwrap_or(u32::MAX) }
    }

    pub(super) fn kind(&self) -> [u8; 4] {
        self.kind
    }

    /// The content. Never more than [`MOST_RAW`] bytes, whatever the section says of itself.
    pub(super) fn unpack(&self) -> Result<Vec<u8>, &'static str> {
        let raw_len = self.raw_len as usize;
        if raw_len == self.stored.len() {
            return Ok(self.stored.clone());
        }
        if raw_len > MOST_RAW {
            return Err("a section declares more than it may hold");
        }
        // The decoder keeps a window's worth of bytes before it gives out the first.
        if !self.stored.get(4..6).is_some_and(|header| window_is_small(header[0], header[1])) {
            return Err("a section's compression asks for too much memory");
        }
        let broken = |_| "a section's compression is broken";
        let decoder = StreamingDecoder::new(self.stored.as_slice()).map_err(|_| "a section's compression is broken")?;
        let mut raw = Vec::new();
        decoder.take(raw_len as u64 + 1).read_to_end(&mut raw).map_err(broken)?;
        if raw.len() == raw_len { Ok(raw) } else { Err("a section is not as long as it says") }
    }

    pub(super) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let mut header = [0; HEADER_LEN];
        let stored_len = u32::try_from(self.stored.len()).unwrap_or(u32::MAX);
        let fields = [u32::from_le_bytes(self.kind), stored_len, self.raw_len, checksum(&self.stored)];
        for (place, field) in header.chunks_exact_mut(4).zip(fields) {
            place.copy_from_slice(&field.to_le_bytes());
        }
        let sum = checksum(&header[..CHECKED_LEN]);
        header[CHECKED_LEN..].copy_from_slice(&sum.to_le_bytes());
        out.write_all(&header)?;
        out.write_all(&self.stored)
    }
}

/// What stands before a section's content.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) kind: [u8; 4],
    pub(super) stored_len: usize,
    pub(super) raw_len: u32,
    pub(super) content_sum: u32,
}

impl Header {
    /// `None` where this is not what a writer has written.
    pub(super) fn parse(bytes: &[u8; HEADER_LEN]) -> Option<Self> {
        let field = |at: usize| Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
        let (stored_len, raw_len) = (field(4)?, field(8)?);
        // The lengths first: nearly all of what is no header fails there, at less than a sum's cost.
        let plausible = stored_len as usize <= MOST_RAW && raw_len as usize <= MOST_RAW;
        if !plausible || field(CHECKED_LEN)? != checksum(&bytes[..CHECKED_LEN]) {
            return None;
        }
        let kind = *bytes.first_chunk()?;
        Some(Self { kind, stored_len: stored_len as usize, raw_len, content_sum: field(12)? })
    }
}

/// Whether these bytes, from behind where the [`MAGIC`] should be, begin with a section.
pub(super) fn begins_a_section(bytes: &[u8]) -> bool {
    bytes.first_chunk().is_some_and(|header| Header::parse(header).is_some())
}

/// The low half of XXH64, as zstd itself uses it.
pub(super) fn checksum(bytes: &[u8]) -> u32 {
    let hash = XxHash64::oneshot(0, bytes) & u64::from(u32::MAX);
    u32::try_from(hash).unwrap_or_default()
}

/// Whether a zstd frame's descriptor and window bytes (RFC 8878, 3.1.1.1) ask for [`MOST_RAW`] at most, and not for a
/// single segment, whose size would stand elsewhere.
fn window_is_small(descriptor: u8, window: u8) -> bool {
    const SINGLE_SEGMENT: u8 = 1 << 5;
    let base = 1u64 << (10 + (window >> 3));
    let size = base + base / 8 * u64::from(window & 7);
    descriptor & SINGLE_SEGMENT == 0 && size <= MOST_RAW as u64
}

/// What a recording begins with; the last byte is the version.
pub(super) const MAGIC: [u8; 8] = *b"\x89TWSC\r\n\x01";

/// Kind, stored length, raw length, checksum of the content, checksum of the header; little-endian.
pub(super) const HEADER_LEN: usize = 20;
pub(super) const CHECKED_LEN: usize = 16;

/// The most bytes in a section, compressed or not: 1 MiB.
pub(super) const MOST_RAW: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bomb_is_not_unpacked() {
        let bomb = compress_to_vec([0u8; 4 << 20].as_slice(), CompressionLevel::Fastest);
        let lying = Section { kind: *b"DATA", stored: bomb.clone(), raw_len: 1000 };
        assert_eq!(lying.unpack(), Err("a section is not as long as it says"));
        let honest = Section { kind: *b"DATA", stored: bomb.clone(), raw_len: 4 << 20 };
        assert_eq!(honest.unpack(), Err("a section declares more than it may hold"));
        let mut wide = bomb;
        wide[5] = 0xff;
        let wide = Section { kind: *b"DATA", stored: wide, raw_len: 1000 };
        assert_eq!(wide.unpack(), Err("a section's compression asks for too much memory"));
    }
}
