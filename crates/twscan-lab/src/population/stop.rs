use std::fmt;

use rustix::io::Errno;

use crate::Error;

/// Where a client's attempt to connect ended, and the kernel's reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stop {
    /// The call that failed.
    pub step: Step,
    /// Its error, such as `EADDRNOTAVAIL` when connect() finds no port.
    pub errno: Errno,
}

impl Stop {
    pub(super) fn new(step: Step, errno: Errno) -> Self {
        Self { step, errno }
    }

    pub(super) fn into_error(self, operation: String) -> Error {
        Error::os(operation, self.errno)
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.step, self.errno)
    }
}

/// One of the calls a client makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// socket()
    Socket,
    /// setsockopt()
    Option,
    /// bind()
    Bind,
    /// connect()
    Connect,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Socket => "socket()",
            Self::Option => "setsockopt()",
            Self::Bind => "bind()",
            Self::Connect => "connect()",
        })
    }
}
