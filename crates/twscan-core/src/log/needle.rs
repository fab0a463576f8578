use aho_corasick::AhoCorasick;
use aho_corasick::packed::Searcher;

/// The fast search for lines that may tell of a failure: most of a log is seen by nothing else.
#[derive(Debug, Clone)]
pub(super) struct Needles {
    /// Vector instructions, where the machine has them.
    packed: Option<Searcher>,
    automaton: Option<AhoCorasick>,
}

impl Needles {
    pub(super) fn new() -> Self {
        let packed = Searcher::new(NEEDLES);
        // Two dozen short texts stay far below the automaton's limits, so one of the two is always there.
        let automaton = if packed.is_none() { AhoCorasick::new(NEEDLES).ok() } else { None };
        Self { packed, automaton }
    }

    /// Where the first needle in `text` at or behind `from` begins.
    pub(super) fn find(&self, text: &[u8], from: usize) -> Option<usize> {
        let from = from.min(text.len());
        let found = match (&self.packed, &self.automaton) {
            (Some(packed), _) => packed.find_in(text, aho_corasick::Span::from(from..text.len())),
            (None, Some(automaton)) => automaton.find(aho_corasick::Input::new(text).range(from..)),
            (None, None) => None,
        };
        found.map(|found| found.start())
    }
}

/// Texts of which every failure's line has at least one, in the spellings that occur. They begin where few other
/// words do: the search looks at each place that shares their first bytes.
pub(super) const NEEDLES: [&str; 22] = [
    "ssign requested address",
    "ssign_requested_address",
    "ddress not available",
    "ddress_not_available",
    "ddress already in use",
    "ddress_already_in_use",
    "ddress in use",
    "ddress_in_use",
    "ADDRNOTAVAIL",
    "addrnotavail",
    "ADDRINUSE",
    "addrinuse",
    "free ports",
    "local source ports",
    "port range exhausted",
    "source address before connect",
    "d (99:",
    "d (98:",
    "rrno 99]",
    "rrno 98]",
    "error 99)",
    "error 98)",
];

#[cfg(test)]
mod tests {
    use super::super::LogParser;
    use super::*;

    #[test]
    fn every_needle_begins_an_errors_wording() {
        let needles = Needles::new();
        let mut parser = LogParser::default();
        let before = [
            "Cannot a",
            "Cannot_a",
            "A",
            "a",
            "A",
            "a",
            "a",
            "a",
            "E",
            "e",
            "E",
            "e",
            "no ",
            "out of ",
            "source ",
            "cannot bind to ",
            "faile",
            "faile",
            "[E",
            "[E",
            "(os ",
            "(os ",
        ];
        for (needle, before) in NEEDLES.into_iter().zip(before) {
            let line = format!("x {before}{needle}() y");
            assert!(parser.parse(line.as_bytes()).is_some(), "{line}");
            assert_eq!(needles.find(line.as_bytes(), 0), Some(2 + before.len()), "{line}");
        }
    }

    #[test]
    fn the_search_is_the_same_without_vector_instructions() {
        let (fast, slow) = (Needles::new(), Needles { packed: None, automaton: AhoCorasick::new(NEEDLES).ok() });
        let text = format!("{}d (99: Cannot assign requested address\n", "failed (111: Connection refused\n".repeat(9))
            .repeat(3);
        for from in 0..text.len() {
            assert_eq!(fast.find(text.as_bytes(), from), slow.find(text.as_bytes(), from), "from {from}");
        }
    }
}
