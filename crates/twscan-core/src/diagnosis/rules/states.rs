use std::net::SocketAddr;
use std::time::Duration;

use crate::advice::{MANY_FIN_WAIT2, MEND_THE_OTHER_SIDE, SHORT_FIN_TIMEOUT, fin_timeout};
use crate::diagnosis::case::Case;
use crate::diagnosis::gate::Gate;
use crate::diagnosis::{Code, Finding, Refusal, Remedy, Risk, Severity, Subject, When};
use crate::sample::Sample;
use crate::socket::{TIME_WAIT_LENGTH, TcpState};
use crate::tally::{DestinationKey, Role};

/// A group of sockets in one state, now and before.
struct Pile {
    key: DestinationKey,
    now: u64,
    before: Option<u64>,
    /// FIN_WAIT2 mini-sockets of the group.
    minis: u64,
}

impl Pile {
    /// The greatest one that is over the gate.
    fn over(case: &Case<'_>, state: TcpState, gate: Gate) -> Option<Self> {
        let wanted = |key: &DestinationKey| {
            case.target.is_none_or(|target| match key.destination {
                Some(destination) => target.contains(SocketAddr::new(destination, key.port)),
                None => target.port_number().is_none_or(|port| port == key.port),
            })
        };
        let groups = case.sample.destinations.iter().filter(|(key, _)| wanted(key));
        let piles = groups.map(|(key, counts)| {
            let before = case.earlier.map(|earlier| count_before(earlier, &key, state));
            Self { key, now: counts.of(state), before, minis: counts.fin_wait2_mini.into() }
        });
        piles.filter(|pile| gate.counts(pile.now, pile.before)).max_by_key(|pile| (pile.now, pile.key))
    }

    fn subject(&self) -> Subject {
        Subject { source: self.key.source, destination: self.key.destination, port: Some(self.key.port) }
    }

    fn place(&self) -> String {
        match (self.key.role, self.key.destination) {
            (Role::Inbound, _) | (_, None) => format!("on local port {}", self.key.port),
            (_, Some(destination)) => format!("to {}", SocketAddr::new(destination, self.key.port)),
        }
    }

    fn start(&self, code: Code, severity: Severity, title: impl Into<String>) -> Finding {
        let mut finding = Finding::new(code, severity, title).about(self.subject()).figure("sockets", self.now);
        if let Some(before) = self.before {
            finding = finding.figure("sockets_before", before);
        }
        finding
    }
}

fn count_before(earlier: &Sample, key: &DestinationKey, state: TcpState) -> u64 {
    earlier.destinations.iter().find(|(other, _)| other == key).map_or(0, |(_, counts)| counts.of(state))
}

/// The other side has closed and the program here has not: a leak of file descriptors.
pub(in crate::diagnosis) fn close_wait(case: &Case<'_>) -> Vec<Finding> {
    let Some(pile) = Pile::over(case, TcpState::CloseWait, Gate::at(MANY_CLOSE_WAIT)) else { return Vec::new() };
    let finding = pile
        .start(
            Code::CloseWaitLeak,
            Severity::Warning,
            format!("{} connections {} in CLOSE_WAIT: a program does not close them", pile.now, pile.place()),
        )
        .note("who", owner(case, &pile, TcpState::CloseWait, "close-wait"))
        .because(
            "the other side has closed and the program here has not called close(): they stay until it does, or ends",
        )
        .remedy(
            Remedy::new(When::Now, "restart the program", "frees all of them")
                .short(format!("{} sockets", pile.now))
                .enough(true)
                .risk(Risk::Medium, "they come back until the leak is mended"),
        )
        .remedy(
            Remedy::new(When::Last, "close what has been read to its end", "ends it")
                .short("no leak")
                .enough(true)
                .risk(Risk::Low, "responses left unread, connections dropped from a pool without close()"),
        );
    let why = "CLOSE_WAIT is no TIME_WAIT; no parameter ends it";
    vec![finding.refuse(Refusal::refused("tcp_tw_reuse, ip_local_port_range", why))]
}

/// Who has the sockets of a group in this state open, which ss calls by this name.
fn owner(case: &Case<'_>, pile: &Pile, state: TcpState, name: &str) -> String {
    let destination = pile.key.destination.map(|ip| SocketAddr::new(ip, pile.key.port));
    let owners = case.facts.owners.iter().filter(|owner| match destination {
        Some(_) => owner.destination == destination,
        None => owner.local_port == Some(pile.key.port),
    });
    let owners = owners.filter(|owner| owner.state.is_none_or(|of| of == state));
    // Who has most of the others need not be who has these.
    match owners.max_by_key(|owner| (owner.state.is_some(), owner.sockets)) {
        Some(owner) => owner.process.clone(),
        None => format!("ss -tnp state {name} shows it (as root, or as the program's user)"),
    }
}

