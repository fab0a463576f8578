use std::cmp::Reverse;
use std::time::Duration;

use super::case::{Case, TupleCase};
use super::rules::RULES;
use super::{Diagnosis, Facts, Fullest, Unseen};
use crate::advice::Situation;
use crate::budget::{LocalPorts, PortBudget};
use crate::forecast::{Forecast, HORIZON, MOST_FORECASTS, Motion, Past};
use crate::judgement::{Judge, Worst};
use crate::sample::Sample;
use crate::tally::Tuple;
use crate::target::Target;

/// A diagnosis in the making: one sample, and whatever else is known.
#[derive(Debug, Clone)]
pub struct Examination<'s> {
    sample: &'s Sample,
    earlier: Option<&'s Sample>,
    facts: Facts,
    horizon: Duration,
    target: Option<Target>,
}

impl<'s> Examination<'s> {
    /// Of this sample, with a horizon of five minutes.
    #[must_use]
    pub fn new(sample: &'s Sample) -> Self {
        Self { sample, earlier: None, facts: Facts::default(), horizon: HORIZON, target: None }
    }

    /// With a sample that was taken before.
    #[must_use]
    pub fn earlier(mut self, earlier: Option<&'s Sample>) -> Self {
        self.earlier = earlier;
        self
    }

    /// With what others tell.
    #[must_use]
    pub fn facts(mut self, facts: Facts) -> Self {
        self.facts = facts;
        self
    }

    /// How far ahead to look.
    #[must_use]
    pub fn horizon(mut self, horizon: Duration) -> Self {
        self.horizon = horizon;
        self
    }

    /// Judges only the ports of this destination; what concerns the whole namespace is judged all the same.
    #[must_use]
    pub fn target(mut self, target: Option<Target>) -> Self {
        self.target = target;
        self
    }

    /// Applies every rule.
    #[must_use]
    pub fn diagnose(self) -> Diagnosis {
        let Self { sample, earlier, facts, horizon, target } = self;
        let judge = Judge::of(sample);
        let ports = judge.ports();
        let past = earlier.and_then(|earlier| Past::of(earlier, sample));
        let wanted = |tuple: &Tuple| target.as_ref().is_none_or(|target| target.contains(tuple.destination));
        let budgets = ports.into_iter().flat_map(LocalPorts::budgets);
        let mut budgets: Vec<_> = budgets.filter(|budget| wanted(&budget.tuple())).collect();
        budgets.sort_by(|a, b| b.percent().total_cmp(&a.percent()).then_with(|| a.tuple().cmp(&b.tuple())));
        let ahead = |budget: &PortBudget| Forecast::new(sample, past.as_ref(), budget, horizon);
        let tuples = budgets.into_iter().enumerate().map(|(place, budget)| TupleCase {
            forecast: if place < MOST_FORECASTS { ahead(&budget) } else { None },
            space: judge.space(&budget),
            budget,
        });
        let tuples: Vec<TupleCase> = tuples.collect();
        let fullest =
            tuples.iter().max_by_key(|TupleCase { budget, .. }| (budget.ports().held(), Reverse(budget.tuple())));
        let fullest = fullest.map(|TupleCase { budget, forecast, .. }| Fullest {
            budget: budget.clone(),
            forecast: forecast.clone().or_else(|| ahead(budget)),
        });
        let seen = Worst::of(tuples.iter().map(|tuple| &tuple.space));
        let case = Case {
            sample,
            earlier,
            motion: earlier.and_then(|earlier| Motion::between(earlier, sample)),
            facts: &facts,
            horizon,
            target: target.as_ref(),
            pools: judge.full_pools(&seen),
            situation: Situation::around(sample, judge.ports()).with_services(&facts.services),
            ports: judge.ports().cloned(),
            tuples,
        };
        let findings = RULES.iter().flat_map(|rule| rule(&case)).collect();
        let judged = judge.verdict_on(&seen, target.as_ref().map(ToString::to_string).as_deref());
        Diagnosis { fullest, ..Diagnosis::new(findings, RULES.len(), Unseen::all(&case), judged) }
    }
}
