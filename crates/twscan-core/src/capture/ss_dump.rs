//! Dumps for `TCPDIAG_FILE=FILE ss`: netlink messages one behind the other, no heading.

use std::io::Write;
use std::ops::Range;

use super::RecordedSample;
use super::sample::cannot_write;
use crate::Error;
use crate::socket::{SocketRecord, StateSet};
use crate::wire::{NLM_F_MULTI, append_message, kind};

impl RecordedSample {
    /// Writes the sockets in the form of `ss -D`: both families, then the one end that makes `ss` read all of it.
    /// Everything else of the sample is left out, and what its source did not tell becomes zero: the form has no word for it.
    ///
    /// # Errors
    /// [`Error::WriteRecording`], and what had broken off the walk, after the sockets that there are.
    pub fn write_ss_dump(&self, out: &mut impl Write) -> Result<(), Error> {
        let host = self.host("-");
        let mut sockets = host.sockets(StateSet::PORT_HOLDERS, &[])?;
        let mut bytes = Vec::new();
        let outcome = loop {
            let batch = match sockets.next_batch() {
                Ok(Some(batch)) => batch,
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            };
            bytes.clear();
            batch.for_each(|record: SocketRecord<'_>| {
                let (fixed, attributes) = record.raw().bytes();
                let mut payload = [fixed, attributes].concat();
                zero_unknown(&record, &mut payload);
                append_message(kind::SOCK_DIAG_BY_FAMILY, NLM_F_MULTI, 0, 0, &payload, &mut bytes);
            });
            out.write_all(&bytes).map_err(cannot_write)?;
        };
        bytes.clear();
        append_message(kind::DONE, NLM_F_MULTI, 0, 0, &0i32.to_ne_bytes(), &mut bytes);
        out.write_all(&bytes).map_err(cannot_write)?;
        outcome
    }
}

/// `ss` takes every field for the kernel's word.
fn zero_unknown(record: &SocketRecord<'_>, payload: &mut [u8]) {
    let unknown =
        [(record.timer().is_none(), TIMER), (record.send_queue().is_none(), SEND_QUEUE), (record.uid().is_none(), UID)];
    for (_, field) in unknown.into_iter().filter(|(is_unknown, _)| *is_unknown) {
        if let Some(bytes) = payload.get_mut(field) {
            bytes.fill(0);
        }
    }
}

/// Where the fields are in `struct inet_diag_msg`; with the user, the number behind it is no inode.
const TIMER: Range<usize> = 2..3;
const SEND_QUEUE: Range<usize> = 60..64;
const UID: Range<usize> = 64..72;
