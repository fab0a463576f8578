use std::net::IpAddr;

use super::Goal;
use crate::port::PortSet;
use crate::procfs::{Settings, TwReuse};
use crate::sample::Sample;
use crate::tally::{PortRules, PortUse, Role};

/// What a plan starts from: the parameters, the ports that services have, and the destinations.
#[derive(Debug, Clone)]
pub struct Situation {
    pub(super) settings: Settings,
    pub(super) listening: PortSet,
    pub(super) services: PortSet,
    routes: Vec<Route>,
}

impl Situation {
    /// Parameters alone.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { settings, listening: PortSet::new(), services: PortSet::new(), routes: Vec::new() }
    }

    /// The parameters, listeners and outbound destinations of a sample.
    #[must_use]
    pub fn of(sample: &Sample) -> Self {
        let listening = sample.destinations.roles().listening().clone();
        let outbound = sample.destinations.iter().filter(|(key, _)| key.role == Role::Outbound);
        let mut routes: Vec<_> = outbound
            .map(|(key, counts)| Route {
                source: key.source,
                destination: key.destination,
                port: Some(key.port),
                ports: counts.ports,
            })
            .collect();
        // Those that hold most first; the rest of the order is for equal output from equal input.
        routes.sort_by_key(|route| {
            (u32::MAX - route.ports.held(), u32::MAX - route.ports.used(), route.destination, route.port, route.source)
        });
        Self { settings: sample.settings.clone(), services: listening.clone(), listening, routes }
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
        let mut node = self.listening.contains(KUBELET);
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

    /// The destinations that matter to a goal: those it names, seen or not, or the ones that hold most.
    pub(super) fn routes_of(&self, goal: &Goal) -> Vec<Route> {
        let Some(to) = &goal.to else {
            let most = if goal.rate.is_some() { 1 } else { SHOWN };
            let fullest: Vec<_> = self.routes.iter().take(most).copied().collect();
            return if fullest.is_empty() { vec![Route::default()] } else { fullest };
        };
        let meant = |route: &&Route| {
            route.destination.zip(route.port).is_some_and(|(address, port)| to.contains((address, port).into()))
        };
        let seen: Vec<_> = self.routes.iter().filter(meant).copied().collect();
        if seen.is_empty() {
            return vec![Route { destination: to.address(), port: to.port_number(), ..Route::default() }];
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
    /// The ports that its sockets hold.
    pub ports: PortUse,
}

impl Route {
    /// Whether `tcp_tw_reuse=2` applies: either end in 127/8 or `::1` (net/ipv4/tcp_ipv4.c, `tcp_twsk_unique`).
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        [self.source, self.destination].into_iter().flatten().any(|address| address.to_canonical().is_loopback())
    }
}

/// What settings give a route.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Outlook {
    /// Connections that fit at a time.
    pub capacity: u32,
    /// Connections a second, each closed first by this side, that can go on for ever.
    pub sustainable: f64,
    /// Whether a TIME_WAIT's port is taken again before its minute is over, provided that both ends send timestamps.
    pub reuse: bool,
    /// Ports that connect() can use before every call scans half of the range.
    pub(super) fast: u32,
}

impl Outlook {
    /// The outlook of a route under these settings. `blocked` are ports that listeners hold.
    #[must_use]
    pub fn new(settings: &Settings, blocked: &PortSet, route: &Route) -> Self {
        let rules = PortRules::new(settings, blocked);
        let policy = rules.reuse();
        let covered = match policy.mode {
            Some(TwReuse::On) => true,
            Some(TwReuse::Loopback) => route.is_loopback(),
            _ => false,
        };
        let reuse = covered && settings.timestamps != Some(0);
        let capacity = rules.capacity();
        let seconds = if reuse { policy.delay.as_secs_f64() } else { TIME_WAIT_SECONDS };
        let sustainable = f64::from(capacity) / seconds.max(0.001);
        Self { capacity, sustainable, reuse, fast: rules.low_parity_capacity() }
    }

    /// Whether a route that holds these ports is served without scanning half of the range.
    pub(super) fn is_fast(&self, ports: PortUse, delay_seconds: f64) -> bool {
        let parked = f64::from(ports.time_wait);
        let waiting = if self.reuse { (parked * delay_seconds / TIME_WAIT_SECONDS).ceil() } else { parked };
        f64::from(ports.live + ports.fin_wait2_mini) + waiting <= f64::from(self.fast)
    }
}

/// A TIME_WAIT lives 60 s (include/net/tcp.h, `TCP_TIMEWAIT_LEN`) and up to a step of the timer wheel: 61 on average.
const TIME_WAIT_SECONDS: f64 = 61.0;
const SHOWN: usize = 5;
const KUBELET: u16 = 10_250;
const NODE_PORTS: std::ops::RangeInclusive<u16> = 30_000..=32_767;
const VXLAN: [u16; 2] = [4789, 8472];
