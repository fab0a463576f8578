use twscan_core::capture::Recording;
use twscan_core::question::Compare;

use crate::Status;
use crate::config::{Config, Format};
use crate::failure::Failure;
use crate::render::{compare, json};

pub(crate) fn run(config: &Config, recordings: &[Recording], asked: &Compare) -> Result<Status, Failure> {
    let mut hosts = recordings.iter().map(|recording| recording.last().host(recording.name()));
    let mut next = || hosts.next().unwrap_or_else(|| config.host());
    let report = asked.ask(&next(), &next())?;
    let mut out = crate::render::stdout(config);
    match config.format {
        Format::Table => compare::write(&report, &mut out)?,
        Format::Json => json::write_pretty(&report, &mut out)?,
        Format::Jsonl => json::write_line(&report, &mut out)?,
        Format::Csv => compare::write_csv(&report, &mut out)?,
    }
    Ok(Status::of_result(report.header.complete && report.before.complete))
}
