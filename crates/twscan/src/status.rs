use std::process::ExitCode;

/// What the exit code says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    /// 0: done, nothing to report.
    Done,
    /// 1: done, and something is wrong.
    Findings,
    /// The code of a monitoring plugin.
    Plugin(u8),
    /// 2: failed, or the result is partial.
    Failed,
}

impl Status {
    /// A result that misses sockets is a failure, however much of it was shown.
    pub(crate) fn of_result(complete: bool) -> Self {
        if complete { Self::Done } else { Self::Failed }
    }
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        match status {
            Status::Done => Self::SUCCESS,
            Status::Findings => Self::from(1),
            Status::Plugin(code) => Self::from(code),
            Status::Failed => Self::from(2),
        }
    }
}
