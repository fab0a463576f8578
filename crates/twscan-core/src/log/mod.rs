//! Failures to connect, read from other programs' logs.
//!
//! The first trace of exhausted ports is nearly always a line in somebody's log, and it is easily mistaken: the same
//! errno stands for a destination without free ports, an address that this host does not have and a `localhost` without
//! IPv6. This module finds EADDRNOTAVAIL and EADDRINUSE in the wording of the programs of [`LogProgram`], with the
//! strings of glibc, musl and macOS, and says what each message supports ([`LogClass`]).
//!
//! One message in, one event out: [`LogParser::parse`] is a pure function of the text. [`LogReader`] streams a log of any
//! size through it, [`LogTally`] counts, [`open()`] opens files, compressed ones too.
//!
//! ```
//! use twscan_core::log::{LogClass, LogParser};
//!
//! let line = b"2018/07/19 08:03:23 dial tcp 10.22.0.5:5432: connect: cannot assign requested address";
//! let mut parser = LogParser::default();
//! let event = parser.parse(line).ok_or("no failure in it")?;
//! assert_eq!(event.class(), LogClass::PortsExhausted);
//! assert_eq!(event.destination().map(|to| to.to_string()).as_deref(), Some("10.22.0.5:5432"));
//! # Ok::<(), &str>(())
//! ```

mod class;
mod cue;
mod endpoint;
mod event;
mod needle;
mod neighbour;
mod nginx;
mod open;
mod options;
mod parser;
mod program;
mod reader;
mod record;
mod tally;
mod time;

pub use class::{LogClass, LogErrno, LogOperation};
pub use endpoint::{LogEndpoint, LogHost};
pub use event::LogEvent;
pub use open::{decompress, open};
pub use options::LogOptions;
pub use parser::LogParser;
pub use program::LogProgram;
pub use reader::LogReader;
pub use tally::{LogSpan, LogTally};
pub use time::{LogTime, LogZone};

/// Reads `data` as a whole log and counts it, with timestamps in UTC where they name no zone.
///
/// No bytes make it panic or loop, and its memory does not grow with them: the function to hand to a fuzzer.
#[must_use]
pub fn tally_bytes(data: &[u8]) -> LogTally {
    // Reading a slice cannot fail.
    LogTally::read(data, LogOptions::new().zone(LogZone::Utc)).unwrap_or_default()
}
