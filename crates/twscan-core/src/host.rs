//! Where sockets come from: the kernel by its best way, or what stands in for it.

use std::fmt;

use crate::Error;
use crate::port::PortSet;
use crate::procfs::ProcFs;
use crate::sock_diag::{Batch, Dump, DumpRequest, DumpStats};
use crate::socket::StateSet;
use crate::tally::Tally;
use crate::transport::Transport;
use crate::walk::Retries;

/// A host to read: how to open a channel to its sock_diag, and its `/proc`.
pub struct Host {
    open: Box<Opener>,
    procfs: ProcFs,
    source: Option<Source>,
}

pub(crate) type Channel = Box<dyn Transport>;
type Opener = dyn Fn() -> Result<Channel, Error> + Send + Sync;

impl Host {
    /// The running kernel, in the network namespace of the thread that reads.
    #[cfg(all(feature = "live", target_os = "linux"))]
    #[must_use]
    pub fn live() -> Self {
        let open = || Ok(Box::new(crate::transport::NetlinkSocket::open()?) as Channel);
        Self::new(open, ProcFs::default())
    }

    /// A host that `open` opens channels to; each dump takes a fresh one.
    #[must_use]
    pub fn new(open: impl Fn() -> Result<Channel, Error> + Send + Sync + 'static, procfs: ProcFs) -> Self {
        Self { open: Box::new(open), procfs, source: None }
    }

    /// Uses this source and no other.
    #[must_use]
    pub fn with_source(mut self, source: Source) -> Self {
        self.source = Some(source);
        self
    }

    /// The host's `/proc`.
    #[must_use]
    pub fn procfs(&self) -> &ProcFs {
        &self.procfs
    }

    /// Starts a walk over the sockets in these states; an empty `bytecode` is no filter.
    ///
    /// One walk for both families where the kernel takes the legacy request, else two, else `/proc/net/tcp`, which
    /// ignores the filter. What may pass, ENOBUFS say, is tried again twice, each time through a new socket; once the
    /// walk has begun, only [`tally`](Self::tally) can do that, since it knows how to count anew.
    ///
    /// # Errors
    /// What the last source gave, where none serves.
    pub fn sockets(&self, states: StateSet, bytecode: &[u8]) -> Result<Sockets, Error> {
        self.sockets_with(&mut Retries::new(), states, bytecode)
    }

    pub(crate) fn sockets_with(
        &self,
        retries: &mut Retries,
        states: StateSet,
        bytecode: &[u8],
    ) -> Result<Sockets, Error> {
        let mut from = |source| loop {
            match self.sockets_from(source, states, bytecode) {
                Err(error) if error.is_transient() && retries.take() => {}
                outcome => return outcome,
            }
        };
        if let Some(source) = self.source {
            return from(source);
        }
        from(Source::NetlinkOneWalk)
            .or_else(|error| match error {
                // Without a socket there is nothing to send the other request through.
                Error::Refused { .. } => from(Source::NetlinkTwoWalks),
                error => Err(error),
            })
            .or_else(|error| match error {
                Error::Open { .. } | Error::Send { .. } | Error::Refused { .. } => {
                    // Where /proc does not serve either, the first reason is the one to tell.
                    from(Source::Procfs).map_err(|_| error)
                }
                error => Err(error),
            })
    }

    /// The ports with a LISTEN socket at any address.
    ///
    /// # Errors
    /// As for [`sockets`](Self::sockets) and [`Sockets::next_batch`].
    pub fn listening_ports(&self) -> Result<PortSet, Error> {
        let walk = self.tally(StateSet::LISTEN, &[], PortSet::new)?;
        walk.interruption.map_or(Ok(walk.tally), Err)
    }

    fn sockets_from(&self, source: Source, states: StateSet, bytecode: &[u8]) -> Result<Sockets, Error> {
        let start = |channel, request: DumpRequest| Dump::start(channel, &request.bytecode(bytecode.to_vec()));
        let (mut dump, next) = match source {
            Source::NetlinkOneWalk => (start((self.open)()?, DumpRequest::one_walk(states))?, None),
            Source::NetlinkTwoWalks => {
                let second = ((self.open)()?, DumpRequest::inet6(states).bytecode(bytecode.to_vec()));
                (start((self.open)()?, DumpRequest::inet(states))?, Some(second))
            }
            Source::Procfs => {
                (Dump::start(Box::new(self.procfs.net_tcp()) as Channel, &DumpRequest::one_walk(states))?, None)
            }
        };
        let received = dump.advance()?;
        if let Some(refusal) = dump.refusal() {
            return Err(refusal);
        }
        Ok(Sockets { source, dump, received, next, earlier: DumpStats::default() })
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host").field("procfs", &self.procfs).field("source", &self.source).finish_non_exhaustive()
    }
}

/// Where the sockets of a result came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Source {
    /// sock_diag, both families in one walk of the kernel's table.
    NetlinkOneWalk,
    /// sock_diag, a walk for each family.
    NetlinkTwoWalks,
    /// `/proc/net/tcp` and `tcp6`.
    Procfs,
}

impl Source {
    /// The name in the documents: `netlink-one-walk`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NetlinkOneWalk => "netlink-one-walk",
            Self::NetlinkTwoWalks => "netlink-two-walks",
            Self::Procfs => "procfs",
        }
    }
}

/// A walk over a host's sockets: a stream of borrowed batches, whatever the source.
#[derive(Debug)]
pub struct Sockets {
    source: Source,
    dump: Dump<Channel>,
    /// Whether the dump holds a datagram that has not been given out.
    received: bool,
    next: Option<(Channel, DumpRequest)>,
    earlier: DumpStats,
}

impl Sockets {
    /// The next datagram's sockets; `None` at the end.
    ///
    /// # Errors
    /// As for [`Dump::next_batch`]. What came before has been delivered.
    pub fn next_batch(&mut self) -> Result<Option<Batch<'_>>, Error> {
        if std::mem::take(&mut self.received) || self.dump.advance()? {
            return Ok(Some(self.dump.batch()));
        }
        let Some((channel, request)) = self.next.take() else { return Ok(None) };
        self.earlier.add(&self.dump.stats());
        self.dump = Dump::start(channel, &request)?;
        self.dump.next_batch()
    }

    /// Shows every socket to a tally.
    ///
    /// # Errors
    /// As for [`next_batch`](Self::next_batch); what came before the error has been counted.
    pub fn observe<T: Tally + ?Sized>(&mut self, tally: &mut T) -> Result<(), Error> {
        while let Some(batch) = self.next_batch()? {
            for record in batch {
                tally.observe(&record);
            }
        }
        Ok(())
    }

    /// Which source serves.
    #[must_use]
    pub fn source(&self) -> Source {
        self.source
    }

    /// What has been received so far, in all walks.
    #[must_use]
    pub fn stats(&self) -> DumpStats {
        let mut stats = self.earlier;
        stats.add(&self.dump.stats());
        stats
    }
}
