use std::io::{self, Write};
use std::os::fd::AsFd;
use std::time::Duration;

use nix::sys::signal::Signal;
use twscan_core::log::LogTally;
use twscan_core::question::LogJoin;
use twscan_core::report::LogsReport;

use super::input::Input;
use crate::Status;
use crate::config::{Config, Format, Logs};
use crate::failure::Failure;
use crate::render::{csv, json, logs};
use crate::signals::Stop;

/// Prints what is there, then what changes, until it is told to stop, nobody reads on or no log is left.
pub(super) fn run(config: &Config, wanted: &Logs) -> Result<Status, Failure> {
    let mut here = LogJoin::new(config.host(), wanted.join);
    let mut tally = LogTally::new();
    let mut inputs: Vec<_> = wanted.files.iter().map(|path| Input::follow(path, wanted.options.clone())).collect();
    let mut read = |tally: &mut LogTally, here: &mut LogJoin| -> Result<(u64, bool, Vec<_>), Failure> {
        let mut counted = 0;
        for input in &mut inputs {
            counted += input.count(tally, here);
            input.complain()?;
        }
        Ok((counted, inputs.iter().any(Input::is_open), inputs.iter().map(Input::file).collect()))
    };
    let (_, mut goes_on, files) = read(&mut tally, &mut here)?;
    let mut report = here.report(&tally, files);
    let mut out = crate::render::stdout(config);
    match config.format {
        Format::Table => logs::write(&report, wanted.top, &mut out)?,
        Format::Json | Format::Jsonl => json::write_line(&report, &mut out)?,
        Format::Csv => csv::write_log_destinations(&report.by_destination, true, &mut out)?,
    }
    // Only from here on: what was there already may take long, and is given up as any program's work.
    let stop = Stop::when_asked([Signal::SIGINT, Signal::SIGTERM].into_iter().collect())?;
    while goes_on && !stop.within(INTERVAL, Some(io::stdout().as_fd()))? {
        let (counted, open, files) = read(&mut tally, &mut here)?;
        goes_on = open;
        if counted > 0 {
            here.renew();
            let before = std::mem::replace(&mut report, here.report(&tally, files));
            show(config.format, &before, &report, &mut out)?;
        } else {
            report.header.complete &= files.iter().all(|file| file.error.is_none());
        }
    }
    Ok(Status::of_result(report.header.complete))
}

fn show(format: Format, before: &LogsReport, now: &LogsReport, out: &mut impl Write) -> Result<(), Failure> {
    match format {
        Format::Table => logs::write_changes(before, now, out)?,
        Format::Json | Format::Jsonl => json::write_line(now, out)?,
        Format::Csv => csv::write_log_destinations(&logs::changed(before, now), false, out)?,
    }
    Ok(())
}

/// The time between two looks at the logs.
const INTERVAL: Duration = Duration::from_millis(250);
