use std::fmt::Display;

use super::change::most_in_doubt;
use super::{Change, Risk};
use crate::procfs::Key;
use crate::shell::Scope;
use crate::text::shown;

/// Something to do about a finding.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Remedy {
    /// What to do, in a few words.
    pub title: String,
    /// What it is for.
    pub when: When,
    /// What it gives on this host: `463/s becomes 28232/s to this destination`.
    pub gives: String,
    /// The same in a word or two: `28232/s`.
    #[cfg_attr(feature = "serde", serde(rename = "gives_short"))]
    pub short: String,
    /// Whether that is enough for what was seen: of a kernel parameter, that connect() finds a port at once for as long as
    /// the rate lasts. `None` where it cannot be told.
    pub enough: Option<bool>,
    /// What has to be so, and whether it is.
    pub precondition: Option<String>,
    /// Whether the precondition holds; `None` where it cannot be told, or there is none.
    #[cfg_attr(feature = "serde", serde(rename = "precondition_met"))]
    pub met: Option<bool>,
    /// How much can go wrong.
    pub risk: Risk,
    /// What can go wrong.
    pub risk_note: &'static str,
    /// The kernel parameters that it sets on this host, in this order.
    pub sets: Vec<Setting>,
    /// The exact text to use.
    pub snippet: Option<String>,
}

impl Remedy {
    pub(crate) fn new(when: When, title: impl Into<String>, gives: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            when,
            gives: gives.into(),
            short: String::new(),
            enough: None,
            precondition: None,
            met: None,
            risk: Risk::Low,
            risk_note: "",
            sets: Vec::new(),
            snippet: None,
        }
    }

    /// Parameters that change together; where nothing is to be written, an empty one.
    pub(crate) fn changing(when: When, changes: &[Change], gives: impl Into<String>) -> Self {
        let mut remedy = Self::new(when, title(changes), gives);
        if let Some(riskiest) = changes.iter().rev().max_by_key(|change| change.risk) {
            remedy = remedy.risk(riskiest.risk, riskiest.risk_note);
        }
        if let Some(Change { precondition, met, .. }) = most_in_doubt(changes) {
            (remedy.precondition, remedy.met) = (precondition.clone(), *met);
        }
        changes.iter().fold(remedy, |remedy, change| remedy.set(change.key.name(), &change.to))
    }

    pub(crate) fn titled(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    pub(crate) fn short(mut self, short: impl Into<String>) -> Self {
        self.short = short.into();
        self
    }

    pub(crate) fn enough(mut self, enough: impl Into<Option<bool>>) -> Self {
        self.enough = enough.into();
        self
    }

    pub(crate) fn provided(mut self, condition: impl Into<String>, met: impl Into<Option<bool>>) -> Self {
        self.precondition = Some(condition.into());
        self.met = met.into();
        self
    }

    pub(crate) fn risk(mut self, risk: Risk, note: &'static str) -> Self {
        self.risk = risk;
        self.risk_note = note;
        self
    }

    /// Sets a parameter of this host; the snippet is the `sysctl` that does it.
    pub(crate) fn set(mut self, name: &'static str, value: &dyn Display) -> Self {
        let value = value.to_string();
        let quote = if value.contains(' ') { "'" } else { "" };
        let command = format!("sysctl -w {name}={quote}{value}{quote}");
        self.snippet = Some(self.snippet.map_or(command.clone(), |earlier| format!("{earlier}\n{command}")));
        self.sets.push(Setting { name, value });
        self
    }

    /// Lets what sets parameters set those of the namespace that was read; of a recording it begins with the name of its
    /// host.
    #[cfg_attr(not(feature = "serde"), allow(dead_code, reason = "only a document is read elsewhere"))]
    pub(crate) fn aim_at(&mut self, scope: &Scope) {
        if self.sets.is_empty() {
            return;
        }
        let inside = self.sets.iter().map(|Setting { name, value }| Some(scope.sysctl(name, value)?.to_string()));
        if let Some(inside) = inside.collect::<Option<Vec<_>>>() {
            self.snippet = Some(inside.join("\n"));
        }
        if let (Some(snippet), Some(host)) = (&mut self.snippet, scope.on()) {
            *snippet = format!("# on {}\n{snippet}", shown(&host));
        }
    }

    pub(crate) fn snippet(mut self, snippet: impl Into<String>) -> Self {
        self.snippet = Some(snippet.into());
        self
    }

    /// Orders remedies by what they buy: what ends it before what does not, then the lesser risk.
    pub(crate) fn rank(&self) -> (When, bool, Risk) {
        (self.when, self.enough != Some(true) || self.met == Some(false), self.risk)
    }
}

/// `tcp_tw_reuse=1, range 24576 65535`; what is reserved for a wider range goes without saying.
fn title(changes: &[Change]) -> String {
    let shown = || changes.iter().rev().filter(|change| change.key != Key::ReservedPorts || changes.len() == 1);
    let alone = shown().count() == 1;
    let parts = shown().map(|Change { key, to, .. }| match key {
        Key::PortRange if !alone => format!("range {to}"),
        Key::TwReuse if alone && key.kernel_default() == Some(to) => {
            format!("{}={to} (kernel default)", key.short_name())
        }
        _ => format!("{}={to}", key.short_name()),
    });
    parts.collect::<Vec<_>>().join(", ")
}

/// A kernel parameter and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Setting {
    /// The name as sysctl writes it.
    pub name: &'static str,
    /// The value.
    pub value: String,
}

/// What a remedy is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "lowercase"))]
#[non_exhaustive]
pub enum When {
    /// Ends it tonight.
    Now,
    /// Ends it for good.
    Last,
}

impl When {
    /// The name in lower case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Now => "now",
            Self::Last => "last",
        }
    }
}
