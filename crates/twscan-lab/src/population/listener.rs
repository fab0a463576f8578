use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{self as sys, Shutdown, SocketFlags, SocketType};

use super::dial::PATIENCE;
use super::options::bind;
use super::{Dial, Options, Stop};
use crate::Error;

/// A listening TCP socket.
#[derive(Debug)]
pub struct Listener {
    fd: OwnedFd,
    address: SocketAddr,
}

impl Listener {
    /// Listens on an address such as `127.0.0.1:9101`, with `SO_REUSEADDR` as servers do.
    ///
    /// # Errors
    /// When the text is no address, the thread is not in a private namespace, or the kernel
    /// refuses the address.
    pub fn bind(address: &str) -> Result<Self, Error> {
        let address = address
            .parse()
            .map_err(|_| Error::os(format!("listen on {address:?}"), Errno::INVAL))?;
        let options = Options {
            reuse_addr: true,
            ..Options::default()
        };
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
    /// When the connection is not accepted within a few seconds.
    pub fn connection(&self, dial: &Dial) -> Result<Result<Connection, Stop>, Error> {
        let client = match dial.connect() {
            Ok(client) => client,
            Err(stop) => return Ok(Err(stop)),
        };
        let server = self.accept()?;
        Ok(Ok(Connection { client, server }))
    }

    pub(super) fn accept(&self) -> Result<OwnedFd, Error> {
        sys::accept_with(&self.fd, SocketFlags::CLOEXEC)
            .map_err(|errno| Error::os(format!("accept on {}", self.address), errno))
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Both ends of an established connection; dropping it closes the client's end first.
#[derive(Debug)]
pub struct Connection {
    // Fields are dropped in this order.
    pub(super) client: OwnedFd,
    pub(super) server: OwnedFd,
}

impl Connection {
    /// Closes one end, waits until the other has seen it, then closes that one too: the end that
    /// closed first is left in TIME_WAIT.
    ///
    /// # Errors
    /// When the second end does not hear of it within a few seconds.
    pub fn close(self, first: First) -> Result<(), Error> {
        let (first, second) = match first {
            First::Client => (self.client, self.server),
            First::Server => (self.server, self.client),
        };
        drop(first);
        read_end(&second)
    }

    /// Both ends, the client's first.
    #[must_use]
    pub fn into_ends(self) -> (OwnedFd, OwnedFd) {
        (self.client, self.server)
    }

    /// The client's own address and port.
    ///
    /// # Errors
    /// When the kernel does not say.
    pub fn client_address(&self) -> Result<SocketAddr, Error> {
        let operation = "ask for a socket's own address";
        let address = sys::getsockname(&self.client).map_err(|e| Error::os(operation, e))?;
        SocketAddr::try_from(address).map_err(|e| Error::os(operation, e))
    }

    /// Says that the client, or the server, has no more to send, and keeps both ends open.
    ///
    /// # Errors
    /// When the connection is already gone.
    pub fn shut_down(&self, end: First) -> Result<(), Error> {
        let end = match end {
            First::Client => &self.client,
            First::Server => &self.server,
        };
        sys::shutdown(end, Shutdown::Write).map_err(|e| Error::os("shut down a connection", e))
    }
}

/// Which end closes first, and so is left in TIME_WAIT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum First {
    /// The end that called connect().
    Client,
    /// The end that was accepted.
    Server,
}

/// Waits for the other end's FIN.
fn read_end(fd: &OwnedFd) -> Result<(), Error> {
    let mut byte = [0u8; 1];
    sys::recv(fd, &mut byte, sys::RecvFlags::empty())
        .map(drop)
        .map_err(|errno| Error::os("wait for a connection's end", errno))
}

const BACKLOG: i32 = 4096;
