//! The cures outside the kernel's parameters, and what is advised and is no cure.

use std::net::SocketAddr;

use super::parameters::SHORT_FIN_TIMEOUT;
use super::{Advice, Refusal, Remedy, Risk, Shortage, When};
use crate::budget::holder::Holder;
use crate::budget::{BindFirstPool, Outlook};
use crate::kernel::Fact;
use crate::procfs::TwReuse;
use crate::tally::{PortRules, PortUse};

impl Shortage<'_> {
    /// What clients, and the other side, can do.
    pub(super) fn applications(&self) -> Vec<Remedy> {
        let ports = self.route.ports;
        let mut remedies = vec![self.second_source()];
        if u64::from(ports.held()) * 10 < u64::from(self.now.capacity) * 9 {
            remedies.push(self.own_range());
        }
        remedies.extend(self.keepalive());
        if !self.is_live() && self.has_many(Holder::TimeWait) {
            remedies.push(self.other_side_closes());
        }
        if self.has_many(Holder::Mini) {
            remedies.push(self.other_side_closes_too());
        }
        remedies
    }

    fn second_source(&self) -> Remedy {
        let twice = self.now.twice();
        let (gives, short) = self.becomes(twice.sustainable);
        Remedy::new(When::Now, SECOND_SOURCE, format!("twice the ports: {gives}"))
            .short(short)
            .enough(self.route.demand.is_met_by(&twice))
            .provided("clients that spread over both, with IP_BIND_ADDRESS_NO_PORT", None)
            .risk(Risk::Low, "moves the limit")
            .snippet(include_str!("snippets/second_source.txt"))
    }

    /// IP_LOCAL_PORT_RANGE ends the slow zone.
    fn own_range(&self) -> Remedy {
        let range = self.settings().range.map_or((32768, 60999), |range| (range.low(), range.high()));
        let known = self.settings().kernel_does(Fact::ScansOwnRange);
        Remedy::new(
            When::Last,
            "IP_LOCAL_PORT_RANGE on the client's sockets",
            "no slow zone: connect() stays at microseconds until the ports run out",
        )
        .short("no scans")
        .enough(self.route.demand.allows(self.now.sustainable))
        .provided(format!("kernel {} or later, and a client that can be changed", Fact::ScansOwnRange.since()), known)
        .risk(Risk::Low, "")
        .snippet(
            include_str!("snippets/local_port_range.txt")
                .replace("{low}", &range.0.to_string())
                .replace("{high}", &range.1.to_string()),
        )
    }

    /// Connections that are used again: the real cure.
    pub(crate) fn keepalive(&self) -> Option<Remedy> {
        let to = self.route.to()?;
        let (program, snippet) = client_of(to);
        let used = self.route.ports.used();
        let remedy = Remedy::new(
            When::Last,
            format!("{program} {POOL}"),
            format!("keepalive pool of {POOL}: about {POOL} ports instead of {used}"),
        );
        let remedy = remedy
            .short(format!("~{POOL} ports"))
            .enough(true)
            .provided("the other side keeps connections open longer than the pool does", None)
            .risk(Risk::Low, "a request may meet a connection that the other side is closing: retry idempotent ones");
        let snippet = snippet.replace("{destination}", &to.to_string()).replace("{host}", &to.ip().to_string());
        Some(remedy.snippet(snippet.replace("{port}", &to.port().to_string())))
    }

    fn other_side_closes(&self) -> Remedy {
        let used = self.route.ports.time_wait;
        Remedy::new(
            When::Last,
            "let the other side close first",
            format!("{used} TIME_WAITs move to the server's port, where they hold no ephemeral port"),
        )
        .short("0 ports")
        .enough((!self.has_many(Holder::Mini)).then_some(true))
        .provided("a protocol where the server closes: HTTP/1.0, or Connection: close in the request", None)
        .risk(Risk::Low, "still a handshake for each request")
        .snippet(include_str!("snippets/server_closes.txt"))
    }

    /// The cure of mini-sockets: each is a TIME_WAIT as soon as the other side closes.
    fn other_side_closes_too(&self) -> Remedy {
        let ports = self.route.ports;
        let ports = PortUse { time_wait: ports.time_wait + ports.fin_wait2_mini, fin_wait2_mini: 0, ..ports };
        let rules = PortRules::new(self.settings(), &self.situation.blocked);
        let new = Outlook::turned_over_by(Holder::TimeWait, &rules, self.route.is_loopback(), ports).sustainable;
        let (gives, short) = self.becomes(new);
        Remedy::new(When::Last, MEND_THE_OTHER_SIDE, format!("TIME_WAITs instead of mini-sockets: {gives}"))
            .short(short)
            .enough(self.route.demand.allows(new))
            .provided("tcp_tw_reuse that covers it, for a TIME_WAIT lasts a minute too", self.now.reuse)
            .risk(Risk::Low, "")
    }

    /// What is advised, and does not help.
    pub(crate) fn refusals(&self) -> Vec<Refusal> {
        let mut refusals = Vec::new();
        let settings = self.settings();
        let no_gain = match settings.tw_reuse {
            _ if !self.reuse_helps() && self.is_live() => {
                Some(("tcp_tw_reuse", "connect() takes over no port of a live connection"))
            }
            _ if !self.reuse_helps() => {
                Some(("tcp_tw_reuse", "connect() takes over no FIN_WAIT2 mini-socket (kernels since 6.12)"))
            }
            Some(TwReuse::Loopback | TwReuse::Off) if self.route.is_loopback() => {
                Some(("tcp_tw_reuse=1 instead of 2", "on the loopback 2, the kernel's default, does the same"))
            }
            Some(TwReuse::On) => Some(("tcp_tw_reuse=1", "it is 1; what is held is held all the same")),
            Some(TwReuse::Loopback) => Some(("tcp_tw_reuse=2", "it is 2, and this destination is no loopback")),
            _ => None,
        };
        refusals.extend(no_gain.map(|(advice, reason)| Refusal::no_gain(advice, reason)));
        if let Some(range) = settings.range.filter(|_| self.wider_range().is_none()) {
            refusals.push(Refusal::no_gain("a wider ip_local_port_range", format!("{range} is all there is")));
        }
        refusals.push(Refusal::folklore("tcp_tw_recycle", "tcp_tw_recycle=1"));
        let short = settings.fin_timeout.filter(|timeout| *timeout <= SHORT_FIN_TIMEOUT);
        match short {
            Some(timeout) if self.has_many(Holder::Mini) => {
                let reason = format!("it is {} s already", timeout.as_secs());
                refusals.push(Refusal::no_gain("tcp_fin_timeout=15", reason));
            }
            _ if self.has_many(Holder::Mini) || self.route.ports.fin_wait2_mini >= MANY_FIN_WAIT2 => {}
            _ => refusals.push(match settings.tw_timeout {
                None => Refusal::folklore("tcp_fin_timeout", "tcp_fin_timeout"),
                Some(time) => Refusal::refused(
                    "tcp_fin_timeout",
                    format!("it bounds FIN_WAIT2; TIME_WAIT is tcp_tw_timeout, {} s, of this kernel", time.as_secs()),
                ),
            }),
        }
        refusals.push(Refusal::folklore("tcp_max_tw_buckets", "a lower tcp_max_tw_buckets"));
        let lost = "close() then sends RST: data in flight is lost, and the peer sees an error";
        refusals.push(Refusal::refused("SO_LINGER 0", lost));
        refusals
    }
}

