use std::sync::Arc;
use std::time::Duration;

use super::walk::RecordedWalk;
use crate::Error;
use crate::sock_diag::DumpRequest;
use crate::socket::TcpState;
use crate::transport::Transport;
use crate::wire::{InetDiagMsg, Message, Messages, append_message, kind};

/// A recording that answers dump requests like the kernel it was taken from.
///
/// The request that was recorded gets the recorded datagrams as they were; any other gets those of their sockets that
/// are in its states and of its family. A filter that was not recorded is not run: what comes is to be judged again, as from
/// `/proc/net/tcp`.
#[derive(Debug)]
pub(super) struct Replay {
    walks: Arc<Vec<RecordedWalk>>,
    answering: Option<Answering>,
    elapsed: Duration,
}

#[derive(Debug)]
struct Answering {
    walk: usize,
    request: DumpRequest,
    sequence: u32,
    verbatim: bool,
    /// Whether a datagram has been given out.
    began: bool,
    next_chunk: usize,
    raw: Vec<u8>,
    at: usize,
}

impl Replay {
    pub(super) fn new(walks: Arc<Vec<RecordedWalk>>) -> Self {
        Self { walks, answering: None, elapsed: Duration::ZERO }
    }

    fn find(&self, request: &DumpRequest) -> Result<usize, Error> {
        let serves = |walk: &RecordedWalk, filter: &[u8]| {
            let recorded = &walk.request;
            recorded.filter() == filter
                && (recorded.family().is_none() || recorded.family() == request.family())
                && recorded.states().contains_all(request.states())
        };
        let position = |filter: &[u8]| self.walks.iter().position(|walk| serves(walk, filter));
        let found = position(request.filter()).or_else(|| position(&[]));
        found.ok_or(Error::NotRecorded { what: "sockets in all the states asked for" })
    }

    fn answers(&self) -> Option<(&Answering, &RecordedWalk)> {
        let answering = self.answering.as_ref()?;
        Some((answering, self.walks.get(answering.walk)?))
    }
}

impl Transport for Replay {
    fn send(&mut self, request: &[u8]) -> Result<(), Error> {
        let unknown = Error::NotRecorded { what: "the answer to a request of this form" };
        let (request, sequence) = DumpRequest::decode(request).ok_or(unknown)?;
        let walk = self.find(&request)?;
        let verbatim = self.walks.get(walk).is_some_and(|walk| walk.request == request);
        self.answering =
            Some(Answering { walk, request, sequence, verbatim, began: false, next_chunk: 0, raw: Vec::new(), at: 0 });
        self.elapsed = Duration::ZERO;
        Ok(())
    }

    fn receive(&mut self, buffer: &mut Vec<u8>) -> Result<(), Error> {
        buffer.clear();
        let silence = Error::Timeout { waited: Duration::ZERO };
        let Some(answering) = &mut self.answering else { return Err(silence) };
        let Some(walk) = self.walks.get(answering.walk) else { return Err(silence) };
        while buffer.is_empty() {
            let Some((datagram, elapsed)) = answering.next_datagram(walk)? else {
                if !std::mem::replace(&mut answering.began, true) {
                    // The walk did begin, though nothing of it was asked for before it broke off.
                    append_message(kind::NOOP, 0, answering.sequence, walk.port_id, &[], buffer);
                    break;
                }
                let fault = walk.fault.clone().map(|reason| Error::RecordedFault { reason });
                return Err(fault.unwrap_or(silence));
            };
            self.elapsed = elapsed;
            answering.answer(walk, &datagram, buffer);
            answering.began |= !buffer.is_empty();
            if answering.verbatim {
                break;
            }
        }
        if buffer.len() > buffer.capacity() {
            return Err(Error::Truncated { datagram: buffer.len(), buffer: buffer.capacity() });
        }
        Ok(())
    }

    fn port_id(&self) -> u32 {
        self.answers().map_or(0, |(_, walk)| walk.port_id)
    }

    fn is_filtered(&self) -> bool {
        self.answers().is_some_and(|(answering, walk)| answering.request.filter() == walk.request.filter())
    }

    fn elapsed(&self) -> Option<Duration> {
        Some(self.elapsed)
    }
}

impl Answering {
    fn next_datagram(&mut self, walk: &RecordedWalk) -> Result<Option<(Vec<u8>, Duration)>, Error> {
        while self.at >= self.raw.len() {
            let Some(chunk) = walk.chunks.get(self.next_chunk) else { return Ok(None) };
            self.raw = chunk.unpack().map_err(|what| Error::Damaged { offset: 0, what })?;
            (self.next_chunk, self.at) = (self.next_chunk + 1, 0);
        }
        let rest = self.raw.get(self.at..).unwrap_or_default();
        let parsed = rest.split_first_chunk::<4>().and_then(|(len, rest)| {
            let (nanoseconds, rest) = rest.split_first_chunk::<8>()?;
            let datagram = rest.get(..u32::from_le_bytes(*len) as usize)?;
            Some((datagram.to_vec(), Duration::from_nanos(u64::from_le_bytes(*nanoseconds))))
        });
        let cut = Error::Damaged { offset: 0, what: "a datagram is longer than its section" };
        let (datagram, elapsed) = parsed.ok_or(cut)?;
        self.at += 12 + datagram.len();
        Ok(Some((datagram, elapsed)))
    }

    /// Puts the messages that answer the request behind each other, under the request's own sequence number.
    fn answer(&self, walk: &RecordedWalk, datagram: &[u8], out: &mut Vec<u8>) {
        let mut messages = Messages::new(datagram);
        let mut passed = 0;
        while let Some(Ok(message)) = messages.next() {
            passed = datagram.len() - messages.remaining();
            let control = message.kind() != walk.request.reply_kind();
            if self.verbatim || control || self.wants(&message) {
                // What was foreign to the recorded walk is foreign to this one.
                let sequence = if message.sequence() == walk.sequence { self.sequence } else { message.sequence() };
                let kind = if control { message.kind() } else { self.request.reply_kind() };
                append_message(kind, message.flags(), sequence, message.port_id(), message.payload(), out);
            }
        }
        // What contradicts itself is passed on, for the reader to name it.
        out.extend_from_slice(datagram.get(passed..).unwrap_or_default());
    }

    fn wants(&self, message: &Message<'_>) -> bool {
        let Ok(msg) = InetDiagMsg::new(message.payload()) else { return true };
        let state = TcpState::from(msg.idiag_state());
        // A bound-but-idle socket is asked for by a number of its own and reported as CLOSE.
        let asked_as = if state == TcpState::Close { TcpState::BoundInactive } else { state };
        self.request.states().contains(asked_as)
            && self.request.family().is_none_or(|family| family == msg.idiag_family())
    }
}
