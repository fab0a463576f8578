use std::fmt;
use std::ops::Range;

/// A text that is no expression: what stands where, and what was expected there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    text: String,
    at: Range<usize>,
    expected: String,
}

impl ParseError {
    pub(super) fn new(text: &str, at: Range<usize>, expected: impl Into<String>) -> Self {
        Self { text: text.to_owned(), at, expected: expected.into() }
    }

    /// The whole text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What stands there; empty where the text ends too early.
    #[must_use]
    pub fn found(&self) -> &str {
        self.text.get(self.at.clone()).unwrap_or_default()
    }

    /// What was expected instead.
    #[must_use]
    pub fn expected(&self) -> &str {
        &self.expected
    }

    /// Where it stands, in characters from 1.
    #[must_use]
    pub fn column(&self) -> usize {
        self.text.get(..self.at.start).unwrap_or_default().chars().count() + 1
    }

    /// The text, and under it a line that marks the place.
    #[must_use]
    pub fn pointer(&self) -> String {
        let line: String = self.text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let width = self.found().chars().count().max(1);
        format!("{line}\n{}{}", " ".repeat(self.column() - 1), "^".repeat(width))
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (column, expected) = (self.column(), &self.expected);
        let rest = self.text.get(self.at.start..).unwrap_or_default();
        match self.found() {
            "" if rest.is_empty() => {
                write!(f, "cannot read the filter at its end, column {column}: expected {expected}")
            }
            "" => write!(f, "cannot read the filter at column {column}: expected {expected}"),
            found => write!(f, "cannot read the filter at column {column}, {found:?}: expected {expected}"),
        }
    }
}

impl std::error::Error for ParseError {}
