use std::time::Duration;

use super::Facts;
use crate::advice::Situation;
use crate::budget::{LocalPorts, PortBudget};
use crate::forecast::{Forecast, Motion};
use crate::judgement::{BindPool, PortSpace};
use crate::sample::Sample;
use crate::target::Target;

/// Everything a rule may look at.
pub(super) struct Case<'s> {
    pub(super) sample: &'s Sample,
    pub(super) earlier: Option<&'s Sample>,
    pub(super) motion: Option<Motion>,
    pub(super) facts: &'s Facts,
    pub(super) horizon: Duration,
    pub(super) target: Option<&'s Target>,
    pub(super) ports: Option<LocalPorts<'s>>,
    /// The pools of clients that bind first that have no port left.
    pub(super) pools: Vec<BindPool>,
    /// What a remedy starts from.
    pub(super) situation: Situation,
    /// The tuples that hold a port, the fullest first.
    pub(super) tuples: Vec<TupleCase>,
}

/// What is known of one tuple's ports.
pub(super) struct TupleCase {
    pub(super) budget: PortBudget,
    /// The same, judged.
    pub(super) space: PortSpace,
    /// `None` where the source does not tell how old the TIME_WAITs are.
    pub(super) forecast: Option<Forecast>,
}
