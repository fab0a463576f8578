use std::io::Write;
use std::ops::ControlFlow;

use rustix::pipe::fcntl_setpipe_size;
use twscan_core::question::{Around, List, ListSink};
use twscan_core::socket::SocketRecord;
use twscan_core::tally::{Role, Share};

use crate::Status;
use crate::config::{Config, Format};
use crate::failure::Failure;
use crate::render::{csv, owners, provenance, rows};

/// Prints each socket as it comes.
pub(crate) fn run(config: &Config, asked: &List, heading: bool) -> Result<Status, Failure> {
    let host = config.host();
    let out = std::io::stdout().lock();
    // It is no pipe, or may not grow: then what follows is slower.
    let _ = fcntl_setpipe_size(&out, PIPE_SIZE);
    let mut sink = Rows { format: config.format, heading, owners: asked.owners, out: rows::Buffered::new(out) };
    let piped_table = config.format == Format::Table && !config.stdout_is_terminal;
    let around = if piped_table { Around::Unknown } else { Around::Here };
    let report = asked.ask(&host, &around, &mut sink)?;
    sink.begin()?;
    sink.out.finish()?;
    let quiet = piped_table && report.header.complete;
    if !quiet {
        writeln!(std::io::stderr(), "{} rows; {}", report.rows, provenance::line(&report.header))?;
    }
    if let Some(scan) = &report.owner_scan
        && (!quiet || scan.unreadable > 0 || scan.hidden)
    {
        writeln!(std::io::stderr(), "{}", owners::scan_line(scan))?;
    }
    Ok(Status::of_result(report.header.complete))
}

/// Rows on standard output, below their heading.
struct Rows<W: Write> {
    format: Format,
    /// Whether the heading is still to be written.
    heading: bool,
    owners: bool,
    out: rows::Buffered<W>,
}

impl<W: Write> Rows<W> {
    fn begin(&mut self) -> Result<(), Failure> {
        match self.format {
            Format::Table if self.heading => self.out.write_with(|line| rows::heading(line, self.owners))?,
            Format::Csv if self.heading => self.out.write_with(|line| csv::socket_heading(line, self.owners))?,
            _ => {}
        }
        self.heading = false;
        Ok(())
    }
}

impl<W: Write> ListSink for Rows<W> {
    type Error = Failure;

    fn socket(
        &mut self,
        record: &SocketRecord<'_>,
        role: Role,
        owners: Option<&[Share<'_>]>,
    ) -> Result<ControlFlow<()>, Failure> {
        self.begin()?;
        let format = self.format;
        self.out.write_with(|line| {
            match format {
                Format::Table => rows::row(record, role, line)?,
                Format::Csv => csv::socket_row(record, role, line)?,
                Format::Json | Format::Jsonl => rows::json_line(record, role, line)?,
            }
            match (format, owners) {
                (_, None) => Ok(()),
                (Format::Table, Some(shares)) => owners::append_to_row(shares, line),
                (Format::Csv, Some(shares)) => owners::append_to_csv(shares, line),
                (Format::Json | Format::Jsonl, Some(shares)) => owners::append_to_json(shares, line),
            }
        })?;
        Ok(ControlFlow::Continue(()))
    }
}

/// Bytes: as many as a pipe may have without privilege (`fs.pipe-max-size`). With the usual 64 KiB the reader and this
/// program wait for each other at each piece.
const PIPE_SIZE: usize = 1 << 20;
