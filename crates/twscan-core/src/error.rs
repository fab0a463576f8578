use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::errno::{
    EACCES, EAFNOSUPPORT, EAGAIN, EBUSY, EHOSTUNREACH, EINTR, EINVAL, EIO, EMFILE, ENOBUFS, ENOENT, ENOMEM, EOPNOTSUPP,
    EPERM, EPROTONOSUPPORT,
};
use crate::wire::Malformed;

/// What went wrong, by the operation that failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No netlink socket of the sock_diag family could be made.
    #[error("cannot open a sock_diag netlink socket")]
    Open {
        /// What the kernel, or a seccomp profile, answered.
        #[source]
        cause: io::Error,
    },
    /// The dump request could not be sent.
    #[error("cannot send the dump request to the kernel")]
    Send {
        /// What the kernel answered.
        #[source]
        cause: io::Error,
    },
    /// The next part of a dump could not be received.
    #[error("cannot receive the kernel's answer")]
    Receive {
        /// What the kernel answered; ENOBUFS means it ran out of memory for the answer.
        #[source]
        cause: io::Error,
    },
    /// The kernel went silent before the end of a dump.
    #[error("the kernel sent nothing for {} s and no end of the dump; try again", waited.as_secs_f64())]
    Timeout {
        /// How long nothing came.
        waited: Duration,
    },
    /// The time that was given for a walk is over.
    #[error("the time that was given is over")]
    Deadline,
    /// A walk was cancelled.
    #[error("it was cancelled")]
    Cancelled,
    /// A datagram was longer than the buffer, so a part of it is lost.
    #[error("a datagram of {datagram} bytes does not fit the receive buffer of {buffer}; its end is lost")]
    Truncated {
        /// The datagram's length in bytes.
        datagram: usize,
        /// The buffer's length in bytes.
        buffer: usize,
    },
    /// The kernel refused the request, or ended the dump with an error.
    #[error("the kernel refused to dump TCP sockets")]
    Refused {
        /// The errno it gave.
        #[source]
        cause: io::Error,
    },
    /// A filter reads what the source does not tell.
    #[error("cannot filter by {condition}: {reason}")]
    CannotFilter {
        /// The condition: `fwmark`.
        condition: &'static str,
        /// Why it cannot be judged, and what would help.
        reason: &'static str,
    },
    /// The kernel ended a dump that had begun.
    #[error("the kernel ended the dump after {sockets} sockets")]
    Aborted {
        /// The sockets received until then.
        sockets: u64,
        /// The errno it gave.
        #[source]
        cause: io::Error,
    },
    /// The kernel's bytes contradict themselves.
    #[error("cannot read the kernel's answer")]
    Malformed {
        /// What is wrong with them, and where.
        #[source]
        cause: Malformed,
    },
    /// A message that answers another request, or is meant for another socket.
    #[error("a message with sequence {sequence} and port id {port_id} where {expected:?} was due")]
    ForeignReply {
        /// `nlmsg_seq` of the message.
        sequence: u32,
        /// `nlmsg_pid` of the message.
        port_id: u32,
        /// The sequence and port id of this dump.
        expected: (u32, u32),
    },
    /// A dump went on beyond what any table can hold, or brought datagrams without an end or a socket.
    #[error("the dump did not end after {sockets} sockets, so it was given up; try again")]
    Endless {
        /// The sockets received until then.
        sockets: u64,
    },
    /// The kernel flagged a dump that it had to the end with `NLM_F_DUMP_INTR`: entries may be missing or doubled.
    #[error("the kernel says that its table changed during the dump of {sockets} sockets; try again")]
    Interrupted {
        /// The sockets received.
        sockets: u64,
    },
    /// A network namespace could not be found or entered.
    #[error(transparent)]
    Netns(#[from] crate::netns::NetnsError),
    /// The kernel has no route to a destination, so that no source address is known; or one that refuses.
    #[error("no route to {destination}, which would tell the source address of connections to there")]
    Route {
        /// The destination.
        destination: SocketAddr,
        /// What the kernel answered.
        #[source]
        cause: io::Error,
    },
    /// The local port range is not known, so that there is nothing to judge.
    #[error("cannot tell the local port range: net.ipv4.ip_local_port_range is not readable")]
    NoPortRange,
    /// A value that the kernel would not take, or that makes no sense.
    #[cfg(feature = "tuning")]
    #[error(transparent)]
    BadValue(#[from] crate::tuning::BadValue),
    /// Sockets are missing, so that what is left cannot be told.
    #[error("sockets are missing, or may be, so that free ports cannot be told: {reason}")]
    Incomplete {
        /// Why they are missing.
        reason: Incomplete,
    },
    /// A recording does not change.
    #[error("{from} is a recording, which does not change: there is nothing to wait for")]
    Recorded {
        /// The recording.
        from: String,
    },
    /// More connections were asked for than fit.
    #[error("{wanted} ports can never be free: {tuple} has {capacity}")]
    NeverFree {
        /// What was asked for.
        wanted: u32,
        /// Between which addresses.
        tuple: String,
        /// What fits.
        capacity: u32,
    },
    /// A file of the kernel's could not be read.
    #[error("cannot read {}", path.display())]
    ReadFile {
        /// The file.
        path: PathBuf,
        /// What the kernel answered.
        #[source]
        cause: io::Error,
    },
    /// A file of the kernel's has a form that this library does not know.
    #[error("cannot read {} line {line}: {what} is not understood", path.display())]
    ParseFile {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The part that is not understood.
        what: &'static str,
    },
    /// A recording could not be read.
    #[error("cannot read the recording")]
    ReadRecording {
        /// What the operating system answered.
        #[source]
        cause: io::Error,
    },
    /// A file that no reader of recordings knows, or that has no whole sample.
    #[error("cannot read the recording: {what}")]
    NotARecording {
        /// What is wrong with it, and what to do.
        what: String,
    },
    /// A recording's bytes contradict themselves.
    #[error("the recording is damaged at byte {offset}: {what}")]
    Damaged {
        /// Where the damaged part starts.
        offset: u64,
        /// What is wrong with it.
        what: &'static str,
    },
    /// A question that a recording cannot answer.
    #[error("the recording does not tell {what}")]
    NotRecorded {
        /// What was asked for.
        what: &'static str,
    },
    /// What had broken off the walk when it was recorded.
    #[error("{reason}")]
    RecordedFault {
        /// The reason, as it was told then.
        reason: String,
    },
    /// A recording could not be written.
    #[error("cannot write the recording")]
    WriteRecording {
        /// What the operating system answered.
        #[source]
        cause: io::Error,
    },
}

impl Error {
    /// The message with the causes behind it and [what to do](Self::advice), in one line.
    #[must_use]
    pub fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        if let Some(advice) = self.advice() {
            text.push_str("; ");
            text.push_str(advice);
        }
        text
    }

    /// What a user can do about it, where the error alone does not tell.
    #[must_use]
    pub fn advice(&self) -> Option<&'static str> {
        match (self, self.raw_os_error()?) {
            (Self::Open { .. }, EPERM | EACCES) => Some("a sandbox forbids netlink: allow AF_NETLINK, or read procfs"),
            (Self::Open { .. }, EPROTONOSUPPORT | EAFNOSUPPORT) => Some("this kernel has no sock_diag: read procfs"),
            (Self::Open { .. }, EMFILE) => Some("raise the limit of open files (ulimit -n)"),
            (Self::ReadFile { .. }, EPERM | EACCES) => Some("run as a user who may read it"),
            (Self::Refused { .. } | Self::Aborted { .. }, EPERM | EACCES) => {
                Some("a security module forbids it, or the filter asks for a mark, which takes CAP_NET_ADMIN")
            }
            (Self::Refused { .. }, ENOENT) => Some("the kernel's tcp_diag module is absent: load it, or read procfs"),
            (Self::Refused { .. }, EINVAL | EOPNOTSUPP) => Some("this kernel does not know the request or its filter"),
            (Self::Route { .. }, EHOSTUNREACH) => Some("a route or rule of type unreachable is in the way"),
            (Self::Route { .. }, EACCES) => Some("a route or rule of type prohibit is in the way"),
            (Self::Route { .. }, EINVAL) => {
                Some("a route or rule of type blackhole is in the way, or a link-local address names no interface")
            }
            (_, EBUSY) => Some("another dump was under way; try again"),
            (_, ENOBUFS | ENOMEM) => Some("the kernel is short of memory; try again"),
            _ => None,
        }
    }

    /// Whether the same question, asked through a new socket, may well be answered: something was short, cut or mixed
    /// up. What the kernel does not have or forbids is no such thing.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Timeout { .. }
            | Self::Truncated { .. }
            | Self::Malformed { .. }
            | Self::ForeignReply { .. }
            | Self::Interrupted { .. } => true,
            Self::Open { cause }
            | Self::Send { cause }
            | Self::Receive { cause }
            | Self::Refused { cause }
            | Self::Aborted { cause, .. } => {
                matches!(cause.raw_os_error(), Some(EINTR | EAGAIN | ENOMEM | EBUSY | EIO | ENOBUFS))
            }
            _ => false,
        }
    }

    /// The errno behind the error, where the operating system gave one.
    #[must_use]
    pub fn raw_os_error(&self) -> Option<i32> {
        match self {
            Self::Open { cause }
            | Self::Send { cause }
            | Self::Receive { cause }
            | Self::Refused { cause }
            | Self::Aborted { cause, .. }
            | Self::Route { cause, .. }
            | Self::ReadFile { cause, .. } => cause.raw_os_error(),
            _ => None,
        }
    }
}

/// Why sockets may be missing from a result.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Incomplete {
    /// The recording lacks them: what it was made from broke off, or is not understood.
    Recorded {
        /// The reason, as it was told then.
        reason: String,
    },
    /// The time that was given is over.
    Deadline,
    /// It was cancelled.
    Cancelled,
    /// The walk broke off, or could not begin.
    BrokenOff(Arc<Error>),
}

impl From<Error> for Incomplete {
    fn from(error: Error) -> Self {
        match error {
            Error::RecordedFault { reason } => Self::Recorded { reason },
            Error::Deadline => Self::Deadline,
            Error::Cancelled => Self::Cancelled,
            error => Self::BrokenOff(Arc::new(error)),
        }
    }
}

/// In one line, with what to do about it.
impl fmt::Display for Incomplete {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Recorded { reason } => f.write_str(reason),
            Self::Deadline => Error::Deadline.fmt(f),
            Self::Cancelled => Error::Cancelled.fmt(f),
            Self::BrokenOff(error) => f.write_str(&error.chain()),
        }
    }
}
