use std::cmp::Reverse;

use crate::advice::{Change, Measure, Route};
use crate::diagnosis::case::Case;
use crate::diagnosis::{Code, Finding, NamespaceFact, Remedy, Risk, Severity, When};
use crate::port::{PortRange, PortSet};
use crate::procfs::Key;
use crate::socket::TcpState;

/// An odd number of ports: connect() leaves one out.
pub(in crate::diagnosis) fn parity(case: &Case<'_>) -> Vec<Finding> {
    let Some(range) = case.sample.settings.range else { return Vec::new() };
    if range.size() % 2 == 0 || range.size() == 1 {
        return Vec::new();
    }
    let better = if range.high() < u16::MAX {
        PortRange::new(range.low(), range.high() + 1)
    } else {
        PortRange::new(range.low() + 1, range.high())
    };
    let better = better.unwrap_or(range);
    let title = format!("the range {range} has an odd number of ports: one is out of reach");
    let finding = Finding::new(Code::RangeParity, Severity::Info, title).figure("ports", range.size()).because(
        "connect() tests an even number of candidates, so that it may leave out the first or the last for ever",
    );
    vec![finding.remedy(of_range(case, better, "a port").short("1 port"))]
}

/// Services that listen inside the range: a connection may have their port when they start.
pub(in crate::diagnosis) fn collides(case: &Case<'_>) -> Vec<Finding> {
    let Some(range) = case.sample.settings.range else { return Vec::new() };
    let reserved = case.sample.settings.reserved.clone().unwrap_or_default();
    let listening = case.sample.destinations.roles().listening();
    let inside: PortSet = listening.iter().filter(|port| range.contains(*port) && !reserved.contains(*port)).collect();
    if inside.is_empty() {
        return Vec::new();
    }
    let mut all = reserved;
    all.union_with(&inside);
    // Each takes its port, and those of its accepted connections, from every destination.
    let heavy = inside.len() * 100 >= range.size();
    let severity = if heavy { Severity::Warning } else { Severity::Info };
    let services = if inside.len() == 1 { "service listens" } else { "services listen" };
    let finding = Finding::new(
        Code::RangeCollides,
        severity,
        format!("{} {services} inside the range {range}: {}", inside.len(), shorten(&inside)),
    )
    .figure("listening_inside", inside.len())
    .figure("ports", range.size())
    .because(
        "while such a service is down a connection can take its port, and the service then fails to start with EADDRINUSE; \
         while it is up, connect() leaves the port out for every destination",
    )
;
    let change = Change::new(&case.sample.settings, Key::ReservedPorts, all.to_string(), &Route::default());
    vec![
        finding.remedy(
            Remedy::changing(When::Last, &[change], "they can always start")
                .titled("reserve their ports")
                .short("no clash")
                .enough(true)
                .provided("a service on a port that the kernel chose (bind to port 0) needs no reservation", None),
        ),
    ]
}

/// Reserved ports that no TCP service listens on.
pub(in crate::diagnosis) fn reserved(case: &Case<'_>) -> Vec<Finding> {
    let (Some(range), Some(reserved)) = (case.sample.settings.range, &case.sample.settings.reserved) else {
        return Vec::new();
    };
    let inside: PortSet = reserved.iter().filter(|port| range.contains(*port)).collect();
    let mut stale = inside.clone();
    stale.subtract(case.sample.destinations.roles().listening());
    let bound = case.sample.holders.iter().flat_map(|holders| holders.binders());
    let idle: PortSet =
        bound.filter(|binder| binder.state == TcpState::Close).map(|binder| binder.address.port()).collect();
    stale.subtract(&idle);
    if stale.is_empty() {
        return Vec::new();
    }
    let title = format!("{} reserved ports inside the range have no TCP listener", stale.len());
    let finding = Finding::new(Code::ReservedStale, Severity::Info, title)
        .figure("without_listener", stale.len())
        .figure("reserved_inside", inside.len())
        .seen(shorten(&stale))
        .because(
            "each is a port less for every destination; UDP services, and services that are down, were not looked at",
        );
    vec![finding]
}

