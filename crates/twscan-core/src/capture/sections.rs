use std::io::Read;

use super::container::{HEADER_LEN, Header, MAGIC, Section, checksum};
use crate::Error;

/// Reads sections one by one.
#[derive(Debug)]
pub(super) struct Sections<R> {
    input: R,
    /// What was read and not yet taken.
    ahead: Vec<u8>,
    taken: usize,
    offset: u64,
}

/// What comes next in a recording.
#[derive(Debug)]
pub(super) enum Next {
    /// A whole section.
    Section(Section),
    /// A section whose content is not what was written; the next one follows.
    BadContent { offset: u64 },
    /// So many bytes that are no section, up to the next one or the end.
    Lost { offset: u64, bytes: u64 },
    /// The file ends inside a section.
    Cut { offset: u64, bytes: u64 },
    /// The file ends.
    End,
}

impl<R: Read> Sections<R> {
    /// Starts behind the [`MAGIC`].
    pub(super) fn new(input: R) -> Self {
        Self { input, ahead: Vec::new(), taken: 0, offset: MAGIC.len() as u64 }
    }

    /// The next section, or why there is none here. Where recordings were put one behind the other, the beginning of each
    /// is passed over.
    ///
    /// A header that is not what was written tells no length, so the next one is looked for at every byte from there. A
    /// header whose sum holds is believed: what it declares is passed over even if the content is damaged, so that no
    /// byte is looked at more than twice.
    pub(super) fn next(&mut self) -> Result<Next, Error> {
        while self.peek(MAGIC.len())? == MAGIC {
            self.take(MAGIC.len());
        }
        let offset = self.offset;
        let Some(header) = self.peek(HEADER_LEN)?.first_chunk().copied() else {
            let bytes = self.peek(HEADER_LEN)?.len();
            self.take(bytes);
            return Ok(if bytes == 0 { Next::End } else { Next::Cut { offset, bytes: bytes as u64 } });
        };
        let Some(Header { kind, stored_len, raw_len, content_sum }) = Header::parse(&header) else {
            self.seek_header()?;
            return Ok(Next::Lost { offset, bytes: self.offset - offset });
        };
        self.take(HEADER_LEN);
        let stored = self.peek(stored_len)?.to_vec();
        self.take(stored.len());
        if stored.len() < stored_len {
            return Ok(Next::Cut { offset, bytes: (HEADER_LEN + stored.len()) as u64 });
        }
        if content_sum != checksum(&stored) {
            return Ok(Next::BadContent { offset });
        }
        Ok(Next::Section(Section { kind, stored, raw_len }))
    }

    /// Passes over bytes up to the next that can be a header, or to the end.
    fn seek_header(&mut self) -> Result<(), Error> {
        loop {
            let window = self.peek(WINDOW)?;
            let at_end = window.len() < WINDOW;
            let found = window
                .windows(HEADER_LEN)
                .position(|bytes| bytes.first_chunk().is_some_and(|header| Header::parse(header).is_some()));
            let passed = match found {
                Some(place) => place,
                None if at_end => window.len(),
                None => window.len() + 1 - HEADER_LEN,
            };
            self.take(passed);
            if found.is_some() || at_end {
                return Ok(());
            }
        }
    }

    /// The next so many bytes, or what is left.
    fn peek(&mut self, len: usize) -> Result<&[u8], Error> {
        let missing = len.saturating_sub(self.ahead.len() - self.taken);
        if missing > 0 {
            self.ahead.drain(..self.taken);
            self.taken = 0;
            let read = self.input.by_ref().take(missing.max(WINDOW) as u64).read_to_end(&mut self.ahead);
            read.map_err(|cause| Error::ReadRecording { cause })?;
        }
        let ahead = self.ahead.get(self.taken..).unwrap_or_default();
        Ok(ahead.get(..len).unwrap_or(ahead))
    }

    fn take(&mut self, len: usize) {
        self.taken += len;
        self.offset += len as u64;
    }
}

/// How much is read at once.
const WINDOW: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::super::container::{CHECKED_LEN, MOST_RAW};
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

    /// Reads everything, whatever comes between.
    fn read_on(bytes: &[u8]) -> (Vec<Section>, Vec<Next>) {
        let mut sections = Sections::new(bytes);
        let (mut found, mut others) = (Vec::new(), Vec::new());
        loop {
            match sections.next().unwrap() {
                Next::Section(section) => found.push(section),
                Next::End => return (found, others),
                other => others.push(other),
            }
        }
    }

    #[test]
    fn behind_a_damaged_header_the_next_section_is_found() {
        // Longer than a window, and not to be compressed.
        let noise: Vec<u8> = (0..200_000u64).map(|n| u8::try_from(n * n / 7 % 251).unwrap()).collect();
        let stored =
            |raw: &[u8]| Section { kind: *b"DATA", stored: raw.to_vec(), raw_len: u32::try_from(raw.len()).unwrap() };
        let sections = [stored(&noise), stored(b"abc"), stored(&noise[..WINDOW]), stored(b"")];
        let ends: Vec<usize> = (0..=sections.len()).map(|count| written(&sections[..count]).len()).collect();
        let bytes = written(&sections);
        for (place, start) in ends[..sections.len()].iter().enumerate() {
            for at in *start..start + HEADER_LEN {
                let mut flipped = bytes.clone();
                flipped[at] ^= 0x10;
                let (found, others) = read_on(&flipped);
                let rest: Vec<_> =
                    sections.iter().enumerate().filter(|(n, _)| *n != place).map(|(_, s)| s.clone()).collect();
                assert_eq!(found, rest, "byte {at}");
                let expected = (8 + *start as u64, (ends[place + 1] - start) as u64);
                assert!(
                    matches!(others[..], [Next::Lost { offset, bytes }] if (offset, bytes) == expected),
                    "byte {at}: {others:?}"
                );
            }
        }
    }

    #[test]
    fn bytes_that_look_like_headers_are_passed_over_once() {
        // Each declares all that there may be, and none is what it says; then nothing but the beginnings of headers. Were
        // each looked into anew, this would take hours.
        let mut header = written(&[Section { kind: *b"DATA", stored: vec![0; MOST_RAW], raw_len: 1 }]);
        header.truncate(HEADER_LEN);
        let (found, others) = read_on(&header.repeat(100_000));
        assert!(found.is_empty() && others.len() < 10, "{}", others.len());
        let (found, others) = read_on(&[header[..CHECKED_LEN].to_vec(), vec![9; 5]].concat().repeat(100_000));
        assert_eq!((found.len(), others.len()), (0, 1));
    }
}
