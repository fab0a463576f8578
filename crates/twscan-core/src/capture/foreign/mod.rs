//! What other tools leave behind, read as recordings of one sample.

mod address;
mod heading;
mod left_out;
mod lines;
mod netstat;
mod output;
mod outputs;
mod owners;
mod sink;
mod ss;
mod ss_dump;
mod text;
mod timer;

use std::io::{BufRead, BufReader, Read};
use std::time::SystemTime;

use super::RecordedSample;
use super::faults::not_a_recording;
use crate::Error;
use crate::host::Source;
use crate::transport::BUFFER_LEN;
use sink::Sink;

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
    Ok((vec![sink.finish(source, written, missing.clone()).into()], missing))
}

/// What files begin with, the program that writes them, and the one that shows what is in them (RFC 1952, RFC 8878, and
/// the formats' own documents for the others).
const COMPRESSED: [(&[u8], &str, &str); 4] = [
    (b"\x1f\x8b", "gzip", "zcat"),
    (b"\x28\xb5\x2f\xfd", "zstd", "zstdcat"),
    (b"\xfd7zXZ\0", "xz", "xzcat"),
    (b"BZh", "bzip2", "bzcat"),
];
