use serde::Serialize;
use twscan_core::procfs::ProcFs;

use super::scenario::Scenario;
use super::trial::Ended;

/// `twscan selftest --json`.
#[derive(Debug, Serialize)]
pub(crate) struct SelftestReport {
    pub(crate) schema: &'static str,
    pub(crate) kernel: Option<String>,
    /// The first mixture's seed.
    pub(crate) seed: u64,
    /// Scenarios of the matrix and mixtures where the kernel granted the number predicted.
    pub(crate) exact: usize,
    /// Scenarios where it granted another number, as it may where something is hidden.
    pub(crate) within: usize,
    /// Scenarios that contradict the prediction.
    pub(crate) mismatches: usize,
    /// Scenarios that this kernel cannot play.
    pub(crate) skipped: usize,
    pub(crate) scenarios: Vec<Row>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) scenario: String,
    /// Whether it is a random one.
    pub(crate) mixture: bool,
    pub(crate) free: Option<u32>,
    pub(crate) free_min: Option<u32>,
    pub(crate) free_max: Option<u32>,
    pub(crate) granted: Option<u32>,
    /// `exact`, `within`, `mismatch` or `skipped`.
    pub(crate) verdict: &'static str,
    /// What is hidden, or why it was skipped.
    pub(crate) note: Option<String>,
}

/// What a self-test says of a kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It grants what is predicted.
    Holds,
    /// It does not.
    Contradicted,
    /// Too little could be tried: more than a tenth was skipped.
    Unknown,
}

impl SelftestReport {
    pub(super) fn new(seed: u64) -> Self {
        let kernel = ProcFs::default().kernel_release();
        let (exact, within, mismatches, skipped) = (0, 0, 0, 0);
        Self { schema: "twscan.selftest/1", kernel, seed, exact, within, mismatches, skipped, scenarios: Vec::new() }
    }

    /// Says what comes of it all.
    pub(crate) fn verdict(&self) -> Verdict {
        if self.mismatches > 0 {
            Verdict::Contradicted
        } else if self.skipped * 10 > self.scenarios.len() {
            Verdict::Unknown
        } else {
            Verdict::Holds
        }
    }

    pub(super) fn add(&mut self, scenario: &Scenario, ended: Ended, mixture: bool) {
        let hidden = scenario.hidden.map(|what| format!("hidden: {what}"));
        let (trial, verdict, note) = match ended {
            Ended::Skipped(why) => (None, "skipped", Some(why)),
            // With all that a report of it needs.
            Ended::Tried(trial) if !trial.in_bounds() => (Some(trial), "mismatch", Some(format!("{scenario:?}"))),
            Ended::Tried(trial) if trial.exact() => (Some(trial), "exact", hidden),
            Ended::Tried(trial) if hidden.is_some() => (Some(trial), "within", hidden),
            Ended::Tried(trial) => (Some(trial), "mismatch", None),
        };
        *match verdict {
            "exact" => &mut self.exact,
            "within" => &mut self.within,
            "skipped" => &mut self.skipped,
            _ => &mut self.mismatches,
        } += 1;
        self.scenarios.push(Row {
            scenario: scenario.name.clone(),
            mixture,
            free: trial.map(|trial| trial.free),
            free_min: trial.map(|trial| trial.free_min),
            free_max: trial.map(|trial| trial.free_max),
            granted: trial.map(|trial| trial.granted),
            verdict,
            note,
        });
    }
}
