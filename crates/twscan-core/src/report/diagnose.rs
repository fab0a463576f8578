use super::{Header, Vitals};
use crate::diagnosis::{Diagnosis, Finding};
use crate::judgement::Verdict;
use crate::sample::Sample;
use crate::shell::Scope;

/// `twscan diagnose --json`: what is wrong, and what cures it.
#[derive(Debug, Clone, serde::Serialize)]
#[non_exhaustive]
pub struct DiagnoseReport {
    /// `twscan.diagnose/1` and where it comes from.
    #[serde(flatten)]
    pub header: Header,
    /// What was asked for; null for everything.
    pub target: Option<String>,
    /// The answer in a line.
    pub verdict: Verdict,
    /// The findings, the most serious first.
    pub findings: Vec<Finding>,
    /// The figures that are there also where nothing is wrong.
    pub vitals: Vitals,
    /// How many rules were applied.
    pub checks: usize,
    /// What the verdict does not speak of.
    pub unseen: Vec<String>,
}

impl DiagnoseReport {
    /// `schema` of this document.
    pub const SCHEMA: &'static str = "twscan.diagnose/1";

    /// The document of a diagnosis.
    #[must_use]
    pub fn new(sample: &Sample, target: Option<String>, diagnosis: &Diagnosis) -> Self {
        Self {
            header: Header::new(Self::SCHEMA, &sample.provenance),
            target,
            verdict: diagnosis.verdict.clone(),
            findings: diagnosis.findings.iter().map(|finding| in_scope(finding, &sample.provenance.scope)).collect(),
            vitals: Vitals::new(sample, diagnosis.fullest.as_ref()),
            checks: diagnosis.checks,
            unseen: diagnosis.unseen.iter().map(ToString::to_string).collect(),
        }
    }
}

/// A finding whose remedies are for the place that was read.
fn in_scope(finding: &Finding, scope: &Scope) -> Finding {
    let mut finding = finding.clone();
    finding.remedies.iter_mut().for_each(|remedy| remedy.aim_at(scope));
    finding
}
