use super::Severity;
use crate::sample::Provenance;

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
    /// The command.
    pub command: String,
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
    pub fn then(mut self, command: impl Into<String>, why: impl Into<String>) -> Self {
        self.next.push(Next { command: command.into(), why: why.into() });
        self
    }
}

/// A command of twscan's about the same sockets, to be pasted into a shell: it names the namespace and the recording.
pub(crate) fn command(provenance: &Provenance, words: &[&str]) -> String {
    let mut command = std::iter::once("twscan").chain(words.iter().copied()).map(shell_word).collect::<Vec<_>>();
    for (option, value) in [("-N", &provenance.netns.reference), ("--from", &provenance.replayed_from)] {
        command.extend(value.iter().flat_map(|value| [option.to_owned(), shell_word(value)]));
    }
    command.join(" ")
}

/// One word of a shell's, in quotes where it needs them.
fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "_-+=:,./@%".contains(c);
    if text.chars().all(plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_what_was_meant() {
        for text in ["blue", "/run/netns/--all", "blue sky", "it's", "$(id)", "*", "a;b", "~", "\u{3c8}"] {
            let echo = format!("printf %s {}", shell_word(text));
            let output = std::process::Command::new("sh").args(["-c", &echo]).output().unwrap();
            assert_eq!(String::from_utf8(output.stdout).unwrap(), text);
        }
        assert_eq!(shell_word("/run/netns/blue"), "/run/netns/blue");
    }
}
