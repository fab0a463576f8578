use std::cmp::Reverse;

use crate::budget::PortBudget;
use crate::judgement::{Judge, Verdict, Worst};
use crate::sample::Sample;

/// The budgets that a question is about, the fullest first.
#[derive(Debug, Clone, Default)]
pub struct Budgets {
    /// Those of sockets.
    pub(crate) rows: Vec<PortBudget>,
    /// That of a new connection to the one destination that is meant, where no socket is like it yet.
    pub(crate) new: Option<PortBudget>,
}

impl Budgets {
    /// These budgets of sockets, and what a new connection would have.
    #[must_use]
    pub fn new(mut rows: Vec<PortBudget>, new: Option<PortBudget>) -> Self {
        rows.sort_by(|a, b| {
            let rest = |budget: &PortBudget| (Reverse(budget.used()), budget.tuple());
            b.percent().total_cmp(&a.percent()).then_with(|| rest(a).cmp(&rest(b)))
        });
        Self { rows, new }
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &PortBudget> {
        self.rows.iter().chain(&self.new)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len() + usize::from(self.new.is_some())
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The verdict on all of them.
    pub(crate) fn verdict(&self, sample: &Sample, target: Option<&str>) -> Verdict {
        let judge = Judge::of(sample);
        let spaces: Vec<_> = self.iter().map(|budget| judge.space(budget)).collect();
        judge.verdict_on(&Worst::of(spaces.iter()), target)
    }
}
