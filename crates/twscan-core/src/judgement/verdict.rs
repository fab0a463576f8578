use super::Severity;
use crate::shell::Command;

/// The answer of a document in a line, and what to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Verdict {
    /// `ok`, `info`, `warning` or `critical`.
    pub severity: Severity,
    /// The cause, never renamed: a finding's code, or `ok`, `incomplete`, `range-unknown`, `reuse-undecided`,
    /// `binds-undecided`, `failed-connects`, `not-judged`.
    pub code: &'static str,
    /// What is so, with the destination as addr:port where there is one.
    pub headline: String,
    /// What that means; null where the headline says it all.
    pub detail: Option<String>,
    /// What to do next, the best first.
    pub next: Vec<Next>,
}

/// A command to paste.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Next {
    /// The command, each word quoted for a shell where it has to be.
    pub command: String,
    /// The host that it is for, where it would change another one here: that of the recording. Null for any other command.
    pub on: Option<String>,
    /// What it is for.
    pub why: String,
}

impl Verdict {
    /// A verdict without a detail.
    #[must_use]
    pub fn new(severity: Severity, code: &'static str, headline: impl Into<String>) -> Self {
        Self { severity, code, headline: headline.into(), detail: None, next: Vec::new() }
    }

    /// Adds what the headline means.
    #[must_use]
    pub fn because(self, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }

    /// Adds a command to paste, and what it is for.
    #[must_use]
    pub fn then(mut self, command: &Command, why: impl Into<String>) -> Self {
        let (command, on) = (command.to_string(), command.on().map(str::to_owned));
        self.next.push(Next { command, on, why: why.into() });
        self
    }
}
