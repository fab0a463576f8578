//! Writing: the one part of the library that changes anything.
//!
//! A journal with every old value is on the disk before the first write, so that a process killed at any moment leaves
//! either nothing changed or a journal from which [`undo`] restores.

mod error;
mod journal;
mod persist;
mod run;
mod store;
mod sysctls;
mod undo;

pub use error::{RolledBack, TuneError};
pub use journal::{Entry, Journal, JournalFile};
pub use persist::{PERSISTED, persisted_text, write_atomically};
pub use run::{Applied, Applier};
pub use store::{Namespace, Store};
pub use sysctls::Sysctls;
pub use undo::{Undone, undo};
