use std::cmp::Reverse;

use super::{Demand, Route};
use crate::budget::holder::Holder;
use crate::budget::{LocalPorts, Outlook, share};
use crate::port::PortSet;
use crate::procfs::Settings;
use crate::sample::Sample;
use crate::tally::{PortRules, PortUse, ReusePolicy};
use crate::target::Target;

/// What advice starts from: the parameters, the ports that services have, and the destinations.
#[derive(Debug, Clone)]
pub struct Situation {
    pub(crate) settings: Settings,
    /// Ports that bind() holds for every destination.
    pub(crate) blocked: PortSet,
    pub(crate) services: PortSet,
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
        let ports = LocalPorts::of(sample);
        let mut situation = Self::around(sample, ports.as_ref());
        let Some(ports) = ports else { return situation };
        let mut budgets: Vec<_> = ports.budgets().collect();
        // Those that hold most first; the rest of the order is for equal output from equal input.
        budgets.sort_by_key(|budget| {
            let (ports, tuple) = (budget.ports(), budget.tuple());
            (Reverse((ports.held(), ports.used())), tuple.destination, tuple.source, tuple.interface)
        });
        situation.routes = budgets.iter().map(|budget| Route::of(sample, budget)).collect();
        situation.unseen.demand = Demand::of(0.0);
        situation
    }

    /// The same without the destinations.
    pub(crate) fn around(sample: &Sample, ports: Option<&LocalPorts<'_>>) -> Self {
        let services = sample.destinations.roles().listening().clone();
        let blocked = ports.map_or_else(|| services.clone(), LocalPorts::bound);
        Self { blocked, services, ..Self::new(sample.settings.clone()) }
    }

    /// Adds ports that a wider range must not give away: UDP services, for the range serves UDP too.
    #[must_use]
    pub fn with_services(mut self, ports: &PortSet) -> Self {
        self.services.union_with(ports);
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
    pub(crate) fn outlook(&self, settings: &Settings, route: &Route) -> Outlook {
        let rules = PortRules::new(settings, &self.blocked);
        let (before, after) = (ReusePolicy::of(&self.settings).fin_wait2_life, rules.reuse().fin_wait2_life);
        let minis = share(route.ports.fin_wait2_mini, after, before);
        let ports = PortUse { fin_wait2_mini: minis, ..route.ports };
        Outlook::turned_over_by(Holder::most(route.ports), &rules, route.is_loopback(), ports)
    }

    /// The destinations that are meant, seen or not; where none is named, so many of those that hold most.
    #[must_use]
    pub fn routes_to(&self, to: Option<&Target>, most: usize) -> Vec<Route> {
        let meant = |route: &&Route| to.is_none_or(|to| route.to().is_some_and(|address| to.contains(address)));
        let most = if to.is_some() { usize::MAX } else { most };
        let seen: Vec<_> = self.routes.iter().filter(meant).take(most).copied().collect();
        if !seen.is_empty() {
            return seen;
        }
        let (destination, port) = to.map_or((None, None), |to| (to.address(), to.port_number()));
        vec![Route { destination, port, ..self.unseen }]
    }
}
