use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{self as sys, SocketFlags, SocketType};

use super::connection::Ends;
use super::dial::PATIENCE;
use super::options::bind;
use super::{Connection, Dial, Options, Stop};
use crate::Error;
use crate::private::require_private;

/// A listening TCP socket.
#[derive(Debug)]
pub struct Listener {
    fd: OwnedFd,
    address: SocketAddr,
}

impl Listener {
    /// Listens with `SO_REUSEADDR`, as servers do, and a large backlog.
    ///
    /// # Errors
    /// When the thread is not in a private namespace, or the kernel refuses the address.
    pub fn bind(address: SocketAddr) -> Result<Self, Error> {
        let options = Options { reuse_addr: true, ..Options::default() };
        Self::with(address, &options, BACKLOG)
    }

    /// Listens with these options and no others, and a backlog (the kernel caps it at
    /// `net.core.somaxconn`, and keeps one connection more than it says).
    ///
    /// # Errors
    /// When the thread is not in a private namespace, or the kernel refuses the address.
    pub fn with(address: SocketAddr, options: &Options, backlog: i32) -> Result<Self, Error> {
        let os = |errno| Error::os(format!("listen on {address}"), errno);
        let fd = bind(address, options, SocketType::STREAM)?;
        sys::listen(&fd, backlog).map_err(os)?;
        set_socket_timeout(&fd, Timeout::Recv, Some(PATIENCE)).map_err(os)?;
        Ok(Self { fd, address })
    }

    /// The address it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Connects a client by `dial` and accepts it here. The inner error is the client's.
    ///
    /// # Errors
    /// When the thread is not in a private namespace, or the connection is not accepted within a few
    /// seconds.
    pub fn connection(&self, dial: &Dial) -> Result<Result<Connection, Stop>, Error> {
        require_private()?;
        let ends = match self.ends(dial)? {
            Ok(ends) => ends,
            Err(stop) => return Ok(Err(stop)),
        };
        Connection::new(ends).map(Ok)
    }

    /// As a plain program would have them.
    pub(super) fn ends(&self, dial: &Dial) -> Result<Result<Ends, Stop>, Error> {
        let client = match dial.open() {
            Ok(client) => client,
            Err(stop) => return Ok(Err(stop)),
        };
        let server = self.accept()?;
        Ok(Ok(Ends::new(client, server)))
    }

    /// Waits until a connection could be accepted, and leaves it in the queue.
    pub(super) fn wait_for_one(&self) -> Result<(), Error> {
        let patience = Timespec::try_from(PATIENCE).map_err(|_| Error::os("poll", Errno::INVAL))?;
        let ready = poll(&mut [PollFd::new(&self.fd, PollFlags::IN)], Some(&patience));
        match ready {
            Ok(1..) => Ok(()),
            Ok(0) => Err(Error::os(format!("poll {}", self.address), Errno::TIMEDOUT)),
            Err(errno) => Err(Error::os(format!("poll {}", self.address), errno)),
        }
    }

    fn accept(&self) -> Result<OwnedFd, Error> {
        sys::accept_with(&self.fd, SocketFlags::CLOEXEC)
            .map_err(|errno| Error::os(format!("accept on {}", self.address), errno))
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl From<Listener> for OwnedFd {
    fn from(listener: Listener) -> Self {
        listener.fd
    }
}

/// What a server asks for; the kernel caps it.
pub(super) const BACKLOG: i32 = 4096;
