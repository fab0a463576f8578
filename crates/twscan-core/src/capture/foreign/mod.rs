//! What other tools leave behind, read as recordings of one sample.

mod address;
mod left_out;
mod lines;
mod netstat;
mod output;
mod outputs;
mod owners;
mod ss;
mod ss_dump;
mod text;
mod timer;

use std::io::{BufRead, BufReader, Read};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::RecordedSample;
use super::faults::not_a_recording;
use super::files::StoredFiles;
use super::owners::StoredOwners;
use super::tape::Tape;
use crate::Error;
use crate::host::Source;
use crate::sock_diag::DumpRequest;
use crate::socket::StateSet;
use crate::transport::BUFFER_LEN;
use crate::wire::{NLM_F_MULTI, append_message, kind};
use outputs::Outputs;
use owners::NamedProcesses;

/// Reads one sample, and says what of it is missing.
pub(super) fn read(input: impl Read, written: SystemTime) -> Result<(Vec<RecordedSample>, Option<String>), Error> {
    let mut input = BufReader::with_capacity(BUFFER_LEN, input);
    let start = input.fill_buf().map_err(|cause| Error::ReadRecording { cause })?;
    if let Some((_, how, unpack)) = COMPRESSED.iter().find(|(magic, ..)| start.starts_with(magic)) {
        return Err(not_a_recording(&format!(
            "it is compressed by {how}: unpack it first ({unpack} FILE | twscan .. --from -)"
        )));
    }
    let mut sink = Sink::new();
    let (source, missing) = if ss_dump::looks_like_one(start) {
        (Source::SsDump, ss_dump::read(input, &mut sink)?)
    } else {
        text::read(input, &mut sink)?
    };
    Ok((vec![sink.finish(source, written, missing.clone())], missing))
}

/// Makes datagrams of sockets, as a kernel would send them.
#[derive(Debug)]
pub(super) struct Sink {
    tape: Tape,
    request: DumpRequest,
    datagram: Vec<u8>,
    outputs: Outputs,
    processes: NamedProcesses,
}

impl Sink {
    fn new() -> Self {
        let tape = Tape::new(None);
        // Which states were asked for is not known yet.
        let request = DumpRequest::one_walk(StateSet::from_bits(u32::MAX));
        tape.begin(request.clone(), 0, 0);
        Self {
            tape,
            request,
            datagram: Vec::with_capacity(BUFFER_LEN),
            outputs: Outputs::default(),
            processes: NamedProcesses::default(),
        }
    }

    fn message(&mut self, kind: u16, payload: &[u8]) {
        if self.datagram.len() + payload.len() + ROOM > BUFFER_LEN {
            self.flush();
        }
        append_message(kind, NLM_F_MULTI, 0, 0, payload, &mut self.datagram);
    }

    fn flush(&mut self) {
        self.tape.add(&self.request, &self.datagram, Duration::ZERO);
        self.datagram.clear();
    }

    /// Writes the dump, and ends it with a fault where something is missing: then every result says so.
    fn finish(mut self, source: Source, at: SystemTime, missing: Option<String>) -> RecordedSample {
        let mut outputs = std::mem::take(&mut self.outputs);
        outputs.finish();
        let (doubt, left_out) = (outputs.doubt(), outputs.left_out());
        outputs.take(|payload| self.message(kind::TCPDIAG_GETSOCK, payload));
        match missing.or(doubt) {
            None => self.message(kind::DONE, &0i32.to_ne_bytes()),
            Some(reason) => self.tape.fault(reason),
        }
        if !self.datagram.is_empty() {
            self.flush();
        }
        let walks = Arc::new(self.tape.finish());
        RecordedSample {
            at,
            source,
            anonymized: false,
            left_out,
            repeats: outputs.dropped(),
            files: StoredFiles::default(),
            walks,
            owners: self.processes.finish().map(|owners| Arc::new(StoredOwners::pack(owners, None))),
            namespaces: None,
            surroundings: None,
        }
    }
}

/// What files begin with, the program that writes them, and the one that shows what is in them (RFC 1952, RFC 8878, and
/// the formats' own documents for the others).
const COMPRESSED: [(&[u8], &str, &str); 4] = [
    (b"\x1f\x8b", "gzip", "zcat"),
    (b"\x28\xb5\x2f\xfd", "zstd", "zstdcat"),
    (b"\xfd7zXZ\0", "xz", "xzcat"),
    (b"BZh", "bzip2", "bzcat"),
];

/// A netlink header and the padding behind a message.
const ROOM: usize = 20;
