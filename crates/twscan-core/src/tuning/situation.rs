use std::cmp::Reverse;
use std::net::{IpAddr, Ipv4Addr};

use super::Goal;
use crate::budget::holder::Holder;
use crate::budget::{LocalPorts, Outlook, PortBudget, Zone};
use crate::forecast::Arrivals;
use crate::port::PortSet;
use crate::procfs::Settings;
use crate::sample::Sample;
use crate::socket::is_loopback;
use crate::tally::{PortRules, PortUse};

/// What a plan starts from: the parameters, the ports that services have, and the destinations.
#[derive(Debug, Clone)]
pub struct Situation {
    pub(super) settings: Settings,
    /// Ports that bind() holds for every destination.
    pub(super) blocked: PortSet,
    pub(super) services: PortSet,
    routes: Vec<Route>,
    /// What is known of a destination that no socket goes to.
    unseen: Route,
}

impl Situation {
    /// Parameters alone.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let (blocked, services) = (PortSet::new(), PortSet::new());
        Self { settings, blocked, services, routes: Vec::new(), unseen: Route::default() }
    }

    /// The parameters, the ports that bind() holds, and the destinations of a sample of
    /// [`Sampler::ports`](crate::sample::Sampler::ports); of another one the parameters and listeners alone.
    #[must_use]
    pub fn of(sample: &Sample) -> Self {
        let services = sample.destinations.roles().listening().clone();
        let mut situation = Self { blocked: services.clone(), services, ..Self::new(sample.settings.clone()) };
        let Some(ports) = LocalPorts::of(sample) else { return situation };
        situation.blocked = ports.bound();
        let mut budgets: Vec<_> = ports.budgets().collect();
        // Those that hold most first; the rest of the order is for equal output from equal input.
        budgets.sort_by_key(|budget| {
            let (ports, tuple) = (budget.ports(), budget.tuple());
            (Reverse((ports.held(), ports.used())), tuple.destination, tuple.source, tuple.interface)
        });
        situation.routes = budgets.iter().map(|budget| Route::of(sample, budget)).collect();
        situation.unseen.demand = Some(0.0);
        situation
    }

    /// Adds ports that a wider range must not give away: UDP services, for the range serves UDP too.
    #[must_use]
    pub fn with_services(mut self, ports: &PortSet) -> Self {
        self.services.union_with(ports);
        self
    }

    /// Adds the ports that a cluster uses without listening on them, where its devices or the kubelet's port show that
    /// this is a node: NodePorts 30000-32767, and 4789 and 8472 of VXLAN.
    #[must_use]
    pub fn with_devices<'a>(mut self, names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut node = self.services.contains(KUBELET);
        for name in names {
            node |= name.starts_with("kube-") || name.starts_with("cni");
            if name.contains("vxlan") || name.starts_with("flannel") {
                self.services.extend(VXLAN);
            }
        }
        if node {
            self.services.extend(NODE_PORTS);
        }
        self
    }

    /// Adds a destination that is not from a sample.
    pub fn push_route(&mut self, route: Route) {
        self.routes.push(route);
    }

    /// The parameters.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The ports that a wider range must not give away: those of listeners and what was added.
    #[must_use]
    pub fn services(&self) -> &PortSet {
        &self.services
    }

    /// What a route would have under these settings.
    pub(super) fn outlook(&self, settings: &Settings, route: &Route) -> Outlook {
        Outlook::new(&PortRules::new(settings, &self.blocked), route.is_loopback(), route.ports)
    }

    /// The destinations that matter to a goal: those it names, seen or not, or the ones that hold most.
    pub(super) fn routes_of(&self, goal: &Goal) -> Vec<Route> {
        let Some(to) = &goal.to else {
            let most = if goal.rate.is_some() { 1 } else { SHOWN };
            let fullest: Vec<_> = self.routes.iter().take(most).copied().collect();
            return if fullest.is_empty() { vec![self.unseen] } else { fullest };
        };
        let meant = |route: &&Route| {
            route.destination.zip(route.port).is_some_and(|(address, port)| to.contains((address, port).into()))
        };
        let seen: Vec<_> = self.routes.iter().filter(meant).copied().collect();
        if seen.is_empty() {
            return vec![Route { destination: to.address(), port: to.port_number(), ..self.unseen }];
        }
        seen
    }
}

/// Connections from a source to a destination; `None` is any.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[non_exhaustive]
pub struct Route {
    /// The local address.
    pub source: Option<IpAddr>,
    /// The remote address.
    pub destination: Option<IpAddr>,
    /// The remote port.
    pub port: Option<u16>,
    /// The index of the interface that the sockets are bound to; 0 for none.
    pub interface: u32,
    /// The usable ports that its sockets hold.
    pub ports: PortUse,
    /// The connections a second that it has to bear ([`Arrivals::demand`]); `None` where that is not known: the source does
    /// not tell the ages of TIME_WAITs, or live connections or FIN_WAIT2 mini-sockets hold the ports, of which no rate is
    /// told.
    pub demand: Option<f64>,
}

impl Route {
    fn of(sample: &Sample, budget: &PortBudget) -> Self {
        let (tuple, ports) = (budget.tuple(), budget.ports());
        let by_others = Holder::most(ports) == Holder::Live || Holder::Mini.has_many(ports);
        let arrivals = Arrivals::of(sample, budget).filter(|_| budget.zone() == Zone::Fast || !by_others);
        Self {
            source: Some(tuple.source),
            destination: Some(tuple.destination.ip()),
            port: Some(tuple.destination.port()),
            interface: tuple.interface,
            ports,
            demand: arrivals.map(|arrivals| arrivals.demand(ports.held(), budget.capacity())),
        }
    }

    /// Whether `tcp_tw_reuse=2` applies, as in [`SocketRecord::is_loopback`](crate::socket::SocketRecord::is_loopback); not
    /// where the address may be any.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        let address = |address: Option<IpAddr>| address.map_or(Ipv4Addr::UNSPECIFIED.into(), |ip| ip.to_canonical());
        is_loopback(self.interface, [address(self.source), address(self.destination)])
    }
}

const SHOWN: usize = 5;
const KUBELET: u16 = 10_250;
const NODE_PORTS: std::ops::RangeInclusive<u16> = 30_000..=32_767;
const VXLAN: [u16; 2] = [4789, 8472];
