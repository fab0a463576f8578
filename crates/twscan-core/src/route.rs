//! Which source address the kernel gives to a connection.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use crate::Error;

/// The source address of connections to `destination` from a socket that names none: the kernel's route lookup in the
/// thread's network namespace. connect() on a UDP socket makes that lookup and sends nothing.
///
/// # Errors
/// [`Error::Route`] where there is no route.
pub fn source_to(destination: SocketAddr) -> Result<IpAddr, Error> {
    let destination = SocketAddr::new(destination.ip().to_canonical(), destination.port());
    look_up(destination).map_err(|cause| Error::Route { destination, cause })
}

fn look_up(destination: SocketAddr) -> io::Result<IpAddr> {
    let any = match destination {
        SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let socket = UdpSocket::bind((any, 0))?;
    socket.connect(destination)?;
    Ok(socket.local_addr()?.ip().to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_is_reached_from_itself() {
        assert_eq!(source_to("127.0.0.9:1".parse().unwrap()).unwrap(), IpAddr::from([127, 0, 0, 1]));
        assert_eq!(source_to("[::ffff:127.0.0.9]:1".parse().unwrap()).unwrap(), IpAddr::from([127, 0, 0, 1]));
    }
}
