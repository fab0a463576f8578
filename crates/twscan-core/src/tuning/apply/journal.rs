use std::path::{Path, PathBuf};

use super::TuneError;
use crate::tuning::Key;

/// What was there before an apply, and what it put there: enough to undo it, whenever it was interrupted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Journal {
    /// Where it was written; `None` of a journal of the first version, which did not note it.
    pub origin: Option<Origin>,
    /// The parameters, in the order of writing.
    pub entries: Vec<Entry>,
    /// The boot file, where one was written.
    pub file: Option<JournalFile>,
}

/// The boot and the network namespace that a journal is of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Origin {
    /// The kernel's name for the boot; `None` where it was not told.
    pub boot_id: Option<String>,
    /// What no other namespace of the boot has (`SO_NETNS_COOKIE`); `None` on a kernel before 5.14.
    pub cookie: Option<u64>,
}

/// A parameter's old and new value.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// The parameter.
    pub key: Key,
    /// The value before.
    pub from: String,
    /// The value after.
    pub to: String,
}

impl Entry {
    /// A parameter's old and new value.
    #[must_use]
    pub fn new(key: Key, from: String, to: String) -> Self {
        Self { key, from, to }
    }
}

/// A boot file's old and new content.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct JournalFile {
    /// The file.
    pub path: PathBuf,
    /// The content before; `None` where there was no such file.
    pub from: Option<String>,
    /// The content after.
    pub to: String,
}

impl JournalFile {
    /// A boot file's old and new content.
    #[must_use]
    pub fn new(path: PathBuf, from: Option<String>, to: String) -> Self {
        Self { path, from, to }
    }
}

impl Journal {
    /// The journal as text: a heading, and a line for each change with tabs between its parts.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = format!("{HEADING}\n");
        if let Some(Origin { boot_id, cookie }) = &self.origin {
            let cookie = cookie.map(|cookie| cookie.to_string()).unwrap_or_default();
            text.push_str(&format!("origin\t{}\t{cookie}\n", escape(boot_id.as_deref().unwrap_or_default())));
        }
        for Entry { key, from, to } in &self.entries {
            text.push_str(&format!("sysctl\t{key}\t{}\t{}\n", escape(from), escape(to)));
        }
        if let Some(JournalFile { path, from, to }) = &self.file {
            let kind = if from.is_some() { "replaced" } else { "created" };
            let from = escape(from.as_deref().unwrap_or_default());
            text.push_str(&format!("{kind}\t{}\t{from}\t{}\n", escape(&path.to_string_lossy()), escape(to)));
        }
        text.push_str(END);
        text
    }

    /// Reads the text of a journal; `path` is for the error.
    ///
    /// # Errors
    /// [`TuneError::JournalForm`]. A text that stops short of its last line was never complete: nothing had been written
    /// when it was cut.
    pub fn parse(text: &str, path: &Path) -> Result<Self, TuneError> {
        let wrong = |line, what| TuneError::JournalForm { path: path.to_owned(), line, what };
        let mut lines = text.lines().enumerate().map(|(index, line)| (index + 1, line));
        if lines.next().is_none_or(|(_, line)| line != HEADING && line != FIRST_HEADING) {
            return Err(wrong(1, "the heading"));
        }
        let mut journal = Self::default();
        for (number, line) in lines {
            let parts: Vec<_> = line.split('\t').collect();
            match parts.as_slice() {
                ["end"] => return Ok(journal),
                ["origin", boot_id, cookie] => {
                    let cookie = Some(*cookie).filter(|cookie| !cookie.is_empty()).map(str::parse).transpose();
                    let cookie = cookie.map_err(|_| wrong(number, "the network namespace's cookie"))?;
                    let boot_id = Some(unescape(boot_id)).filter(|id| !id.is_empty());
                    journal.origin = Some(Origin { boot_id, cookie });
                }
                ["sysctl", key, from, to] => {
                    let key = Key::from_name(key).ok_or_else(|| wrong(number, "the parameter"))?;
                    journal.entries.push(Entry { key, from: unescape(from), to: unescape(to) });
                }
                [kind @ ("replaced" | "created"), path, from, to] => {
                    let from = (*kind == "replaced").then(|| unescape(from));
                    journal.file = Some(JournalFile { path: unescape(path).into(), from, to: unescape(to) });
                }
                _ => return Err(wrong(number, "the kind of line")),
            }
        }
        Err(wrong(text.lines().count(), "the end is missing"))
    }
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\t', "\\t").replace('\n', "\\n").replace('\r', "\\r")
}

fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        plain.push(match letter {
            '\\' => match letters.next() {
                Some('t') => '\t',
                Some('n') => '\n',
                Some('r') => '\r',
                Some(other) => other,
                None => '\\',
            },
            other => other,
        });
    }
    plain
}

const HEADING: &str = "twscan tune journal 2";
/// Of the version that did not note where it was written.
const FIRST_HEADING: &str = "twscan tune journal 1";
const END: &str = "end\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let journal = Journal {
            origin: Some(Origin { boot_id: Some("01234567-89ab".to_owned()), cookie: Some(u64::MAX) }),
            entries: vec![
                Entry::new(Key::ReservedPorts, String::new(), "8080".to_owned()),
                Entry::new(Key::PortRange, "32768 60999".to_owned(), "10240 65535".to_owned()),
            ],
            file: Some(JournalFile::new("/etc/x\ty".into(), Some("a\\n\n\tb\r\n".to_owned()), "c\n".to_owned())),
        };
        let text = journal.to_text();
        assert_eq!(Journal::parse(&text, Path::new("j")).unwrap(), journal);
        for cut in 0..text.len() - 1 {
            assert!(Journal::parse(&text[..cut], Path::new("j")).is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn what_the_first_version_wrote_is_read() {
        let text = "twscan tune journal 1\nsysctl\tnet.ipv4.tcp_tw_reuse\t2\t1\nend\n";
        let journal = Journal::parse(text, Path::new("j")).unwrap();
        let entries = vec![Entry::new(Key::TwReuse, "2".to_owned(), "1".to_owned())];
        assert_eq!(journal, Journal { origin: None, entries, file: None });
    }
}
