//! Where sockets come from: the kernel by its best way, or what stands in for it.

mod matching;
mod namespaces;
mod retries;
mod sockets;
mod source;
#[cfg_attr(not(feature = "serde"), allow(dead_code, reason = "questions ask"))]
mod timestamps;
mod walk;

pub use namespaces::Namespaces;
pub(crate) use sockets::Channel;
pub use sockets::Sockets;
pub use source::Source;
pub use walk::Walk;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use crate::Error;
use crate::errno::{EINVAL, EOPNOTSUPP, EPERM};
use crate::netns::{Namespace, NetnsError, Others, Surroundings};
use crate::port::PortSet;
use crate::procfs::ProcFs;
use crate::procfs::owner::{Owners, Wanted};
use crate::shell::Scope;
use crate::sock_diag::{Dump, DumpRequest, DumpStats};
use crate::socket::StateSet;
use crate::transport::{Cancel, Patience};
use retries::Retries;

/// A host to read: how to open a channel to its sock_diag, and its `/proc`.
#[derive(Clone)]
pub struct Host {
    open: Arc<Opener>,
    procfs: ProcFs,
    source: Option<Source>,
    recorded: Option<Recorded>,
    scope: Arc<Scope>,
    /// Which processes had the sockets, where that was recorded.
    owners: Option<Arc<FindOwners>>,
    /// The namespaces that were recorded with it.
    namespaces: Option<Arc<FindNamespaces>>,
    patience: Patience,
}

