use super::case::TupleCase;
use crate::budget::holder::Holder;
use crate::budget::{Outlook, PortBudget};
use crate::forecast::Forecast;
use crate::tally::{PortRules, PortUse};

/// How many connections a second a destination bears, and how many it has to.
pub(super) struct Rate<'t> {
    pub(super) budget: &'t PortBudget,
    /// `None` where the ages of the TIME_WAITs are not told, or mini-sockets are what comes.
    pub(super) demand: Option<f64>,
    /// What holds most of the ports: where live connections do, nothing about closed ones helps.
    pub(super) holder: Holder,
}

impl<'t> Rate<'t> {
    pub(super) fn of(tuple: &'t TupleCase) -> Self {
        let holder = Holder::most(tuple.budget.ports());
        let demand = tuple.forecast.as_ref().map(Forecast::demand).filter(|_| holder != Holder::Mini);
        Self { budget: &tuple.budget, demand, holder }
    }

    /// What the ports bear as things are.
    pub(super) fn now(&self) -> f64 {
        self.budget.outlook().sustainable
    }

    /// What other rules give, with these ports held.
    pub(super) fn outlook(&self, rules: &PortRules, ports: PortUse) -> Outlook {
        Outlook::turned_over_by(self.holder, rules, self.budget.tuple().is_loopback(), ports)
    }

    pub(super) fn is_live(&self) -> bool {
        self.holder == Holder::Live
    }

    pub(super) fn has_many(&self, kind: Holder) -> bool {
        kind.has_many(self.budget.ports())
    }

    /// Whether so many a second are enough: never where live connections hold the ports, and not surely where more
    /// mini-sockets may come than there are now.
    pub(super) fn suffices(&self, rate: f64) -> Option<bool> {
        if self.is_live() {
            return Some(false);
        }
        let enough = self.demand.map(|demand| rate >= demand);
        enough.filter(|enough| !enough || !self.has_many(Holder::Mini))
    }

    pub(super) fn line(&self, rate: f64) -> (String, String) {
        let to = self.budget.tuple().destination;
        (format!("{} becomes {} to {to}", per_second(self.now()), per_second(rate)), per_second(rate))
    }
}

fn per_second(rate: f64) -> String {
    format!("{:.0}/s", rate.floor())
}
