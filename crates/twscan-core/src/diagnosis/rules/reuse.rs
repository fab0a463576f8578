use super::ports::{Pressure, pressure};
use crate::advice::{Change, Route, Shortage};
use crate::budget::holder::Holder;
use crate::diagnosis::case::{Case, TupleCase};
use crate::diagnosis::{Code, Finding, Remedy, Risk, Severity, When};
use crate::procfs::{Key, TwReuse};

/// Destinations whose ports TIME_WAITs press.
fn pressed<'c>(case: &'c Case<'_>) -> impl Iterator<Item = &'c TupleCase> {
    let by_time_wait = |tuple: &TupleCase| Holder::most(tuple.budget.ports()) == Holder::TimeWait;
    case.tuples.iter().filter(move |tuple| pressure(tuple) > Pressure::None && by_time_wait(tuple))
}

/// `tcp_tw_reuse` is 0, which is not the kernel's default.
pub(in crate::diagnosis) fn off(case: &Case<'_>) -> Vec<Finding> {
    if case.sample.settings.tw_reuse != Some(TwReuse::Off) {
        return Vec::new();
    }
    let worst = pressed(case).next();
    let outbound = case.sample.destinations.time_wait().outbound;
    let severity = if worst.is_some() { Severity::Warning } else { Severity::Info };
    if worst.is_none() && outbound < MANY_OUTBOUND {
        return Vec::new();
    }
    let finding = Finding::new(Code::ReuseOff, severity, "tcp_tw_reuse=0; the kernel's default is 2")
        .figure("time_wait_outbound", outbound)
        .figure("tcp_tw_reuse", 0_u32)
        .because(
            "with 0 a TIME_WAIT keeps its port for 60 to 62 s; with 2, on the loopback, for tcp_tw_reuse_delay (1 s)",
        );
    vec![match worst {
        Some(tuple) => cures(case, tuple, finding.about(tuple.budget.tuple())),
        None => finding,
    }]
}

/// The cures of TIME_WAITs that keep their ports.
fn cures(case: &Case<'_>, tuple: &TupleCase, finding: Finding) -> Finding {
    let route = Route::of(case.sample, &tuple.budget);
    let shortage = Shortage::of(&case.situation, &route);
    let finding = shortage.reuse().into_iter().chain(shortage.keepalive()).fold(finding, Finding::remedy);
    shortage.refusals().into_iter().take(1).fold(finding, Finding::refuse)
}

/// `tcp_tw_reuse` is 2 and the destination is on no loopback, even if it is this host.
pub(in crate::diagnosis) fn not_loopback(case: &Case<'_>) -> Vec<Finding> {
    if case.sample.settings.tw_reuse != Some(TwReuse::Loopback) {
        return Vec::new();
    }
    let Some(tuple) = pressed(case).find(|tuple| !tuple.budget.tuple().is_loopback()) else { return Vec::new() };
    let which = tuple.budget.tuple();
    let own = if which.source == which.destination.ip() { " (this host's own address, but not 127/8)" } else { "" };
    let title = format!("tcp_tw_reuse=2 does not cover {}: it is no loopback", which.destination);
    let finding = Finding::new(Code::ReuseNotLoopback, Severity::Warning, title)
        .about(which)
        .figure("time_wait", tuple.budget.ports().time_wait)
        .figure("tcp_tw_reuse", 2_u32)
        .seen(format!("from {} to {}{own}", which.source, which.destination))
        .because(
            "tcp_tw_reuse=2 takes over only TIME_WAITs with an address in 127/8, ::1 or bound to lo; that packets go over lo \
             is not enough",
        );
    vec![cures(case, tuple, finding)]
}

