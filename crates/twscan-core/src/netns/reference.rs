use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use super::NetnsError;

/// A network namespace as a person names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NetnsRef {
    /// The one that this process, or thread, lives in.
    Pid(u32),
    /// The one that this file stands for.
    Path(PathBuf),
    /// The one that the file of this name in a [run directory](super::RUN_DIRECTORIES) stands for.
    Name(OsString),
}

impl NetnsRef {
    /// Reads a reference: digits are a process id, a slash means a path, anything else is a name.
    ///
    /// # Errors
    /// [`NetnsError::Invalid`] for what can be none of the three.
    pub fn parse(text: impl AsRef<OsStr>) -> Result<Self, NetnsError> {
        let text = text.as_ref();
        let invalid = |expected| NetnsError::Invalid { text: text.to_string_lossy().into_owned(), expected };
        if text.as_encoded_bytes().contains(&b'/') {
            return Ok(Self::Path(PathBuf::from(text)));
        }
        // File names may be bytes that are no text.
        let Some(text) = text.to_str() else { return Ok(Self::Name(text.to_owned())) };
        match text {
            "" => Err(invalid("a process id, a path, or a name is expected")),
            "." | ".." => Err(invalid("a name is expected, or a path with a slash")),
            _ if text.bytes().all(|byte| byte.is_ascii_digit()) => match text.parse() {
                Ok(pid @ 1..) => Ok(Self::Pid(pid)),
                _ => Err(invalid("digits are a process id, from 1 to 4294967295")),
            },
            _ => Ok(Self::Name(text.into())),
        }
    }
}

impl FromStr for NetnsRef {
    type Err = NetnsError;

    fn from_str(text: &str) -> Result<Self, NetnsError> {
        Self::parse(text)
    }
}

impl fmt::Display for NetnsRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pid(pid) => write!(f, "of process {pid}"),
            Self::Path(path) => path.display().fmt(f),
            Self::Name(name) => name.display().fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_a_process_a_slash_is_a_path_the_rest_a_name() {
        let parse = |text: &str| NetnsRef::parse(text).unwrap();
        assert_eq!(parse("4711"), NetnsRef::Pid(4711));
        assert_eq!(parse("/proc/1/ns/net"), NetnsRef::Path("/proc/1/ns/net".into()));
        assert_eq!(parse("./4711"), NetnsRef::Path("./4711".into()));
        assert_eq!(parse("cni-5a6b"), NetnsRef::Name("cni-5a6b".into()));
        assert_eq!(parse("10.0.0.1"), NetnsRef::Name("10.0.0.1".into()));
        assert_eq!(parse("-1"), NetnsRef::Name("-1".into()));
    }

    #[test]
    fn what_can_be_none_of_them_is_refused_with_what_was_expected() {
        for text in ["", ".", "..", "0", "000", "4294967296"] {
            let error = NetnsRef::parse(text).unwrap_err().to_string();
            assert!(error.starts_with(&format!("{text:?} names no network namespace: ")), "{error}");
        }
    }
}
