use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::thread;
use std::time::{Duration, Instant};

use rustix::io::Errno;

use super::connection::Ends;
use super::stop::Step;
use super::{Dial, First, Listener, Stop};
use crate::private::require_private;
use crate::proc_net::live_sockets;
use crate::{Error, sysctl};

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
/// A second such call within the minute replaces the TIME_WAITs of the first, unless from another
/// address.
///
/// # Errors
/// When the thread is not in a private namespace, or a connection is opened but not accepted or
/// not closed within a few seconds. That connect() found no port is no error: see
/// [`Made::stopped`].
pub fn time_waits(dial: &Dial, listener: &Listener, count: usize, first: First) -> Result<Made, Error> {
    require_private()?;
    let live = live_sockets()?;
    let made = close_each(dial, listener, count, first)?;
    // Under load the last segments of a connection arrive after its close() returned, and not always in turn.
    let patience = Instant::now() + SETTLING;
    while live_sockets()? > live && Instant::now() < patience {
        thread::sleep(Duration::from_millis(1));
    }
    Ok(made)
}

fn close_each(dial: &Dial, listener: &Listener, count: usize, first: First) -> Result<Made, Error> {
    let mut ports = client_ports();
    for made in 0..count {
        let connected = match first {
            First::Client => listener.ends(dial)?,
            First::Server => from_next_port(dial, listener, &mut ports)?,
        };
        match connected {
            Ok(ends) if made + 1 == count => ends.close_and_settle(first)?,
            Ok(ends) => ends.close(first)?,
            Err(stop) => {
                return Ok(Made { count: made, stopped: Some(stop) });
            }
        }
    }
    Ok(Made { count, stopped: None })
}

/// Makes any number of TIME_WAITs, by connecting to as many loopback addresses (127.1.0.0 upward) on
/// `port` as it takes for every connect() to be fast: half of the port range for each.
///
/// Beyond about a hundred thousand, raise `net.ipv4.tcp_max_tw_buckets` first: the kernel closes
/// what is above it without a TIME_WAIT. Set `net.ipv4.tcp_tw_reuse` to 0 for an exact number.
/// A second call within the minute finds the fast half of each range taken, unless on another port.
///
/// # Errors
/// As [`time_waits`], and when the port range cannot be read.
pub fn spread_time_waits(port: u16, count: usize) -> Result<Made, Error> {
    let listener = Listener::bind(SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)))?;
    let share = half_of_the_range()?;
    let mut made = Made { count: 0, stopped: None };
    for host in 0..u16::MAX {
        let [high, low] = host.to_be_bytes();
        let dial = Dial::to(SocketAddr::from(([127, 1, high, low], port)));
        let more = time_waits(&dial, &listener, share.min(count - made.count), First::Client)?;
        made = Made { count: made.count + more.count, ..more };
        if made.count == count || made.stopped.is_some() {
            break;
        }
    }
    Ok(made)
}

fn half_of_the_range() -> Result<usize, Error> {
    let text = sysctl::get("net.ipv4.ip_local_port_range")?;
    let mut ends = text.split_ascii_whitespace().map(str::parse::<usize>);
    match (ends.next(), ends.next()) {
        (Some(Ok(low)), Some(Ok(high))) if low <= high => Ok((high - low).div_ceil(2).max(1)),
        _ => Err(Error::os("read the local port range", ErrorKind::InvalidData)),
    }
}

/// Skips ports that others hold.
fn from_next_port(
    dial: &Dial,
    listener: &Listener,
    ports: &mut impl Iterator<Item = u16>,
) -> Result<Result<Ends, Stop>, Error> {
    let ip = dial.source().unwrap_or_else(|| unspecified(dial.destination())).ip();
    let mut stop = Stop::new(Step::Bind, Errno::ADDRINUSE);
    for port in ports {
        let dial = dial.clone().from(SocketAddr::new(ip, port));
        match listener.ends(&dial)? {
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

/// How long to wait for the last segments; longer, and somebody else opens sockets here.
const SETTLING: Duration = Duration::from_secs(15);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ProcNet, test_in_netns};

    fn made_and_seen(address: &str, source: Option<&str>, first: First) -> Result<(), Error> {
        test_in_netns(|net| {
            net.set_sysctl("net.ipv4.tcp_tw_reuse", "0").unwrap();
            net.run(|| {
                let listener = Listener::bind(address.parse().unwrap()).unwrap();
                let mut dial = Dial::to(listener.address());
                if let Some(source) = source {
                    dial = dial.from_ip(source.parse::<IpAddr>().unwrap());
                }
                let made = time_waits(&dial, &listener, 1500, first).unwrap();
                assert_eq!(made, Made { count: 1500, stopped: None });
                let seen = ProcNet::read().unwrap();
                assert_eq!(seen.sockstat_tw, 1500);
                let family = if listener.address().is_ipv4() { &seen.tcp } else { &seen.tcp6 };
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
    fn a_large_number_is_spread_over_addresses() -> Result<(), Error> {
        test_in_netns(|net| {
            net.set_sysctl("net.ipv4.tcp_tw_reuse", "0").unwrap();
            net.set_port_range(40_000, 40_199).unwrap();
            net.run(|| {
                let made = spread_time_waits(9101, 1250).unwrap();
                assert_eq!(made, Made { count: 1250, stopped: None });
                assert_eq!(ProcNet::read().unwrap().count("TIME_WAIT"), 1250);
            })
            .unwrap();
        })
    }

    #[test]
    fn it_stops_where_connect_does() -> Result<(), Error> {
        test_in_netns(|net| {
            net.set_sysctl("net.ipv4.tcp_tw_reuse", "0").unwrap();
            net.set_port_range(40_000, 40_019).unwrap();
            net.run(|| {
                let listener = Listener::bind("127.0.0.1:9101".parse().unwrap()).unwrap();
                let dial = Dial::to(listener.address());
                let made = time_waits(&dial, &listener, 100, First::Client).unwrap();
                let stop = Stop::new(Step::Connect, Errno::ADDRNOTAVAIL);
                assert_eq!(made, Made { count: 20, stopped: Some(stop) });
            })
            .unwrap();
        })
    }
}
