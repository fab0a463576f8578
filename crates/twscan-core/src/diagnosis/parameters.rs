//! The cures that are kernel parameters.

use std::time::Duration;

use super::case::Case;
use super::rate::Rate;
use super::remedy::{Remedy, Risk, When};
use crate::budget::LocalPorts;
use crate::budget::holder::Holder;
use crate::budget::measure::{self, Measure};
use crate::port::{PortRange, PortSet};
use crate::procfs::Settings;
use crate::tally::{PortRules, PortUse};

/// The kernel parameters that serve the rate: each alone and, where neither is enough, both.
pub(super) fn parameters(case: &Case<'_>, rate: &Rate<'_>) -> Vec<Remedy> {
    let mut remedies: Vec<_> = reuse(case, rate).into_iter().collect();
    remedies.extend(shorter_fin_timeout(case, rate));
    remedies.extend(wider_range(case, rate));
    if !remedies.iter().any(|remedy| remedy.enough == Some(true)) {
        let both =
            measures(case, rate).into_iter().filter(|measure| measure.range.is_some() && measure.reuse.is_some());
        let enough = both.map(|measure| Served::by(case, rate, measure)).find(|served| served.enough == Some(true));
        remedies.extend(enough.and_then(|served| reuse_by(case, rate, &served)));
    }
    remedies
}

/// The combinations of parameters that a plan would try too, in its order.
fn measures(case: &Case<'_>, rate: &Rate<'_>) -> Vec<Measure> {
    Measure::all(&case.sample.settings, &case.services(), rate.budget.tuple().is_loopback())
}

/// What a measure makes of a rate.
struct Served {
    measure: Measure,
    settings: Settings,
    gives: String,
    short: String,
    /// Whether connect() finds a port at once at the rate seen; where live connections hold the ports, no rate tells.
    enough: Option<bool>,
}

impl Served {
    fn by(case: &Case<'_>, rate: &Rate<'_>, measure: Measure) -> Self {
        let settings = measure.on(&case.sample.settings, &case.services());
        let bound = case.ports.as_ref().map(LocalPorts::bound).unwrap_or_default();
        let outlook = rate.outlook(&PortRules::new(&settings, &bound), rate.budget.ports());
        let (mut gives, mut short) = rate.line(outlook.sustainable);
        let borne = rate.suffices(outlook.sustainable);
        let enough = borne.map(|borne| borne && outlook.is_fast(rate.demand));
        if borne == Some(true) && enough == Some(false) {
            gives.push_str(", and connect() scans");
            short.push_str(" slow");
        }
        Self { measure, settings, gives, short, enough }
    }

    /// Sets the range, and before it the ports of services that it would give away.
    fn set_range(&self, case: &Case<'_>, mut remedy: Remedy) -> Remedy {
        let Some(range) = self.measure.range else { return remedy };
        if let Some(reserved) = self.newly_reserved(case) {
            remedy = remedy.set("net.ipv4.ip_local_reserved_ports", reserved);
        }
        remedy.set("net.ipv4.ip_local_port_range", &format!("{} {}", range.low(), range.high()))
    }

    fn newly_reserved(&self, case: &Case<'_>) -> Option<&PortSet> {
        let before = case.sample.settings.reserved.clone().unwrap_or_default();
        self.settings.reserved.as_ref().filter(|reserved| **reserved != before)
    }
}

/// `tcp_tw_reuse`, where it buys something.
pub(super) fn reuse(case: &Case<'_>, rate: &Rate<'_>) -> Option<Remedy> {
    if !reuse_helps(case, rate) {
        return None;
    }
    let mode = measure::reuse(&case.sample.settings, rate.budget.tuple().is_loopback());
    let measure = Measure { reuse: Some(mode?), ..Measure::default() };
    reuse_by(case, rate, &Served::by(case, rate, measure))
}

/// `tcp_tw_reuse`, and a wider range where the measure has one.
fn reuse_by(case: &Case<'_>, rate: &Rate<'_>, served: &Served) -> Option<Remedy> {
    let settings = &case.sample.settings;
    let loopback = rate.budget.tuple().is_loopback();
    let (mode, timestamps) = (served.measure.reuse?.value(), settings.timestamps != Some(0));
    let range = served.measure.range.map_or(String::new(), |range| format!(", range {} {}", range.low(), range.high()));
    let title = match (mode, timestamps) {
        (_, false) => format!("tcp_tw_reuse={mode}, tcp_timestamps=1{range}"),
        (2, _) if range.is_empty() => "tcp_tw_reuse=2 (kernel default)".to_owned(),
        _ => format!("tcp_tw_reuse={mode}{range}"),
    };
    let (condition, met) = match (timestamps, loopback) {
        _ if rate.holder == Holder::Mini && !keeps_minis(case) => {
            ("a kernel that takes over FIN_WAIT2 mini-sockets: older than 6.12, without its backport", None)
        }
        (true, _) if settings.timestamps.is_none() => ("tcp_timestamps on at both ends, which is not told", None),
        (true, true) => ("tcp_timestamps on: it is", Some(true)),
        (true, false) => ("tcp_timestamps on here: it is; and on the peer, which cannot be seen", None),
        (false, _) => ("tcp_timestamps is 0: it has to be on, and acts on connections made after that", Some(false)),
    };
    let remedy = Remedy::new(When::Now, title, &served.gives).short(&served.short).provided(condition, met);
    let mut remedy = served.set_range(case, remedy.enough(served.enough));
    if !timestamps {
        remedy = remedy.set("net.ipv4.tcp_timestamps", &1);
    }
    if settings.tw_reuse != served.settings.tw_reuse {
        remedy = remedy.set("net.ipv4.tcp_tw_reuse", &mode);
    }
    Some(if loopback {
        remedy.risk(Risk::Low, "acts at once, on the TIME_WAITs that are there too")
    } else {
        remedy.risk(Risk::Medium, "acts at once; a peer behind NAT that drops timestamps gains nothing")
    })
}

