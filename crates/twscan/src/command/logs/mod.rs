//! Failures in other programs' logs, and what this host has left to their destinations.

mod follow;
mod input;
mod tail;

use twscan_core::log::LogTally;
use twscan_core::question::LogJoin;

use self::input::Input;
use crate::Status;
use crate::config::{Config, Format, Logs};
use crate::failure::Failure;
use crate::render::{csv, json, logs};

pub(crate) fn run(config: &Config, wanted: &Logs) -> Result<Status, Failure> {
    if wanted.follow {
        return follow::run(config, wanted);
    }
    let mut here = LogJoin::new(config.host(), wanted.join);
    let mut tally = LogTally::new();
    let mut files = Vec::new();
    for path in &wanted.files {
        let mut input = Input::open(path, wanted.options.clone());
        input.count(&mut tally, &mut here);
        input.complain()?;
        files.push(input.file());
    }
    let report = here.report(&tally, files);
    let mut out = crate::render::stdout(config);
    match config.format {
        Format::Table => logs::write(&report, wanted.top, &mut out)?,
        Format::Json => json::write_pretty(&report, &mut out)?,
        Format::Jsonl => json::write_line(&report, &mut out)?,
        Format::Csv => csv::write_log_destinations(&report.by_destination, true, &mut out)?,
    }
    Ok(Status::of_result(report.header.complete))
}