/// Opens a channel that serves this source's requests.
type Opener = dyn Fn(Source) -> Result<Channel, Error> + Send + Sync;
type FindOwners = dyn Fn(&Wanted) -> Owners + Send + Sync;
type FindNamespaces = dyn Fn() -> Option<Found> + Send + Sync;

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
        let text = procfs.clone();
        let open = move |source| match source {
            Source::Procfs => Ok(Box::new(text.net_tcp()) as Channel),
            _ => open(),
        };
        Self {
            open: Arc::new(open),
            procfs,
            source: None,
            recorded: None,
            scope: Arc::default(),
            owners: None,
            namespaces: None,
            patience: Patience::default(),
        }
    }

    /// A host as it was: whatever the source that served then, `open` stands in for it.
    #[cfg(feature = "capture")]
    pub(crate) fn of_recording(
        open: impl Fn() -> Result<Channel, Error> + Send + Sync + 'static,
        procfs: ProcFs,
        source: Source,
        recorded: Recorded,
    ) -> Self {
        Self {
            open: Arc::new(move |_| open()),
            scope: Arc::new(Scope::default().recording(&recorded.from, procfs.hostname())),
            procfs,
            source: Some(source),
            recorded: Some(recorded),
            owners: None,
            namespaces: None,
            patience: Patience::default(),
        }
    }

    /// The same host with each channel wrapped.
    #[cfg(feature = "capture")]
    pub(crate) fn tee(&self, wrap: impl Fn(Channel) -> Channel + Send + Sync + 'static) -> Self {
        let open = self.open.clone();
        let open = move |source| Ok(wrap(open(source)?));
        Self { open: Arc::new(open), ..self.clone() }
    }

    /// A host as it was, with the owners of its sockets.
    #[cfg(feature = "capture")]
    pub(crate) fn with_owners(mut self, find: impl Fn(&Wanted) -> Owners + Send + Sync + 'static) -> Self {
        self.owners = Some(Arc::new(find));
        self
    }

    /// A host as it was, with every network namespace that was recorded with it.
    #[cfg(feature = "capture")]
    pub(crate) fn with_namespaces(mut self, find: impl Fn() -> Option<Found> + Send + Sync + 'static) -> Self {
        self.namespaces = Some(Arc::new(find));
        self
    }

    /// When and where a recorded host was recorded; `None` for a live one.
    #[must_use]
    pub fn recorded(&self) -> Option<&Recorded> {
        self.recorded.as_ref()
    }

    /// Says how a command comes to it, where more than the reader's own namespace or the recording's name is needed.
    #[must_use]
    pub fn with_scope(mut self, scope: Scope) -> Self {
        self.scope = Arc::new(scope);
        self
    }

    /// The options of commands that come to it again.
    #[must_use]
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Uses this source and no other.
    #[must_use]
    pub fn with_source(mut self, source: Source) -> Self {
        self.source = Some(source);
        self
    }

    /// Waits no longer than this for the kernel's next datagram, instead of 5 s; a walk that breaks off so is begun again
    /// twice.
    #[must_use]
    pub fn with_patience(mut self, silence: Duration) -> Self {
        self.patience = self.patience.silence(silence);
        self
    }

    /// Ends every walk at this moment: what was counted by then is the result, [incomplete](Error::Deadline).
    ///
    /// ```no_run
    /// use std::time::{Duration, Instant};
    ///
    /// use twscan_core::Scan;
    /// use twscan_core::host::Host;
    ///
    /// let host = Host::live().with_deadline(Instant::now() + Duration::from_millis(200));
    /// let sample = Scan::of(host).sample()?;
    /// if let Some(reason) = &sample.provenance.incomplete {
    ///     println!("at least {} sockets: {reason}", sample.states.total());
    /// }
    /// # Ok::<(), twscan_core::Error>(())
    /// ```
    #[must_use]
    pub fn with_deadline(mut self, deadline: Instant) -> Self {
        self.patience = self.patience.until(deadline);
        self
    }

    /// Ends every walk when another thread, or a signal's handler, says so: what was counted by then is the result,
    /// [incomplete](Error::Cancelled).
    #[must_use]
    pub fn with_cancel(mut self, cancel: Cancel) -> Self {
        self.patience = self.patience.unless(cancel);
        self
    }

    /// The host's `/proc`.
    #[must_use]
    pub fn procfs(&self) -> &ProcFs {
        &self.procfs
    }

    /// The processes that have these sockets open, or had when the host was recorded.
    ///
    /// # Errors
    /// [`Error::NotRecorded`] where the recording has no owners, [`Error::ReadFile`] where `/proc` cannot be listed.
    pub fn owners(&self, wanted: &Wanted) -> Result<Owners, Error> {
        match &self.owners {
            Some(find) => Ok(find(wanted)),
            None if self.recorded.is_none() => find_live(&self.procfs, wanted),
            None => Err(Error::NotRecorded { what: WHOSE }),
        }
    }

    /// Whether [`owners`](Self::owners) can tell.
    #[must_use]
    pub fn knows_owners(&self) -> bool {
        self.recorded.is_none() || self.owners.is_some()
    }

    /// Starts a walk over the sockets in these states; an empty `bytecode` is no filter.
    ///
    /// One walk for both families where the kernel takes the legacy request, else two, else `/proc/net/tcp`. The
    /// bytecode only spares copying: a kernel that does not take it is asked again without, and `/proc/net/tcp` ignores
    /// it, so what comes is to be [judged again](crate::filter::Filter::matches).
    ///
    /// What may pass, ENOBUFS say, is tried again twice, each time through a new socket; once the walk has begun, only
    /// [`tally`](Self::tally) can do that, since it knows how to count anew.
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
        let walk = self.listeners()?;
        walk.interruption.map_or(Ok(walk.tally), Err)
    }

    /// The ports with a LISTEN socket at any address, as far as the walk came.
    ///
    /// # Errors
    /// As for [`sockets`](Self::sockets).
    pub fn listeners(&self) -> Result<Walk<PortSet>, Error> {
        self.tally(StateSet::LISTEN, &[], PortSet::new)
    }

    fn sockets_from(&self, source: Source, states: StateSet, bytecode: &[u8]) -> Result<Sockets, Error> {
        self.walk(source, states, bytecode).or_else(|error| {
            let refused = matches!(error, Error::Refused { .. }) && !bytecode.is_empty();
            // What a kernel may answer to an operator that it does not have, or not for this reader
            // (net/ipv4/inet_diag.c, `inet_diag_bc_audit`).
            match error.raw_os_error() {
                Some(errno @ (EPERM | EINVAL | EOPNOTSUPP)) if refused => {
                    Ok(Sockets { bytecode_refused: Some(errno), ..self.walk(source, states, &[])? })
                }
                _ => Err(error),
            }
        })
    }

    fn walk(&self, source: Source, states: StateSet, bytecode: &[u8]) -> Result<Sockets, Error> {
        let start = |channel, request: DumpRequest| {
            Dump::start_with(channel, &request.bytecode(bytecode.to_vec()), self.patience.clone())
        };
        let (mut dump, next) = match source {
            Source::NetlinkTwoWalks => {
                let second = ((self.open)(source)?, DumpRequest::inet6(states).bytecode(bytecode.to_vec()));
                (start((self.open)(source)?, DumpRequest::inet(states))?, Some(second))
            }
            _ => (start((self.open)(source)?, DumpRequest::one_walk(states))?, None),
        };
        let received = dump.advance()?;
        if let Some(refusal) = dump.refusal() {
            return Err(refusal);
        }
        let duplicates = self.recorded.as_ref().map_or(0, |recorded| recorded.repeats);
        let earlier = DumpStats { duplicates, ..DumpStats::default() };
        Ok(Sockets { source, dump, received, next, earlier, bytecode_refused: None })
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host")
            .field("procfs", &self.procfs)
            .field("source", &self.source)
            .field("recorded", &self.recorded)
            .finish_non_exhaustive()
    }
}

