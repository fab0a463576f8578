//! What `ss -D FILE` writes: netlink messages one behind the other, no heading.

use std::io::Read;

use super::output::Families;
use super::sink::Sink;
use crate::Error;
use crate::capture::faults::Faults;
use crate::host::Source;
use crate::wire::{InetDiagMsg, align4, kind};

/// Whether these bytes begin like such a dump: a netlink header of a socket, or of the end of an empty dump.
pub(super) fn looks_like_one(start: &[u8]) -> bool {
    let Some((len, kind)) = start.split_first_chunk().and_then(|(len, rest)| Some((len, rest.first_chunk()?))) else {
        return false;
    };
    let len = u32::from_ne_bytes(*len) as usize;
    let known = [kind::TCPDIAG_GETSOCK, kind::SOCK_DIAG_BY_FAMILY, kind::DONE].contains(&u16::from_ne_bytes(*kind));
    known && (HEADER_LEN..=MOST_MESSAGE).contains(&len)
}

/// Reads messages to the end of the file; the end of one family's dump may lie between the families, or lack. A family
/// that begins anew behind its end begins another dump.
pub(super) fn read(mut input: impl Read, sink: &mut Sink) -> Result<Option<String>, Error> {
    let mut faults = Faults::default();
    let mut offset = 0u64;
    let (mut seen, mut ended) = (Families::default(), Families::default());
    sink.outputs.begin(Source::SsDump);
    let mut take = |len: usize| {
        let mut bytes = Vec::new();
        input.by_ref().take(len as u64).read_to_end(&mut bytes).map_err(|cause| Error::ReadRecording { cause })?;
        Ok::<_, Error>(bytes)
    };
    loop {
        let header = take(HEADER_LEN)?;
        if header.is_empty() {
            break;
        }
        let fields = header.split_first_chunk().and_then(|(len, rest)| Some((len, rest.first_chunk()?)));
        let (Some((len, kind)), HEADER_LEN) = (fields, header.len()) else {
            faults.add(format!("the file ends inside the message at byte {offset}"));
            break;
        };
        let (len, kind) = (u32::from_ne_bytes(*len) as usize, u16::from_ne_bytes(*kind));
        if !(HEADER_LEN..=MOST_MESSAGE).contains(&len) {
            faults.add(format!("the message at byte {offset} declares {len} bytes; what follows is lost"));
            break;
        }
        let mut body = take(align4(len) - HEADER_LEN)?;
        let Some(payload) = body.get_mut(..len - HEADER_LEN) else {
            faults.add(format!("the file ends inside the message at byte {offset}"));
            break;
        };
        if kind == kind::DONE {
            ended = seen;
        } else if matches!(kind, kind::TCPDIAG_GETSOCK | kind::SOCK_DIAG_BY_FAMILY) {
            match InetDiagMsg::new(payload).map(|socket| socket.idiag_family()) {
                Err(_) => faults.add(format!("the socket at byte {offset} is too short")),
                Ok(family) => {
                    if ended.has(family) {
                        sink.outputs.begin(Source::SsDump);
                        (seen, ended) = (Families::default(), Families::default());
                    }
                    seen.add(family);
                    sink.outputs.add(payload, "", false);
                }
            }
        }
        offset += align4(len) as u64;
    }
    Ok(faults.text())
}

const HEADER_LEN: usize = 16;
/// The kernel's messages about a socket have a few hundred bytes; 8 KiB leave room for its largest attributes.
const MOST_MESSAGE: usize = 8 * 1024;
