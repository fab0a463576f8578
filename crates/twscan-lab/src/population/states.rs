use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;

use rustix::io::{Errno, ioctl_fionbio};
use rustix::net as sys;

use super::listener::BACKLOG;
use super::{Connection, Dial, First, Listener, Options, Stop, bind_tcp, time_waits};
use crate::Error;
use crate::private::require_private;

/// Sockets in every TCP state, from [`every_state`]. Dropping it closes them; the TIME_WAITs and
/// FIN_WAIT2 mini-sockets stay for their minute, or until the namespace goes.
#[derive(Debug)]
#[must_use]
pub struct EveryState {
    expected: BTreeMap<&'static str, usize>,
    fin_wait2_minis: usize,
    _connections: Vec<Connection>,
    _kept: Vec<OwnedFd>,
}

impl EveryState {
    /// How many sockets are in each state, under the kernel's names. `CLOSE` counts those that are
    /// bound and neither listen nor connect, which `/proc/net/tcp` does not show.
    #[must_use]
    pub fn expected(&self) -> &BTreeMap<&'static str, usize> {
        &self.expected
    }

    /// How many of `FIN_WAIT2` are mini-sockets: closed by their process, like a TIME_WAIT.
    #[must_use]
    pub fn fin_wait2_minis(&self) -> usize {
        self.fin_wait2_minis
    }
}

/// Puts at least `each` sockets into each of the eleven TCP states (CLOSE: bound but idle), between
/// local ports 9110 to 9118 of `ip` and ports of the namespace's range. `ip` is a local address,
/// such as `127.0.0.1`, `::1` or `::ffff:127.0.0.1`.
///
/// # Errors
/// When the thread is not in a private namespace, a port is taken, or a connection is refused.
pub fn every_state(ip: IpAddr, each: usize) -> Result<EveryState, Error> {
    require_private()?;
    let mut made = Maker { ip, each, connections: Vec::new(), kept: Vec::new(), expected: BTreeMap::new() };
    made.bound()?;
    made.established()?;
    made.close_wait_with_full_fin_wait2()?;
    made.close_wait_with_mini_fin_wait2()?;
    made.syn_sent()?;
    made.syn_recv()?;
    made.fin_wait1()?;
    made.closing()?;
    made.last_ack()?;
    // Last: a later connect() might take a TIME_WAIT over.
    made.time_wait()?;
    let Maker { expected, connections, kept, .. } = made;
    Ok(EveryState { expected, fin_wait2_minis: each, _connections: connections, _kept: kept })
}

struct Maker {
    ip: IpAddr,
    each: usize,
    expected: BTreeMap<&'static str, usize>,
    connections: Vec<Connection>,
    kept: Vec<OwnedFd>,
}

impl Maker {
    fn bound(&mut self) -> Result<(), Error> {
        for _ in 0..self.each {
            let fd = bind_tcp(SocketAddr::new(self.ip, 0), &Options::default())?;
            self.kept.push(fd);
        }
        self.expect("CLOSE", self.each);
        Ok(())
    }

    fn established(&mut self) -> Result<(), Error> {
        let connections = self.connections(9110, &Options::default())?;
        self.connections.extend(connections);
        self.expect("ESTABLISHED", 2 * self.each);
        Ok(())
    }

    fn close_wait_with_full_fin_wait2(&mut self) -> Result<(), Error> {
        let connections = self.connections(9111, &Options::default())?;
        for connection in &connections {
            connection.shut_down(First::Client)?;
        }
        self.connections.extend(connections);
        self.expect("FIN_WAIT2", self.each);
        self.expect("CLOSE_WAIT", self.each);
        Ok(())
    }

    fn close_wait_with_mini_fin_wait2(&mut self) -> Result<(), Error> {
        for connection in self.connections(9112, &Options::default())? {
            self.kept.push(connection.close_one(First::Client)?);
        }
        self.expect("FIN_WAIT2", self.each);
        self.expect("CLOSE_WAIT", self.each);
        Ok(())
    }

    /// A listener whose queue is full ignores further SYNs.
    fn syn_sent(&mut self) -> Result<(), Error> {
        let listener = Listener::with(self.port(9113), &Options::default(), 0)?;
        let dial = Dial::to(listener.address());
        // A backlog of 0 has room for one; both its ends are established already.
        self.kept.push(dial.open().map_err(|stop| refused(&dial, stop))?);
        listener.wait_for_one()?;
        self.expect("ESTABLISHED", 2);
        for _ in 0..self.each {
            let fd = dial.bound().map_err(|stop| refused(&dial, stop))?;
            let os = |errno| Error::os(format!("connect to {}", dial.destination()), errno);
            ioctl_fionbio(&fd, true).map_err(os)?;
            match sys::connect(&fd, &dial.destination()) {
                Err(Errno::INPROGRESS) => self.kept.push(fd),
                Err(errno) => return Err(os(errno)),
                Ok(()) => return Err(os(Errno::ISCONN)),
            }
        }
        self.listen(listener);
        self.expect("SYN_SENT", self.each);
        Ok(())
    }

    /// With TCP_DEFER_ACCEPT the last step of the handshake waits for the client's first byte.
    fn syn_recv(&mut self) -> Result<(), Error> {
        let options = Options { defer_accept: Some(60), ..Options::default() };
        let listener = Listener::with(self.port(9114), &options, BACKLOG)?;
        let dial = Dial::to(listener.address());
        for _ in 0..self.each {
            self.kept.push(dial.open().map_err(|stop| refused(&dial, stop))?);
        }
        self.listen(listener);
        self.expect("ESTABLISHED", self.each);
        self.expect("SYN_RECV", self.each);
        Ok(())
    }