#[cfg(all(feature = "live", target_os = "linux"))]
fn find_live(procfs: &ProcFs, wanted: &Wanted) -> Result<Owners, Error> {
    crate::procfs::owner::OwnerScan::new(procfs).find(wanted)
}

#[cfg(not(all(feature = "live", target_os = "linux")))]
fn find_live(_: &ProcFs, _: &Wanted) -> Result<Owners, Error> {
    Err(Error::NotRecorded { what: WHOSE })
}

/// When and where a host was recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recorded {
    /// When the walk began; of a foreign recording, when its file was last written.
    pub at: SystemTime,
    /// The recording's name: a path, or `-`.
    pub from: String,
    /// The network namespace's name and how many others there were; `None` where those were not looked at.
    pub surroundings: Option<Surroundings>,
    /// Whether its addresses and its name are not the real ones.
    pub anonymized: bool,
    /// States that may be missing, since the tool that recorded was not seen to be asked for them.
    pub left_out: StateSet,
    /// Rows of another tool's file that were not taken, since later ones show the same sockets, or their whole table, again.
    pub repeats: u64,
}

/// The namespaces with the ways to them.
pub(crate) struct Found {
    pub(crate) list: Vec<(Namespace, Way)>,
    pub(crate) others: Others,
    pub(crate) unreadable: usize,
}

/// How a namespace is read.
pub(crate) enum Way {
    /// A thread goes there.
    #[cfg(all(feature = "live", target_os = "linux"))]
    Live(crate::netns::Entry),
    /// It was visited when it was recorded.
    #[cfg_attr(not(feature = "capture"), allow(dead_code, reason = "nothing is recorded"))]
    Recorded(Box<dyn Fn() -> Visit<Host> + Send + Sync>),
}

/// What came of a visit to a namespace.
#[derive(Debug)]
#[non_exhaustive]
pub enum Visit<T> {
    /// What the closure returned inside.
    Read(T),
    /// It has no TCP socket, by its counters, and was not read.
    Idle,
    /// It has ended since it was found.
    Ended,
    /// It could not be entered or read.
    Refused(NetnsError),
}

const WHOSE: &str = "which processes had the sockets; capture -p records them, and ss -p and netstat -p print them";
