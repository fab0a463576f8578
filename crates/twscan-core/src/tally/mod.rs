//! Counting: what is kept of a dump when its records are gone.
//!
//! A [`Tally`] sees each record once and remembers as little as its question needs; memory grows with the number of
//! groups, never with the number of sockets.

mod destination_key;
mod destinations;
mod held;
mod holders;
mod live;
mod occupancy;
mod ports;
mod remaining;
mod reuse;
mod roles;
mod states;

pub use destination_key::DestinationKey;
pub use destinations::{DestinationCounts, Destinations};
pub use held::{HeldPorts, Hold};
pub use holders::{Binder, PortHolders, Tuple};
pub use live::{LiveSockets, Share};
pub use occupancy::{Occupancy, Zone};
pub use ports::{PortRules, PortUse};
pub use remaining::{Remaining, SECONDS};
pub use reuse::{Reuse, ReusePolicy};
pub use roles::{Role, Roles, TimeWaitCounts};
pub use states::{FamilyCounts, StateCounts};

use crate::socket::SocketRecord;

/// Something that counts sockets.
pub trait Tally {
    /// Takes one socket into account.
    fn observe(&mut self, record: &SocketRecord<'_>);

    /// Whether it has seen enough: asked after each datagram, it ends the walk early, and that is no interruption.
    fn has_enough(&self) -> bool {
        false
    }
}

/// Any closure over records is a tally.
impl<F: FnMut(&SocketRecord<'_>)> Tally for F {
    #[inline]
    fn observe(&mut self, record: &SocketRecord<'_>) {
        self(record);
    }
}
