use std::fmt;
use std::io;

use twscan_core::Error;
use twscan_core::text::shown;
use twscan_core::tuning::apply::TuneError;

/// Why a command could not do its work.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The kernel or `/proc` could not be read.
    Read(Error),
    /// A parameter could not be changed, or put back.
    Tune(TuneError),
    /// The output could not be written.
    Write(io::Error),
    /// A recording of this name could not be read or written.
    Recording(String, Error),
    /// A file of the user's could not be read or made.
    File(String, io::Error),
    /// No namespace, or no population in it, could be made for the self-test.
    Selftest(twscan_lab::Error),
    /// What the user asked for makes no sense; the text says what would.
    Usage(String),
}

impl Failure {
    /// Whether the reader of the output has gone away, which is no failure: `twscan list | head`.
    pub(crate) fn is_closed_pipe(&self) -> bool {
        let error = match self {
            Self::Write(error) => error,
            Self::Read(Error::WriteRecording { cause }) | Self::Recording(_, Error::WriteRecording { cause }) => cause,
            _ => return false,
        };
        error.kind() == io::ErrorKind::BrokenPipe
    }

    /// Where a recording could not be written: which one.
    pub(crate) fn of_file(self, name: &str) -> Self {
        match self {
            Self::Read(error @ Error::WriteRecording { .. }) => Self::Recording(name.to_owned(), error),
            failure => failure,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(error) => write!(f, "error: {}", shown(&error.chain())),
            Self::Tune(error) => write!(f, "error: {}{}", shown(&error.chain()), privilege_hint(error)),
            Self::Write(error) => write!(f, "error: cannot write the output: {error}"),
            Self::Recording(name, error) => write!(f, "error: {}: {}", shown(name), shown(&error.chain())),
            Self::File(name, error) => write!(f, "error: {}: {}", shown(name), shown(&error.to_string())),
            Self::Selftest(error) if error.is_permission_denied() => write!(
                f,
                "error: cannot make a network namespace to test in: {error}; run as root, or allow unprivileged user \
                 namespaces"
            ),
            Self::Selftest(error) => write!(f, "error: cannot run the self-test: {error}"),
            Self::Usage(text) => {
                // A wrong filter is shown in lines of their own.
                let lines: Vec<_> = text.lines().map(shown).collect();
                write!(f, "error: {}", lines.join("\n"))
            }
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Read(error)
    }
}

impl From<twscan_lab::Error> for Failure {
    fn from(error: twscan_lab::Error) -> Self {
        Self::Selftest(error)
    }
}

impl From<TuneError> for Failure {
    fn from(error: TuneError) -> Self {
        Self::Tune(error)
    }
}

/// What to do where the kernel wants more rights.
fn privilege_hint(error: &TuneError) -> &'static str {
    match error {
        TuneError::Write { cause, .. } if cause.kind() == io::ErrorKind::PermissionDenied => {
            "; it takes CAP_NET_ADMIN in the namespace's user namespace, try sudo"
        }
        _ => "",
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Write(error)
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self::Write(error.into())
    }
}

impl From<csv::Error> for Failure {
    fn from(error: csv::Error) -> Self {
        match error.into_kind() {
            csv::ErrorKind::Io(error) => Self::Write(error),
            other => Self::Write(io::Error::other(format!("{other:?}"))),
        }
    }
}
