use std::fmt;

/// How many network namespaces there are that a verdict does not speak of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Others {
    /// Those that were found.
    pub found: usize,
    /// Whether there may be more: processes that the reader does not see, or not well enough.
    pub at_least: bool,
}

impl Others {
    /// A count, and whether there may be more.
    #[must_use]
    pub fn new(found: usize, at_least: bool) -> Self {
        Self { found, at_least }
    }
}

impl fmt::Display for Others {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.at_least { "at least " } else { "" }, self.found)
    }
}