/// This side has closed and the other has not.
pub(in crate::diagnosis) fn fin_wait2(case: &Case<'_>) -> Vec<Finding> {
    let Some(pile) = Pile::over(case, TcpState::FinWait2, Gate::at(MANY_FIN_WAIT2.into())) else { return Vec::new() };
    let outbound = pile.key.role == Role::Outbound;
    let timeout = case.sample.settings.fin_timeout;
    let holds = if outbound { ", each holds a local port" } else { "" };
    // `None` where the source does not tell which of them nobody has open any more.
    let minis = case.sample.states.fin_wait2_mini().map(|_| pile.minis);
    let full = minis.map_or(0, |minis| pile.now - minis);
    let many = |count: u64| count * 10 >= pile.now;
    let why = match minis {
        None => "what no program holds any more ends after tcp_fin_timeout",
        Some(_) if !many(full) => "a mini-socket ends after the tcp_fin_timeout that it began with",
        Some(minis) if !many(minis) => {
            "a program here keeps what it has shut down, which no parameter ends: tcp_fin_timeout begins with close()"
        }
        Some(_) => "tcp_fin_timeout ends the mini-sockets, and nothing but close() what a program here still has open",
    };
    let mut finding = pile
        .start(
            Code::FinWait2Pileup,
            if outbound { Severity::Warning } else { Severity::Info },
            format!("{} connections {} in FIN_WAIT2{holds}", pile.now, pile.place()),
        )
        .figure_of("mini_sockets", case.sample.states.fin_wait2_mini())
        .figure_of("mini_sockets_among_them", minis)
        .figure_of("tcp_fin_timeout", timeout.map(|timeout| timeout.as_secs()))
        .because(format!("this side has closed and the other does not, most often for its CLOSE_WAIT leak; {why}"));
    if let Some(minis) = minis {
        // The kernel keeps the whole socket until a minute is left (net/ipv4/tcp.c, `__tcp_close`).
        let first = timeout.map_or(0, |timeout| timeout.as_secs().saturating_sub(TIME_WAIT_LENGTH.as_secs()));
        let or = if first > 0 { format!(", or had until {first} s ago") } else { String::new() };
        finding = finding.seen(match (full, minis) {
            (0, _) => "all of them mini-sockets: no program has them open".to_owned(),
            (_, 0) => format!("no mini-sockets: a program has them open{or}"),
            _ => format!("{minis} mini-sockets, {full} that a program has open{or}"),
        });
    }
    if many(full) {
        finding = finding.note("who", owner(case, &pile, TcpState::FinWait2, "fin-wait-2"));
        finding = held_open(finding, &pile, full);
    }
    if let Some(timeout) = timeout.filter(|_| minis != Some(0)) {
        finding = if timeout > SHORT_FIN_TIMEOUT {
            finding.remedy(shorter_timeout(&pile, minis, timeout))
        } else {
            let advice = format!("tcp_fin_timeout={}", SHORT_FIN_TIMEOUT.as_secs());
            finding.refuse(Refusal::no_gain(advice, format!("it is {} s already", timeout.as_secs())))
        };
    }
    let mend = Remedy::new(When::Last, MEND_THE_OTHER_SIDE, "ends it").short("none left").enough(true);
    let mut finding = finding.remedy(mend.risk(Risk::Low, ""));
    finding.remedies.sort_by_key(Remedy::rank);
    vec![finding]
}

/// The cures of sockets in FIN_WAIT2 that a program here has open.
fn held_open(finding: Finding, pile: &Pile, full: u64) -> Finding {
    let enough = !Gate::at(MANY_FIN_WAIT2.into()).counts(pile.now - full, None);
    finding
        .remedy(
            Remedy::new(When::Now, "restart the program here that has them", "they end after tcp_fin_timeout")
                .short(format!("{full} sockets"))
                .enough(enough)
                .risk(Risk::Medium, "they come back until it closes what it has shut down"),
        )
        .remedy(
            Remedy::new(When::Last, "here: close() some time after shutdown()", "they end after tcp_fin_timeout")
                .short("no leak")
                .enough(enough)
                .risk(Risk::Low, "what the other side still sends is answered by RST"),
        )
}

/// `tcp_fin_timeout`, which acts on the mini-sockets alone.
fn shorter_timeout(pile: &Pile, minis: Option<u64>, timeout: Duration) -> Remedy {
    let (now, short) = (timeout.as_secs(), SHORT_FIN_TIMEOUT.as_secs());
    let stay = |minis: u64| minis * short / now.max(1);
    let left = minis.map(|minis| pile.now - minis + stay(minis));
    let then =
        left.map_or(String::new(), |left| format!(": about {left} sockets instead of {} at this rate", pile.now));
    fin_timeout(format!("mini-sockets of later closes last {short} s, not {now} s{then}"))
        .short(format!("{short} s"))
        .enough(left.map(|left| !Gate::at(MANY_FIN_WAIT2.into()).counts(left, None)))
}

/// Nobody answers: down, or filtered.
pub(in crate::diagnosis) fn syn_sent(case: &Case<'_>) -> Vec<Finding> {
    let Some(pile) = Pile::over(case, TcpState::SynSent, Gate::at(MANY_SYN_SENT)) else { return Vec::new() };
    let finding = pile
        .start(
            Code::SynSentPileup,
            Severity::Warning,
            format!("{} connections {} wait for an answer", pile.now, pile.place()),
        )
        .because(
            "the other side is down, or a firewall drops the packets without a word: connect() hangs, and fails late \
                  with ETIMEDOUT (110); that is no lack of ports",
        )
        .remedy(
            Remedy::new(When::Now, "look whether it is up, and what is between", "tells which of the two it is")
                .short("the cause")
                .risk(Risk::Low, ""),
        )
        .remedy(
            Remedy::new(When::Last, "a connect timeout of a few seconds in the client", "frees its port early")
                .short("seconds")
                .risk(Risk::Low, "the kernel's own is over two minutes (tcp_syn_retries=6)"),
        );
    vec![finding]
}

const MANY_CLOSE_WAIT: f64 = 100.0;
const MANY_SYN_SENT: f64 = 50.0;
