use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::anonymize::Anonymizer;
use super::container::Section;
use super::walk::{DATA, RecordedWalk};
use crate::Error;
use crate::host::Channel;
use crate::sock_diag::DumpRequest;
use crate::transport::{Patience, Transport};

/// Writes down what passes through channels.
#[derive(Debug, Clone, Default)]
pub(super) struct Tape {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    walks: Vec<Writing>,
    anonymizer: Option<Anonymizer>,
}

#[derive(Debug)]
struct Writing {
    walk: RecordedWalk,
    pending: Vec<u8>,
}

impl Tape {
    pub(super) fn new(anonymizer: Option<Anonymizer>) -> Self {
        Self { inner: Arc::new(Mutex::new(Inner { walks: Vec::new(), anonymizer })) }
    }

    /// Forgets what has passed since there were this many walks.
    pub(super) fn rewind(&self, walks: usize) {
        self.lock().walks.truncate(walks);
    }

    /// A channel whose exchange is written down.
    pub(super) fn record(&self, channel: Channel) -> Channel {
        Box::new(Recorder { channel, tape: self.clone(), walk: None, sent: Instant::now(), elapsed: Duration::ZERO })
    }

    /// Begins a walk; an earlier one by the same request has failed and is forgotten.
    pub(super) fn begin(&self, request: DumpRequest, sequence: u32, port_id: u32) {
        let walk = RecordedWalk { request, sequence, port_id, fault: None, chunks: Vec::new() };
        let walks = &mut self.lock().walks;
        walks.retain(|earlier| earlier.walk.request != walk.request);
        walks.push(Writing { walk, pending: Vec::new() });
    }

    /// Adds a datagram to the walk by this request.
    pub(super) fn add(&self, request: &DumpRequest, datagram: &[u8], elapsed: Duration) {
        let inner = &mut *self.lock();
        let Some(writing) = inner.walks.iter_mut().find(|writing| writing.walk.request == *request) else { return };
        let len = u32::try_from(datagram.len()).unwrap_or(u32::MAX);
        let nanoseconds = u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX);
        let pending = &mut writing.pending;
        pending.extend_from_slice(&len.to_le_bytes());
        pending.extend_from_slice(&nanoseconds.to_le_bytes());
        let start = pending.len();
        pending.extend_from_slice(datagram);
        if let (Some(anonymizer), Some(copy)) = (&inner.anonymizer, pending.get_mut(start..)) {
            anonymizer.datagram(copy);
        }
        if pending.len() >= CHUNK {
            writing.pack();
        }
    }

    /// Whether nothing is written down.
    pub(super) fn is_empty(&self) -> bool {
        self.lock().walks.is_empty()
    }

    /// Notes what broke off the last walk.
    pub(super) fn fault(&self, reason: String) {
        if let Some(writing) = self.lock().walks.last_mut() {
            writing.walk.fault = Some(reason);
        }
    }

    pub(super) fn finish(&self) -> Vec<RecordedWalk> {
        let walks = std::mem::take(&mut self.lock().walks);
        let finished = walks.into_iter().map(|mut writing| {
            writing.pack();
            writing.walk
        });
        finished.collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Writing {
    fn pack(&mut self) {
        if !self.pending.is_empty() {
            self.walk.chunks.push(Section::pack(DATA, &self.pending));
            self.pending.clear();
        }
    }
}

/// A channel that a tape runs beside.
#[derive(Debug)]
struct Recorder {
    channel: Channel,
    tape: Tape,
    walk: Option<DumpRequest>,
    sent: Instant,
    elapsed: Duration,
}

impl Transport for Recorder {
    fn is_filtered(&self) -> bool {
        self.channel.is_filtered()
    }

    fn send(&mut self, request: &[u8]) -> Result<(), Error> {
        self.sent = Instant::now();
        self.channel.send(request)?;
        if let Some((request, sequence)) = DumpRequest::decode(request) {
            self.tape.begin(request.clone(), sequence, self.channel.port_id());
            self.walk = Some(request);
        }
        Ok(())
    }

    fn receive(&mut self, buffer: &mut Vec<u8>) -> Result<(), Error> {
        self.channel.receive(buffer)?;
        // The reader is shown the same clock as the tape, so that a replay tells the same time.
        self.elapsed = self.channel.elapsed().unwrap_or_else(|| self.sent.elapsed());
        if let Some(request) = &self.walk {
            self.tape.add(request, buffer, self.elapsed);
        }
        Ok(())
    }

    fn be_patient(&mut self, patience: &Patience) {
        self.channel.be_patient(patience);
    }

    fn port_id(&self) -> u32 {
        self.channel.port_id()
    }

    fn elapsed(&self) -> Option<Duration> {
        Some(self.elapsed)
    }
}

/// A section is packed when it has grown this long, so that it stays below the most it may hold by a datagram.
const CHUNK: usize = 256 * 1024;
