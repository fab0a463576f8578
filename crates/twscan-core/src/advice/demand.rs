use crate::budget::holder::Holder;
use crate::budget::{Outlook, PortBudget, Zone};
use crate::forecast::Arrivals;
use crate::sample::Sample;

/// The connections a second that a destination has to bear, as far as that is known. By default nothing is.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[non_exhaustive]
pub struct Demand {
    /// So many, or more.
    pub at_least: f64,
    /// Whether there are no more: there may be where the source does not tell the ages of TIME_WAITs, and where live
    /// connections or FIN_WAIT2 without a socket hold the ports, which come at a rate of their own.
    pub known: bool,
}

impl Demand {
    /// So many and no more.
    #[must_use]
    pub fn of(per_second: f64) -> Self {
        Self { at_least: per_second, known: true }
    }

    /// What comes to a budget's destination, by the ages of its TIME_WAITs ([`Arrivals::demand`]).
    #[must_use]
    pub fn seen(sample: &Sample, budget: &PortBudget) -> Self {
        let (ports, most) = (budget.ports(), Holder::most(budget.ports()));
        // A few in the fast zone press nothing, whatever may come.
        let press = |kind: Holder| {
            budget.zone() > Zone::Fast || u64::from(kind.count(ports)) * 10 >= u64::from(budget.capacity())
        };
        let live = most == Holder::Live && press(Holder::Live);
        let minis = Holder::Mini.has_many(ports) && press(Holder::Mini);
        match Arrivals::of(sample, budget) {
            Some(arrivals) if !minis || most != Holder::Mini => {
                Self { at_least: arrivals.demand(ports.held(), budget.capacity()), known: !live && !minis }
            }
            _ => Self::default(),
        }
    }

    /// Whether an outlook is enough for it, with every connect() finding a port at once; `None` where more may come.
    #[must_use]
    pub fn is_met_by(self, outlook: &Outlook) -> Option<bool> {
        self.unless(!outlook.bears(self.at_least))
    }

    /// Whether so many a second are enough for it, be it that connect() scans; `None` where more may come.
    pub(super) fn allows(self, per_second: f64) -> Option<bool> {
        self.unless(per_second < self.at_least)
    }

    fn unless(self, short: bool) -> Option<bool> {
        if short { Some(false) } else { self.known.then_some(true) }
    }

    /// The rate, where it is known.
    #[must_use]
    pub fn rate(self) -> Option<f64> {
        self.known.then_some(self.at_least)
    }
}
