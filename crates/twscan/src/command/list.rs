use std::io::Write;

use twscan_core::report::Header;
use twscan_core::sample::Provenance;
use twscan_core::socket::{SocketRecord, StateSet};
use twscan_core::tally::Roles;

use crate::Status;
use crate::config::{Config, Format};
use crate::failure::Failure;
use crate::render::{csv, provenance, rows};

/// Prints each socket as it comes: memory does not grow with the table.
pub(crate) fn run(config: &Config, states: StateSet, heading: bool) -> Result<Status, Failure> {
    let host = config.host();
    let mut origin = Provenance::of(&host);
    let listeners = host.listeners()?;
    let roles = Roles::new(listeners.tally, host.procfs().settings()?.range);
    let mut sockets = host.sockets(states, &[])?;
    let mut out = rows::Buffered::new(std::io::stdout().lock());
    match config.format {
        Format::Table if heading => out.write_with(rows::heading)?,
        Format::Csv if heading => out.write_with(csv::socket_heading)?,
        _ => {}
    }
    let mut shown: u64 = 0;
    let outcome = loop {
        let batch = match sockets.next_batch() {
            Ok(Some(batch)) => batch,
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        };
        for record in batch.filter(|record: &SocketRecord<'_>| config.families.contain(record)) {
            let role = roles.of(&record);
            shown += 1;
            match config.format {
                Format::Table => out.write_with(|line| rows::row(&record, role, line))?,
                Format::Csv => out.write_with(|line| csv::socket_row(&record, role, line))?,
                Format::Json | Format::Jsonl => out.write_with(|line| rows::json_line(&record, role, line))?,
            }
        }
    };
    out.finish()?;
    origin.source = Some(sockets.source());
    origin.dump = sockets.stats();
    origin.partial = outcome.err().or(listeners.interruption).map(|error| error.chain());
    let header = Header::new(SCHEMA, &origin);
    let quiet = config.format == Format::Table && !config.stdout_is_terminal && header.complete;
    if !quiet {
        let line = provenance::line(&header);
        writeln!(std::io::stderr(), "{shown} rows; {line}")?;
    }
    Ok(Status::of_result(header.complete))
}

const SCHEMA: &str = "twscan.list/1";
