use std::time::Duration;

use crate::advice::{Route, for_bind_pool};
use crate::budget::Zone;
use crate::budget::holder::{Holder, holders};
use crate::diagnosis::case::{Case, TupleCase};
use crate::diagnosis::{Code, Finding, Severity, Subject};
use crate::forecast::{Bound, Forecast, Window};
use crate::judgement::BindPool;
use crate::tally::PortUse;

/// How hard a destination's ports are pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Pressure {
    None,
    Filling,
    Slow,
    NearlyFull,
    Full,
}

/// Full, nearly full, slow, or soon to be: one finding a destination, for the worst of them.
pub(in crate::diagnosis) fn fullness(case: &Case<'_>) -> Vec<Finding> {
    let pressed = case.tuples.iter().map(|tuple| (tuple, pressure(tuple)));
    let pressed = pressed.filter(|(_, pressure)| *pressure > Pressure::None);
    pressed.take(MOST).map(|(tuple, pressure)| finding(case, tuple, pressure)).collect()
}

/// What a destination's ports are under: as it is judged, and what is to come of it.
pub(super) fn pressure(tuple: &TupleCase) -> Pressure {
    let TupleCase { budget, space, forecast } = tuple;
    match space.zone() {
        _ if space.is_undecided() => Pressure::None,
        Zone::Full => Pressure::Full,
        Zone::NearlyFull => Pressure::NearlyFull,
        Zone::Slow => Pressure::Slow,
        Zone::Fast => {
            let filling = forecast.as_ref().is_some_and(Forecast::is_filling) && budget.percent() >= LEAST_PERCENT;
            if filling { Pressure::Filling } else { Pressure::None }
        }
    }
}

fn finding(case: &Case<'_>, tuple: &TupleCase, pressure: Pressure) -> Finding {
    let TupleCase { budget, space, forecast } = tuple;
    let ports = budget.ports();
    let (to, capacity) = (budget.tuple().destination, budget.capacity());
    let expected =
        |of: fn(&Forecast) -> Option<Window>| forecast.as_ref().and_then(of).and_then(|window| window.expected);
    let (slow_soon, full_soon) = (expected(|forecast| forecast.to_slow), expected(|forecast| forecast.to_full));
    let (code, severity, title) = match pressure {
        Pressure::Full => (
            Code::PortsExhausted,
            space.severity(),
            format!("no local port left from {} to {to}", budget.tuple().source),
        ),
        Pressure::NearlyFull => (
            Code::PortsExhausted,
            space.severity(),
            format!("{} local ports left of {capacity} to {to}{}", budget.free(), soon(full_soon)),
        ),
        Pressure::Slow => {
            (Code::PortsSlow, space.severity(), format!("each connect() to {to} scans: half of its ports are held"))
        }
        _ => {
            let first = full_soon.or(slow_soon).unwrap_or(case.horizon);
            let what = if full_soon.is_some() { "run out" } else { "are half held" };
            (Code::PortsFilling, Severity::Warning, format!("local ports to {to} {what} in about {}", seconds(first)))
        }
    };
    let mut finding = Finding::new(code, severity, title)
        .about(budget.tuple())
        .figure("ports_held", ports.held())
        .figure("ports_used", ports.used())
        .figure("capacity", capacity)
        .figure("free", budget.free())
        .figure("percent", budget.percent())
        .figure("live", ports.live)
        .figure("time_wait", ports.time_wait)
        .figure("fin_wait2_mini", ports.fin_wait2_mini)
        .figure_of("reusable", ports.known_reusable())
        .figure_of("closed_per_second", forecast.as_ref().map(|forecast| forecast.arrivals.present()))
        .figure_of("closed_per_second_peak", forecast.as_ref().map(|forecast| forecast.arrivals.peak))
        .figure_of("steady_state_ports", forecast.as_ref().map(|forecast| forecast.steady_state_ports))
        .figure_of("seconds_to_slow", slow_soon.map(|time| time.as_secs_f64()))
        .figure_of("seconds_to_full", full_soon.map(|time| time.as_secs_f64()));
    finding = notes(case, tuple, pressure, finding);
    let finding = finding.because(cause(ports, pressure));
    let route = Route::of(case.sample, budget);
    let demand = route.demand;
    finding
        .figure_of("demand_per_second", (demand.known || demand.at_least > 0.0).then_some(demand.at_least))
        .figure("sustainable_per_second", budget.outlook().sustainable)
        .advised(case.situation.advise(&route))
}

