use std::time::Duration;

use serde::Serialize;

use super::{Budgets, CheckRow, Header};
use crate::judgement::{PortSpace, Verdict};
use crate::sample::Sample;
use crate::target::Target;

/// `twscan wait --json`: how a wait for connections ended.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct WaitReport {
    /// `twscan.wait/1` and where the last look comes from.
    #[serde(flatten)]
    pub header: Header,
    /// What is left to the destination that has least.
    pub verdict: Verdict,
    /// The destinations that are meant.
    pub target: String,
    /// The connections that were waited for.
    pub wanted: u32,
    /// Whether each destination has so many for sure.
    pub reached: bool,
    /// The time waited.
    pub seconds: f64,
    /// The destination that has least left for sure; null where no socket goes to any.
    pub least: Option<CheckRow>,
}

impl WaitReport {
    /// `schema` of this document.
    pub const SCHEMA: &'static str = "twscan.wait/1";

    pub(crate) fn new(
        sample: &Sample,
        target: &Target,
        budgets: &Budgets,
        wanted: u32,
        least: Option<&PortSpace>,
        waited: Duration,
    ) -> Self {
        let target = target.to_string();
        Self {
            header: Header::new(Self::SCHEMA, &sample.provenance),
            verdict: budgets.verdict(sample, Some(&target)),
            target,
            wanted,
            reached: least.is_none_or(|space| space.sure() >= wanted),
            seconds: waited.as_secs_f64(),
            least: least.map(CheckRow::from),
        }
    }
}