/// Whether any of the ports may be taken over.
pub(super) fn reuse_helps(case: &Case<'_>, rate: &Rate<'_>) -> bool {
    rate.holder != Holder::Mini || rate.has_many(Holder::TimeWait) || !keeps_minis(case)
}

/// Whether mini-sockets are surely kept: connect() took them over before Linux 6.12 (net/ipv4/tcp_ipv4.c,
/// `tcp_twsk_unique`).
fn keeps_minis(case: &Case<'_>) -> bool {
    case.sample.destinations.rules().reuse().keeps_fin_wait2 == Some(true)
}

/// `tcp_fin_timeout`, where mini-sockets hold ports, and for longer than they have to.
fn shorter_fin_timeout(case: &Case<'_>, rate: &Rate<'_>) -> Option<Remedy> {
    let timeout = case.sample.settings.fin_timeout.filter(|timeout| *timeout > SHORT_FIN_TIMEOUT)?;
    if !rate.has_many(Holder::Mini) {
        return None;
    }
    let settings = Settings { fin_timeout: Some(SHORT_FIN_TIMEOUT), ..case.sample.settings.clone() };
    let ports = rate.budget.ports();
    let left = u64::from(ports.fin_wait2_mini) * SHORT_FIN_TIMEOUT.as_secs() / timeout.as_secs();
    let ports = PortUse { fin_wait2_mini: u32::try_from(left).unwrap_or(u32::MAX), ..ports };
    let bound = case.ports.as_ref().map(LocalPorts::bound).unwrap_or_default();
    let new = rate.outlook(&PortRules::new(&settings, &bound), ports).sustainable;
    let (gives, short) = rate.line(new);
    Some(fin_timeout(gives).short(short).enough(rate.suffices(new)))
}

/// The `tcp_fin_timeout` that is advised.
pub(super) fn fin_timeout(gives: impl Into<String>) -> Remedy {
    let seconds = SHORT_FIN_TIMEOUT.as_secs();
    Remedy::new(When::Now, format!("tcp_fin_timeout={seconds} (for later closes)"), gives)
        .risk(
            Risk::Low,
            "mini-sockets that are there keep their time; a peer that closes later than that is answered by RST",
        )
        .set("net.ipv4.tcp_fin_timeout", &seconds)
}

/// A wider range, with the services inside it reserved: the first that is enough, else the one that is advised most.
pub(super) fn wider_range(case: &Case<'_>, rate: &Rate<'_>) -> Option<Remedy> {
    let range = case.sample.settings.range?;
    let alone = measures(case, rate).into_iter().filter(|measure| measure.reuse.is_none());
    let enough = alone.map(|measure| Served::by(case, rate, measure)).find(|served| served.enough == Some(true));
    let most = || {
        let wide = wide_range(case).filter(|wide| range.size() * 10 < wide.size() * 9)?;
        Some(Served::by(case, rate, Measure { range: Some(wide), ..Measure::default() }))
    };
    let served = enough.or_else(most)?;
    let wide = served.measure.range?;
    let remedy = Remedy::new(When::Now, format!("ip_local_port_range={} {}", wide.low(), wide.high()), &served.gives)
        .short(&served.short)
        .enough(served.enough)
        .risk(Risk::Low, "moves the limit; a scan of the full range takes longer");
    let condition = match served.newly_reserved(case) {
        None => "no service is to listen above the lower end".to_owned(),
        Some(reserved) => format!("the services inside it are reserved first: {}", shorten(&reserved.to_string())),
    };
    Some(served.set_range(case, remedy.provided(condition, true)))
}

/// The range that is advised most, or what a host with a high unprivileged start allows.
fn wide_range(case: &Case<'_>) -> Option<PortRange> {
    let low = case.sample.settings.unprivileged_port_start.unwrap_or(0).max(WIDE_LOW);
    // An even number of ports, so that none is out of reach.
    PortRange::new(low + low % 2, u16::MAX)
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(30) {
        Some((end, _)) => format!("{}..", text.get(..end).unwrap_or(text)),
        None => text.to_owned(),
    }
}

/// The `tcp_fin_timeout` that is advised: longer than a peer that closes at all takes to do so.
pub(super) const SHORT_FIN_TIMEOUT: Duration = Duration::from_secs(15);
/// The lower end of the range that tutorials advise: above what services commonly listen on.
const WIDE_LOW: u16 = 10_240;
