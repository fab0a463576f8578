//! Port budgets: how many connections are left to a destination.
//!
//! A connection is unique by its four-tuple, so each (source, destination, destination port) has the whole usable range
//! to itself: the local port range, less what is reserved, less the ports that bind() holds for every destination. Pure
//! arithmetic over a [`Sample`](crate::sample::Sample): no I/O, no clock.
//!
//! [`Occupancy`] is what counters alone tell, in the one walk of a summary. [`PortBudget`] is judged port by port, by
//! [`LocalPorts`] from a sample that knows [who holds which ports](crate::sample::Sampler::ports): it knows what blocks a
//! port for all destinations, and says how sure it is. [`Outlook`] is what parameters give, the present ones or others.
//! [`BindFirstPool`] is the other way to run out of ports.

mod bind_first;
pub(crate) mod holder;
mod local_ports;
mod outlook;
mod port_budget;
mod reason;

pub use bind_first::BindFirstPool;
pub use local_ports::{LocalPorts, PortStatus};
pub use outlook::Outlook;
pub(crate) use outlook::share;
pub use port_budget::{Certainty, PortBudget};
pub use reason::Reason;

pub use crate::tally::{Occupancy, Zone};
