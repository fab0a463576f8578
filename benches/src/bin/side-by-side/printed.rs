//! What a contender prints, held against the population: a wrong answer is no answer, however fast.

use std::io::{self, Read};

/// What one run printed. The beginning alone is kept, so that reading a long output takes next to no time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Printed {
    pub(crate) bytes: u64,
    pub(crate) lines: u64,
    pub(crate) head: Vec<u8>,
}

/// How an output tells the number of sockets.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Answer {
    /// A record of so many bytes for each, and a few bytes for the end.
    Records(u64),
    /// So many lines for each, and a few headers.
    Lines(u64),
    /// Lines that begin with a count, such as those of `uniq -c`, or one that is nothing else.
    Counts,
    /// The first number that follows this word.
    Behind(&'static str),
    /// The first number that this word follows.
    Before(&'static str),
    /// Each takes so many bytes at least: they are packed, and another program would have to count them.
    Packed(u64),
    /// Not at all: it looks for sockets of processes, and a TIME_WAIT has none.
    NotTold,
}

impl Printed {
    /// Reads to the end.
    pub(crate) fn read(mut pipe: impl Read) -> io::Result<Self> {
        let mut buffer = vec![0; 64 * 1024];
        let mut printed = Self::default();
        loop {
            let piece = match pipe.read(&mut buffer)? {
                0 => return Ok(printed),
                read => buffer.get(..read).unwrap_or_default(),
            };
            printed.bytes += piece.len() as u64;
            printed.lines += piece.iter().filter(|byte| **byte == b'\n').count() as u64;
            let kept = piece.len().min(HEAD - printed.head.len());
            printed.head.extend_from_slice(piece.get(..kept).unwrap_or_default());
        }
    }
}

impl Answer {
    /// What is wrong with an answer that is off by more than `tolerance`; `None` where it is right or tells no number.
    pub(crate) fn mistake(self, printed: &Printed, sockets: usize, tolerance: usize) -> Option<String> {
        let (sockets, tolerance) = (sockets as f64, tolerance as f64);
        let told = match self {
            Self::NotTold => return None,
            Self::Packed(bytes) if (printed.bytes / bytes) as f64 + tolerance >= sockets => return None,
            Self::Packed(bytes) | Self::Records(bytes) => Some((printed.bytes / bytes) as f64),
            Self::Lines(each) => Some((printed.lines / each) as f64),
            Self::Counts | Self::Behind(_) | Self::Before(_) => self.number(&String::from_utf8_lossy(&printed.head)),
        };
        match told {
            Some(told) if (told - sockets).abs() <= tolerance => None,
            Some(told) => Some(format!("tells {told} sockets where there are {sockets}")),
            // A state without sockets has no row.
            None if sockets == 0.0 => None,
            None => Some(format!("tells no number of sockets where there are {sockets}")),
        }
    }

    fn number(self, text: &str) -> Option<f64> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let mut pairs = words.windows(2).filter_map(|pair| Some((*pair.first()?, *pair.last()?)));
        match self {
            Self::Counts => text.lines().map(|line| number(line.split_whitespace().next()?)).sum(),
            Self::Behind(word) => pairs.find_map(|(first, second)| (first == word).then(|| number(second)).flatten()),
            Self::Before(word) => pairs.find_map(|(first, second)| (second == word).then(|| number(first)).flatten()),
            _ => None,
        }
    }
}

/// As `1000000)` or, by an exporter, `1e+06`.
fn number(word: &str) -> Option<f64> {
    word.trim_end_matches([')', ',']).parse().ok()
}

/// Enough for what `uniq -c` prints of 200,000 destinations.
const HEAD: usize = 8 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn mistake(answer: Answer, text: &str) -> Option<String> {
        answer.mistake(&Printed::read(text.as_bytes()).unwrap(), 1000, 20)
    }

    #[test]
    fn each_way_of_telling_is_understood() {
        for (answer, right) in [
            (Answer::Records(5), "x".repeat(5_020)),
            (Answer::Lines(1), "a header\n".to_owned() + &"row\n".repeat(1000)),
            (Answer::Lines(3), "a\n  row\n,\n".repeat(1000)),
            (Answer::Counts, "    400 TIME-WAIT a\n    610 TIME-WAIT b\n".to_owned()),
            (Answer::Counts, "1000\n".to_owned()),
            (Answer::Behind("timewait"), "TCP: 7 (estab 0, timewait 1000)".to_owned()),
            (Answer::Behind("TIME_WAIT"), "no TIME_WAIT is\nTIME_WAIT 1000 outbound".to_owned()),
            (Answer::Behind("states"), "states 1e+03".to_owned()),
            (Answer::Before("sockets"), "sockets seen: 1000\nsockets match".to_owned()),
            (Answer::Packed(2), "x".repeat(9_000)),
            (Answer::NotTold, String::new()),
        ] {
            assert_eq!(mistake(answer, &right), None, "{answer:?}");
        }
    }

    #[test]
    fn a_wrong_answer_is_named() {
        let tells = |told: u32| Some(format!("tells {told} sockets where there are 1000"));
        assert_eq!(mistake(Answer::Records(5), &"x".repeat(4_000)), tells(800));
        assert_eq!(mistake(Answer::Lines(1), &"row\n".repeat(1021)), tells(1021));
        assert_eq!(mistake(Answer::Counts, "979\n"), tells(979));
        assert_eq!(mistake(Answer::Packed(2), "xxxx"), tells(2));
        let nothing = Some("tells no number of sockets where there are 1000".to_owned());
        assert_eq!(mistake(Answer::Counts, "uniq: failed\n"), nothing);
        assert_eq!(mistake(Answer::Behind("timewait"), ""), nothing);
        assert_eq!(mistake(Answer::Before("sockets"), "1000 processes"), nothing);
    }

    #[test]
    fn nothing_may_be_told_of_nothing() {
        let summary = Printed::read(&b"10 other states 0\n"[..]).unwrap();
        assert_eq!(Answer::Behind("TIME_WAIT").mistake(&summary, 0, 0), None);
        let one = Printed::read(&b"TIME_WAIT 1\n"[..]).unwrap();
        assert!(Answer::Behind("TIME_WAIT").mistake(&one, 0, 0).is_some());
    }

    #[test]
    fn a_long_output_is_counted_beyond_what_is_kept() {
        let printed = Printed::read("0123456789abcde\n".repeat(1_000_000).as_bytes()).unwrap();
        assert_eq!((printed.bytes, printed.lines, printed.head.len()), (16_000_000, 1_000_000, HEAD));
    }
}
