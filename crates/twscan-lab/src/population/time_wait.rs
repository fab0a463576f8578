use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use rustix::io::Errno;

use super::dial::Step;
use super::{Connection, Dial, First, Listener, Stop};
use crate::Error;
use crate::netns::require_private;

/// What [`time_waits`] made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct Made {
    /// Connections opened and closed.
    pub count: usize,
    /// Why it stopped early, if it did.
    pub stopped: Option<Stop>,
}

/// Opens and closes up to `count` connections, one after the other, leaving each in TIME_WAIT on
/// the end that closed `first`; tens of thousands a second.
///
/// With [`First::Client`] the kernel chooses the clients' ports, as `dial` says. It may take over
/// older TIME_WAITs where `tcp_tw_reuse` applies, and then fewer remain than were made: set it to 0
/// for an exact number. With [`First::Server`] the clients bind to ports from 32768 upward in turn,
/// since connect() would choose some port twice.
///
/// # Errors
/// When the thread is not in a private namespace, or a connection is opened but not accepted or
/// not closed within a few seconds. That connect() found no port is no error: see
/// [`Made::stopped`].
pub fn time_waits(
    dial: &Dial,
    listener: &Listener,
    count: usize,
    first: First,
) -> Result<Made, Error> {
    require_private()?;
    let mut ports = client_ports();
    for made in 0..count {
        let connected = match first {
            First::Client => listener.connection(dial)?,
            First::Server => from_next_port(dial, listener, &mut ports)?,
        };
        match connected {
            Ok(connection) => connection.close(first)?,
            Err(stop) => {
                return Ok(Made {
                    count: made,
                    stopped: Some(stop),
                });
            }
        }
    }
    Ok(Made {
        count,
        stopped: None,
    })
}

/// Skips ports that others hold.
fn from_next_port(
    dial: &Dial,
    listener: &Listener,
    ports: &mut impl Iterator<Item = u16>,
) -> Result<Result<Connection, Stop>, Error> {
    let ip = dial
        .source()
        .unwrap_or_else(|| unspecified(dial.destination()))
        .ip();
    let mut stop = Stop::new(Step::Bind, Errno::ADDRINUSE);
    for port in ports {
        let dial = dial.clone().from(SocketAddr::new(ip, port));
        match listener.connection(&dial)? {
            Err(held) if held.errno == Errno::ADDRINUSE => stop = held,
            done => return Ok(done),
        }
    }
    Ok(Err(stop))
}

fn unspecified(like: SocketAddr) -> SocketAddr {
    let ip = match like {
        SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    SocketAddr::new(ip, 0)
}

/// The upper half first: clients' ports look like what the default range gives out.
fn client_ports() -> impl Iterator<Item = u16> {
    (32_768..=65_535).chain(1024..=32_767)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ProcNet, test_in_netns};

    fn made_and_seen(address: &str, source: Option<&str>, first: First) -> Result<(), Error> {
        test_in_netns(|net| {
            net.set_sysctl("net.ipv4.tcp_tw_reuse", "0").unwrap();
            net.run(|| {
                let listener = Listener::bind(address).unwrap();
                let mut dial = Dial::to(listener.address());
                if let Some(source) = source {
                    dial = dial.from_ip(source.parse::<IpAddr>().unwrap());
                }
                let made = time_waits(&dial, &listener, 1500, first).unwrap();
                assert_eq!(
                    made,
                    Made {
                        count: 1500,
                        stopped: None
                    }
                );
                let seen = ProcNet::read().unwrap();
                assert_eq!(seen.sockstat_tw, 1500);
                let family = if listener.address().is_ipv4() {
                    &seen.tcp
                } else {
                    &seen.tcp6
                };
                assert_eq!(family.get("TIME_WAIT"), Some(&1500), "{seen:?}");
                assert_eq!(seen.count("LISTEN"), 1);
            })
            .unwrap();
        })
    }

    #[test]
    fn ipv4_clients_leave_exactly_the_number_asked_for() -> Result<(), Error> {
        made_and_seen("127.0.0.1:9101", None, First::Client)
    }

    #[test]
    fn ipv6_clients_do_too() -> Result<(), Error> {
        made_and_seen("[::1]:9101", None, First::Client)
    }

    #[test]
    fn mapped_clients_are_ipv6_sockets() -> Result<(), Error> {
        made_and_seen("[::ffff:127.0.0.1]:9101", None, First::Client)
    }

    #[test]
    fn clients_can_come_from_another_address() -> Result<(), Error> {
        made_and_seen("127.0.0.1:9101", Some("127.0.0.77"), First::Client)
    }

    #[test]
    fn servers_that_close_first_keep_the_time_waits() -> Result<(), Error> {
        made_and_seen("127.0.0.1:9101", None, First::Server)?;
        made_and_seen("[::1]:9101", Some("::1"), First::Server)
    }

    #[test]
    fn it_stops_where_connect_does() -> Result<(), Error> {
        test_in_netns(|net| {
            net.set_sysctl("net.ipv4.tcp_tw_reuse", "0").unwrap();
            net.set_port_range(40_000, 40_019).unwrap();
            net.run(|| {
                let listener = Listener::bind("127.0.0.1:9101").unwrap();
                let dial = Dial::to(listener.address());
                let made = time_waits(&dial, &listener, 100, First::Client).unwrap();
                let stop = Stop::new(Step::Connect, Errno::ADDRNOTAVAIL);
                assert_eq!(
                    made,
                    Made {
                        count: 20,
                        stopped: Some(stop)
                    }
                );
            })
            .unwrap();
        })
    }
}
