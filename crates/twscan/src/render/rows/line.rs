use std::fmt::Display;
use std::io::Write;
use std::net::Ipv4Addr;

/// A line under construction, behind others in a buffer.
///
/// What is written has a fixed size, of which a part counts: that is an instruction or two, where a length that only
/// shows at run time is a call. What is behind the part that counts is overwritten by what comes next.
pub(super) struct Line<'b, const ROOM: usize> {
    bytes: &'b mut [u8; ROOM],
    len: usize,
}

/// Puts a line of at most `ROOM` bytes behind those in a buffer; [`BEYOND`] of the room is no part of the line.
#[inline]
pub(super) fn append<const ROOM: usize>(lines: &mut Vec<u8>, write: impl FnOnce(&mut Line<'_, ROOM>)) {
    let start = lines.len();
    lines.resize(start + ROOM, b' ');
    let Some(bytes) = lines.last_chunk_mut() else { return };
    let mut line = Line { bytes, len: 0 };
    write(&mut line);
    let end = start + line.len;
    lines.truncate(end);
}

impl<const ROOM: usize> Line<'_, ROOM> {
    /// How long it is so far.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// A text known beforehand.
    #[inline]
    pub(super) fn text<const N: usize>(&mut self, text: &[u8; N]) {
        self.put(text, N);
    }

    /// A word known beforehand.
    #[inline]
    pub(super) fn word(&mut self, word: &Word) {
        self.put(&word.bytes, usize::from(word.len));
    }

    /// What only its type can write; the slow way.
    pub(super) fn shown(&mut self, value: &impl Display) {
        let mut text = [0; BEYOND];
        let mut rest = &mut text[..];
        // Addresses and states are shorter than that.
        let _ = write!(rest, "{value}");
        let len = BEYOND - rest.len();
        self.put(&text, len);
    }

    /// Fills up with blanks to this length; a column that is too long still ends with two.
    #[inline]
    pub(super) fn blank_to(&mut self, end: usize) {
        self.put(&[b' '; 32], end.saturating_sub(self.len).clamp(2, 32));
    }

    /// Four octets.
    #[inline]
    pub(super) fn ipv4(&mut self, address: Ipv4Addr) {
        for octet in address.octets() {
            let (digits, len) = OCTETS[usize::from(octet)];
            self.put(&digits, usize::from(len));
        }
        // The last dot.
        self.len -= 1;
    }

    /// A number in decimal.
    #[inline]
    pub(super) fn number(&mut self, value: impl itoa::Integer + TryInto<u16> + Copy) {
        match value.try_into() {
            Ok(small) => {
                let (digits, len) = digits(small);
                self.put(&digits, len);
            }
            Err(_) => {
                let mut buffer = itoa::Buffer::new();
                let text = buffer.format(value).as_bytes();
                let mut digits = [0; 40];
                if let Some(place) = digits.get_mut(..text.len()) {
                    place.copy_from_slice(text);
                }
                self.put(&digits, text.len());
            }
        }
    }

    /// A number that ends `width` bytes, at most 8, from here.
    #[inline]
    pub(super) fn number_right(&mut self, value: u32, width: usize) {
        let len = usize::try_from(value.checked_ilog10().unwrap_or(0) + 1).unwrap_or(width);
        self.put(&[b' '; 8], width.saturating_sub(len).min(8));
        self.number(value);
    }

    #[inline]
    fn put<const N: usize>(&mut self, bytes: &[u8; N], len: usize) {
        match self.bytes.get_mut(self.len..self.len + N) {
            Some(place) => place.copy_from_slice(bytes),
            // The room was made for all that a line can hold.
            None => debug_assert!(false, "a line of more than {ROOM} bytes"),
        }
        self.len += len;
    }
}

/// The room that is needed behind the longest line, for the part that does not count of what was written last.
pub(super) const BEYOND: usize = 64;

/// A word of at most 16 bytes.
#[derive(Clone, Copy)]
pub(super) struct Word {
    bytes: [u8; 16],
    len: u8,
}

impl Word {
    /// Pads the word with blanks. A longer one does not compile where this is a constant.
    pub(super) const fn new(word: &str) -> Self {
        let mut bytes = [b' '; 16];
        let mut index = 0;
        while index < word.len() {
            bytes[index] = word.as_bytes()[index];
            index += 1;
        }
        #[allow(clippy::cast_possible_truncation, reason = "at most 16")]
        let len = index as u8;
        Self { bytes, len }
    }
}

/// The digits of a number, and how many there are.
#[inline]
fn digits(value: u16) -> ([u8; 8], usize) {
    let value = u64::from(value);
    // The first digit in the lowest byte, as it is to lie in memory.
    let tens = [10_000, 1_000, 100, 10, 1].map(|unit| value / unit % 10);
    let five = tens.into_iter().rev().fold(0, |five, digit| five << 8 | digit);
    let leading_zeros = (five.trailing_zeros() / 8).min(4);
    let text = (five | 0x30_3030_3030) >> (8 * leading_zeros);
    (text.to_le_bytes(), 5 - leading_zeros as usize)
}

/// An octet's digits with a dot behind them, and the length of both.
const OCTETS: [([u8; 4], u8); 256] = {
    let mut octets = [([b' '; 4], 0); 256];
    let mut value = 0u8;
    loop {
        let digits = [b'0' + value / 100, b'0' + value / 10 % 10, b'0' + value % 10, b'.'];
        let skip = if value >= 100 {
            0
        } else if value >= 10 {
            1
        } else {
            2
        };
        let mut index = skip;
        while index < 4 {
            octets[value as usize].0[(index - skip) as usize] = digits[index as usize];
            index += 1;
        }
        octets[value as usize].1 = 4 - skip;
        if value == u8::MAX {
            break octets;
        }
        value += 1;
    }
};

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Line<'_, 128>)) -> String {
        let mut lines = b"before\n".to_vec();
        append(&mut lines, write);
        String::from_utf8(lines.split_off(7)).unwrap()
    }

    #[test]
    fn every_small_number_is_written_as_the_standard_library_does() {
        for value in 0..=u16::MAX {
            let (digits, len) = digits(value);
            assert_eq!(&digits[..len], value.to_string().as_bytes());
        }
        for value in [65_536, 123_456, u32::MAX] {
            assert_eq!(written(|line| line.number(value)), value.to_string());
        }
        assert_eq!(written(|line| line.number(u64::MAX)), u64::MAX.to_string());
    }

    #[test]
    fn every_octet_is_written_as_the_standard_library_does() {
        for octet in 0..=u8::MAX {
            let address = Ipv4Addr::new(octet, 10, 255 - octet, octet);
            assert_eq!(written(|line| line.ipv4(address)), address.to_string());
        }
    }

    #[test]
    fn columns_are_as_wide_as_asked_and_end_with_two_blanks_at_least() {
        for value in [0, 9, 10, 99_999, 100_000, 999_999, 1_000_000, u32::MAX] {
            assert_eq!(written(|line| line.number_right(value, 6)), format!("{value:>6}"));
        }
        for (word, column) in [("LISTEN", 13), ("TIME_WAIT", 11), ("BOUND_INACTIVE", 13)] {
            let expected = format!("{word:<0$}|", column.max(word.len() + 2));
            let line = written(|line| {
                line.word(&Word::new(word));
                line.blank_to(column);
                line.text(b"|");
            });
            assert_eq!(line, expected);
        }
        assert_eq!(written(|line| line.shown(&std::net::Ipv6Addr::LOCALHOST)), "::1");
    }
}
