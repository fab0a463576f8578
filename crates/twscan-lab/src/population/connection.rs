use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::libc;
use nix::sys::socket::{GetSockOpt, sockopt};
use rustix::io::Errno;
use rustix::net::sockopt::{set_socket_linger, set_socket_send_buffer_size, set_tcp_quickack};
use rustix::net::{self as sys, RecvFlags, SendFlags, Shutdown};

use super::dial::PATIENCE;
use crate::Error;

/// Both ends of an established connection. Dropping it resets the connection, so that nothing of it
/// stays in the kernel; [`Connection::close`] leaves a TIME_WAIT.
#[derive(Debug)]
pub struct Connection {
    ends: Ends,
    filled: bool,
}

impl Connection {
    pub(super) fn new(ends: Ends) -> Result<Self, Error> {
        ends.reset_on_close(true)?;
        Ok(Self { ends, filled: false })
    }

    /// Closes one end, then the other: the end that closed first is left in TIME_WAIT.
    ///
    /// # Errors
    /// When the ends do not hear of each other within a few seconds.
    pub fn close(self, first: First) -> Result<(), Error> {
        self.ends.reset_on_close(false)?;
        self.ends.close_and_settle(first)
    }

    /// Closes one end and returns the other, which is in CLOSE_WAIT. The closed end is a FIN_WAIT2
    /// mini-socket for `tcp_fin_timeout`, and becomes a TIME_WAIT when the other is closed.
    ///
    /// # Errors
    /// When the ends do not hear of each other within a few seconds.
    pub fn close_one(self, end: First) -> Result<OwnedFd, Error> {
        self.shut_down(end)?;
        self.ends.reset_on_close(false)?;
        let (_closed, other) = self.ends.into_order(end);
        Ok(other)
    }

    /// Says that one end has no more to send, and keeps both open: full FIN_WAIT2 and CLOSE_WAIT.
    /// Behind the data of [`Connection::fill`] it stays FIN_WAIT1, or becomes LAST_ACK after the
    /// other end's FIN, or CLOSING before it.
    ///
    /// # Errors
    /// When the connection is already gone, or the other end does not hear of it within a few
    /// seconds.
    pub fn shut_down(&self, end: First) -> Result<(), Error> {
        let (this, other) = self.ends.in_order(end);
        sys::shutdown(this, Shutdown::Write).map_err(|e| Error::os("shut down a connection", e))?;
        if self.filled && end == First::Client {
            return Ok(());
        }
        wait_until(this, |state| {
            if state != FIN_WAIT1 {
                return Ok(true);
            }
            // The kernel delays the ACK of a FIN by 40 ms, in the hope of a FIN to send with it.
            set_tcp_quickack(other, true).map(|()| false)
        })
    }

    /// Writes from the client until neither end's buffer has room for more; the server never reads
    /// it. A small [`super::Options::receive_buffer`] of the listener keeps it little.
    ///
    /// # Errors
    /// When the connection is already gone.
    pub fn fill(&mut self) -> Result<(), Error> {
        self.filled = true;
        self.ends.fill().map_err(|e| Error::os("fill a connection's buffers", e))
    }

    /// The client's own address and port.
    ///
    /// # Errors
    /// When the kernel does not say.
    pub fn client_address(&self) -> Result<SocketAddr, Error> {
        let operation = "ask for a socket's own address";
        let address = sys::getsockname(&self.ends.client).map_err(|e| Error::os(operation, e))?;
        SocketAddr::try_from(address).map_err(|e| Error::os(operation, e))
    }
}

/// An end of a connection: the one that does something first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum First {
    /// The end that called connect().
    Client,
    /// The end that was accepted.
    Server,
}

/// Both ends, closing as any socket does.
#[derive(Debug)]
pub(super) struct Ends {
    client: OwnedFd,
    server: OwnedFd,
}

impl Ends {
    pub(super) fn new(client: OwnedFd, server: OwnedFd) -> Self {
        Self { client, server }
    }

    /// Closes both; what the kernel does next may still be under way.
    pub(super) fn close(self, first: First) -> Result<(), Error> {
        self.close_first(first).map(drop)
    }

    /// Closes both and waits until the kernel is done with the second.
    pub(super) fn close_and_settle(self, first: First) -> Result<(), Error> {
        let second = self.close_first(first)?;
        sys::shutdown(&second, Shutdown::Write).map_err(|e| Error::os("shut down a connection", e))?;
        wait_until(&second, |state| Ok(state == CLOSE))
    }

    fn close_first(self, first: First) -> Result<OwnedFd, Error> {
        let (first, second) = self.into_order(first);
        drop(first);
        // Its FIN; a FIN of our own sent before it arrives would leave both ends in TIME_WAIT.
        sys::recv(&second, &mut [0u8; 1], RecvFlags::empty())
            .map_err(|errno| Error::os("wait for a connection's end", errno))?;
        Ok(second)
    }

    fn in_order(&self, first: First) -> (&OwnedFd, &OwnedFd) {
        match first {
            First::Client => (&self.client, &self.server),
            First::Server => (&self.server, &self.client),
        }
    }

    fn into_order(self, first: First) -> (OwnedFd, OwnedFd) {
        match first {
            First::Client => (self.client, self.server),
            First::Server => (self.server, self.client),
        }
    }

    fn reset_on_close(&self, on: bool) -> Result<(), Error> {
        let linger = on.then_some(Duration::ZERO);
        [&self.client, &self.server]
            .into_iter()
            .try_for_each(|fd| set_socket_linger(fd, linger))
            .map_err(|errno| Error::os("set SO_LINGER", errno))
    }

    fn fill(&self) -> Result<(), Errno> {
        set_socket_send_buffer_size(&self.client, BIG)?;
        loop {
            match sys::send(&self.client, &[0; 4096], SendFlags::DONTWAIT) {
                Ok(_) => {}
                Err(Errno::AGAIN) => return Ok(()),
                Err(errno) => return Err(errno),
            }
        }
    }
}

/// Over the loopback most is done when a call returns; on a busy machine a kernel thread does it a
/// little later.
fn wait_until(fd: &OwnedFd, mut done: impl FnMut(u8) -> Result<bool, Errno>) -> Result<(), Error> {
    let os = |errno| Error::os("wait for a connection's state", errno);
    let start = Instant::now();
    loop {
        let state = State.get(fd).map_err(|errno| Error::os("read TCP_INFO", errno))?;
        if done(state).map_err(os)? {
            return Ok(());
        }
        if start.elapsed() > PATIENCE {
            return Err(os(Errno::TIMEDOUT));
        }
        sleep(Duration::from_micros(50));
    }
}

/// The first byte of `struct tcp_info`, include/uapi/linux/tcp.h.
#[derive(Clone, Copy)]
struct State;
nix::getsockopt_impl!(State, libc::IPPROTO_TCP, libc::TCP_INFO, u8, sockopt::GetStruct<u8>);

// include/net/tcp_states.h
const FIN_WAIT1: u8 = 4;
const CLOSE: u8 = 7;

/// Bytes. Room for data behind which a FIN waits, whatever window probes carry off meanwhile.
const BIG: usize = 64 * 1024;
