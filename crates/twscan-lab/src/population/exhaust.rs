use std::os::fd::OwnedFd;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::stop::Step;
use super::{Connection, Dial, First, Listener, Stop};
use crate::Error;

/// What [`connect_until_fails`] was granted. Dropping it resets the connections; nothing
/// of them stays in the kernel.
#[derive(Debug)]
#[must_use]
pub struct Granted {
    /// The open connections, oldest first.
    pub connections: Vec<Connection>,
    /// The refusal that ended it; none if the limit was reached instead.
    pub stopped: Option<Stop>,
}

impl Granted {
    /// How many connections the kernel granted.
    #[must_use]
    pub fn count(&self) -> usize {
        self.connections.len()
    }

    /// Closes them all, leaving TIME_WAITs on the end that closes `first`.
    ///
    /// # Errors
    /// When an end does not hear of it within a few seconds.
    pub fn close(self, first: First) -> Result<(), Error> {
        self.connections.into_iter().try_for_each(|connection| connection.close(first))
    }

    /// Closes one end of each and returns the others, as [`Connection::close_one`] does.
    ///
    /// # Errors
    /// When an end does not hear of it within a few seconds.
    pub fn close_one(self, end: First) -> Result<Vec<OwnedFd>, Error> {
        let connections = self.connections.into_iter();
        connections.map(|connection| connection.close_one(end)).collect()
    }
}

/// Opens connections by `dial`, accepts and keeps them, until bind() or connect() fails or `limit`
/// of them are open.
///
/// # Errors
/// When the thread is not in a private namespace, the process runs out of file descriptors (see
/// [`raise_open_files`]; a connection takes two), or a connection is not accepted.
pub fn connect_until_fails(dial: &Dial, listener: &Listener, limit: usize) -> Result<Granted, Error> {
    let mut granted = Granted { connections: Vec::new(), stopped: None };
    while granted.count() < limit {
        match listener.connection(dial)? {
            Ok(connection) => granted.connections.push(connection),
            Err(stop @ Stop { step: Step::Socket | Step::Option, .. }) => {
                return Err(stop.into_error(format!("connect to {}", dial.destination())));
            }
            Err(stop) => {
                granted.stopped = Some(stop);
                break;
            }
        }
    }
    Ok(granted)
}

