use std::io::{self, Read, Write};

use ruzstd::decoding::StreamingDecoder;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use twox_hash::XxHash64;

use crate::Error;

/// A section of a recording: its kind, and its content as it is stored.
///
/// It stays compressed in memory until it is read, so that a recording takes no more memory than its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Section {
    kind: [u8; 4],
    stored: Vec<u8>,
    raw_len: u32,
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

/// Reads sections one by one.
#[derive(Debug)]
pub(super) struct Sections<R> {
    input: R,
    offset: u64,
}

/// What comes next in a recording.
#[derive(Debug)]
pub(super) enum Next {
    /// A whole section.
    Section(Section),
    /// A section whose content is not what was written; the next one can be found.
    BadContent { offset: u64 },
    /// A header that is not what was written; nothing behind it can be found.
    BadHeader { offset: u64 },
    /// The file ends inside a section.
    Cut { offset: u64, bytes: u64 },
    /// The file ends.
    End,
}

impl<R: Read> Sections<R> {
    /// Starts behind the [`MAGIC`].
    pub(super) fn new(input: R) -> Self {
        Self { input, offset: MAGIC.len() as u64 }
    }

    pub(super) fn next(&mut self) -> Result<Next, Error> {
        let offset = self.offset;
        let header = self.take(HEADER_LEN)?;
        let Ok(header) = <[u8; HEADER_LEN]>::try_from(header.as_slice()) else {
            let bytes = header.len() as u64;
            return Ok(if bytes == 0 { Next::End } else { Next::Cut { offset, bytes } });
        };
        let field = |at: usize| header.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |b| u32::from_le_bytes(*b));
        let (stored_len, raw_len) = (field(4), field(8));
        if field(CHECKED_LEN) != checksum(&header[..CHECKED_LEN]) || stored_len as usize > MOST_RAW {
            return Ok(Next::BadHeader { offset });
        }
        let stored = self.take(stored_len as usize)?;
        if stored.len() < stored_len as usize {
            return Ok(Next::Cut { offset, bytes: (HEADER_LEN + stored.len()) as u64 });
        }
        if field(12) != checksum(&stored) {
            return Ok(Next::BadContent { offset });
        }
        Ok(Next::Section(Section { kind: [header[0], header[1], header[2], header[3]], stored, raw_len }))
    }

    /// Reads this many bytes, or what is left.
    fn take(&mut self, len: usize) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        let read = self.input.by_ref().take(len as u64).read_to_end(&mut bytes);
        self.offset += read.map_err(|cause| Error::ReadRecording { cause })? as u64;
        Ok(bytes)
    }
}

/// The low half of XXH64, as zstd itself uses it.
fn checksum(bytes: &[u8]) -> u32 {
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
const HEADER_LEN: usize = 20;
const CHECKED_LEN: usize = 16;

/// The most bytes in a section, compressed or not: 1 MiB.
pub(super) const MOST_RAW: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn written(sections: &[Section]) -> Vec<u8> {
        let mut bytes = Vec::new();
        sections.iter().for_each(|section| section.write(&mut bytes).unwrap());
        bytes
    }

    fn read(bytes: &[u8]) -> (Vec<Section>, Next) {
        let mut sections = Sections::new(bytes);
        let mut found = Vec::new();
        loop {
            match sections.next().unwrap() {
                Next::Section(section) => found.push(section),
                other => return (found, other),
            }
        }
    }

    #[test]
    fn sections_come_back_compressed_or_not() {
        let long = vec![7; 100_000];
        let sections = [Section::pack(*b"DATA", &long), Section::pack(*b"TAIL", b"x"), Section::pack(*b"NONE", b"")];
        let bytes = written(&sections);
        assert!(bytes.len() < 1000);
        let (found, end) = read(&bytes);
        assert!(matches!(end, Next::End));
        let raw: Vec<_> = found.iter().map(|section| section.unpack().unwrap()).collect();
        assert_eq!(raw, [long, b"x".to_vec(), vec![]]);
    }

    #[test]
    fn a_cut_says_where() {
        let bytes = written(&[Section::pack(*b"DATA", b"abc"), Section::pack(*b"DATA", b"defg")]);
        let (found, end) = read(&bytes[..bytes.len() - 1]);
        assert_eq!(found.len(), 1);
        assert!(matches!(end, Next::Cut { offset: 31, bytes: 23 }), "{end:?}");
    }

    #[test]
    fn a_flipped_bit_is_found_wherever_it_is() {
        let bytes = written(&[Section::pack(*b"DATA", &[1; 500])]);
        for at in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 0x10;
            let (found, end) = read(&flipped);
            assert!(found.is_empty(), "byte {at}");
            assert_eq!(matches!(end, Next::BadContent { .. }), at >= HEADER_LEN, "byte {at}: {end:?}");
        }
    }

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
