use std::net::SocketAddr;

use crate::diagnosis::case::Case;
use crate::diagnosis::gate::Gate;
use crate::diagnosis::remedy::{Refusal, Remedy, Risk, When};
use crate::diagnosis::{Code, Finding, Severity, Subject};
use crate::sample::Sample;
use crate::socket::TcpState;
use crate::tally::{DestinationKey, Role};

/// A group of sockets in one state, now and before.
struct Pile {
    key: DestinationKey,
    now: u64,
    before: Option<u64>,
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
            Self { key, now: counts.of(state), before }
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
        .note("who", owner(case, &pile))
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
    vec![refuse(finding, "tcp_tw_reuse, ip_local_port_range", "CLOSE_WAIT is no TIME_WAIT; no parameter ends it")]
}

fn owner(case: &Case<'_>, pile: &Pile) -> String {
    let destination = pile.key.destination.map(|ip| SocketAddr::new(ip, pile.key.port));
    let owner = case.facts.owners.iter().filter(|owner| match destination {
        Some(_) => owner.destination == destination,
        None => owner.local_port == Some(pile.key.port),
    });
    match owner.filter(|owner| owner.state.is_none_or(|state| state == TcpState::CloseWait)).max_by_key(|o| o.sockets) {
        Some(owner) => owner.process.clone(),
        None => "ss -tnp state close-wait shows it (as root, or as the program's user)".to_owned(),
    }
}

/// This side has closed and the other has not.
pub(in crate::diagnosis) fn fin_wait2(case: &Case<'_>) -> Vec<Finding> {
    let Some(pile) = Pile::over(case, TcpState::FinWait2, Gate::at(MANY_FIN_WAIT2)) else { return Vec::new() };
    let outbound = pile.key.role == Role::Outbound;
    let timeout = case.sample.settings.fin_timeout.map_or(60, |timeout| timeout.as_secs());
    let holds = if outbound { ", each holds a local port" } else { "" };
    let finding = pile
        .start(
            Code::FinWait2Pileup,
            if outbound { Severity::Warning } else { Severity::Info },
            format!("{} connections {} in FIN_WAIT2{holds}", pile.now, pile.place()),
        )
        .figure_of("mini_sockets", case.sample.states.fin_wait2_mini())
        .figure_of("tcp_fin_timeout", case.sample.settings.fin_timeout.map(|timeout| timeout.as_secs()))
        .because(
            "this side has closed and the other side does not, most often for its CLOSE_WAIT leak; what no program holds any \
             more ends after tcp_fin_timeout",
        )
        .remedy(
            Remedy::new(When::Now, "tcp_fin_timeout=15", format!("15 s instead of {timeout} s"))
                .short("15 s")
                .enough((timeout > 15).then_some(true).or(Some(false)))
                .risk(Risk::Low, "a peer that answers later than that finds the connection gone")
                .set("net.ipv4.tcp_fin_timeout", &15),
        )
        .remedy(
            Remedy::new(When::Last, "mend the other side: it does not close", "ends it")
                .short("none left")
                .enough(true)
                .risk(Risk::Low, ""),
        );
    vec![finding]
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

fn refuse(mut finding: Finding, advice: &str, reason: &str) -> Finding {
    finding.refused.push(Refusal::refused(advice, reason));
    finding
}

const MANY_CLOSE_WAIT: f64 = 100.0;
const MANY_FIN_WAIT2: f64 = 1000.0;
const MANY_SYN_SENT: f64 = 50.0;
