//! The cures, with what each gives on this host.

use std::time::Duration;

use super::case::{Case, TupleCase};
use super::rate::{FIN_TIMEOUT, Rate, mini_life};
use super::remedy::{Refusal, Remedy, Risk, When};
use super::{Code, Finding};
use crate::budget::holder::Holder;
use crate::budget::measure::{self, Measure};
use crate::budget::{BindFirstPool, LocalPorts, Outlook};
use crate::port::{PortRange, PortSet};
use crate::procfs::{Settings, TwReuse};
use crate::socket::TIME_WAIT_LIFE;
use crate::tally::PortRules;

/// The cures of ports that are short to a destination, ranked, and the advice that is none.
pub(super) fn for_ports(case: &Case<'_>, tuple: &TupleCase, mut finding: Finding) -> Finding {
    let rate = Rate::of(case, tuple);
    finding = finding.figure_of("demand_per_second", rate.demand).figure("sustainable_per_second", rate.now);
    let mut remedies: Vec<Remedy> = Vec::new();
    remedies.extend(parameters(case, &rate));
    remedies.push(second_source(&rate));
    if finding.code == Code::PortsSlow || finding.code == Code::PortsFilling {
        remedies.push(own_range(case, &rate));
    }
    remedies.push(keepalive(tuple));
    if !rate.is_live() && rate.has_many(Holder::TimeWait) {
        remedies.push(other_side_closes(&rate));
    }
    if rate.has_many(Holder::Mini) {
        remedies.push(other_side_closes_too(&rate));
    }
    remedies.sort_by_key(Remedy::rank);
    finding.remedies = remedies;
    finding.refused = refusals(case, &rate);
    finding
}

/// The cures of TIME_WAITs that keep their ports.
pub(super) fn for_reuse(case: &Case<'_>, tuple: &TupleCase, mut finding: Finding) -> Finding {
    let rate = Rate::of(case, tuple);
    finding.remedies.extend(reuse(case, &rate));
    finding.remedies.push(keepalive(tuple));
    finding.refused.extend(refusals(case, &rate).into_iter().take(1));
    finding
}

/// The cures of a pool of bind(address, 0) that is full.
pub(super) fn for_bind_pool(pool: &BindFirstPool, finding: Finding) -> Finding {
    let capacity = pool.capacity();
    let finding = finding
        .remedy(
            Remedy::new(
                When::Last,
                "IP_BIND_ADDRESS_NO_PORT before bind()",
                format!("{capacity} ports for each destination instead of {capacity} for all"),
            )
            .short(format!("{capacity} each"))
            .enough(true)
            .provided("kernel 4.2 or later, and a client that can be changed", None)
            .risk(Risk::Low, "")
            .snippet(include_str!("snippets/bind_address_no_port.txt")),
        )
        .remedy(
            Remedy::new(When::Now, "a second source address", format!("another {capacity} ports"))
                .short(format!("+{capacity}"))
                .risk(Risk::Low, "")
                .snippet(include_str!("snippets/second_source.txt")),
        );
    let mut finding = finding;
    finding.refused.push(Refusal::refused(
        "SO_REUSEADDR on the client",
        "bind(address, 0) still finds no port, and a port held by bind() is lost to every connect()",
    ));
    finding
}

