//! The one verdict on local ports: how many connections a port space has left, for sure and at best, and how bad that is.
//!
//! A port space is what one (source, destination, destination port) may use of the local port range; clients that bind an
//! address before they connect share one pool for each address instead. [`Judge`] judges both, by a sample; every question
//! asks it and no other place decides how bad something is. Pure arithmetic: no clock, no I/O.

mod judge;
mod pool;
mod port_space;
mod severity;
mod verdict;

pub use judge::{Judge, Worst};
pub use pool::BindPool;
pub use port_space::PortSpace;
pub use severity::Severity;
pub use verdict::{Next, Verdict};
