use crate::diagnosis::case::Case;
use crate::diagnosis::remedy::{Remedy, Risk, When};
use crate::diagnosis::{Code, Finding, Severity};
use crate::port::{PortRange, PortSet};
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
    let finding = Finding::new(Code::RangeParity, Severity::Info, title)
        .figure("ports", range.size())
        .because(
            "connect() tests an even number of candidates, so that it may leave out the first or the last for ever",
        )
        .remedy(
            Remedy::new(When::Last, format!("ip_local_port_range={} {}", better.low(), better.high()), "a port")
                .short("1 port")
                .enough(true)
                .risk(Risk::Low, "")
                .set("net.ipv4.ip_local_port_range", &format!("{} {}", better.low(), better.high())),
        );
    vec![finding]
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
    .remedy(
        Remedy::new(When::Last, "reserve their ports", "they can always start")
            .short("no clash")
            .enough(true)
            .provided("a service on a port that the kernel chose (bind to port 0) needs no reservation", None)
            .risk(Risk::Low, "")
            .set("net.ipv4.ip_local_reserved_ports", &all),
    );
    vec![finding]
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
    let others = case.facts.namespaces.iter().filter(|other| other.range.is_some_and(|theirs| theirs != range));
    let others: Vec<_> = others.collect();
    let Some((first, theirs)) = others.first().and_then(|first| Some((first, first.range?))) else { return Vec::new() };
    let title = format!("{} has the range {theirs}, this one {range}", first.name);
    let finding = Finding::new(Code::NetnsRangeDiffers, Severity::Info, title)
        .figure("namespaces", u32::try_from(others.len()).unwrap_or(u32::MAX))
        .figure("ports", range.size())
        .figure("ports_there", theirs.size())
        .because("each network namespace starts with the kernel's defaults, whatever the host's sysctl.d says")
        .remedy(
            Remedy::new(When::Last, "set it in the container's specification", format!("{} ports there", range.size()))
                .short("same range")
                .enough(true)
                .provided("ip_local_port_range is on Kubernetes' list of safe sysctls", true)
                .risk(Risk::Low, "")
                .snippet(format!(
                    "docker run --sysctl net.ipv4.ip_local_port_range='{low} {high}' ..\n\n\
                     securityContext:\n  sysctls:\n  - name: net.ipv4.ip_local_port_range\n    value: \"{low} {high}\"",
                    low = range.low(),
                    high = range.high()
                )),
        );
    vec![finding]
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
