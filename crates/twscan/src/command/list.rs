use std::io::{self, Write};

use rustix::pipe::fcntl_setpipe_size;
use twscan_core::report::{Header, OwnerScan};
use twscan_core::sample::{Incomplete, Provenance};
use twscan_core::socket::SocketRecord;
use twscan_core::tally::{Role, Roles, Share};

use super::here;
use super::whose::Whose;
use crate::Status;
use crate::config::{Config, Format, List};
use crate::failure::Failure;
use crate::render::{csv, owners, provenance, rows};

/// Prints each socket as it comes: memory does not grow with the table, or with its live sockets alone where owners are
/// wanted.
pub(crate) fn run(config: &Config, asked: &List) -> Result<Status, Failure> {
    let (states, filter, heading) = (asked.states, &asked.filter, asked.heading);
    let host = config.host();
    let mut origin = Provenance::of(&host);
    let listeners = host.listeners()?;
    let roles = Roles::new(listeners.tally, host.procfs().port_range()?);
    let is_wanted = |record: &SocketRecord<'_>| config.families.contain(record) && filter.matches(record);
    let whose = match asked.owners {
        true => Some(Whose::find(&host, &roles, states, filter, |record, _| config.families.contain(record))?),
        false => None,
    };
    let mut sockets = host.sockets_matching(states, filter)?;
    let out = std::io::stdout().lock();
    // It is no pipe, or may not grow: then what follows is slower.
    let _ = fcntl_setpipe_size(&out, PIPE_SIZE);
    let mut out = rows::Buffered::new(out);
    match config.format {
        Format::Table if heading => out.write_with(|line| rows::heading(line, whose.is_some()))?,
        Format::Csv if heading => out.write_with(|line| csv::socket_heading(line, whose.is_some()))?,
        _ => {}
    }
    let mut shown: u64 = 0;
    let outcome = loop {
        let batch = match sockets.next_batch() {
            Ok(Some(batch)) => batch,
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        };
        for record in batch.filter(is_wanted) {
            let role = roles.of(&record);
            shown += 1;
            let shares = whose.as_ref().map(|whose| whose.of(&record));
            out.write_with(|line| write(config.format, &record, role, shares.as_deref(), line))?;
        }
    };
    out.finish()?;
    origin.source = Some(sockets.source());
    origin.dump = sockets.stats();
    origin.incomplete = outcome.err().or(listeners.interruption).map(Incomplete::from);
    let quiet = config.format == Format::Table && !config.stdout_is_terminal && origin.complete();
    if !quiet {
        here::note(&mut origin, host.procfs());
    }
    let header = Header::new(SCHEMA, &origin);
    if !quiet {
        let line = provenance::line(&header);
        writeln!(std::io::stderr(), "{shown} rows; {line}")?;
    }
    if let Some(whose) = &whose {
        let scan = OwnerScan::new(whose.live(), whose.owners());
        if !quiet || scan.unreadable > 0 || scan.hidden {
            writeln!(std::io::stderr(), "{}", owners::scan_line(&scan))?;
        }
    }
    Ok(Status::of_result(header.complete))
}

fn write(
    format: Format,
    record: &SocketRecord<'_>,
    role: Role,
    shares: Option<&[Share<'_>]>,
    line: &mut Vec<u8>,
) -> io::Result<()> {
    match format {
        Format::Table => rows::row(record, role, line)?,
        Format::Csv => csv::socket_row(record, role, line)?,
        Format::Json | Format::Jsonl => rows::json_line(record, role, line)?,
    }
    match (format, shares) {
        (_, None) => Ok(()),
        (Format::Table, Some(shares)) => owners::append_to_row(shares, line),
        (Format::Csv, Some(shares)) => owners::append_to_csv(shares, line),
        (Format::Json | Format::Jsonl, Some(shares)) => owners::append_to_json(shares, line),
    }
}

const SCHEMA: &str = "twscan.list/1";
/// Bytes: as many as a pipe may have without privilege (`fs.pipe-max-size`). With the usual 64 KiB the reader and this
/// program wait for each other at each piece.
const PIPE_SIZE: usize = 1 << 20;
