use std::time::Duration;

use super::case::{Case, TupleCase};
use crate::budget::PortBudget;
use crate::budget::holder::Holder;
use crate::forecast::Forecast;
use crate::socket::TIME_WAIT_LIFE;

/// How many connections a second a destination bears, and how many it has to.
pub(super) struct Rate<'t> {
    pub(super) budget: &'t PortBudget,
    /// `None` where the ages of the TIME_WAITs are not told, or mini-sockets are what comes.
    pub(super) demand: Option<f64>,
    /// What the ports bear as things are.
    pub(super) now: f64,
    /// What holds most of the ports: where live connections do, nothing about closed ones helps.
    pub(super) holder: Holder,
    /// How long the holder keeps a port.
    pub(super) life: Duration,
    /// Ports that others hold, which no cure of the holder frees.
    pub(super) taken: f64,
    /// How long a TIME_WAIT is kept where it is taken over.
    pub(super) delay: Duration,
}

impl<'t> Rate<'t> {
    pub(super) fn of(case: &Case<'_>, tuple: &'t TupleCase) -> Self {
        let budget = &tuple.budget;
        let ports = budget.ports();
        let delay = case.sample.destinations.rules().reuse().delay.min(TIME_WAIT_LIFE);
        let holder = Holder::most(ports);
        let time_wait = if budget.reuse_applies() { delay } else { TIME_WAIT_LIFE };
        let (life, taken, demand) = match holder {
            Holder::Mini => {
                let timeout = case.sample.settings.fin_timeout.unwrap_or(FIN_TIMEOUT);
                (mini_life(timeout), ports.live + Holder::TimeWait.count(ports), None)
            }
            _ => (time_wait, ports.live + ports.fin_wait2_mini, tuple.forecast.as_ref().map(Forecast::demand)),
        };
        let mut rate = Self { budget, demand, now: 0.0, holder, life, taken: taken.into(), delay };
        rate.now = rate.with(budget.capacity(), life);
        rate
    }

    /// Connections a second that this many ports bear beside those of others, each kept so long.
    pub(super) fn with(&self, capacity: u32, life: Duration) -> f64 {
        self.beside(self.taken, capacity, life)
    }

    /// The same beside so many ports that are taken.
    pub(super) fn beside(&self, taken: f64, capacity: u32, life: Duration) -> f64 {
        (f64::from(capacity) - taken).max(0.0) / life.as_secs_f64()
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
        (format!("{} becomes {} to {to}", per_second(self.now), per_second(rate)), per_second(rate))
    }
}

/// How long a mini-socket keeps its port: as for a TIME_WAIT, the timer wheel adds a sixtieth or so.
pub(super) fn mini_life(timeout: Duration) -> Duration {
    timeout.max(Duration::from_secs(1)) * 61 / 60
}

fn per_second(rate: f64) -> String {
    format!("{:.0}/s", rate.floor())
}

/// The kernel's default (include/net/tcp.h, `TCP_FIN_TIMEOUT`).
pub(super) const FIN_TIMEOUT: Duration = Duration::from_secs(60);
