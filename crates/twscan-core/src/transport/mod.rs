//! How requests reach something that answers with netlink messages, and how its datagrams come back.
//!
//! The kernel is one such thing; `/proc/net/tcp` read as if it were ([`ProcNetTcp`](crate::procfs::ProcNetTcp)),
//! a recording, or a test's script are others. What is above sees datagrams and cannot tell.

#[cfg(all(feature = "live", target_os = "linux"))]
mod netlink;
mod patience;
mod script;

#[cfg(all(feature = "live", target_os = "linux"))]
pub use netlink::NetlinkSocket;
pub use patience::{Cancel, Patience};
pub use script::Script;

use std::time::Duration;

use crate::Error;

/// A two-way channel of netlink datagrams.
pub trait Transport: std::fmt::Debug + Send {
    /// Sends one request.
    ///
    /// # Errors
    /// [`Error::Send`] where it cannot be sent.
    fn send(&mut self, request: &[u8]) -> Result<(), Error>;

    /// Replaces what is in `buffer` by the next datagram, waiting for it.
    ///
    /// # Errors
    /// [`Error::Receive`], what [`Patience::pause`] gives where nothing comes, and [`Error::Truncated`] where the datagram is longer
    /// than the buffer's capacity.
    fn receive(&mut self, buffer: &mut Vec<u8>) -> Result<(), Error>;

    /// Takes over how long to wait from now on, for channels that wait: a [`Patience::pause`] at a time.
    fn be_patient(&mut self, _patience: &Patience) {}

    /// The port id that answers carry, `nlmsg_pid`.
    fn port_id(&self) -> u32;

    /// Whether the filter of the last request is run, so that only what it accepts comes.
    fn is_filtered(&self) -> bool {
        true
    }

    /// The time from the request to the last datagram by the channel's own clock, which a recording has; `None` leaves
    /// it to the reader's clock.
    fn elapsed(&self) -> Option<Duration> {
        None
    }
}

impl<T: Transport + ?Sized> Transport for Box<T> {
    fn send(&mut self, request: &[u8]) -> Result<(), Error> {
        (**self).send(request)
    }

    fn receive(&mut self, buffer: &mut Vec<u8>) -> Result<(), Error> {
        (**self).receive(buffer)
    }

    fn be_patient(&mut self, patience: &Patience) {
        (**self).be_patient(patience);
    }

    fn port_id(&self) -> u32 {
        (**self).port_id()
    }

    fn is_filtered(&self) -> bool {
        (**self).is_filtered()
    }

    fn elapsed(&self) -> Option<Duration> {
        (**self).elapsed()
    }
}

/// The length of the receive buffer, 32 KiB: the kernel fills no more into one datagram of a dump
/// (net/netlink/af_netlink.c, `netlink_recvmsg`), and a shorter buffer would lose a part.
pub const BUFFER_LEN: usize = 32 * 1024;
