use std::cmp::Reverse;
use std::fmt;
use std::net::{IpAddr, SocketAddr};

use super::{Code, Refusal, Remedy, Severity, Unseen};
use crate::advice::Advice;
use crate::budget::PortBudget;
use crate::forecast::Forecast;
use crate::judgement::Verdict;
use crate::shell::Scope;
use crate::tally::Tuple;

/// What is wrong, and what was not looked at.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Diagnosis {
    /// The findings, the most serious first.
    pub findings: Vec<Finding>,
    /// How many rules were applied.
    pub checks: usize,
    /// What a healthy verdict does not speak of.
    pub unseen: Vec<Unseen>,
    /// The answer in a line: that of the worst finding above [`Severity::Info`], else what is judged of the local ports.
    pub verdict: Verdict,
    /// The tuple that holds most ports; `None` where none holds one, or the local port range is unknown.
    pub fullest: Option<Fullest>,
}

/// The tuple that holds most ports.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Fullest {
    /// What it holds and has left.
    pub budget: PortBudget,
    /// When that will be none; `None` where the source does not tell how old the TIME_WAITs are.
    pub forecast: Option<Forecast>,
}

impl Diagnosis {
    /// Of findings, and what is judged of the local ports.
    pub(super) fn new(mut findings: Vec<Finding>, checks: usize, unseen: Vec<Unseen>, judged: Verdict) -> Self {
        findings.sort_by_key(|finding| (Reverse(finding.severity), finding.code, Reverse(finding.weight())));
        let serious = findings.first().filter(|finding| finding.severity > Severity::Info);
        let verdict = match serious {
            Some(finding) if finding.severity >= judged.severity => {
                Verdict::new(finding.severity, finding.code.name(), finding.title.clone())
                    .because(finding.cause.clone())
                    .then(
                        &Scope::default().command("explain").word(finding.code.name()),
                        "how it comes about, and every cure",
                    )
            }
            _ if judged.severity == Severity::Ok => {
                Verdict::new(Severity::Ok, "ok", "nothing wrong with local ports or TIME_WAIT in this netns")
            }
            _ => judged,
        };
        Self { findings, checks, unseen, verdict, fullest: None }
    }

    /// How bad it is.
    #[must_use]
    pub fn severity(&self) -> Severity {
        self.verdict.severity
    }

    /// The first finding of a code.
    #[must_use]
    pub fn find(&self, code: Code) -> Option<&Finding> {
        self.findings.iter().find(|finding| finding.code == code)
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Finding {
    /// The cause.
    pub code: Code,
    /// A name for it that stays while it lasts, and is the same on each run: its code and its subject, in 16 hexadecimal
    /// digits (FNV-1a).
    pub fingerprint: String,
    /// How bad it is.
    pub severity: Severity,
    /// One line.
    pub title: String,
    /// What it is about.
    pub subject: Subject,
    /// The numbers.
    #[cfg_attr(feature = "serde", serde(serialize_with = "figures"))]
    pub evidence: Vec<Figure>,
    /// The same in words, and what more there is to say: what was seen, since when, when it ends, whose it is.
    pub notes: Vec<Note>,
    /// Why it is so, in a sentence.
    pub cause: String,
    /// What to do, the best first.
    pub remedies: Vec<Remedy>,
    /// What is advised elsewhere and does not help here, with the reason.
    pub refused: Vec<Refusal>,
}

impl Finding {
    pub(super) fn new(code: Code, severity: Severity, title: impl Into<String>) -> Self {
        let subject = Subject::default();
        Self {
            code,
            fingerprint: fingerprint(code, subject),
            severity,
            title: title.into(),
            subject,
            evidence: Vec::new(),
            notes: Vec::new(),
            cause: String::new(),
            remedies: Vec::new(),
            refused: Vec::new(),
        }
    }

    pub(super) fn about(mut self, subject: impl Into<Subject>) -> Self {
        self.subject = subject.into();
        self.fingerprint = fingerprint(self.code, self.subject);
        self
    }

    pub(super) fn because(mut self, cause: impl Into<String>) -> Self {
        self.cause = cause.into();
        self
    }

    pub(super) fn figure(mut self, name: &'static str, value: impl Into<Number>) -> Self {
        self.evidence.push(Figure { name, value: value.into().0 });
        self
    }

    /// A figure, where it is known.
    pub(super) fn figure_of(self, name: &'static str, value: Option<impl Into<Number>>) -> Self {
        match value {
            Some(value) => self.figure(name, value),
            None => self,
        }
    }

    pub(super) fn note(mut self, label: &'static str, text: impl Into<String>) -> Self {
        self.notes.push(Note { label, text: text.into() });
        self
    }

    pub(super) fn seen(self, text: impl Into<String>) -> Self {
        self.note("seen", text)
    }

    pub(super) fn remedy(mut self, remedy: Remedy) -> Self {
        self.remedies.push(remedy);
        self
    }

    pub(super) fn refuse(mut self, refusal: Refusal) -> Self {
        self.refused.push(refusal);
        self
    }

    pub(super) fn advised(mut self, advice: Advice) -> Self {
        self.remedies.extend(advice.remedies);
        self.refused.extend(advice.refused);
        self
    }

    /// A number of the evidence.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<f64> {
        self.evidence.iter().find(|figure| figure.name == name).map(|figure| figure.value)
    }

    /// Orders findings of one code: the first number tells how much there is.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float saturates")]
    fn weight(&self) -> u64 {
        self.evidence.first().map_or(0, |figure| figure.value as u64)
    }
}

fn fingerprint(code: Code, subject: Subject) -> String {
    let text = format!("{code}|{subject}");
    let mix = |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    format!("{:016x}", text.bytes().fold(0xcbf2_9ce4_8422_2325, mix))
}

/// What a finding is about; what it is not about is `None`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Subject {
    /// The local address.
    pub source: Option<IpAddr>,
    /// The remote address.
    pub destination: Option<IpAddr>,
    /// The remote port; the local one where there is no destination.
    pub port: Option<u16>,
}

