use super::plan::{Change, Effect, Refusal};
use super::situation::Route;
use super::{Goal, Key, Situation};
use crate::procfs::Settings;

/// Refuses what no plan does, with the reason.
pub(super) fn folklore(goal: &Goal) -> Vec<Refusal> {
    let others = goal.others.iter();
    others.map(|(key, value)| refusal(key, value, why_not(key.rsplit(['.', '/']).next().unwrap_or(key)))).collect()
}

/// Refuses a value of a known parameter that does harm or that this kernel does not have.
pub(super) fn refuse(key: Key, value: &str, settings: &Settings) -> Option<Refusal> {
    let why = match key {
        Key::MaxTwBuckets
            if value.trim().parse::<u64>().ok().zip(settings.max_tw_buckets).is_some_and(|(to, from)| to < from) =>
        {
            "lowering it destroys TIME_WAITs that protect later connections from old segments; it frees ports by breaking \
             TCP (the kernel's ip-sysctl text forbids it)"
        }
        Key::TwReuseDelay if settings.tw_reuse_delay.is_none() => {
            "this kernel has no such parameter; it came with 6.14, before the delay is a second"
        }
        Key::TwReuse if settings.tw_reuse.is_none() => "this kernel or namespace has no such parameter",
        _ => return None,
    };
    Some(refusal(key.name(), value, why))
}

/// Says what a change is for, what may go wrong and what must be so.
pub(super) fn explain(change: &mut Change, situation: &Situation, route: &Route) {
    let settings = &situation.settings;
    let (why, risk, precondition): (String, &str, Option<String>) = match change.key {
        Key::ReservedPorts => (
            "services listen there, or it was asked for: connect() and bind(0) leave these ports alone".to_owned(),
            "low: one port fewer for connections each",
            None,
        ),
        Key::PortRange => (
            "more local ports for each (source, destination, port)".to_owned(),
            "low: a service that starts later on a port of the range may find it taken; reserve that port",
            Some("low at or above ip_unprivileged_port_start; ends of different parity".to_owned()),
        ),
        Key::Timestamps if change.to == "0" => (
            "it was asked for".to_owned(),
            "high: no TIME_WAIT can be reused, and old segments are told apart worse",
            None,
        ),
        Key::Timestamps => (
            "reuse takes only TIME_WAITs of connections with timestamps".to_owned(),
            "low: 12 bytes a segment",
            Some("acts on connections opened from now on; the peer must have them on as well".to_owned()),
        ),
        Key::TwReuseDelay => (
            "a TIME_WAIT's port can be taken again after this many ms instead of the present delay".to_owned(),
            "medium: less time for old segments to die; timestamps are the only guard",
            Some("kernel 6.14 or later; tcp_tw_reuse on for the destination".to_owned()),
        ),
        Key::TwReuse => {
            (reuse_reason(change, route), reuse_risk(&change.to), reuse_precondition(change, settings, route))
        }
        Key::MaxTwBuckets => (
            "a TIME_WAIT above this number is not created and leaves its connection unprotected".to_owned(),
            "low: 256 bytes of kernel memory a TIME_WAIT",
            Some("frees no port".to_owned()),
        ),
    };
    change.why = why;
    change.risk = risk.to_owned();
    change.precondition = precondition;
}

/// What the application can do: nothing where all is well without a change.
pub(super) fn application(goal: &Goal, effects: &[Effect], reached: Option<bool>) -> Vec<String> {
    let Some(worst) = effects.iter().min_by(|a, b| a.after.sustainable.total_cmp(&b.after.sustainable)) else {
        return Vec::new();
    };
    let mut advice = Vec::new();
    if reached == Some(false) {
        advice.push("no kernel parameter reaches this goal; the application has to change".to_owned());
        if let Some(rate) = goal.rate.map(f64::from).filter(|_| worst.after.sustainable > 0.0) {
            let addresses = (rate / worst.after.sustainable).ceil();
            advice.push(format!(
                "or spread over {addresses} source addresses, destination addresses or destination ports: each triple has \
                 the whole range (with a source address, set IP_BIND_ADDRESS_NO_PORT)"
            ));
        }
    }
    let rate = goal.rate.map_or(0.0, f64::from);
    if reached == Some(true) && !worst.after.reuse && rate > worst.after.sustainable / 2.0 {
        advice.push(
            "at this rate more than half of the range is held by TIME_WAITs, and each connect() scans half of the range \
             first: a millisecond instead of microseconds"
                .to_owned(),
        );
    }
    advice.push(
        "keep connections open and use them again: a pool in the client, in nginx `upstream { server ..; keepalive 64; }` \
         with `proxy_http_version 1.1` and `proxy_set_header Connection \"\"`; a few dozen ports do then"
            .to_owned(),
    );
    advice
}

fn reuse_reason(change: &Change, route: &Route) -> String {
    match (change.to.as_str(), route.is_loopback()) {
        ("0", _) => "it was asked for".to_owned(),
        ("2", false) if route.destination.is_some() => {
            "it was asked for; no gain here, 2 is for the loopback alone and this destination is elsewhere".to_owned()
        }
        ("2", _) => "connect() may take over the port of a TIME_WAIT on the loopback; the kernel's default".to_owned(),
        ("1", true) if change.from.as_deref() == Some("2") => {
            "connect() may take over the port of a TIME_WAIT anywhere; no gain on the loopback, 2 covers it".to_owned()
        }
        _ => "connect() may take over the port of a TIME_WAIT that is older than the delay".to_owned(),
    }
}

fn reuse_risk(to: &str) -> &'static str {
    match to {
        "0" => "high: every TIME_WAIT keeps its port for a minute",
        "2" => "low: it is the kernel's default",
        _ => "low: acts on outgoing connections only",
    }
}

fn reuse_precondition(change: &Change, settings: &Settings, route: &Route) -> Option<String> {
    if change.to == "0" {
        return None;
    }
    let mut text = "timestamps on the old connection, from both ends (sock_diag does not tell)".to_owned();
    if settings.timestamps == Some(0) {
        text.push_str("; they are off here now (tcp_timestamps=0), so present TIME_WAITs stay");
    }
    if change.to == "2" && !route.is_loopback() {
        text.push_str("; an end in 127/8 or ::1");
    }
    Some(text)
}

fn why_not(name: &str) -> &'static str {
    match name {
        "tcp_tw_recycle" => {
            "removed in kernel 4.12; it dropped connections of clients behind NAT. tcp_tw_reuse is for outgoing connections"
        }
        "tcp_fin_timeout" => {
            "it bounds FIN_WAIT2, not TIME_WAIT; TIME_WAIT is 60 s, a constant of the kernel that no parameter changes"
        }
        "tcp_rfc1337" => "it protects TIME_WAIT from resets and frees no port",
        "ip_unprivileged_port_start" => {
            "twscan does not lower what protects privileged ports; set it by hand if it must be"
        }
        _ => "it decides nothing about local ports or TIME_WAIT; see twscan tune --help for what does",
    }
}

fn refusal(key: &str, value: &str, why: &str) -> Refusal {
    Refusal { key: key.to_owned(), value: value.to_owned(), why: why.to_owned() }
}
