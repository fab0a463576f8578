use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::outputs::Outputs;
use super::owners::NamedProcesses;
use crate::capture::files::StoredFiles;
use crate::capture::moment::Moment;
use crate::capture::owners::StoredOwners;
use crate::capture::tape::Tape;
use crate::host::Source;
use crate::sock_diag::DumpRequest;
use crate::socket::StateSet;
use crate::transport::BUFFER_LEN;
use crate::wire::{NLM_F_MULTI, append_message, kind};

/// Makes datagrams of sockets, as a kernel would send them.
#[derive(Debug)]
pub(super) struct Sink {
    tape: Tape,
    request: DumpRequest,
    datagram: Vec<u8>,
    pub(super) outputs: Outputs,
    pub(super) processes: NamedProcesses,
}

impl Sink {
    pub(super) fn new() -> Self {
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

    pub(super) fn message(&mut self, kind: u16, payload: &[u8]) {
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
    pub(super) fn finish(mut self, source: Source, at: SystemTime, missing: Option<String>) -> Moment {
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
        Moment {
            at,
            source,
            anonymized: false,
            left_out,
            repeats: outputs.dropped(),
            files: StoredFiles::default(),
            walks,
            owners: self.processes.finish().map(|owners| Arc::new(StoredOwners::pack(owners, None))),
            surroundings: None,
        }
    }
}

/// A netlink header and the padding behind a message.
const ROOM: usize = 20;
