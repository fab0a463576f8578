//! Commands to be pasted into a shell: quoted, and true of the place that they speak of.

use std::ffi::{OsStr, OsString};
use std::fmt::{self, Write};
use std::path::{Path, PathBuf};

use crate::netns::{NetnsRef, RUN_DIRECTORIES};
use crate::text::is_hidden;

/// The place that a result is of, as the options with which `twscan` comes there again: a network namespace, a recording,
/// and what else has to be said. Without any it is what the reader's shell is in.
///
/// ```
/// use twscan_core::shell::Scope;
///
/// let scope = Scope::default().netns("blue sky");
/// assert_eq!(scope.command("diagnose").word("[::1]:8080").to_string(), "twscan diagnose -N 'blue sky' '[::1]:8080'");
/// assert_eq!(scope.change("tune undo").to_string(), "sudo twscan tune undo -N 'blue sky'");
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    netns: Option<OsString>,
    recording: Option<(OsString, Option<String>)>,
    options: Vec<OsString>,
}

impl Scope {
    /// A network namespace, by what [`NetnsRef::parse`](crate::netns::NetnsRef::parse) takes for it.
    #[must_use]
    pub fn netns(self, reference: impl Into<OsString>) -> Self {
        Self { netns: Some(reference.into()), ..self }
    }

    /// A recording in this file, of the host of this name.
    #[must_use]
    pub fn recording(self, file: impl Into<OsString>, host: Option<String>) -> Self {
        Self { recording: Some((file.into(), host)), ..self }
    }

    /// Another option that reading needs, in one word: `-4`, `--source=10.0.0.1`.
    #[must_use]
    pub fn option(mut self, option: impl Into<OsString>) -> Self {
        self.options.push(option.into());
        self
    }

    /// Whether it is the past of a host, which no command changes.
    #[must_use]
    pub fn is_recorded(&self) -> bool {
        self.recording.is_some()
    }

    /// A command that reads, by its words: `diagnose`.
    #[must_use]
    pub fn command(&self, words: &str) -> Command {
        let mut command = words.split(' ').fold(Command::of_twscan(), Command::word);
        if let Some((file, _)) = &self.recording {
            command = command.option("--from", file);
        }
        if let Some(netns) = &self.netns {
            command = command.short_option("-N", "--netns", netns);
        }
        command.words.extend(self.options.iter().cloned());
        command
    }

    /// A command that changes the host, by its words: `tune apply`. Of a recording it is for the host that was recorded,
    /// and [says so](Command::on).
    #[must_use]
    pub fn change(&self, words: &str) -> Command {
        let live = Self { netns: self.netns.clone(), ..Self::default() };
        let mut command = live.command(words);
        command.words.insert(0, "sudo".into());
        command.on = self.on();
        command
    }

    /// A command that sets a kernel parameter of the namespace, as `nsenter` does; `None` where it is the reader's own.
    #[must_use]
    pub fn sysctl(&self, name: &str, value: &str) -> Option<Command> {
        let path = match NetnsRef::parse(self.netns.as_ref()?).ok()? {
            NetnsRef::Pid(pid) => PathBuf::from(format!("/proc/{pid}/ns/net")),
            NetnsRef::Path(path) => path,
            NetnsRef::Name(name) => {
                let mut called = RUN_DIRECTORIES.iter().map(|directory| Path::new(directory).join(&name));
                let first = called.clone().next();
                called.find(|path| path.exists() && !self.is_recorded()).or(first)?
            }
        };
        let mut option = OsString::from("--net=");
        option.push(path);
        let words =
            ["sudo".into(), "nsenter".into(), option, "sysctl".into(), "-w".into(), format!("{name}={value}").into()];
        Some(Command { words: words.into(), on: self.on() })
    }

    /// Whose host a command that is no command of `twscan` changes; `None` where that is the reader's own.
    #[must_use]
    pub fn on(&self) -> Option<String> {
        let (_, host) = self.recording.as_ref()?;
        Some(host.clone().unwrap_or_else(|| "the recorded host".to_owned()))
    }
}

/// A command line; printed, every word is quoted for a POSIX shell where it has to be.
///
/// What is printed has no [hidden](is_hidden) character, so that what a reader sees is what he pastes: a word with such a
/// one, or one that is no UTF-8, is written as `$'..'`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    words: Vec<OsString>,
    on: Option<String>,
}

impl Command {
    /// `twscan`, of which the words are to come.
    #[must_use]
    pub fn of_twscan() -> Self {
        Self { words: vec!["twscan".into()], on: None }
    }

    /// Adds a word that is no option, such as a destination.
    #[must_use]
    pub fn word(mut self, word: impl Into<OsString>) -> Self {
        self.words.push(word.into());
        self
    }

    /// Sets a variable of the environment for it.
    #[must_use]
    pub fn with_env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        let mut word = OsString::from(format!("{name}="));
        word.push(value.into());
        // Behind sudo, which would not hand it on.
        let place = self.words.iter().position(|word| word == "twscan").unwrap_or_default();
        self.words.insert(place, word);
        self
    }

    /// Adds an option and its value.
    #[must_use]
    pub fn option(self, name: &str, value: impl Into<OsString>) -> Self {
        self.short_option(name, name, value)
    }

    /// A value that begins with a dash would be an option of its own, unless it is part of the long option.
    fn short_option(mut self, short: &str, long: &str, value: impl Into<OsString>) -> Self {
        let value = value.into();
        if value != "-" && value.as_encoded_bytes().first() == Some(&b'-') {
            let mut word = OsString::from(format!("{long}="));
            word.push(value);
            self.words.push(word);
        } else {
            self.words.extend([short.into(), value]);
        }
        self
    }

    /// The host that the command is for, where that is another one than the reader's: of a recording. Whatever shows the
    /// command shows this too.
    #[must_use]
    pub fn on(&self) -> Option<&str> {
        self.on.as_deref()
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, word) in self.words.iter().enumerate() {
            if place > 0 {
                f.write_char(' ')?;
            }
            Quoted(word).fmt(f)?;
        }
        Ok(())
    }
}

