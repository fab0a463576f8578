use std::io;

/// Why a place is none to write to, or a file none to trust. It is the inner error of an [`io::Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// A device, a pipe or a socket.
    #[error("it is a device, a pipe or a socket, and a file is written whole or not at all")]
    NoFile,
    /// A link that neither the writer nor root made.
    #[error("it is a link that another user made")]
    ForeignLink,
    /// A link where only a file or a directory may be.
    #[error("a link stands there, or what is no directory, and none is followed")]
    Link,
    /// Somebody else's file, where everybody may put one.
    #[error("it is another user's file, in a directory that everybody may write to")]
    ForeignFile,
    /// A directory or a file that others may change.
    #[error("others than its user may change it, or it is not this user's")]
    NotPrivate,
    /// A file longer than any of its kind.
    #[error("it is longer than any such file")]
    TooLong,
}

impl From<Refusal> for io::Error {
    fn from(refusal: Refusal) -> Self {
        let kind = match refusal {
            Refusal::NoFile | Refusal::TooLong => io::ErrorKind::InvalidInput,
            _ => io::ErrorKind::PermissionDenied,
        };
        Self::new(kind, refusal)
    }
}
