use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use super::{Facts, LogFact};
use crate::log::{LogClass, LogEndpoint, LogHost, LogSpan, LogTally};

impl Facts {
    /// Takes over what a log tells.
    pub fn add_log(&mut self, tally: &LogTally) {
        let programs = tally.programs();
        let program = programs.first().map(|(program, _)| program.to_string());
        for class in [LogClass::PortsExhausted, LogClass::BindPoolExhausted, LogClass::LocalhostIpv6] {
            let places = tally.destinations(|found| found == class);
            let named: u64 = places.iter().map(|(_, span)| span.events).sum();
            let mut add = |destination: Option<SocketAddr>, span: LogSpan| {
                self.log.push(LogFact {
                    destination,
                    localhost: class == LogClass::LocalhostIpv6,
                    ports_exhausted: class == LogClass::PortsExhausted,
                    bind_pool: class == LogClass::BindPoolExhausted,
                    events: span.events,
                    span: text(span),
                    program: program.clone(),
                });
            };
            for (endpoint, span) in places {
                add(address(endpoint), span);
            }
            let whole = tally.class(class);
            if whole.events > named {
                add(None, whole);
            }
        }
    }
}

/// The address, where the log has one; a name that stands for the loopback counts as `::1`, which is what was tried.
fn address(endpoint: LogEndpoint<'_>) -> Option<SocketAddr> {
    let ip = match endpoint.host {
        LogHost::Ip(ip) => ip,
        LogHost::Name(_) if endpoint.is_localhost() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        _ => return None,
    };
    Some(SocketAddr::new(ip, endpoint.port?))
}

/// From when to when, in UTC; the day once.
fn text(span: LogSpan) -> Option<String> {
    let (first, last) = (span.first?.to_string(), span.last?.to_string());
    let same_day = first.get(..11) == last.get(..11);
    Some(format!("{first} to {}", if same_day { last.get(11..).unwrap_or(&last) } else { &last }))
}
