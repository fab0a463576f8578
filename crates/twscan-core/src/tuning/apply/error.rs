use std::io;
use std::path::PathBuf;

use crate::tuning::Key;

/// Why something was not changed, or not put back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TuneError {
    /// A parameter could not be read.
    #[error("cannot read {key}")]
    Read {
        /// The parameter.
        key: Key,
        /// What the kernel answered.
        #[source]
        cause: io::Error,
    },
    /// A parameter is not what the plan was made for.
    #[error("{key} is '{found}' and the plan was made for '{expected}'; nothing was written, make the plan again")]
    Stale {
        /// The parameter.
        key: Key,
        /// What the plan says.
        expected: String,
        /// What it is.
        found: String,
    },
    /// A parameter could not be written; what had been written before is put back.
    #[error("cannot write '{value}' to {key}; {rolled_back}")]
    Write {
        /// The parameter.
        key: Key,
        /// The value.
        value: String,
        /// What became of the parameters written before.
        rolled_back: RolledBack,
        /// What the kernel answered.
        #[source]
        cause: io::Error,
    },
    /// A parameter did not take the value; what had been written before is put back.
    #[error("{key} is '{found}' after '{value}' was written to it; {rolled_back}")]
    ReadBack {
        /// The parameter.
        key: Key,
        /// The value written.
        value: String,
        /// The value found.
        found: String,
        /// What became of the parameters written before.
        rolled_back: RolledBack,
    },
    /// The boot file could not be written; the parameters are put back.
    #[error("cannot write {}; {rolled_back}", path.display())]
    Persist {
        /// The file.
        path: PathBuf,
        /// What became of the parameters.
        rolled_back: RolledBack,
        /// What the operating system answered.
        #[source]
        cause: io::Error,
    },
    /// A file or directory of the journal's could not be used.
    #[error("cannot {operation} {}; TWSCAN_STATE_DIR names another directory", path.display())]
    State {
        /// What was tried.
        operation: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// What the operating system answered.
        #[source]
        cause: io::Error,
    },
    /// A journal that this version does not understand.
    #[error("{} line {line} is not understood: {what}", path.display())]
    JournalForm {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The part.
        what: &'static str,
    },
    /// Another process is changing parameters.
    #[error("another twscan is changing parameters; it holds {}", path.display())]
    Busy {
        /// The lock.
        path: PathBuf,
    },
    /// No journal is there for this namespace.
    #[error("nothing to undo: {} has no journal for this network namespace", directory.display())]
    NothingToUndo {
        /// Where the journals are.
        directory: PathBuf,
    },
    /// A journal that may be of another network namespace, whose number this one got, and not everything is as it says.
    #[error("{} may be of another network namespace: {why}, and {what} is '{found}', not what was set; nothing was undone", journal.display())]
    MayBeAnothers {
        /// The journal.
        journal: PathBuf,
        /// Why that is not known.
        why: &'static str,
        /// The parameter or the file.
        what: String,
        /// What it is.
        found: String,
    },
    /// A journal that names a file other than the boot file.
    #[error("{} names {}, which is not the boot file; nothing was undone", journal.display(), path.display())]
    OtherFile {
        /// The journal.
        journal: PathBuf,
        /// The file that it names.
        path: PathBuf,
    },
    /// A boot file that twscan did not write, or that somebody changed since.
    #[error("{} was not written by twscan, or was changed since; nothing was written", path.display())]
    ForeignBootFile {
        /// The file.
        path: PathBuf,
    },
    /// Somebody else has changed a parameter or file since.
    #[error("{what} was changed by somebody else since: it is '{found}', twscan had set '{set}'; nothing was undone")]
    ChangedSince {
        /// The parameter or the file.
        what: String,
        /// What twscan had set.
        set: String,
        /// What it is.
        found: String,
    },
}

/// What became of the parameters written before a failure.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RolledBack {
    /// All have their old values; the journal is gone.
    Whole,
    /// These could not be put back; the journal is kept for `undo`.
    Failed(Vec<String>),
}

impl std::fmt::Display for RolledBack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Whole => f.write_str("all parameters have their old values"),
            Self::Failed(names) => {
                f.write_str("could not put back")?;
                for name in names {
                    write!(f, " {name}")?;
                }
                f.write_str("; the journal is kept for tune undo")
            }
        }
    }
}

impl TuneError {
    /// The message with the causes behind it, in one line.
    #[must_use]
    pub fn chain(&self) -> String {
        match std::error::Error::source(self) {
            Some(cause) => format!("{self}: {cause}"),
            None => self.to_string(),
        }
    }
}