/// Another network namespace with another range: a setting of the host is none of its containers'.
pub(in crate::diagnosis) fn namespaces(case: &Case<'_>) -> Vec<Finding> {
    let Some(range) = case.sample.settings.range else { return Vec::new() };
    let known = case.facts.namespaces.iter().filter_map(|other| Some((other, other.range?)));
    let (differing, same): (Vec<_>, Vec<_>) = known.partition(|(_, theirs)| *theirs != range);
    // The host's own, else the one that is used most; the inode orders those that are alike in that.
    let first = |other: &NamespaceFact| (!other.initial, Reverse(other.sockets), other.inode);
    let other = differing.iter().min_by(|(a, _), (b, _)| first(a).cmp(&first(b)).then_with(|| a.name.cmp(&b.name)));
    let Some((other, theirs)) = other.copied() else { return Vec::new() };
    let (count, all) = (differing.len(), differing.len() + same.len());
    let others = if all == 1 { "other network namespace read has" } else { "other network namespaces read have" };
    let finding = Finding::new(
        Code::NetnsRangeDiffers,
        Severity::Info,
        format!("{} has the range {theirs}, this one {range}", other.name),
    )
    .figure("namespaces", u32::try_from(count).unwrap_or(u32::MAX))
    .figure("ports", range.size())
    .figure("ports_there", theirs.size())
    .seen(format!("{count} of {all} {others} another range"))
    .because("each network namespace starts with the kernel's defaults, whatever the host's sysctl.d says");
    let remedy = if theirs.size() > range.size() {
        Some(widen_this_one(case, theirs))
    } else if theirs.size() < range.size() && !other.initial {
        let title = "set this range where that one is specified";
        Some(specified(title, format!("{} ports there, not {}", range.size(), theirs.size()), range))
    } else {
        // The host's own range is narrower, or another one of the same size: a choice, and nothing is lost here.
        None
    };
    vec![match remedy {
        Some(remedy) => finding.remedy(remedy),
        None => finding,
    }]
}

/// The wider range of another namespace for this one.
fn widen_this_one(case: &Case<'_>, wider: PortRange) -> Remedy {
    let gives = format!("{} ports here", wider.size());
    if !case.sample.provenance.initial_netns {
        return specified("set it where this namespace is specified", gives, wider);
    }
    of_range(case, wider, gives).short("same range")
}

/// Another range for this namespace, with the services that it would give away reserved.
fn of_range(case: &Case<'_>, range: PortRange, gives: impl Into<String>) -> Remedy {
    let wanted =
        Measure { range: Some(range), ..Measure::default() }.on(&case.sample.settings, case.situation.services());
    Remedy::changing(When::Last, &case.situation.changes(&wanted, &[], &Route::default()), gives).enough(true)
}

/// A range in the specification of a container.
fn specified(title: &str, gives: String, range: PortRange) -> Remedy {
    let (low, high) = (range.low(), range.high());
    Remedy::new(When::Last, title, gives)
        .short("same range")
        .enough(true)
        .provided("ip_local_port_range is on Kubernetes' list of safe sysctls", true)
        .risk(Risk::Low, "")
        .snippet(format!(
            "docker run --sysctl net.ipv4.ip_local_port_range='{low} {high}' ..\n\n\
             securityContext:\n  sysctls:\n  - name: net.ipv4.ip_local_port_range\n    value: \"{low} {high}\"",
        ))
}

/// The first few runs of a set.
fn shorten(ports: &PortSet) -> String {
    let runs = ports.ranges();
    let shown = runs.iter().take(SHOWN).map(
        |(first, last)| {
            if first == last { first.to_string() } else { format!("{first}-{last}") }
        },
    );
    let text = shown.collect::<Vec<_>>().join(", ");
    if runs.len() > SHOWN { format!("{text}, ..") } else { text }
}

const SHOWN: usize = 5;
