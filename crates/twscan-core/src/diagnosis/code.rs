use std::fmt;
use std::str::FromStr;

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// The cause of a finding. The name is for ever: a rule may be retired, its code and its page stay.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize))]
        #[non_exhaustive]
        pub enum Code {
            $($(#[$doc])* #[cfg_attr(feature = "serde", serde(rename = $name))] $variant,)*
        }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name in the documents: `ports-exhausted`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// The page that explains it, as plain text of 80 columns.
            #[must_use]
            pub const fn page(self) -> &'static str {
                match self {
                    $(Self::$variant => include_str!(concat!("pages/", $name, ".md")),)*
                }
            }
        }
    };
}

codes! {
    /// All ports to a destination are held, or nearly all.
    PortsExhausted = "ports-exhausted",
    /// Half of them are, so that each connect() scans.
    PortsSlow = "ports-slow",
    /// They will be.
    PortsFilling = "ports-filling",
    /// Clients that bind before they connect have no port left on an address.
    BindPoolFull = "bind-pool-full",
    /// TIME_WAITs of connections that others opened: harmless.
    TimewaitInbound = "timewait-inbound",
    /// TIME_WAITs are refused, or soon will be: `tcp_max_tw_buckets`.
    TimewaitOverflow = "timewait-overflow",
    /// `tcp_tw_reuse` is 0.
    ReuseOff = "reuse-off",
    /// `tcp_tw_reuse` is 2 and the destination is no loopback.
    ReuseNotLoopback = "reuse-not-loopback",
    /// `tcp_tw_reuse` is on, and nothing is taken over.
    ReuseIneffective = "reuse-ineffective",
    /// `tcp_timestamps` is 0, so that nothing can be taken over.
    TimestampsOff = "timestamps-off",
    /// The range has an odd number of ports.
    RangeParity = "range-parity",
    /// Services listen inside the range.
    RangeCollides = "range-collides",
    /// Reserved ports that no service listens on.
    ReservedStale = "reserved-stale",
    /// A program does not close what the other side has closed.
    CloseWaitLeak = "close-wait-leak",
    /// Closed connections whose other side does not close.
    FinWait2Pileup = "fin-wait2-pileup",
    /// Connections that nobody answers.
    SynSentPileup = "syn-sent-pileup",
    /// Sockets without a process near the kernel's limit.
    OrphansHigh = "orphans-high",
    /// The connection tracking table is full, or nearly.
    ConntrackFull = "conntrack-full",
    /// Another network namespace has another range.
    NetnsRangeDiffers = "netns-range-differs",
    /// A client calls for `localhost` by IPv6 where it does not work.
    LocalhostIpv6 = "localhost-ipv6",
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Reads the name.
impl FromStr for Code {
    type Err = UnknownCode;

    fn from_str(text: &str) -> Result<Self, UnknownCode> {
        Self::ALL.iter().copied().find(|code| code.name() == text).ok_or_else(|| UnknownCode(text.to_owned()))
    }
}

/// A text that is no code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no finding's code")]
pub struct UnknownCode(String);
