use super::measure::sureness;
use super::{Risk, Route, Situation};
use crate::budget::Outlook;
use crate::kernel::Fact;
use crate::procfs::{Key, Settings};

/// One parameter's change: the same words wherever it is advised, planned or asked for.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Change {
    /// The parameter.
    pub key: Key,
    /// Its value now; `None` where it is unknown.
    pub from: Option<String>,
    /// Its value then.
    pub to: String,
    /// What it is for.
    pub why: String,
    /// How much may go wrong.
    pub risk: Risk,
    /// What may go wrong.
    pub risk_note: &'static str,
    /// What must be so for it to help.
    pub precondition: Option<String>,
    /// Whether that is so; `None` where it cannot be told, or nothing has to be.
    pub met: Option<bool>,
    /// Whether it acts on TIME_WAITs and connections that exist already.
    pub acts_on_existing: bool,
    /// What the route that it was planned for gets from it, on top of the changes before; `None` where it has no effect on
    /// numbers.
    pub gain: Option<(Outlook, Outlook)>,
}

impl Change {
    /// Whether the value is there already.
    #[must_use]
    pub fn is_noop(&self) -> bool {
        self.from.as_deref() == Some(self.to.as_str())
    }

    /// What it takes to write it.
    #[must_use]
    pub const fn privilege(&self) -> &'static str {
        "CAP_NET_ADMIN in the user namespace that owns the network namespace"
    }

    /// A value alone, without a word.
    pub(crate) fn bare(key: Key, from: Option<String>, to: String) -> Self {
        Self {
            key,
            from,
            to,
            why: String::new(),
            risk: Risk::Low,
            risk_note: "",
            precondition: None,
            met: None,
            acts_on_existing: key == Key::TwReuse || key == Key::TwReuseDelay,
            gain: None,
        }
    }

    /// A value for these settings, and for a route.
    pub(crate) fn new(settings: &Settings, key: Key, to: String, route: &Route) -> Self {
        let mut change = Self::bare(key, key.value_in(settings), to);
        change.explain(settings, route);
        change
    }

    fn explain(&mut self, settings: &Settings, route: &Route) {
        let (why, risk, note) = match (self.key, self.to.as_str()) {
            (Key::ReservedPorts, _) => (
                "services listen there, or it was asked for: connect() and bind(0) leave these ports alone",
                Risk::Low,
                "one port fewer for connections each",
            ),
            (Key::PortRange, _) => (
                "more local ports for each (source, destination, port)",
                Risk::Low,
                "a service that starts later on a port of the range may find it taken: reserve that port",
            ),
            (Key::PortStepWidth, _) => (
                "connect() passes over held ports in steps of a random width up to this",
                Risk::Medium,
                "where half of the range fills, a connect() tries 1 / (1 - share held) of its ports on average, where it \
                 found one at once",
            ),
            (Key::Timestamps, "0") => {
                ("it was asked for", Risk::High, "no TIME_WAIT can be reused, and old segments are told apart worse")
            }
            (Key::Timestamps, _) => (
                "reuse takes only TIME_WAITs of connections with timestamps",
                Risk::Low,
                "12 bytes more in each segment",
            ),
            (Key::TwReuseDelay, _) => (
                "a TIME_WAIT's port can be taken again after this many ms instead of the present delay",
                Risk::Medium,
                "less time for old segments to die; timestamps are the only guard",
            ),
            (Key::TwReuse, "0") => ("it was asked for", Risk::High, "every TIME_WAIT keeps its port for a minute"),
            (Key::TwReuse, "2") => (self.loopback_reuse(route), Risk::Low, "the kernel's default; acts at once"),
            (Key::TwReuse, _) => (
                self.reuse(route),
                Risk::Medium,
                "acts at once, on outgoing connections alone; a peer behind NAT that drops timestamps gains nothing",
            ),
            (Key::MaxTwBuckets, _) => (
                "a TIME_WAIT above this number is not created and leaves its connection unprotected; frees no port",
                Risk::Low,
                "a TIME_WAIT takes 256 bytes of the kernel's memory",
            ),
        };
        (self.why, self.risk, self.risk_note) = (why.to_owned(), risk, note);
        (self.precondition, self.met) = match self.condition(settings, route) {
            Some((condition, met)) => (Some(condition), met),
            None => (None, None),
        };
    }

    fn loopback_reuse(&self, route: &Route) -> &'static str {
        if route.destination.is_some() && !route.is_loopback() {
            "it was asked for; no gain here, 2 is for the loopback alone and this destination is elsewhere"
        } else {
            "connect() may take over the port of a TIME_WAIT on the loopback"
        }
    }

    fn reuse(&self, route: &Route) -> &'static str {
        if route.is_loopback() && self.from.as_deref() == Some("2") {
            "connect() may take over the port of a TIME_WAIT anywhere; no gain on the loopback, 2 covers it"
        } else {
            "connect() may take over the port of a TIME_WAIT that is older than the delay"
        }
    }

    /// What must be so, and whether it is.
    fn condition(&self, settings: &Settings, route: &Route) -> Option<(String, Option<bool>)> {
        let loopback = route.is_loopback();
        Some(match (self.key, self.to.as_str()) {
            (Key::TwReuse | Key::Timestamps, "0") | (Key::ReservedPorts | Key::MaxTwBuckets, _) => return None,
            (Key::PortRange, _) => {
                ("services that listen on a port that is new in it are reserved before".to_owned(), Some(true))
            }
            (Key::Timestamps, _) => {
                let met = settings.timestamps.filter(|now| *now == 0).map(|_| false);
                ("acts on connections made afterwards; the peer must have timestamps on as well".to_owned(), met)
            }
            (Key::PortStepWidth, _) => {
                (format!("kernel {} or later", Fact::StepWidth.since()), settings.kernel_does(Fact::StepWidth))
            }
            (Key::TwReuseDelay, _) => {
                let since = Fact::ReuseDelay.since();
                (format!("kernel {since} or later; tcp_tw_reuse on for the destination"), None)
            }
            (Key::TwReuse, mode) => {
                let (text, met) = match settings.timestamps {
                    None => ("tcp_timestamps on at both ends, which is not told", None),
                    Some(0) => {
                        ("tcp_timestamps=0 now: it has to be on, and acts on connections made after that", Some(false))
                    }
                    Some(_) if loopback => ("tcp_timestamps on: it is", Some(true)),
                    Some(_) => ("tcp_timestamps on here: it is; and on the peer, which cannot be seen", None),
                };
                match mode {
                    "2" if !loopback => (format!("{text}; an end in 127/8 or ::1"), met),
                    _ => (text.to_owned(), met),
                }
            }
        })
    }
}

/// Of several changes that go together, the one whose precondition is in doubt most.
pub(super) fn most_in_doubt(changes: &[Change]) -> Option<&Change> {
    changes.iter().filter(|change| change.precondition.is_some()).min_by_key(|change| sureness(change.met))
}

impl Situation {
    /// What leads from these settings to others, in the order of writing, and what each step buys the route; of what is
    /// there already, only what was asked for.
    pub(crate) fn changes(&self, wanted: &Settings, asked: &[Key], route: &Route) -> Vec<Change> {
        let mut so_far = self.settings.clone();
        let mut changes = Vec::new();
        for key in Key::ALL {
            let (from, to) = (key.value_in(&self.settings), key.value_in(wanted));
            let Some(to) = to.filter(|to| asked.contains(&key) || Some(to) != from.as_ref()) else { continue };
            if key == Key::ReservedPorts && to.is_empty() && from.is_none() {
                continue;
            }
            let before = self.outlook(&so_far, route);
            key.set_in(&mut so_far, &to);
            let mut change = Change::new(&self.settings, key, to, route);
            change.gain = Some((before, self.outlook(&so_far, route)));
            changes.push(change);
        }
        changes
    }
}
