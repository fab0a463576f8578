use std::io;
use std::time::Instant;

use netlink_sys::protocols::NETLINK_SOCK_DIAG;
use netlink_sys::{Socket, SocketAddr};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::{Patience, Transport};
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
    patience: Patience,
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
        Ok(Self { socket, port_id, patience: Patience::default() })
    }

    /// Waits for a datagram, and not for long: a signal or a moment end it too.
    fn wait(&self, started: Instant) -> Result<(), Error> {
        let pause = Timespec::try_from(self.patience.pause(started)?).ok();
        match poll(&mut [PollFd::new(&self.socket, PollFlags::IN)], pause.as_ref()) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(errno) => Err(Error::Receive { cause: errno.into() }),
        }
    }
}

impl Transport for NetlinkSocket {
    fn be_patient(&mut self, patience: &Patience) {
        self.patience = patience.clone();
    }

    fn send(&mut self, request: &[u8]) -> Result<(), Error> {
        let started = Instant::now();
        loop {
            match self.socket.send(request, 0) {
                Ok(_) => return Ok(()),
                Err(cause) if cause.kind() == io::ErrorKind::Interrupted => match self.patience.pause(started) {
                    Ok(_) => {}
                    Err(Error::Timeout { .. }) => return Err(Error::Send { cause }),
                    Err(error) => return Err(error),
                },
                Err(cause) => return Err(Error::Send { cause }),
            }
        }
    }

    fn receive(&mut self, buffer: &mut Vec<u8>) -> Result<(), Error> {
        let mut started = None;
        loop {
            buffer.clear();
            let capacity = buffer.capacity();
            // With MSG_TRUNC the kernel tells the datagram's own length, so that a cut one is noticed. The next datagram of a
            // dump is made while the one before is fetched, so that there is hardly ever anything to wait for.
            match self.socket.recv(buffer, MSG_TRUNC | MSG_DONTWAIT) {
                Ok(datagram) if datagram > capacity => {
                    return Err(Error::Truncated { datagram, buffer: capacity });
                }
                Ok(_) => return Ok(()),
                Err(cause) if matches!(cause.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
                    self.wait(*started.get_or_insert_with(Instant::now))?;
                }
                Err(cause) => return Err(Error::Receive { cause }),
            }
        }
    }

    fn port_id(&self) -> u32 {
        self.port_id
    }
}

/// include/linux/socket.h.
const MSG_TRUNC: i32 = 0x20;
const MSG_DONTWAIT: i32 = 0x40;