/// Raises this process's limit on open files as far as it may without privileges, and returns it;
/// none means without limit.
///
/// # Errors
/// When the kernel refuses.
pub fn raise_open_files() -> Result<Option<u64>, Error> {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: maximum, maximum };
    setrlimit(Resource::Nofile, raised).map_err(|errno| Error::os("raise the limit on open files", errno))?;
    Ok(maximum)
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, SocketAddr};

    use rustix::io::Errno;

    use super::*;
    use crate::{Netns, Options, ProcNet, bind_tcp, bind_udp, test_in_netns};

    const LIMIT: usize = 100;

    /// Twenty ports and no reuse; the listener is out of the range.
    fn in_twenty_ports(body: impl Fn(&Netns, &Listener) + Sync) -> Result<(), Error> {
        test_in_netns(|net| {
            net.set_sysctl("net.ipv4.tcp_tw_reuse", "0").unwrap();
            net.set_port_range(40_000, 40_019).unwrap();
            net.run(|| body(net, &Listener::bind("[::]:9101".parse().unwrap()).unwrap())).unwrap();
        })
    }

    fn dial(address: &str) -> Dial {
        Dial::to(address.parse().unwrap())
    }

    fn grant(dial: &Dial, listener: &Listener) -> Granted {
        connect_until_fails(dial, listener, LIMIT).unwrap()
    }

    fn stop(step: Step, errno: Errno) -> Option<Stop> {
        Some(Stop::new(step, errno))
    }

    #[test]
    fn a_plain_connect_gets_each_port_of_the_range_once() -> Result<(), Error> {
        in_twenty_ports(|_, listener| {
            let granted = grant(&dial("127.0.0.1:9101"), listener);
            let connections = granted.connections.iter();
            let mut ports: Vec<_> = connections.map(|c| c.client_address().unwrap().port()).collect();
            ports.sort_unstable();
            assert_eq!(ports, (40_000..=40_019).collect::<Vec<_>>());
            assert_eq!(granted.stopped, stop(Step::Connect, Errno::ADDRNOTAVAIL));
        })
    }

    #[test]
    fn a_limit_ends_it_before_the_kernel_does() -> Result<(), Error> {
        in_twenty_ports(|_, listener| {
            let dial = dial("127.0.0.1:9101");
            let granted = connect_until_fails(&dial, listener, 7).unwrap();
            assert_eq!((granted.count(), granted.stopped), (7, None));
        })
    }

    #[test]
    fn mapped_and_plain_clients_compete_and_ipv6_does_not() -> Result<(), Error> {
        in_twenty_ports(|_, listener| {
            let mapped = grant(&dial("[::ffff:127.0.0.1]:9101"), listener);
            assert_eq!(mapped.count(), 20);
            assert_eq!(grant(&dial("127.0.0.1:9101"), listener).count(), 0);
            assert_eq!(grant(&dial("[::1]:9101"), listener).count(), 20);
        })
    }

    #[test]
    fn binding_first_fails_in_bind_unless_the_port_is_left_open() -> Result<(), Error> {
        in_twenty_ports(|_, listener| {
            let from = |last| dial("127.0.0.1:9101").from_ip([127, 0, 0, last]);
            let bound = grant(&from(4), listener);
            assert_eq!(bound.count(), 20);
            assert_eq!(bound.stopped, stop(Step::Bind, Errno::ADDRINUSE));
            drop(bound);
            let late = Options { bind_address_no_port: true, ..Options::default() };
            let late = grant(&from(5).with(late), listener);
            assert_eq!(late.count(), 20);
            assert_eq!(late.stopped, stop(Step::Connect, Errno::ADDRNOTAVAIL));
        })
    }

    #[test]
    fn a_device_bound_population_leaves_room_for_an_unbound_one() -> Result<(), Error> {
        in_twenty_ports(|_, listener| {
            let options = Options { device: Some("lo".to_owned()), ..Options::default() };
            let bound = grant(&dial("127.0.0.1:9101").with(options), listener);
            let plain = grant(&dial("127.0.0.1:9101"), listener);
            assert_eq!((bound.count(), plain.count()), (20, 20));
        })
    }

    #[test]
    fn a_socket_can_narrow_its_own_range() -> Result<(), Error> {
        in_twenty_ports(|_, listener| {
            let options = Options { local_port_range: Some((40_010, 40_014)), ..Options::default() };
            let granted = grant(&dial("127.0.0.1:9101").with(options), listener);
            // Linux before 6.3 does not know the option.
            if granted.stopped != stop(Step::Option, Errno::NOPROTOOPT) {
                assert_eq!(granted.count(), 5);
            }
        })
    }

    #[test]
    fn tcp_binders_take_a_port_from_every_destination_and_udp_binders_none() -> Result<(), Error> {
        in_twenty_ports(|_, listener| {
            let address: SocketAddr = "127.0.0.5:40003".parse().unwrap();
            let udp = bind_udp(address, &Options::default()).unwrap();
            assert_eq!(grant(&dial("127.0.0.1:9101"), listener).count(), 20);
            drop(udp);
            for options in [
                Options::default(),
                Options { reuse_addr: true, ..Options::default() },
                Options { reuse_port: true, ..Options::default() },
            ] {
                let tcp = bind_tcp(SocketAddr::new(address.ip(), 40_004), &options).unwrap();
                let to = dial("127.0.0.1:9101").from_ip(IpAddr::from([127, 0, 0, 9]));
                let options = Options { bind_address_no_port: true, ..Options::default() };
                assert_eq!(grant(&to.with(options), listener).count(), 19);
                drop(tcp);
            }
        })
    }

    #[test]
    fn what_is_closed_leaves_time_waits_or_fin_wait2_minis() -> Result<(), Error> {
        in_twenty_ports(|_, listener| {
            grant(&dial("127.0.0.1:9101"), listener).close(First::Client).unwrap();
            assert_eq!(ProcNet::read().unwrap().count("TIME_WAIT"), 20);
            let servers = grant(&dial("127.0.0.2:9101"), listener).close_one(First::Client).unwrap();
            assert_eq!(ProcNet::read().unwrap().count("FIN_WAIT2"), 20);
            assert_eq!(ProcNet::read().unwrap().sockstat_tw, 40);
            drop(servers);
            assert_eq!(ProcNet::read().unwrap().count("TIME_WAIT"), 40);
        })
    }
}
