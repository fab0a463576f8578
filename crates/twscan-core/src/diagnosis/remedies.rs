//! The cures, with what each gives on this host.

use std::time::Duration;

use super::case::{Case, TupleCase};
use super::parameters::{SHORT_FIN_TIMEOUT, parameters, reuse, reuse_helps, wider_range};
use super::rate::Rate;
use super::remedy::{Refusal, Remedy, Risk, When};
use super::{Code, Finding};
use crate::budget::holder::Holder;
use crate::budget::{BindFirstPool, LocalPorts, Outlook};
use crate::kernel::Fact;
use crate::procfs::TwReuse;
use crate::tally::PortUse;

/// The cures of ports that are short to a destination, ranked, and the advice that is none.
pub(super) fn for_ports(case: &Case<'_>, tuple: &TupleCase, mut finding: Finding) -> Finding {
    let rate = Rate::of(tuple);
    finding = finding.figure_of("demand_per_second", rate.demand).figure("sustainable_per_second", rate.now());
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
        remedies.push(other_side_closes_too(case, &rate));
    }
    remedies.sort_by_key(Remedy::rank);
    finding.remedies = remedies;
    finding.refused = refusals(case, &rate);
    finding
}

/// The cures of TIME_WAITs that keep their ports.
pub(super) fn for_reuse(case: &Case<'_>, tuple: &TupleCase, mut finding: Finding) -> Finding {
    let rate = Rate::of(tuple);
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

fn second_source(rate: &Rate<'_>) -> Remedy {
    let doubled = rate.budget.outlook().twice().sustainable;
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
    let known = case.sample.settings.kernel_does(Fact::ScansOwnRange);
    Remedy::new(
        When::Last,
        "IP_LOCAL_PORT_RANGE on the client's sockets",
        "no slow zone: connect() stays at microseconds until the ports run out",
    )
    .short("no scans")
    .enough(rate.suffices(rate.now()))
    .provided(format!("kernel {} or later, and a client that can be changed", Fact::ScansOwnRange.since()), known)
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
fn other_side_closes_too(case: &Case<'_>, rate: &Rate<'_>) -> Remedy {
    let ports = rate.budget.ports();
    let closed = PortUse { time_wait: ports.time_wait + ports.fin_wait2_mini, fin_wait2_mini: 0, ..ports };
    let rules = case.ports.as_ref().map(LocalPorts::rules);
    let new = rules.map_or(0.0, |rules| {
        Outlook::turned_over_by(Holder::TimeWait, rules, rate.budget.tuple().is_loopback(), closed).sustainable
    });
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
    let timeout = settings.fin_timeout.unwrap_or(Duration::from_secs(60));
    let minis = rate.budget.ports().fin_wait2_mini;
    refusals.push(Refusal::refused("tcp_tw_recycle=1", "removed in Linux 4.12; before, it broke clients behind NAT"));
    if rate.has_many(Holder::Mini) {
        if timeout <= SHORT_FIN_TIMEOUT {
            refusals.push(Refusal::no_gain("tcp_fin_timeout=15", format!("it is {} s already", timeout.as_secs())));
        }
    } else if f64::from(minis) < MANY_FIN_WAIT2 {
        let timeout = timeout.as_secs();
        let time_wait = match settings.tw_timeout {
            Some(time) => format!("TIME_WAIT is tcp_tw_timeout, {} s, of this kernel", time.as_secs()),
            None => "TIME_WAIT is 60 s, fixed when the kernel is built".to_owned(),
        };
        refusals
            .push(Refusal::refused("tcp_fin_timeout", format!("it is of FIN_WAIT2 ({timeout} s here); {time_wait}")));
    }
    refusals.extend([
        Refusal::refused("a lower tcp_max_tw_buckets", "drops TIME_WAIT's protection instead of needing fewer"),
        Refusal::refused("SO_LINGER 0", "close() then sends RST: data in flight is lost, and the peer sees an error"),
    ]);
    refusals
}

/// What ends mini-sockets and keeps them from coming.
pub(super) const MEND_THE_OTHER_SIDE: &str = "mend the other side: it does not close";
/// Fewer sockets in FIN_WAIT2 to one destination are no finding.
pub(super) const MANY_FIN_WAIT2: f64 = 1000.0;
/// The connections of a pool: more than most services have requests under way to one destination.
const POOL: u32 = 64;
