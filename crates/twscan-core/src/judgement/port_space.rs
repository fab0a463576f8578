use std::cmp::Ordering;
use std::net::SocketAddr;

use super::Severity;
use crate::budget::{Occupancy, PortBudget, Zone};
use crate::tally::{PortUse, Tuple};

/// What one (source, destination, destination port) has left, and how bad that is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PortSpace {
    tuple: Tuple,
    ports: PortUse,
    capacity: u32,
    free: u32,
    sure: u32,
    possible: u32,
    percent: f64,
    zone: Zone,
    severity: Severity,
    by_bind: u32,
    undecided: bool,
    told: bool,
}

/// What is known of a sample beside its sockets.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    /// Whether the walk reached its end.
    pub(super) complete: bool,
    /// Whether old connections had TCP timestamps for sure.
    pub(super) timestamps: bool,
    /// Usable ports of all destinations that look as if bind() had chosen them, so that they are free for none.
    pub(super) by_bind: u32,
}

impl PortSpace {
    /// The space of a budget that was told port by port.
    pub(super) fn of_budget(budget: &PortBudget, known: Known) -> Self {
        let counted = Counted {
            occupancy: budget.occupancy(),
            free: budget.free(),
            elsewhere: budget.unsure_ports(),
            zone: budget.zone(),
        };
        let space = Self::new(budget.tuple(), counted, known);
        Self { sure: if known.complete { space.sure } else { 0 }, possible: budget.free_max(), ..space }
    }

    /// The space by counters alone: ports that bind() holds are not among them.
    pub(super) fn of_occupancy(tuple: Tuple, one: &Occupancy, known: Known) -> Self {
        let counted = Counted { occupancy: *one, free: one.free(), elsewhere: u32::MAX, zone: one.zone() };
        Self::new(tuple, counted, known)
    }

    fn new(tuple: Tuple, counted: Counted, known: Known) -> Self {
        let Counted { occupancy, free, elsewhere, zone } = counted;
        let (ports, capacity, by_bind) = (occupancy.ports(), occupancy.capacity(), occupancy.by_bind());
        // Others' ports that look as if bind() had chosen them, and old connections that may not be taken over.
        let elsewhere = elsewhere.min(known.by_bind.saturating_sub(by_bind));
        let reuse_is_sure = ports.reusable == 0 || known.timestamps;
        let unsure = elsewhere.saturating_add(if reuse_is_sure { 0 } else { ports.reusable });
        let (sure, possible) =
            (free.saturating_sub(unsure), free + ports.reuse_unknown.min(capacity - free.min(capacity)));
        let judged = severity(zone);
        let undecided =
            by_left(sure, capacity) > judged || ports.reuse_unknown > 0 && by_left(possible, capacity) < judged;
        Self {
            tuple,
            ports,
            capacity,
            free,
            sure,
            possible,
            percent: occupancy.percent(),
            zone,
            severity: if undecided { Severity::Info } else { judged },
            by_bind,
            undecided,
            // Sockets that were not seen may hold the rest.
            told: known.complete || zone == Zone::Full,
        }
    }

    /// Between which addresses.
    #[must_use]
    pub fn tuple(&self) -> Tuple {
        self.tuple
    }

    /// The usable ports that are held, by kind of socket.
    #[must_use]
    pub fn ports(&self) -> PortUse {
        self.ports
    }

    /// Connections that fit in all.
    #[must_use]
    pub fn capacity(&self) -> u32 {
        self.capacity
    }

    /// Ports that no connect() can have, of the capacity.
    #[must_use]
    pub fn held(&self) -> u32 {
        self.capacity.saturating_sub(self.free)
    }

    /// Connections that would succeed now, taking what cannot be seen for what it usually is.
    #[must_use]
    pub fn free(&self) -> u32 {
        self.free
    }

    /// Connections that would succeed now whatever is hidden, as far as evidence goes.
    #[must_use]
    pub fn sure(&self) -> u32 {
        self.sure
    }

    /// Connections that would succeed now at best.
    #[must_use]
    pub fn possible(&self) -> u32 {
        self.possible
    }

    /// Ports held that no connect() may take over, of the capacity, 0 to 100.
    #[must_use]
    pub fn percent(&self) -> f64 {
        self.percent
    }

    /// What a connect() meets now.
    #[must_use]
    pub fn zone(&self) -> Zone {
        self.zone
    }

    /// How bad it is.
    #[must_use]
    pub fn severity(&self) -> Severity {
        self.severity
    }

    /// Usable ports of it that look as if bind() had chosen them.
    #[must_use]
    pub fn by_bind(&self) -> u32 {
        self.by_bind
    }

    /// Whether that hangs on something that cannot be seen, so that it is [`Severity::Info`] whatever it is.
    #[must_use]
    pub fn is_undecided(&self) -> bool {
        self.undecided
    }

    /// Whether the sample tells what is left: it does not where sockets may be missing and it is not full without them.
    #[must_use]
    pub fn is_told(&self) -> bool {
        self.told
    }

    /// Orders by how bad it is, then by what is held: the worst first.
    #[must_use]
    pub fn worst_first(&self, other: &Self) -> Ordering {
        let seen = |space: &Self| if space.told { space.severity } else { Severity::Warning };
        let rest = other.percent.total_cmp(&self.percent).then(other.ports.used().cmp(&self.ports.used()));
        seen(other).cmp(&seen(self)).then(rest).then_with(|| self.tuple.cmp(&other.tuple))
    }

    /// The remote side as a person writes it.
    #[must_use]
    pub fn destination(&self) -> SocketAddr {
        self.tuple.destination
    }
}

#[derive(Clone, Copy)]
struct Counted {
    occupancy: Occupancy,
    free: u32,
    /// Usable ports that others hold.
    elsewhere: u32,
    zone: Zone,
}

/// How bad what a connect() meets is.
fn severity(zone: Zone) -> Severity {
    match zone {
        Zone::Fast => Severity::Ok,
        Zone::Slow | Zone::NearlyFull => Severity::Warning,
        Zone::Full => Severity::Critical,
    }
}

/// The same by what is left alone, when each port of the low parity could be had.
fn by_left(left: u32, capacity: u32) -> Severity {
    let held = u64::from(capacity.saturating_sub(left));
    match left {
        0 => Severity::Critical,
        _ if held * 10 >= u64::from(capacity) * 9 => Severity::Warning,
        _ => Severity::Ok,
    }
}
