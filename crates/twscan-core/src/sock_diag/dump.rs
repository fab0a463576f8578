use std::io;
use std::iter::FusedIterator;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use super::DumpRequest;
use super::repeats::Repeats;
use crate::Error;
use crate::errno::{EIO, ENOBUFS};
use crate::socket::SocketRecord;
use crate::transport::{BUFFER_LEN, Patience, Transport};
use crate::wire::{InetDiagMsg, Message, Messages, kind};

/// A dump under way: the kernel's answer to one request, one datagram in memory at a time.
#[derive(Debug)]
pub struct Dump<T> {
    transport: T,
    buffer: Vec<u8>,
    progress: Progress,
    patience: Patience,
}

impl<T: Transport> Dump<T> {
    /// Sends the request. The first [`next_batch`](Self::next_batch) tells whether the kernel takes it.
    ///
    /// # Errors
    /// [`Error::Send`] where it cannot be sent.
    pub fn start(transport: T, request: &DumpRequest) -> Result<Self, Error> {
        Self::start_with(transport, request, Patience::default())
    }

    /// As [`start`](Self::start), to wait for no longer than this.
    ///
    /// # Errors
    /// As for [`start`](Self::start), and what [`Patience::check`] gives.
    pub fn start_with(mut transport: T, request: &DumpRequest, patience: Patience) -> Result<Self, Error> {
        patience.check()?;
        transport.be_patient(&patience);
        // One number for each dump of the process, so that a late answer to another is told apart.
        static SEQUENCE: AtomicU32 = AtomicU32::new(1);
        let sequence = SEQUENCE.fetch_add(1, Ordering::Relaxed);
        let started = Instant::now();
        transport.send(&request.encode(sequence))?;
        let progress = Progress {
            expected: (sequence, transport.port_id()),
            reply_kind: request.reply_kind(),
            started,
            stats: DumpStats::default(),
            repeats: Repeats::new(),
            barren: 0,
            limit: MOST_SOCKETS,
            end: None,
        };
        Ok(Self { transport, buffer: Vec::with_capacity(BUFFER_LEN), progress, patience })
    }

    /// Gives the dump up after this many sockets. Without it the bound is 2^28, which no kernel's memory holds.
    #[must_use]
    pub fn at_most(mut self, sockets: u64) -> Self {
        self.progress.limit = sockets;
        self
    }

    /// Receives the next datagram's sockets; `None` at the end of the dump.
    ///
    /// # Errors
    /// [`Error::Refused`] where the kernel does not take the request, [`Error::Aborted`] where it ends the dump early,
    /// [`Error::Malformed`], [`Error::ForeignReply`], [`Error::Endless`], and what [`Patience::check`] and
    /// [`Transport::receive`] give. What came before the error has been delivered; after it the dump is at its end.
    pub fn next_batch(&mut self) -> Result<Option<Batch<'_>>, Error> {
        Ok(if self.advance()? { Some(self.batch()) } else { None })
    }

    /// What has been received so far.
    #[must_use]
    pub fn stats(&self) -> DumpStats {
        self.progress.stats
    }

    /// Receives until there is a datagram to read (true) or the dump is at its end (false).
    pub(crate) fn advance(&mut self) -> Result<bool, Error> {
        match self.progress.end.take() {
            None => {}
            Some(End::Done) => {
                self.progress.end = Some(End::Done);
                return Ok(false);
            }
            Some(End::Failed(error)) => {
                self.progress.end = Some(End::Done);
                return Err(error);
            }
        }
        self.progress.barren += 1;
        if self.progress.barren > MOST_BARREN {
            self.progress.end = Some(End::Done);
            return Err(Error::Endless { sockets: self.progress.stats.sockets });
        }
        match self.patience.check().and_then(|()| self.transport.receive(&mut self.buffer)) {
            Ok(()) => {
                let stats = &mut self.progress.stats;
                stats.datagrams += 1;
                stats.bytes += self.buffer.len() as u64;
                stats.elapsed = self.transport.elapsed().unwrap_or_else(|| self.progress.started.elapsed());
                Ok(true)
            }
            Err(error) => {
                self.progress.end = Some(End::Done);
                Err(error)
            }
        }
    }

    pub(crate) fn patience(&self) -> &Patience {
        &self.patience
    }

    /// Whether the request's filter is run, so that only what it accepts comes.
    pub(crate) fn is_filtered(&self) -> bool {
        self.transport.is_filtered()
    }

    /// The kernel's refusal, where the datagram at hand starts with one.
    pub(crate) fn refusal(&mut self) -> Option<Error> {
        let message = Messages::new(&self.buffer).next()?.ok()?;
        let refused = matches!(message.kind(), kind::ERROR | kind::DONE) && message.errno().unwrap_or(0) != 0;
        if !refused {
            return None;
        }
        self.batch().for_each(drop);
        match self.progress.end.replace(End::Done) {
            Some(End::Failed(error)) => Some(error),
            _ => None,
        }
    }

    /// The datagram that [`advance`](Self::advance) received; it is to be read once.
    pub(crate) fn batch(&mut self) -> Batch<'_> {
        Batch { messages: Messages::new(&self.buffer), progress: &mut self.progress }
    }
}

