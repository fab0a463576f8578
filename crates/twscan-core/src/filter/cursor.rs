use std::ops::Range;

use super::ParseError;

/// A place in a text, moving from token to token.
///
/// What a token is depends on where it stands: an operator may follow a word without a space, but a path may contain
/// what elsewhere is an operator.
#[derive(Debug, Clone)]
pub(super) struct Cursor<'t> {
    text: &'t str,
    at: usize,
}

/// A piece of the text.
#[derive(Debug, Clone)]
pub(super) struct Token<'t> {
    pub(super) text: &'t str,
    pub(super) at: Range<usize>,
}

impl Token<'_> {
    pub(super) fn is(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.text.eq_ignore_ascii_case(word))
    }
}

impl<'t> Cursor<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, at: 0 }
    }

    /// The next parenthesis, operator or word; empty at the end.
    pub(super) fn peek(&self) -> Token<'t> {
        let start = self.start();
        let rest = self.text.get(start..).unwrap_or_default();
        let operator = OPERATORS.iter().find(|operator| rest.starts_with(**operator));
        let len = operator.map_or_else(|| rest.find(ends_a_word).unwrap_or(rest.len()), |operator| operator.len());
        self.token(start, len)
    }

    /// The next word that may be an address, a port or a mark: no operator is a part of it.
    pub(super) fn peek_value(&self) -> Token<'t> {
        self.peek_until(ends_a_word)
    }

    /// The next word that may be a path or the name of an interface: up to a space or a parenthesis.
    pub(super) fn peek_name(&self) -> Token<'t> {
        self.peek_until(|c| c.is_whitespace() || matches!(c, '(' | ')'))
    }

    /// Goes on behind a token.
    pub(super) fn skip(&mut self, token: &Token<'t>) {
        self.at = token.at.end;
    }

    /// The error that this was expected where the next token stands.
    pub(super) fn error(&self, expected: impl Into<String>) -> ParseError {
        self.error_at(self.peek().at, expected)
    }

    pub(super) fn error_at(&self, at: Range<usize>, expected: impl Into<String>) -> ParseError {
        ParseError::new(self.text, at, expected)
    }

    fn peek_until(&self, ends: impl Fn(char) -> bool) -> Token<'t> {
        let start = self.start();
        let rest = self.text.get(start..).unwrap_or_default();
        self.token(start, rest.find(ends).unwrap_or(rest.len()))
    }

    fn start(&self) -> usize {
        let rest = self.text.get(self.at..).unwrap_or_default();
        self.text.len() - rest.trim_start().len()
    }

    fn token(&self, start: usize, len: usize) -> Token<'t> {
        let at = start..start + len;
        Token { text: self.text.get(at.clone()).unwrap_or_default(), at }
    }
}

fn ends_a_word(c: char) -> bool {
    c.is_whitespace() || matches!(c, '(' | ')' | '=' | '!' | '<' | '>' | '&' | '|')
}

/// Longer ones first.
const OPERATORS: [&str; 14] = ["&&", "||", "==", "!=", "<=", ">=", "&", "|", "=", "!", "<", ">", "(", ")"];