    /// The FIN waits behind data that the peer has no room for.
    fn fin_wait1(&mut self) -> Result<(), Error> {
        let connections = self.stuck(9115)?;
        for connection in &connections {
            connection.shut_down(First::Client)?;
        }
        self.connections.extend(connections);
        self.expect("FIN_WAIT1", self.each);
        self.expect("ESTABLISHED", self.each);
        Ok(())
    }

    /// As FIN_WAIT1; then the peer's FIN comes before ours has left.
    fn closing(&mut self) -> Result<(), Error> {
        let connections = self.stuck(9116)?;
        for connection in &connections {
            connection.shut_down(First::Client)?;
            connection.shut_down(First::Server)?;
        }
        self.connections.extend(connections);
        self.expect("CLOSING", self.each);
        self.expect("FIN_WAIT2", self.each);
        Ok(())
    }

    /// The peer's FIN comes first; ours waits behind data that it has no room for.
    fn last_ack(&mut self) -> Result<(), Error> {
        let connections = self.stuck(9117)?;
        for connection in &connections {
            connection.shut_down(First::Server)?;
            connection.shut_down(First::Client)?;
        }
        self.connections.extend(connections);
        self.expect("LAST_ACK", self.each);
        self.expect("FIN_WAIT2", self.each);
        Ok(())
    }

    fn time_wait(&mut self) -> Result<(), Error> {
        let listener = Listener::with(self.port(9118), &Options::default(), BACKLOG)?;
        let dial = Dial::to(listener.address());
        let made = time_waits(&dial, &listener, self.each, First::Client)?;
        if let Some(stop) = made.stopped {
            return Err(refused(&dial, stop));
        }
        self.listen(listener);
        self.expect("TIME_WAIT", self.each);
        Ok(())
    }

    fn stuck(&mut self, port: u16) -> Result<Vec<Connection>, Error> {
        // Set before the handshake: a window that shrinks later makes the kernel drop what is under
        // way, and then also ignore the ACKs that come behind it.
        let options = Options { receive_buffer: Some(SMALL), ..Options::default() };
        let mut connections = self.connections(port, &options)?;
        connections.iter_mut().try_for_each(Connection::fill)?;
        Ok(connections)
    }

    fn connections(&mut self, port: u16, options: &Options) -> Result<Vec<Connection>, Error> {
        let listener = Listener::with(self.port(port), options, BACKLOG)?;
        let dial = Dial::to(listener.address());
        let mut connections = Vec::with_capacity(self.each);
        for _ in 0..self.each {
            let connected = listener.connection(&dial)?;
            connections.push(connected.map_err(|stop| refused(&dial, stop))?);
        }
        self.listen(listener);
        Ok(connections)
    }

    fn listen(&mut self, listener: Listener) {
        self.kept.push(listener.into());
        self.expect("LISTEN", 1);
    }

    fn expect(&mut self, state: &'static str, count: usize) {
        *self.expected.entry(state).or_insert(0) += count;
    }

    fn port(&self, port: u16) -> SocketAddr {
        SocketAddr::new(self.ip, port)
    }
}

fn refused(dial: &Dial, stop: Stop) -> Error {
    stop.into_error(format!("connect to {}", dial.destination()))
}

/// Bytes. The kernel raises it to its minimum.
const SMALL: usize = 4096;

#[cfg(test)]
mod tests {
    use std::thread::sleep;
    use std::time::Duration;

    use super::*;
    use crate::{ProcNet, test_in_netns};

    fn every_state_is_seen(ip: &str) -> Result<(), Error> {
        let ip: IpAddr = ip.parse().unwrap();
        test_in_netns(|net| {
            net.run(|| {
                let made = every_state(ip, 3).unwrap();
                let mut expected = made.expected().clone();
                assert_eq!(expected.len(), 11, "{expected:?}");
                assert_eq!(expected.remove("CLOSE"), Some(3));
                let see = || {
                    let seen = ProcNet::read().unwrap();
                    assert_eq!(seen.sockstat_tw, 3 + made.fin_wait2_minis());
                    if ip.is_ipv4() { (seen.tcp, seen.tcp6) } else { (seen.tcp6, seen.tcp) }
                };
                // Once more after some retransmissions and window probes.
                for pause in [0, 700] {
                    sleep(Duration::from_millis(pause));
                    let (own, other) = see();
                    assert_eq!(own, expected);
                    assert!(other.is_empty(), "{other:?}");
                }
            })
            .unwrap();
        })
    }

    #[test]
    fn every_state_of_ipv4_is_seen() -> Result<(), Error> {
        every_state_is_seen("127.0.0.1")
    }

    #[test]
    fn every_state_of_ipv6_is_seen() -> Result<(), Error> {
        every_state_is_seen("::1")
    }

    #[test]
    fn every_state_of_mapped_sockets_is_seen() -> Result<(), Error> {
        every_state_is_seen("::ffff:127.0.0.1")
    }

    #[test]
    fn dropping_it_leaves_only_what_the_kernel_times_out() -> Result<(), Error> {
        test_in_netns(|net| {
            net.run(|| {
                drop(every_state(IpAddr::from([127, 0, 0, 1]), 2).unwrap());
                let seen = ProcNet::read().unwrap();
                assert!(seen.tcp.keys().all(|state| *state == "TIME_WAIT"), "{seen:?}");
            })
            .unwrap();
        })
    }
}