fn notes(case: &Case<'_>, tuple: &TupleCase, pressure: Pressure, mut finding: Finding) -> Finding {
    let TupleCase { budget, forecast, .. } = tuple;
    let ports = budget.ports();
    let reusable = ports.known_reusable().map_or("nobody knows how many".to_owned(), |count| count.to_string());
    finding = finding.seen(format!(
        "{} of {} ports used, {}, {reusable} reusable, {} free",
        ports.used(),
        budget.capacity(),
        holders(ports),
        budget.free()
    ));
    if let Some(log) = case.facts.exhausted_to(budget.tuple().destination) {
        let span = log.span.as_ref().map_or(String::new(), |span| format!(", {span}"));
        finding = finding.figure("failed_connects", log.events);
        finding = finding.seen(format!("{} failed connects in the log{span}", log.events));
    }
    finding = match forecast {
        Some(forecast) => course(forecast, ports, pressure, finding),
        None => finding.note("unsure", "the source does not tell how old the TIME_WAITs are, and so no rate"),
    };
    finding.note("who", who(case, tuple))
}

/// When it began and when it ends.
fn course(forecast: &Forecast, ports: PortUse, pressure: Pressure, mut finding: Finding) -> Finding {
    let (time_waits, minis) = (Holder::TimeWait.has_many(ports), Holder::Mini.has_many(ports));
    if let Some((ago, first, then)) = onset(forecast).filter(|_| time_waits || !minis) {
        finding = finding.figure("since_seconds", ago);
        let slowed = if pressure >= Pressure::Slow && then >= 1.0 && f64::from(first) > 3.0 * then {
            " (from half of the range on, connect() scans)"
        } else {
            ""
        };
        let then = if then >= 1.0 { format!("then about {then:.0}/s{slowed}") } else { "then hardly any".to_owned() };
        finding = finding.note("since", format!("{ago} s ago: {first} closed in the first second, {then}"));
    }
    if pressure == Pressure::Full
        && let Some(back) = forecast.first_back
    {
        let again = if forecast.arrivals.present() >= 1.0 { ", then fills again" } else { "" };
        let what = match (time_waits, minis) {
            (true, true) => "TIME_WAITs and mini-sockets end",
            (false, true) => "mini-sockets end, unless the other side closes: each is then a TIME_WAIT",
            _ => "TIME_WAITs end",
        };
        finding = finding.note("ends", format!("by itself from {} on, as {what}{again}", seconds(back)));
    } else if pressure < Pressure::Full
        && let Some(window) = forecast.to_full
    {
        let latest = window.latest.map_or("or never".to_owned(), |latest| format!("at the latest {}", seconds(latest)));
        finding = finding.note("full", format!("in {} at the earliest, {latest}", seconds(window.earliest)));
    }
    if minis {
        finding = finding.note("unsure", "every rate is of TIME_WAITs alone: that of the mini-sockets is not known");
    }
    if forecast.arrivals.bound == Bound::AtLeast && (time_waits || !minis) {
        finding = finding.note("unsure", "the rate is a lower bound: reused TIME_WAITs are gone");
    }
    finding
}

fn who(case: &Case<'_>, tuple: &TupleCase) -> String {
    let to = tuple.budget.tuple().destination;
    let owners = case.facts.owners_to(to);
    if let Some(owner) = owners.first() {
        let likely = if owner.likely { ", likely: it has the live ones" } else { "" };
        return format!("{}{likely}", owner.process);
    }
    let why = match Holder::most(tuple.budget.ports()) {
        Holder::TimeWait => "the kernel keeps no owner of a TIME_WAIT",
        Holder::Mini => "the kernel keeps no owner of a mini-socket",
        Holder::Live => "-p shows it (as root, or as the program's user)",
    };
    match case.facts.exhausted_to(to).and_then(|log| log.program.as_deref()) {
        Some(program) => format!("{program}, by its log; {why}"),
        None => format!("unknown; {why}"),
    }
}

fn cause(ports: PortUse, pressure: Pressure) -> String {
    let kinds = [Holder::TimeWait, Holder::Mini, Holder::Live];
    let many: Vec<Holder> = kinds.into_iter().filter(|kind| kind.has_many(ports)).collect();
    let what = match many.as_slice() {
        [_, _, ..] => {
            let parts: Vec<String> = many.iter().map(|kind| part(*kind, kind.count(ports))).collect();
            format!("held by {}", parts.join(", "))
        }
        _ => alone(Holder::most(ports)).to_owned(),
    };
    let cost = match pressure {
        Pressure::Slow => "; from half of the range on each connect() scans, 300 times slower on the default range",
        _ => "",
    };
    format!("{what}{cost}")
}