/// The sockets of one datagram, borrowed from the dump's buffer.
///
/// A batch that is dropped early is read to its end first, so that the dump knows how it goes on.
#[derive(Debug)]
pub struct Batch<'a> {
    messages: Messages<'a>,
    progress: &'a mut Progress,
}

impl<'a> Iterator for Batch<'a> {
    type Item = SocketRecord<'a>;

    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        if self.progress.end.is_some() {
            return None;
        }
        loop {
            let message = match self.messages.next()? {
                Ok(message) => message,
                Err(cause) => return self.progress.fail(Error::Malformed { cause }),
            };
            if (message.sequence(), message.port_id()) != self.progress.expected {
                return self.progress.fail_foreign(&message);
            }
            if message.kind() != self.progress.reply_kind {
                self.progress.control(&message)?;
                continue;
            }
            let msg = match InetDiagMsg::new(message.payload()) {
                Ok(msg) => msg,
                Err(cause) => return self.progress.fail(Error::Malformed { cause }),
            };
            self.progress.stats.interrupted |= message.flags() & NLM_F_DUMP_INTR != 0;
            if self.progress.repeats.is_repeat(&msg) {
                self.progress.stats.duplicates += 1;
                continue;
            }
            self.progress.barren = 0;
            if self.progress.stats.sockets == self.progress.limit {
                return self.progress.fail(Error::Endless { sockets: self.progress.limit });
            }
            self.progress.stats.sockets += 1;
            return Some(SocketRecord::new(msg));
        }
    }
}

impl FusedIterator for Batch<'_> {}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        self.for_each(drop);
    }
}

/// What a dump brought and what it took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct DumpStats {
    /// Sockets delivered.
    pub sockets: u64,
    /// Datagrams received.
    pub datagrams: u64,
    /// Bytes received.
    pub bytes: u64,
    /// Entries that the kernel sent twice, or that a recorded text has twice, and that were left out.
    pub duplicates: u64,
    /// From the request to the last datagram.
    pub elapsed: Duration,
    /// Whether the kernel said that the table changed under the dump (`NLM_F_DUMP_INTR`); sock_diag never does so far.
    pub interrupted: bool,
}

impl DumpStats {
    /// Adds what a further dump of the same walk brought.
    pub(crate) fn add(&mut self, other: &Self) {
        self.sockets += other.sockets;
        self.datagrams += other.datagrams;
        self.bytes += other.bytes;
        self.duplicates += other.duplicates;
        self.elapsed += other.elapsed;
        self.interrupted |= other.interrupted;
    }
}

#[derive(Debug)]
struct Progress {
    expected: (u32, u32),
    reply_kind: u16,
    started: Instant,
    stats: DumpStats,
    repeats: Repeats,
    /// Datagrams in a row that brought no socket.
    barren: u32,
    limit: u64,
    end: Option<End>,
}

#[derive(Debug)]
enum End {
    Done,
    Failed(Error),
}

impl Progress {
    #[cold]
    fn fail<R>(&mut self, error: Error) -> Option<R> {
        self.end = Some(End::Failed(error));
        None
    }

    #[cold]
    fn fail_foreign<R>(&mut self, message: &Message<'_>) -> Option<R> {
        let (sequence, port_id) = (message.sequence(), message.port_id());
        self.fail(Error::ForeignReply { sequence, port_id, expected: self.expected })
    }

    /// Takes a message that is no socket; `None` where the dump ends with it.
    #[cold]
    fn control(&mut self, message: &Message<'_>) -> Option<()> {
        match message.kind() {
            // Older kernels end a dump without the integer.
            kind::DONE => match message.errno().unwrap_or(0) {
                0 => self.end = Some(End::Done),
                errno => return self.fail(self.refusal(errno)),
            },
            kind::ERROR => match message.errno() {
                // An acknowledgment.
                Some(0) => return Some(()),
                errno => return self.fail(self.refusal(errno.unwrap_or(EIO))),
            },
            kind::OVERRUN => return self.fail(self.refusal(ENOBUFS)),
            // NLMSG_NOOP, and what a later kernel may add.
            _ => return Some(()),
        }
        None
    }

    fn refusal(&self, errno: i32) -> Error {
        let cause = io::Error::from_raw_os_error(errno);
        match self.stats.sockets {
            0 => Error::Refused { cause },
            sockets => Error::Aborted { sockets, cause },
        }
    }
}

/// `NLM_F_DUMP_INTR` (include/uapi/linux/netlink.h).
const NLM_F_DUMP_INTR: u16 = 0x10;
/// Sockets: 64 GiB of the kernel's smallest ones, the 256 bytes of a TIME_WAIT.
const MOST_SOCKETS: u64 = 1 << 28;
/// Datagrams: the kernel sends none without a socket but the last.
const MOST_BARREN: u32 = 1000;