/// The cures of a pool of bind(address, 0) that is full.
pub(crate) fn for_bind_pool(pool: &BindFirstPool) -> Advice {
    let capacity = pool.capacity();
    let at_connect = Remedy::new(
        When::Last,
        "IP_BIND_ADDRESS_NO_PORT before bind()",
        format!("{capacity} ports for each destination instead of {capacity} for all"),
    );
    let second = Remedy::new(When::Now, SECOND_SOURCE, format!("another {capacity} ports"));
    Advice {
        remedies: vec![
            at_connect
                .short(format!("{capacity} each"))
                .enough(true)
                .provided("kernel 4.2 or later, and a client that can be changed", None)
                .risk(Risk::Low, "")
                .snippet(include_str!("snippets/bind_address_no_port.txt")),
            second
                .short(format!("+{capacity}"))
                .risk(Risk::Low, "moves the limit")
                .snippet(include_str!("snippets/second_source.txt")),
        ],
        refused: vec![Refusal::refused(
            "SO_REUSEADDR on the client",
            "bind(address, 0) still finds no port, and a port held by bind() is lost to every connect()",
        )],
    }
}

/// The snippet for the client that most likely talks to this port; the page `keepalive` has them all.
fn client_of(to: SocketAddr) -> (&'static str, &'static str) {
    match to.port() {
        5432 | 6432 => ("PostgreSQL client: pool of", include_str!("snippets/postgresql.txt")),
        6379 => ("Redis client: pool of", include_str!("snippets/redis.txt")),
        3306 => ("client: connection pool of", include_str!("snippets/java.txt")),
        _ => ("nginx: upstream keepalive", include_str!("snippets/nginx.txt")),
    }
}

const SECOND_SOURCE: &str = "a second source address";
/// What ends mini-sockets and keeps them from coming.
pub(crate) const MEND_THE_OTHER_SIDE: &str = "mend the other side: it does not close";
/// Fewer sockets in FIN_WAIT2 to one destination are no finding.
pub(crate) const MANY_FIN_WAIT2: u32 = 1000;
/// The connections of a pool: more than most services have requests under way to one destination.
const POOL: u32 = 64;