/// A word as a POSIX shell takes it, whatever it holds.
#[derive(Debug, Clone, Copy)]
pub struct Quoted<'w>(pub &'w OsStr);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.0.as_encoded_bytes();
        // Some shells replace a word that begins with `~` or `=`.
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:,+@%=".contains(&byte);
        match self.0.to_str() {
            Some(text) if !text.is_empty() && !text.starts_with('=') && text.bytes().all(is_plain) => f.write_str(text),
            Some(text) if !text.contains(is_hidden) => write!(f, "'{}'", text.replace('\'', r"'\''")),
            _ => {
                f.write_str("$'")?;
                for chunk in bytes.utf8_chunks() {
                    for c in chunk.valid().chars() {
                        match c {
                            '\\' | '\'' => write!(f, "\\{c}")?,
                            c if is_hidden(c) => octal(c.encode_utf8(&mut [0; 4]).as_bytes(), f)?,
                            c => f.write_char(c)?,
                        }
                    }
                    octal(chunk.invalid(), f)?;
                }
                f.write_char('\'')
            }
        }
    }
}

/// Three digits each: no shell takes what follows for more of them.
fn octal(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "\\{byte:03o}"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt;
    use std::process;

    use super::*;

    const HOSTILE: [&[u8]; 14] = [
        b"",
        b"-",
        b"-x",
        b"~root",
        b"=ls",
        b"a b",
        b"it's",
        b"hostile-$(id);reboot",
        b"`id`|x>y<z&!*?[]{}#\"\\",
        b"\\'\\\n'\xff\x80 \xc3\xa4",
        b"a\n\x1b]0;x\x07",
        b"\xff1",
        "a\u{202e}1\u{200b}\u{ad}".as_bytes(),
        "\u{65e5}\u{672c} b".as_bytes(),
    ];

    #[test]
    fn a_shell_gets_every_word_as_it_was() {
        for word in HOSTILE {
            let quoted = Quoted(OsStr::from_bytes(word)).to_string();
            assert!(!quoted.contains(is_hidden), "{quoted}");
            let shell = process::Command::new("bash").args(["-c", &format!("printf '%s.' {quoted}")]).output().unwrap();
            assert_eq!(shell.stdout, [word, b"."].concat(), "{quoted}: {}", String::from_utf8_lossy(&shell.stderr));
        }
    }

    #[test]
    fn a_plain_shell_gets_what_it_can_be_given() {
        for word in HOSTILE.iter().filter(|word| !Quoted(OsStr::from_bytes(word)).to_string().starts_with('$')) {
            let quoted = Quoted(OsStr::from_bytes(word)).to_string();
            let shell = process::Command::new("sh").args(["-c", &format!("printf '%s.' {quoted}")]).output().unwrap();
            assert_eq!(shell.stdout, [word, &b"."[..]].concat(), "{quoted}");
        }
    }

    #[test]
    fn a_command_says_where_it_looks() {
        let live = Scope::default();
        assert_eq!(live.command("ports").word("10.0.0.5:80").to_string(), "twscan ports 10.0.0.5:80");
        let netns = live.netns("-x;y").option("-4");
        assert_eq!(netns.command("diagnose").to_string(), "twscan diagnose '--netns=-x;y' -4");
        let apply = netns.change("tune apply").option("--range", "1024-65535");
        assert_eq!(
            (apply.on(), &*apply.to_string()),
            (None, "sudo twscan tune apply '--netns=-x;y' --range 1024-65535")
        );
    }

    #[test]
    fn what_changes_a_host_names_the_recorded_one() {
        let scope = Scope::default().netns("blue").recording("a b.twcap", Some("web1".to_owned())).option("-4");
        assert_eq!(scope.command("diagnose").to_string(), "twscan diagnose --from 'a b.twcap' -N blue -4");
        let undo = scope.change("tune undo");
        assert_eq!((undo.on(), &*undo.to_string()), (Some("web1"), "sudo twscan tune undo -N blue"));
        let nobody = Scope::default().recording("-", None);
        assert_eq!(nobody.command("summary").to_string(), "twscan summary --from -");
        assert_eq!(nobody.change("tune apply").on(), Some("the recorded host"));
    }

    #[test]
    fn a_parameter_is_set_where_it_was_read() {
        let sysctl = |netns: &str| Scope::default().netns(netns).sysctl("net.ipv4.x", "1 2").unwrap().to_string();
        assert_eq!(sysctl("no such"), "sudo nsenter '--net=/run/netns/no such' sysctl -w 'net.ipv4.x=1 2'");
        assert_eq!(sysctl("4711"), "sudo nsenter --net=/proc/4711/ns/net sysctl -w 'net.ipv4.x=1 2'");
        assert_eq!(sysctl("./$x"), "sudo nsenter '--net=./$x' sysctl -w 'net.ipv4.x=1 2'");
        assert_eq!(Scope::default().sysctl("net.ipv4.x", "1"), None);
    }
}
