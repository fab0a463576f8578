//! What would help a destination that is short of local ports: what it gives, whether that is enough for what has to be
//! borne, on which condition, and at which risk.
//!
//! [`Situation::advise`] gives the measures for one [`Route`]. `diagnosis` words them for its findings, and `tuning` plans
//! what is a kernel parameter among them: both by the same search, comparison and texts. Pure: no clock, no I/O.

mod application;
mod change;
mod demand;
pub(crate) mod measure;
mod parameters;
pub(crate) mod refusal;
mod remedy;
mod risk;
mod route;
mod shortage;
mod situation;

pub use change::Change;
pub use demand::Demand;
pub use refusal::{Refusal, RefusalKind};
pub use remedy::{Remedy, Setting, When};
pub use risk::Risk;
pub use route::Route;
pub use shortage::Advice;
pub use situation::Situation;

pub(crate) use application::{MANY_FIN_WAIT2, MEND_THE_OTHER_SIDE, for_bind_pool};
pub(crate) use measure::Measure;
pub(crate) use parameters::{SHORT_FIN_TIMEOUT, fin_timeout};
pub(crate) use shortage::Shortage;