impl Subject {
    pub(super) fn port(port: u16) -> Self {
        Self { port: Some(port), ..Self::default() }
    }

    pub(super) fn source(source: IpAddr) -> Self {
        Self { source: Some(source), ..Self::default() }
    }

    /// Whether it is about nothing in particular, but the whole namespace.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        *self == Self::default()
    }
}

impl From<Tuple> for Subject {
    fn from(tuple: Tuple) -> Self {
        let (source, destination) = (Some(tuple.source), Some(tuple.destination.ip()));
        Self { source, destination, port: Some(tuple.destination.port()) }
    }
}

/// `127.0.0.1 > 127.0.0.1:8080`, `*:8080` for a local port, `10.0.0.1` for a local address.
impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.source, self.destination, self.port) {
            (Some(source), Some(destination), port) => {
                write!(f, "{source} > {}", SocketAddr::new(destination, port.unwrap_or(0)))
            }
            (None, Some(destination), Some(port)) => write!(f, "{}", SocketAddr::new(destination, port)),
            (None, Some(destination), None) => write!(f, "{destination}"),
            (None, None, Some(port)) => write!(f, "*:{port}"),
            (Some(source), None, _) => write!(f, "{source}"),
            (None, None, None) => Ok(()),
        }
    }
}

/// A number of the evidence.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Figure {
    /// What is counted or measured: `ports_used`.
    pub name: &'static str,
    /// The number.
    pub value: f64,
}

/// A line of evidence in words.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Note {
    /// `seen`, `since`, `ends`, `who`, `unsure`.
    pub label: &'static str,
    /// The line, without a full stop.
    pub text: String,
}

/// A number that a figure takes; every count that a kernel gives fits a float's 53 bits.
pub(super) struct Number(f64);

impl From<u32> for Number {
    fn from(value: u32) -> Self {
        Self(value.into())
    }
}

impl From<u64> for Number {
    #[allow(clippy::cast_precision_loss, reason = "counts below 2^53")]
    fn from(value: u64) -> Self {
        Self(value as f64)
    }
}

impl From<f64> for Number {
    fn from(value: f64) -> Self {
        // A tenth is as much as a rate or a share is worth.
        Self((value * 10.0).round() / 10.0)
    }
}

/// An object of numbers; whole ones without a point.
#[cfg(feature = "serde")]
fn figures<S: serde::Serializer>(figures: &[Figure], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(figures.iter().map(|figure| (figure.name, Plain(figure.value))))
}

#[cfg(feature = "serde")]
struct Plain(f64);

#[cfg(feature = "serde")]
impl serde::Serialize for Plain {
    #[allow(clippy::cast_possible_truncation, reason = "only whole numbers are cast, and counts fit 53 bits")]
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.fract() == 0.0 { serializer.serialize_i64(self.0 as i64) } else { serializer.serialize_f64(self.0) }
    }
}
