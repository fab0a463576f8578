use std::io;

/// Why a namespace or a population could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The kernel refused an operation.
    #[error("{operation}: {source}")]
    Os {
        /// What was attempted, with the object it was attempted on.
        operation: String,
        /// The kernel's answer.
        source: io::Error,
    },

    /// The calling thread has not left the network namespace its process started in.
    #[error("this thread is in the network namespace its process started in; use Netns::run")]
    StartingNamespace,

    /// The key is not one that belongs to a network namespace.
    #[error("{key}: not a network sysctl (write it as net.ipv4.tcp_tw_reuse)")]
    NotANetworkSysctl {
        /// The key as given.
        key: String,
    },

    /// Neither privileges nor user namespaces are to be had, and they were required.
    #[error(
        "{test}: no network namespace can be made here ({reason}); run as root or allow \
         unprivileged user namespaces"
    )]
    NoNamespaces {
        /// The test that needed one.
        test: String,
        /// What the kernel or `unshare` said.
        reason: String,
    },

    /// A test that was run again inside a user namespace failed there.
    #[error("{test} failed in a user namespace; its output is above")]
    FailedInUserNamespace {
        /// The test's name.
        test: String,
    },
}

impl Error {
    pub(crate) fn os(operation: impl Into<String>, source: impl Into<io::Error>) -> Self {
        Self::Os { operation: operation.into(), source: source.into() }
    }

    /// Whether the kernel's answer was that this process may not do it, or that the system allows
    /// no (more) namespaces.
    #[must_use]
    pub fn is_permission_denied(&self) -> bool {
        match self {
            Self::Os { source, .. } => matches!(
                source.kind(),
                // A user.max_*_namespaces of 0 shows as ENOSPC.
                io::ErrorKind::PermissionDenied | io::ErrorKind::StorageFull
            ),
            Self::NoNamespaces { .. } => true,
            _ => false,
        }
    }
}
