use std::net::IpAddr;

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::{Header, Vitals, words};
use crate::diagnosis::{Diagnosis, Figure, Finding, Note, Refusal, RefusalKind, Remedy, Risk, When};
use crate::judgement::{Severity, Verdict};
use crate::sample::Sample;

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
    pub findings: Vec<FindingRow>,
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
            findings: diagnosis.findings.iter().map(FindingRow::from).collect(),
            vitals: Vitals::new(sample, diagnosis.fullest.as_ref()),
            checks: diagnosis.checks,
            unseen: diagnosis.unseen.iter().map(ToString::to_string).collect(),
        }
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, serde::Serialize)]
#[non_exhaustive]
pub struct FindingRow {
    /// The cause; never renamed.
    pub code: &'static str,
    /// The same on each run while the finding lasts.
    pub fingerprint: String,
    /// `info`, `warning` or `critical`.
    pub severity: Severity,
    /// One line.
    pub title: String,
    /// What it is about.
    pub subject: SubjectRow,
    /// The numbers, by name.
    #[serde(serialize_with = "figures")]
    pub evidence: Vec<Figure>,
    /// The evidence in words.
    pub notes: Vec<NoteRow>,
    /// Why it is so.
    pub cause: String,
    /// What to do, the best first.
    pub remedies: Vec<RemedyRow>,
    /// What is advised elsewhere and does not help here.
    pub refused: Vec<RefusalRow>,
}

impl From<&Finding> for FindingRow {
    fn from(finding: &Finding) -> Self {
        let subject = finding.subject;
        Self {
            code: finding.code.name(),
            fingerprint: finding.fingerprint(),
            severity: finding.severity,
            title: finding.title.clone(),
            subject: SubjectRow { source: subject.source, destination: subject.destination, port: subject.port },
            evidence: finding.evidence.clone(),
            notes: finding.notes.iter().map(NoteRow::from).collect(),
            cause: finding.cause.clone(),
            remedies: finding.remedies.iter().map(RemedyRow::from).collect(),
            refused: finding.refused.iter().map(RefusalRow::from).collect(),
        }
    }
}

/// What a finding is about; null for what it is not about.
#[derive(Debug, Clone, Copy, serde::Serialize)]
#[non_exhaustive]
pub struct SubjectRow {
    /// The local address.
    pub source: Option<IpAddr>,
    /// The remote address.
    pub destination: Option<IpAddr>,
    /// The remote port; the local one where there is no destination.
    pub port: Option<u16>,
}

/// A line of evidence in words.
#[derive(Debug, Clone, serde::Serialize)]
#[non_exhaustive]
pub struct NoteRow {
    /// `seen`, `since`, `ends`, `full`, `who` or `unsure`.
    pub label: &'static str,
    /// The line.
    pub text: String,
}

impl From<&Note> for NoteRow {
    fn from(note: &Note) -> Self {
        Self { label: note.label, text: note.text.clone() }
    }
}

/// Something to do.
#[derive(Debug, Clone, serde::Serialize)]
#[non_exhaustive]
pub struct RemedyRow {
    /// What, in a few words.
    pub title: String,
    /// `now`: ends it tonight; `last`: ends it for good.
    pub when: &'static str,
    /// What it gives on this host.
    pub gives: String,
    /// The same in a word or two.
    pub gives_short: String,
    /// Whether that is enough for the rate seen; null where it cannot be told.
    pub enough: Option<bool>,
    /// What has to be so; null for nothing.
    pub precondition: Option<String>,
    /// Whether it is; null where it cannot be told.
    pub precondition_met: Option<bool>,
    /// `low`, `medium` or `high`.
    pub risk: &'static str,
    /// What can go wrong.
    pub risk_note: &'static str,
    /// The kernel parameters that it sets on this host, in this order.
    pub sets: Vec<SettingRow>,
    /// The exact text to use; null where there is none.
    pub snippet: Option<String>,
}

/// A kernel parameter and its value.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct SettingRow {
    /// The name as sysctl writes it.
    pub name: &'static str,
    /// The value.
    pub value: String,
}

impl From<&Remedy> for RemedyRow {
    fn from(remedy: &Remedy) -> Self {
        Self {
            title: remedy.title.clone(),
            when: When::name(remedy.when),
            gives: remedy.gives.clone(),
            gives_short: remedy.short.clone(),
            enough: remedy.enough,
            precondition: remedy.precondition.clone(),
            precondition_met: remedy.met,
            risk: Risk::name(remedy.risk),
            risk_note: remedy.risk_note,
            sets: remedy.sets.iter().map(|(name, value)| SettingRow { name, value: value.clone() }).collect(),
            snippet: remedy.snippet.clone(),
        }
    }
}

/// Advice that does not help here.
#[derive(Debug, Clone, serde::Serialize)]
#[non_exhaustive]
pub struct RefusalRow {
    /// What is advised.
    pub advice: String,
    /// `no gain` or `refused`.
    #[serde(serialize_with = "words")]
    pub verdict: RefusalKind,
    /// Why.
    pub reason: String,
}

impl From<&Refusal> for RefusalRow {
    fn from(refusal: &Refusal) -> Self {
        Self { advice: refusal.advice.clone(), verdict: refusal.verdict, reason: refusal.reason.clone() }
    }
}

/// An object of numbers; whole ones without a point.
fn figures<S: Serializer>(figures: &[Figure], serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(figures.len()))?;
    for figure in figures {
        map.serialize_entry(figure.name, &Plain(figure.value))?;
    }
    map.end()
}

struct Plain(f64);

impl Serialize for Plain {
    #[allow(clippy::cast_possible_truncation, reason = "only whole numbers are cast, and counts fit 53 bits")]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.fract() == 0.0 { serializer.serialize_i64(self.0 as i64) } else { serializer.serialize_f64(self.0) }
    }
}
