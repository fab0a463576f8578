//! The questions: what a user, or a program that embeds this crate, asks of a host, and the document that answers.
//!
//! Each question is a struct of options with defaults. It takes the samples that it needs, judges them by
//! [`judgement`](crate::judgement), and gives the document that the command prints with `--json`:
//!
//! ```no_run
//! # #[cfg(all(feature = "live", target_os = "linux"))] {
//! use twscan_core::host::Host;
//! use twscan_core::question::{Question, Summary};
//!
//! let report = Summary::default().ask(&Host::live())?;
//! println!("{}", report.verdict.headline);
//! # }
//! # Ok::<(), twscan_core::Error>(())
//! ```
//!
//! [`List`] streams rows into a sink instead, [`Compare`] takes two hosts, and [`Wait`] an observer. [`everywhere`] puts a
//! question to every network namespace, of the running kernel or of a recording.

mod around;
mod budgets;
mod by_dest;
mod check;
mod compare;
mod diagnose;
mod everywhere;
mod evidence;
mod forecast;
mod list;
#[cfg(feature = "logs")]
mod logs;
mod owners;
#[cfg(feature = "tuning")]
mod plan;
mod ports;
mod services;
mod summary;
mod wait;

pub use around::Around;
pub use by_dest::{ByDest, Order};
pub use check::Check;
pub use compare::Compare;
pub use diagnose::Diagnose;
pub use everywhere::everywhere;
pub use forecast::Forecast;
pub use list::{List, ListSink};
#[cfg(feature = "logs")]
pub use logs::LogJoin;
pub use owners::OwnerSearch;
pub use ports::Ports;
pub use services::services;
pub use summary::Summary;
pub use wait::{Look, Wait};

use crate::Error;
use crate::host::Host;
use crate::report::Document;

/// A question that one document answers.
pub trait Question {
    /// The document.
    type Report: Document;

    /// Asks a host.
    ///
    /// # Errors
    /// What [`Sampler::take`](crate::sample::Sampler::take) gives where no walk could begin, and what else each question
    /// names. A walk that broke off is no error: the document says so in its header.
    fn ask(&self, host: &Host) -> Result<Self::Report, Error> {
        self.ask_around(host, &Around::Here)
    }

    /// Asks a host of which it is known what is around.
    ///
    /// # Errors
    /// As for [`ask`](Self::ask).
    fn ask_around(&self, host: &Host, around: &Around) -> Result<Self::Report, Error>;
}
