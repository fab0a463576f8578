use std::fmt;

/// Advice that does not help here.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
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
    pub(crate) fn no_gain(advice: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { advice: advice.into(), verdict: RefusalKind::NoGain, reason: reason.into() }
    }

    pub(crate) fn refused(advice: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { advice: advice.into(), verdict: RefusalKind::Refused, reason: reason.into() }
    }

    /// A parameter that is not to be changed, and the text that it is advised with.
    pub(crate) fn folklore(parameter: &str, advice: &str) -> Self {
        Self::refused(advice, why_not(parameter))
    }
}

/// How advice does not help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "lowercase"))]
#[non_exhaustive]
pub enum RefusalKind {
    /// It is harmless and buys nothing.
    #[cfg_attr(feature = "serde", serde(rename = "no gain"))]
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

/// Why a parameter is left alone, by its name without what stands before the last dot.
pub(crate) fn why_not(name: &str) -> &'static str {
    match name {
        "tcp_tw_recycle" => {
            "removed in kernel 4.12; it dropped connections of clients behind NAT. tcp_tw_reuse is for outgoing connections"
        }
        "tcp_fin_timeout" => {
            "it bounds FIN_WAIT2, not TIME_WAIT; TIME_WAIT is 60 s, a constant of the kernel that no parameter changes"
        }
        "tcp_max_tw_buckets" => {
            "lowering it destroys TIME_WAITs that protect later connections from old segments; it frees ports by breaking \
             TCP (the kernel's ip-sysctl text forbids it)"
        }
        "tcp_rfc1337" => "it protects TIME_WAIT from resets and frees no port",
        "ip_unprivileged_port_start" => {
            "twscan does not lower what protects privileged ports; set it by hand if it must be"
        }
        _ => "it decides nothing about local ports or TIME_WAIT; see twscan tune --help for what does",
    }
}
