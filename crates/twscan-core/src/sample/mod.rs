//! One moment of a host: everything that judging needs, and nothing that has to be read again.

mod approximate;
mod provenance;
mod sampler;

pub use crate::error::Incomplete;
pub use approximate::Approximate;
pub use provenance::{NetnsId, Provenance};
pub use sampler::Sampler;

use std::collections::BTreeMap;
use std::net::SocketAddr;

use crate::host::Source;
use crate::procfs::{Conntrack, Counters, Settings};
use crate::socket::{StateSet, TcpState};
use crate::tally::{Destinations, PortHolders, StateCounts};

/// What was seen of a network namespace at one moment.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Sample {
    /// Where and when it was taken, and how whole it is.
    pub provenance: Provenance,
    /// The states that were asked for.
    pub asked: StateSet,
    /// The namespace's parameters.
    pub settings: Settings,
    /// The kernel's counters, read just before the walk.
    pub counters: Counters,
    /// The connection tracking table, where there is one and it can be read, and who holds which ports was noted.
    pub conntrack: Option<Conntrack>,
    /// Sockets by state.
    pub states: StateCounts,
    /// Sockets by destination, and TIME_WAITs by role.
    pub destinations: Destinations,
    /// Whether the live connections to a destination have TCP timestamps, so that a connect() takes over its TIME_WAITs; of
    /// destinations whose verdict hangs on that, where it could be told.
    pub timestamps: BTreeMap<SocketAddr, bool>,
    /// Who holds which local ports, and for how long, where [`Sampler::ports`] asked for it or a zone could rest on ports
    /// that bind() holds, and the port range is known.
    pub holders: Option<PortHolders>,
}

impl Sample {
    /// Whether a count of 0 in this state means that there are no such sockets. CLOSE is known where bound-but-idle sockets
    /// were asked for, of a source that shows them.
    #[must_use]
    pub fn knows(&self, state: TcpState) -> bool {
        if state != TcpState::Close {
            return !self.provenance.left_out.contains(state);
        }
        let shown = self.provenance.source.is_none_or(Source::shows_idle) || self.states.of(state).total() > 0;
        self.asked.contains(TcpState::BoundInactive) && shown
    }
}

/// A sample of these sockets, as [`Sampler::ports`] would take it from a kernel that shows everything.
#[cfg(test)]
pub(crate) fn test_sample(settings: &Settings, sockets: &[crate::wire::InetDiagMsgBuilder]) -> Sample {
    use std::time::SystemTime;

    use crate::port::PortSet;
    use crate::sock_diag::DumpStats;
    use crate::socket::SocketRecord;
    use crate::tally::{PortRules, Roles, Tally};
    use crate::wire::InetDiagMsg;

    let messages = sockets.iter().map(|socket| {
        let mut bytes = Vec::new();
        socket.append_payload(&mut bytes);
        bytes
    });
    let messages: Vec<_> = messages.collect();
    let records = || messages.iter().map(|bytes| SocketRecord::new(InetDiagMsg::new(bytes).unwrap()));
    let mut listening = PortSet::new();
    records().for_each(|record| listening.observe(&record));
    let mut holders = PortHolders::new(settings, listening.clone()).unwrap();
    holders.assume_idle_shown();
    holders.set_explicit(&PortSet::new());
    let rules = PortRules::new(settings, &listening);
    let mut destinations = Destinations::new(Roles::new(listening, settings.range), rules);
    let mut states = StateCounts::default();
    for record in records() {
        states.observe(&record);
        destinations.observe(&record);
        holders.observe(&record);
    }
    Sample {
        timestamps: BTreeMap::new(),
        provenance: Provenance {
            captured_at: SystemTime::UNIX_EPOCH,
            scope: crate::shell::Scope::default(),
            kernel: None,
            hostname: None,
            boot_id: None,
            anonymized: false,
            netns: NetnsId::default(),
            initial_netns: false,
            source: Some(Source::NetlinkOneWalk),
            dump: DumpStats::default(),
            incomplete: None,
            left_out: StateSet::EMPTY,
            approximate: None,
            replayed_from: None,
            other_netns: None,
        },
        asked: StateSet::PORT_HOLDERS,
        settings: settings.clone(),
        counters: Counters::default(),
        conntrack: None,
        states,
        destinations,
        holders: Some(holders),
    }
}
