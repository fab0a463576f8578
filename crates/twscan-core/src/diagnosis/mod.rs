//! What is wrong, how long until it breaks, and what cures it: findings from one sample, or two.
//!
//! [`diagnose`] is a pure function of samples; [`Examination`] takes besides what others tell: a log, the owners of
//! sockets, other namespaces. A [`Code`] names a cause, is never renamed, and has a [page](Code::page) that explains it;
//! the severity of a finding may vary. Most TIME_WAITs are harmless, and the rules say so: what a connect() takes over,
//! and what others opened, raises nothing above [`Severity::Info`].

mod case;
mod code;
mod examination;
mod explain;
mod facts;
mod finding;
mod gate;
#[cfg(feature = "logs")]
mod log_facts;
mod rules;
mod unseen;

pub use crate::judgement::Severity;
pub use code::Code;
pub use examination::Examination;
pub use explain::{Page, Topic, explain};
pub use facts::{Facts, LogFact, NamespaceFact, OwnerFact};
pub use finding::{Diagnosis, Figure, Finding, Fullest, Note, Subject};
pub use unseen::Unseen;

pub use crate::advice::{Refusal, RefusalKind, Remedy, Risk, Setting, When};
use crate::sample::Sample;

/// What is wrong, by one sample, or by two with the later one first.
///
/// The sample has to be one of [`Sampler::ports`](crate::sample::Sampler::ports) for the rules about ports to apply. With
/// an earlier one, a finding that it gave is kept until its number is a tenth below the threshold.
#[must_use]
pub fn diagnose(sample: &Sample, earlier: Option<&Sample>) -> Diagnosis {
    Examination::new(sample).earlier(earlier).diagnose()
}
