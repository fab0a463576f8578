use std::io;
use std::path::PathBuf;

/// Why a network namespace cannot be named, found or entered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NetnsError {
    /// The text names no namespace.
    #[error("{text:?} names no network namespace: {expected}")]
    Invalid {
        /// The text.
        text: String,
        /// What would.
        expected: &'static str,
    },
    /// There is no process with this id.
    #[error("no process {pid} to take the network namespace of; a namespace of that name is given by its path")]
    NoProcess {
        /// The id.
        pid: u32,
    },
    /// No run directory has a file of this name.
    #[error("no network namespace {name:?} in {}; a path has a slash, a process is given by its id", listed(looked))]
    NoName {
        /// The name.
        name: String,
        /// The directories looked in.
        looked: Vec<PathBuf>,
    },
    /// The file cannot be opened.
    #[error("cannot open {} to enter network namespace {netns}{}", path.display(), hint(cause))]
    Open {
        /// The namespace, as it was asked for.
        netns: String,
        /// The file.
        path: PathBuf,
        /// What the kernel answered.
        #[source]
        cause: io::Error,
    },
    /// The file is no network namespace.
    #[error("{} is no network namespace", path.display())]
    NotANamespace {
        /// The file.
        path: PathBuf,
    },
    /// The kernel does not let the thread in.
    #[error("cannot enter network namespace {netns}{}", hint(cause))]
    Enter {
        /// The namespace.
        netns: String,
        /// What the kernel answered.
        #[source]
        cause: io::Error,
    },
    /// No thread could be started to enter in.
    #[error("cannot start a thread to enter a network namespace in")]
    Thread {
        /// What the kernel answered.
        #[source]
        cause: io::Error,
    },
    /// It could not be entered or read when it was to be recorded.
    #[error("{reason}")]
    Unrecorded {
        /// The reason, as it was told then.
        reason: String,
    },
    /// It was recorded, and its part is not there any more.
    #[error("its part of the recording is damaged or cut off")]
    Lost,
}

impl NetnsError {
    /// Whether more privileges would help.
    #[must_use]
    pub fn is_permission_denied(&self) -> bool {
        match self {
            Self::Open { cause, .. } | Self::Enter { cause, .. } => cause.kind() == io::ErrorKind::PermissionDenied,
            _ => false,
        }
    }
}

/// What is needed: setns() asks for CAP_SYS_ADMIN, and /proc/PID/ns for the right to trace the process.
fn hint(cause: &io::Error) -> &'static str {
    match cause.kind() {
        io::ErrorKind::PermissionDenied => ": it takes root, or CAP_SYS_ADMIN and CAP_SYS_PTRACE",
        _ => "",
    }
}

fn listed(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}
