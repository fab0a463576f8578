use std::fmt::{self, Display};

/// Something to do about a finding.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Remedy {
    /// What to do, in a few words.
    pub title: String,
    /// What it is for.
    pub when: When,
    /// What it gives on this host: `463/s becomes 28232/s to this destination`.
    pub gives: String,
    /// The same in a word or two: `28232/s`.
    pub short: String,
    /// Whether that is enough for what was seen: of a kernel parameter, that connect() finds a port at once for as long as
    /// the rate lasts. `None` where it cannot be told.
    pub enough: Option<bool>,
    /// What has to be so, and whether it is.
    pub precondition: Option<String>,
    /// Whether the precondition holds; `None` where it cannot be told, or there is none.
    pub met: Option<bool>,
    /// How much can go wrong.
    pub risk: Risk,
    /// What can go wrong.
    pub risk_note: &'static str,
    /// The kernel parameters that it sets on this host, by their names as sysctl writes them, in this order.
    pub sets: Vec<(&'static str, String)>,
    /// The exact text to use.
    pub snippet: Option<String>,
}

impl Remedy {
    pub(super) fn new(when: When, title: impl Into<String>, gives: impl Into<String>) -> Self {
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

    pub(super) fn short(mut self, short: impl Into<String>) -> Self {
        self.short = short.into();
        self
    }

    pub(super) fn enough(mut self, enough: impl Into<Option<bool>>) -> Self {
        self.enough = enough.into();
        self
    }

    pub(super) fn provided(mut self, condition: impl Into<String>, met: impl Into<Option<bool>>) -> Self {
        self.precondition = Some(condition.into());
        self.met = met.into();
        self
    }

    pub(super) fn risk(mut self, risk: Risk, note: &'static str) -> Self {
        self.risk = risk;
        self.risk_note = note;
        self
    }

    /// Sets a parameter of this host; the snippet is the `sysctl` that does it.
    pub(super) fn set(mut self, name: &'static str, value: &dyn Display) -> Self {
        let value = value.to_string();
        let quote = if value.contains(' ') { "'" } else { "" };
        let command = format!("sysctl -w {name}={quote}{value}{quote}");
        self.snippet = Some(self.snippet.map_or(command.clone(), |earlier| format!("{earlier}\n{command}")));
        self.sets.push((name, value));
        self
    }

    pub(super) fn snippet(mut self, snippet: impl Into<String>) -> Self {
        self.snippet = Some(snippet.into());
        self
    }

    /// Orders remedies by what they buy: what ends it before what does not, then the lesser risk.
    pub(super) fn rank(&self) -> (When, bool, Risk) {
        (self.when, self.enough != Some(true) || self.met == Some(false), self.risk)
    }
}

/// What a remedy is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
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

/// How much can go wrong with a remedy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Risk {
    /// Little.
    Low,
    /// Something that has to be looked at first.
    Medium,
    /// More than the finding is worth, as a rule.
    High,
}

impl Risk {
    /// The name in lower case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// Advice that does not help here.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refusal {
    /// What is advised: `tcp_tw_recycle=1`.
    pub advice: String,
    /// How it does not.
    pub verdict: RefusalKind,
    /// Why.
    pub reason: String,
}

impl Refusal {
    pub(super) fn no_gain(advice: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { advice: advice.into(), verdict: RefusalKind::NoGain, reason: reason.into() }
    }

    pub(super) fn refused(advice: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { advice: advice.into(), verdict: RefusalKind::Refused, reason: reason.into() }
    }
}

/// How advice does not help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RefusalKind {
    /// It is harmless and buys nothing.
    NoGain,
    /// It does harm, or something else altogether.
    Refused,
}

impl fmt::Display for RefusalKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoGain => "no gain",
            Self::Refused => "refused",
        })
    }
}
