use std::collections::BTreeMap;
use std::net::IpAddr;

use super::PortSpace;
use crate::budget::{BindFirstPool, LocalPorts};

/// The pool of clients that bind an address before they connect, where it has no port left.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct BindPool {
    /// What it holds.
    pub pool: BindFirstPool,
    /// Usable ports of the parity that bind(address, 0) takes first, of destinations where connect() still had others.
    pub by_bind: u64,
    /// How many destinations hold them.
    pub destinations: u32,
    /// Whether one destination alone holds nearly all of them, so that it is what is wrong.
    pub one_destination: bool,
}

impl BindPool {
    /// Whether clients that bind first filled it, by the parity of its ports.
    #[must_use]
    pub fn is_of_binders(&self) -> bool {
        !self.one_destination && self.by_bind * 4 >= u64::from(self.pool.capacity())
    }
}

/// What the port spaces of each source address hold together.
#[derive(Debug, Clone, Default)]
pub(super) struct Sources(BTreeMap<IpAddr, Share>);

#[derive(Debug, Clone, Copy, Default)]
struct Share {
    used: u64,
    by_bind: u64,
    destinations: u32,
    /// What the destination that holds most has.
    most: u64,
}

impl Sources {
    pub(super) fn observe(&mut self, space: &PortSpace) {
        let share = self.0.entry(space.tuple().source).or_default();
        let used = u64::from(space.ports().used());
        share.used += used;
        share.by_bind += u64::from(space.by_bind());
        share.destinations += 1;
        share.most = share.most.max(used);
    }

    /// The pools that have no port left.
    pub(super) fn full(&self, ports: &LocalPorts<'_>) -> Vec<BindPool> {
        // With less than that a pool cannot be full; of many addresses few are looked at.
        let capacity = u64::from(ports.rules().capacity());
        let near = self.0.iter().filter(|(_, share)| share.used * 10 >= capacity * 9);
        let pools = near.map(|(source, share)| {
            let pool = ports.bind_first(*source);
            BindPool {
                pool,
                by_bind: share.by_bind,
                destinations: share.destinations,
                one_destination: share.most * 10 >= u64::from(pool.capacity()) * 9,
            }
        });
        pools.filter(|one| one.pool.free() == 0).collect()
    }
}
