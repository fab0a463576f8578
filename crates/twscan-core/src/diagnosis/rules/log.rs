use super::ports::{Pressure, pressure};
use crate::diagnosis::case::Case;
use crate::diagnosis::{Code, Finding, Remedy, Risk, Severity, Subject, When};

/// A log tells that ports ran out, and they are free now.
pub(in crate::diagnosis) fn exhausted_before(case: &Case<'_>) -> Vec<Finding> {
    let pressed = |destination| {
        let mut tuples = case.tuples.iter().filter(|tuple| tuple.budget.tuple().destination == destination);
        tuples.any(|tuple| pressure(tuple) >= Pressure::NearlyFull)
    };
    let facts = case.facts.log.iter().filter(|fact| fact.ports_exhausted);
    let over = facts.filter_map(|fact| Some((fact, fact.destination?)));
    let over = over.filter(|(_, to)| case.target.is_none_or(|target| target.contains(*to)) && !pressed(*to));
    over.take(MOST)
        .map(|(fact, to)| {
            let span = fact.span.as_ref().map_or(String::new(), |span| format!(", {span}"));
            let subject = Subject { destination: Some(to.ip()), port: Some(to.port()), ..Subject::default() };
            Finding::new(Code::PortsExhausted, Severity::Info, format!("ports to {to} had run out; they are free now"))
                .about(subject)
                .figure("failed_connects", fact.events)
                .seen(format!("{} failed connects in the log{span}", fact.events))
                .because(
                    "TIME_WAITs end after a minute, so that a look after the load finds none: look again under load",
                )
        })
        .collect()
}

/// A log tells of EADDRNOTAVAIL to localhost, and IPv6 is what does not work.
pub(in crate::diagnosis) fn localhost(case: &Case<'_>) -> Vec<Finding> {
    let Some(fact) = case.facts.log.iter().filter(|fact| fact.localhost).max_by_key(|fact| fact.events) else {
        return Vec::new();
    };
    let port = fact.destination.map(|destination| destination.port());
    // With ::1 in order, EADDRNOTAVAIL to it is the lack of ports that another rule reports.
    if case.facts.ipv6_loopback == Some(true) {
        return Vec::new();
    }
    let listens = port.is_some_and(|port| case.sample.destinations.roles().listening().contains(port));
    let where_to = port.map_or(String::new(), |port| format!(", port {port}"));
    let mut finding = Finding::new(
        Code::LocalhostIpv6,
        Severity::Warning,
        format!("localhost is tried as ::1{where_to}, and IPv6 does not work on this host's loopback"),
    )
    .figure("events", fact.events)
    .seen(format!("{} failures in the log", fact.events))
    .because("the name stands for both loopbacks, ::1 comes first, and it is disabled here: EADDRNOTAVAIL (99) with every port free")
    .remedy(
        Remedy::new(When::Now, "write 127.0.0.1 instead of localhost", "ends it")
            .short("ends it")
            .enough(true)
            .provided("the service listens on 127.0.0.1", if listens { Some(true) } else { None })
            .risk(Risk::Low, ""),
    );
    if let Some(port) = port {
        finding = finding.about(Subject::port(port));
    }
    vec![finding]
}

/// Destinations that are shown.
const MOST: usize = 5;