/// `tcp_tw_reuse` covers a destination whose ports are held by old TIME_WAITs, and nothing is taken over.
pub(in crate::diagnosis) fn ineffective(case: &Case<'_>) -> Vec<Finding> {
    let Some(motion) = case.motion else { return Vec::new() };
    let (Some(begun), Some(recycled)) = (motion.time_waits, motion.recycled) else { return Vec::new() };
    // With the first pass's ports in TIME_WAIT, nearly every connect() has to take one over: a scan of free ports need not.
    let crowded = |tuple: &&TupleCase| {
        let ports = tuple.budget.ports();
        tuple.budget.reuse_applies()
            && ports.reusable >= tuple.budget.low_parity_capacity()
            && f64::from(ports.reusable) * 2.0 >= f64::from(tuple.budget.capacity())
            && tuple.budget.capacity() >= SMALLEST_RANGE
    };
    let Some(tuple) = case.tuples.iter().find(crowded) else { return Vec::new() };
    if begun < MANY_CLOSED || recycled * 100 > begun {
        return Vec::new();
    }
    let to = tuple.budget.tuple().destination;
    let title = format!("tcp_tw_reuse is on, yet nothing to {to} is taken over");
    let finding = Finding::new(Code::ReuseIneffective, Severity::Warning, title)
        .about(tuple.budget.tuple())
        .figure("time_wait_that_look_reusable", tuple.budget.ports().reusable)
        .figure("time_wait_begun", begun)
        .figure("time_wait_taken_over", recycled)
        .figure("seconds", motion.seconds)
        .seen(format!("{begun} TIME_WAITs begun in {:.1} s, {recycled} taken over (TWRecycled)", motion.seconds))
        .because(
            "the old connections had no timestamps, which both ends must have on, or their ports were chosen by bind(); then \
             the ports are held for a minute whatever tcp_tw_reuse says",
        )
        .remedy(
            Remedy::new(When::Now, "turn timestamps on at the peer", "TIME_WAITs then last tcp_tw_reuse_delay instead of 61 s")
                .short("reuse works")
                .provided("the peer's tcp_timestamps is 0, or a middlebox strips the option", None)
                .risk(Risk::Low, "acts on connections made afterwards")
                .snippet("sysctl -w net.ipv4.tcp_timestamps=1    # on the peer"),
        )
        ;
    let route = Route::of(case.sample, &tuple.budget);
    vec![Shortage::of(&case.situation, &route).keepalive().into_iter().fold(finding, Finding::remedy)]
}

/// `tcp_timestamps` is 0: nothing can be taken over.
pub(in crate::diagnosis) fn timestamps(case: &Case<'_>) -> Vec<Finding> {
    let settings = &case.sample.settings;
    if settings.timestamps != Some(0) {
        return Vec::new();
    }
    let worst = pressed(case).next();
    let covered = settings.tw_reuse.is_some_and(|mode| mode != TwReuse::Off);
    if worst.is_none() && !(covered && case.sample.destinations.time_wait().outbound >= MANY_OUTBOUND) {
        return Vec::new();
    }
    let severity = if worst.is_some() { Severity::Warning } else { Severity::Info };
    let finding = Finding::new(Code::TimestampsOff, severity, "tcp_timestamps=0: tcp_tw_reuse has no effect")
        .figure("time_wait_outbound", case.sample.destinations.time_wait().outbound)
        .figure("tcp_timestamps", 0_u32)
        .because("a TIME_WAIT is taken over only if its connection had negotiated timestamps, on both ends");
    let route = worst.map_or(Route::default(), |tuple| Route::of(case.sample, &tuple.budget));
    let change = Change::new(settings, Key::Timestamps, "1".to_owned(), &route);
    let remedy = Remedy::changing(When::Now, &[change], "TIME_WAITs of later connections can be taken over");
    let finding = finding.remedy(remedy.short("reuse works"));
    vec![match worst {
        Some(tuple) => finding.about(tuple.budget.tuple()),
        None => finding,
    }]
}

/// Fewer hold no port that anybody misses.
const MANY_OUTBOUND: u64 = 1000;
/// Fewer prove nothing.
const MANY_CLOSED: u64 = 50;
/// In a smaller one half of the ports are a handful.
const SMALLEST_RANGE: u32 = 100;
