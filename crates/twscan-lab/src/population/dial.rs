use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{self as sys, SocketType};

use super::Options;
use super::stop::{Step, Stop};
use crate::Error;
use crate::private::require_private;

/// How a client connects: where to, from where, with which options.
///
/// An IPv4-mapped destination (`[::ffff:127.0.0.1]:80`) is reached by an `AF_INET6` socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dial {
    destination: SocketAddr,
    source: Option<SocketAddr>,
    options: Options,
}

impl Dial {
    /// A plain connect() to `destination`, with no bind() before it.
    #[must_use]
    pub fn to(destination: SocketAddr) -> Self {
        Self { destination, source: None, options: Options::default() }
    }

    /// Binds to an address before connecting and lets the kernel choose the port: in bind(), or in
    /// connect() with [`Options::bind_address_no_port`].
    #[must_use]
    pub fn from_ip(self, source: impl Into<IpAddr>) -> Self {
        self.from(SocketAddr::new(source.into(), 0))
    }

    /// Binds to an address and a port before connecting.
    #[must_use]
    pub fn from(mut self, source: SocketAddr) -> Self {
        self.source = Some(source);
        self
    }

    /// Sets options on the socket before it is bound or connected.
    #[must_use]
    pub fn with(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// Where to.
    #[must_use]
    pub fn destination(&self) -> SocketAddr {
        self.destination
    }

    /// Where from, if a bind() comes first.
    #[must_use]
    pub fn source(&self) -> Option<SocketAddr> {
        self.source
    }

    /// Opens one client connection; nothing is accepted. The inner error is the kernel's refusal.
    ///
    /// # Errors
    /// When the thread is not in a private namespace.
    pub fn connect(&self) -> Result<Result<OwnedFd, Stop>, Error> {
        require_private()?;
        Ok(self.open())
    }

    pub(super) fn open(&self) -> Result<OwnedFd, Stop> {
        let fd = self.bound()?;
        // connect() returns EINPROGRESS after this time, where it would wait for two minutes.
        set_socket_timeout(&fd, Timeout::Send, Some(PATIENCE)).map_err(|errno| Stop::new(Step::Option, errno))?;
        sys::connect(&fd, &self.destination).map_err(|errno| Stop::new(Step::Connect, errno))?;
        Ok(fd)
    }

    /// The socket as it is before connect().
    pub(super) fn bound(&self) -> Result<OwnedFd, Stop> {
        let fd = self.options.socket(self.destination.ip(), SocketType::STREAM)?;
        if let Some(source) = self.source {
            sys::bind(&fd, &source).map_err(|errno| Stop::new(Step::Bind, errno))?;
        }
        Ok(fd)
    }
}

/// Loopback handshakes take microseconds; a veth pair under load takes milliseconds, and a lost
/// SYN is repeated after one second.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);