/// Why one kind of socket holds the ports.
fn alone(kind: Holder) -> &'static str {
    match kind {
        Holder::TimeWait => {
            "a connection per request, closed first by this side, leaves a TIME_WAIT that holds its port for a minute"
        }
        Holder::Mini => {
            "this side has closed and the other side does not: each FIN_WAIT2 mini-socket keeps its port for the \
             tcp_fin_timeout it began with"
        }
        Holder::Live => {
            "live connections hold the ports: a pool without a bound, a leak, or a proxy for more clients than ports"
        }
    }
}

/// The same of one kind among others.
fn part(kind: Holder, count: u32) -> String {
    match kind {
        Holder::TimeWait => format!("{count} TIME_WAITs (this side closed first)"),
        Holder::Mini => format!("{count} FIN_WAIT2 mini-sockets (the other side does not close)"),
        Holder::Live => format!("{count} live connections"),
    }
}

/// When the present load began: seconds ago, how many were closed in that second, and how many a second since.
fn onset(forecast: &Forecast) -> Option<(u32, u32, f64)> {
    let minute = forecast.closings.get(..60)?;
    let threshold = (f64::from(forecast.arrivals.peak) / 100.0).max(1.0);
    let length = minute.iter().rposition(|closed| f64::from(*closed) >= threshold)? + 1;
    if length < 2 {
        return None;
    }
    // The second it began in is not whole: the next one is the first full one.
    let (last, next) = (*minute.get(length - 1)?, *minute.get(length - 2)?);
    let first = last.max(next);
    let rest = minute.get(..length - 2).filter(|rest| !rest.is_empty())?;
    let count = u32::try_from(rest.len()).ok()?;
    let then = f64::from(rest.iter().sum::<u32>()) / f64::from(count);
    Some((u32::try_from(length).ok()?, first, then))
}

/// What comes of it.
fn soon(full: Option<Duration>) -> String {
    full.map_or(String::new(), |time| format!(", and none in about {}", seconds(time)))
}

/// Clients that bind(address, 0) first have one pool for all destinations.
pub(in crate::diagnosis) fn bind_pool(case: &Case<'_>) -> Vec<Finding> {
    let logged = case.facts.log.iter().filter(|fact| fact.bind_pool).map(|fact| fact.events).sum::<u64>();
    case.pools.iter().filter_map(|pool| pool_finding(pool, logged)).collect()
}

fn pool_finding(full: &BindPool, logged: u64) -> Option<Finding> {
    let BindPool { pool, by_bind, destinations, one_destination, .. } = *full;
    let source = pool.address();
    // Where one destination holds them all, that is the finding; the pool is full besides.
    if one_destination && logged == 0 {
        return None;
    }
    let bound_first = full.is_of_binders() || logged > 0;
    let severity = if bound_first { Severity::Critical } else { Severity::Info };
    let finding = Finding::new(
        Code::BindPoolFull,
        severity,
        format!("clients that bind to {source} before they connect find no port, to any destination"),
    )
    .about(Subject::source(source))
    .figure("ports_held", pool.held())
    .figure("capacity", pool.capacity())
    .figure("destinations", destinations)
    .figure("ports_of_the_parity_of_bind", by_bind)
    .seen(format!("{} of {} ports held at {source}, over all destinations together", pool.held(), pool.capacity()))
    .because(
        "bind(address, 0) without IP_BIND_ADDRESS_NO_PORT fixes the port before the destination is known, so that one pool \
         serves all of them; bind() then fails with EADDRINUSE while connect() without it would succeed",
    );
    let finding = if logged > 0 {
        finding.figure("failed_binds", logged).seen(format!("{logged} failed binds in the log"))
    } else {
        finding
    };
    Some(finding.advised(for_bind_pool(&pool)))
}

/// A time as a person says it.
pub(super) fn seconds(time: Duration) -> String {
    match time.as_secs() {
        0 => "0 s".to_owned(),
        seconds @ 1..=599 => format!("{seconds} s"),
        seconds => format!("{} min", seconds / 60),
    }
}

/// Destinations that are shown; with more, what is wrong is not one of them.
const MOST: usize = 10;
/// A destination that holds less is not filling up, whatever a burst may look like.
const LEAST_PERCENT: f64 = 10.0;
