//! Writing: the one part of the library that changes anything.
//!
//! A journal with every old value is on the disk before the first write, so that a process killed at any moment leaves
//! either nothing changed or a journal from which [`Undo`] restores.

mod error;
mod journal;
mod namespace;
mod persist;
mod run;
mod store;
mod sysctls;
mod undo;

pub use error::{RolledBack, TuneError};
pub use journal::{Entry, Journal, JournalFile, Origin};
pub use namespace::Namespace;
pub use persist::{PERSISTED, is_persisted_text, persisted_text, read_boot_file};
pub use run::{Applied, Applier};
pub use store::Store;
pub use sysctls::Sysctls;
pub use undo::{Undo, Undone};
