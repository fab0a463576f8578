use std::io;
use std::time::{Duration, Instant};

use netlink_sys::protocols::NETLINK_SOCK_DIAG;
use netlink_sys::{Socket, SocketAddr};
use rustix::net::sockopt::{Timeout, set_socket_timeout};

use super::Transport;
use crate::Error;

/// A netlink socket of the sock_diag family, in the network namespace of the thread that opened it.
///
/// It may be used from another namespace afterwards. No privilege is needed, and a walk is a seventh faster without one:
/// to a thread with CAP_NET_ADMIN the kernel sends each socket's firewall mark (net/ipv4/inet_diag.c,
/// `inet_diag_msg_attrs_fill`).
///
/// The socket inside is never cloned: a clone would close it for both.
#[derive(Debug)]
pub struct NetlinkSocket {
    socket: Socket,
    port_id: u32,
}

impl NetlinkSocket {
    /// Opens a socket and connects it to the kernel, so that no other process can answer in its place.
    ///
    /// # Errors
    /// [`Error::Open`] where the kernel has no sock_diag or a sandbox forbids it.
    pub fn open() -> Result<Self, Error> {
        Self::open_family(NETLINK_SOCK_DIAG).map_err(|cause| Error::Open { cause })
    }

    pub(crate) fn open_family(family: isize) -> io::Result<Self> {
        let mut socket = Socket::new(family)?;
        let port_id = socket.bind_auto()?.port_number();
        socket.connect(&SocketAddr::new(0, 0))?;
        set_socket_timeout(&socket, Timeout::Recv, Some(SILENCE))?;
        Ok(Self { socket, port_id })
    }
}

impl Transport for NetlinkSocket {
    fn send(&mut self, request: &[u8]) -> Result<(), Error> {
        let started = Instant::now();
        loop {
            match self.socket.send(request, 0) {
                Ok(_) => return Ok(()),
                Err(cause) if cause.kind() == io::ErrorKind::Interrupted && started.elapsed() < SILENCE => {}
                Err(cause) => return Err(Error::Send { cause }),
            }
        }
    }

    fn receive(&mut self, buffer: &mut Vec<u8>) -> Result<(), Error> {
        let started = Instant::now();
        loop {
            buffer.clear();
            let capacity = buffer.capacity();
            // With MSG_TRUNC the kernel tells the datagram's own length, so that a cut one is noticed.
            match self.socket.recv(buffer, MSG_TRUNC) {
                Ok(datagram) if datagram > capacity => {
                    return Err(Error::Truncated { datagram, buffer: capacity });
                }
                Ok(_) => return Ok(()),
                Err(cause) => match cause.kind() {
                    // Each signal starts the socket's own timeout anew.
                    io::ErrorKind::Interrupted if started.elapsed() < SILENCE => {}
                    io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => {
                        return Err(Error::Timeout { waited: SILENCE });
                    }
                    _ => return Err(Error::Receive { cause }),
                },
            }
        }
    }

    fn port_id(&self) -> u32 {
        self.port_id
    }
}

/// `MSG_TRUNC` (include/linux/socket.h).
const MSG_TRUNC: i32 = 0x20;

/// A dump's next datagram is made within milliseconds; a kernel silent for this long will not go on.
const SILENCE: Duration = Duration::from_secs(5);