/// The kernel parameters that serve the rate: each alone and, where neither is enough, both.
fn parameters(case: &Case<'_>, rate: &Rate<'_>) -> Vec<Remedy> {
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
        let outlook = Outlook::new(&PortRules::new(&settings, &bound), rate.budget.tuple().is_loopback());
        let live = rate.budget.ports().live.into();
        let new = match (rate.holder, outlook.reuse) {
            (Holder::Mini, true) if keeps_minis(case) => rate.beside(live, outlook.capacity, rate.life),
            (Holder::Mini, true) => rate.beside(live, outlook.capacity, rate.delay),
            (Holder::Mini, false) => rate.with(outlook.capacity, rate.life),
            (_, true) => rate.with(outlook.capacity, rate.delay),
            (_, false) => rate.with(outlook.capacity, TIME_WAIT_LIFE),
        };
        let (mut gives, mut short) = rate.line(new);
        let borne = rate.suffices(new);
        let enough = borne.map(|borne| borne && outlook.is_fast(rate.budget.ports(), rate.demand));
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
fn reuse(case: &Case<'_>, rate: &Rate<'_>) -> Option<Remedy> {
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
fn reuse_helps(case: &Case<'_>, rate: &Rate<'_>) -> bool {
    rate.holder != Holder::Mini || rate.has_many(Holder::TimeWait) || !keeps_minis(case)
}

/// Whether mini-sockets are surely kept: connect() took them over before Linux 6.12 (net/ipv4/tcp_ipv4.c,
/// `tcp_twsk_unique`).
fn keeps_minis(case: &Case<'_>) -> bool {
    case.sample.destinations.rules().reuse().keeps_fin_wait2
}

/// `tcp_fin_timeout`, where mini-sockets hold ports, and for longer than they have to.
fn shorter_fin_timeout(case: &Case<'_>, rate: &Rate<'_>) -> Option<Remedy> {
    let timeout = case.sample.settings.fin_timeout.filter(|timeout| *timeout > SHORT_FIN_TIMEOUT)?;
    if !rate.has_many(Holder::Mini) {
        return None;
    }
    let capacity = rate.budget.capacity();
    let new = match rate.holder {
        Holder::Mini => rate.with(capacity, mini_life(SHORT_FIN_TIMEOUT)),
        _ => {
            let minis = f64::from(rate.budget.ports().fin_wait2_mini);
            let freed = minis * (1.0 - SHORT_FIN_TIMEOUT.as_secs_f64() / timeout.as_secs_f64());
            rate.beside(rate.taken - freed, capacity, rate.life)
        }
    };
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
fn wider_range(case: &Case<'_>, rate: &Rate<'_>) -> Option<Remedy> {
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

fn second_source(rate: &Rate<'_>) -> Remedy {
    let doubled = rate.now * 2.0;
    let enough = if rate.is_live() { None } else { rate.suffices(doubled) };
    let (gives, short) = rate.line(doubled);
    Remedy::new(When::Now, "a second source address", format!("twice: {gives}"))
        .short(short)
        .enough(enough)
        .provided("clients that spread over both, with IP_BIND_ADDRESS_NO_PORT", None)
        .risk(Risk::Low, "moves the limit")
        .snippet(include_str!("snippets/second_source.txt"))
}

/// IP_LOCAL_PORT_RANGE ends the slow zone.
fn own_range(case: &Case<'_>, rate: &Rate<'_>) -> Remedy {
    let range = case.sample.settings.range;
    let range = range.map_or((32768, 60999), |range| (range.low(), range.high()));
    let known = case.sample.settings.tw_reuse_delay.is_some();
    Remedy::new(
        When::Last,
        "IP_LOCAL_PORT_RANGE on the client's sockets",
        "no slow zone: connect() stays at microseconds until the ports run out",
    )
    .short("no scans")
    .enough(rate.suffices(rate.now))
    .provided("kernel 6.8 or later, and a client that can be changed", known.then_some(true))
    .risk(Risk::Low, "")
    .snippet(
        include_str!("snippets/local_port_range.txt")
            .replace("{low}", &range.0.to_string())
            .replace("{high}", &range.1.to_string()),
    )
}

/// Connections that are used again: the real cure.
pub(super) fn keepalive(tuple: &TupleCase) -> Remedy {
    let to = tuple.budget.tuple().destination;
    let (program, snippet) = client_of(to.port());
    let used = tuple.budget.ports().used();
    Remedy::new(
        When::Last,
        format!("{program} {POOL}"),
        format!("keepalive pool of {POOL}: about {POOL} ports instead of {used}"),
    )
    .short(format!("~{POOL} ports"))
    .enough(true)
    .provided("the other side keeps connections open longer than the pool does", None)
    .risk(Risk::Low, "a request may meet a connection that the other side is closing: retry idempotent ones")
    .snippet(
        snippet
            .replace("{destination}", &to.to_string())
            .replace("{host}", &to.ip().to_string())
            .replace("{port}", &to.port().to_string()),
    )
}

/// The snippet for the client that most likely talks to this port; the page `keepalive` has them all.
fn client_of(port: u16) -> (&'static str, &'static str) {
    match port {
        5432 | 6432 => ("PostgreSQL client: pool of", include_str!("snippets/postgresql.txt")),
        6379 => ("Redis client: pool of", include_str!("snippets/redis.txt")),
        3306 => ("client: connection pool of", include_str!("snippets/java.txt")),
        _ => ("nginx: upstream keepalive", include_str!("snippets/nginx.txt")),
    }
}

fn other_side_closes(rate: &Rate<'_>) -> Remedy {
    let used = rate.budget.ports().time_wait;
    Remedy::new(
        When::Last,
        "let the other side close first",
        format!("{used} TIME_WAITs move to the server's port, where they hold no ephemeral port"),
    )
    .short("0 ports")
    .enough((!rate.has_many(Holder::Mini)).then_some(true))
    .provided("a protocol where the server closes: HTTP/1.0, or Connection: close in the request", None)
    .risk(Risk::Low, "still a handshake for each request")
    .snippet(include_str!("snippets/server_closes.txt"))
}

/// The cure of mini-sockets: each is a TIME_WAIT as soon as the other side closes.
fn other_side_closes_too(rate: &Rate<'_>) -> Remedy {
    let life = if rate.budget.reuse_applies() { rate.delay } else { TIME_WAIT_LIFE };
    let new = rate.beside(rate.budget.ports().live.into(), rate.budget.capacity(), life);
    let (gives, short) = rate.line(new);
    Remedy::new(When::Last, MEND_THE_OTHER_SIDE, format!("TIME_WAITs instead of mini-sockets: {gives}"))
        .short(short)
        .enough(rate.suffices(new))
        .provided("tcp_tw_reuse that covers it, for a TIME_WAIT lasts a minute too", rate.budget.reuse_applies())
        .risk(Risk::Low, "")
}

/// What is advised, and does not help.
fn refusals(case: &Case<'_>, rate: &Rate<'_>) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    let settings = &case.sample.settings;
    let loopback = rate.budget.tuple().is_loopback();
    match settings.tw_reuse {
        _ if !reuse_helps(case, rate) => {
            let reason = "connect() takes over no FIN_WAIT2 mini-socket (kernels since 6.12)";
            refusals.push(Refusal::no_gain("tcp_tw_reuse", reason));
        }
        Some(TwReuse::Loopback | TwReuse::Off) if loopback => {
            let reason = "on the loopback 2, the kernel's default, does the same";
            refusals.push(Refusal::no_gain("tcp_tw_reuse=1 instead of 2", reason));
        }
        Some(TwReuse::On) => {
            refusals.push(Refusal::no_gain("tcp_tw_reuse=1", "it is 1; what is held is held all the same"));
        }
        Some(TwReuse::Loopback) => {
            refusals.push(Refusal::no_gain("tcp_tw_reuse=2", "it is 2, and this destination is no loopback"));
        }
        _ => {}
    }
    if let Some(range) = settings.range.filter(|_| wider_range(case, rate).is_none()) {
        refusals.push(Refusal::no_gain("a wider ip_local_port_range", format!("{range} is all there is")));
    }
    let timeout = settings.fin_timeout.unwrap_or(FIN_TIMEOUT);
    let minis = rate.budget.ports().fin_wait2_mini;
    refusals.push(Refusal::refused("tcp_tw_recycle=1", "removed in Linux 4.12; before, it broke clients behind NAT"));
    if rate.has_many(Holder::Mini) {
        if timeout <= SHORT_FIN_TIMEOUT {
            refusals.push(Refusal::no_gain("tcp_fin_timeout=15", format!("it is {} s already", timeout.as_secs())));
        }
    } else if f64::from(minis) < MANY_FIN_WAIT2 {
        let timeout = timeout.as_secs();
        refusals.push(Refusal::refused(
            "tcp_fin_timeout",
            format!("it is of FIN_WAIT2 ({timeout} s here); TIME_WAIT is 60 s, fixed when the kernel is built"),
        ));
    }
    refusals.extend([
        Refusal::refused("a lower tcp_max_tw_buckets", "drops TIME_WAIT's protection instead of needing fewer"),
        Refusal::refused("SO_LINGER 0", "close() then sends RST: data in flight is lost, and the peer sees an error"),
    ]);
    refusals
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(30) {
        Some((end, _)) => format!("{}..", text.get(..end).unwrap_or(text)),
        None => text.to_owned(),
    }
}

/// What ends mini-sockets and keeps them from coming.
pub(super) const MEND_THE_OTHER_SIDE: &str = "mend the other side: it does not close";
/// The `tcp_fin_timeout` that is advised: longer than a peer that closes at all takes to do so.
pub(super) const SHORT_FIN_TIMEOUT: Duration = Duration::from_secs(15);
/// Fewer sockets in FIN_WAIT2 to one destination are no finding.
pub(super) const MANY_FIN_WAIT2: f64 = 1000.0;
/// The lower end of the range that tutorials advise: above what services commonly listen on.
const WIDE_LOW: u16 = 10_240;
/// The connections of a pool: more than most services have requests under way to one destination.
const POOL: u32 = 64;
