use std::io::{self, Write};

use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use twscan_core::log::LogTally;
use twscan_core::question::LogJoin;
use twscan_core::report::LogsReport;

use super::input::Input;
use crate::Status;
use crate::config::{Config, Format, Logs};
use crate::failure::Failure;
use crate::render::{csv, json, logs};

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
    let stop = Stop::new().map_err(Failure::Write)?;
    while goes_on && !stop.is_asked_for()? {
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

/// What ends the following.
struct Stop {
    signals: SignalFd,
}

impl Stop {
    /// Takes SIGINT and SIGTERM, which end the process no longer by themselves.
    fn new() -> io::Result<Self> {
        let wanted = SigSet::from_iter([Signal::SIGINT, Signal::SIGTERM]);
        wanted.thread_block()?;
        Ok(Self { signals: SignalFd::with_flags(&wanted, SfdFlags::SFD_CLOEXEC)? })
    }

    /// Waits for the time between two looks at the logs, or until a signal came or the reader of the output has gone.
    fn is_asked_for(&self) -> io::Result<bool> {
        let stdout = io::stdout();
        let mut wanted = [PollFd::new(&self.signals, PollFlags::IN), PollFd::new(&stdout, PollFlags::empty())];
        match poll(&mut wanted, Some(&INTERVAL)) {
            Err(Errno::INTR) => Ok(false),
            came => Ok(came? > 0),
        }
    }
}

const INTERVAL: Timespec = Timespec { tv_sec: 0, tv_nsec: 250_000_000 };
