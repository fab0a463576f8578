use std::io::{self, Write};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use twscan_core::Error;
use twscan_core::capture::{RecordOptions, RecordedNamespaces, RecordedSample, RecordedVisit, Recording};

use crate::Status;
use crate::config::{Capture, CaptureForm, Config};
use crate::failure::Failure;
use crate::recording::Draft;

/// Records one sample or a series. A file is there when it is whole, and not before; SIGINT and SIGTERM end a series
/// behind the sample at hand, and keep it.
pub(crate) fn run(config: &Config, asked: &Capture) -> Result<Status, Failure> {
    if asked.file == "-" {
        if config.stdout_is_terminal {
            return Err(Failure::Usage("a capture is no text: send it to a file or into a pipe".to_owned()));
        }
        // A signal ends it at once, also where the reader has stopped reading; what was sent is whole samples and a cut.
        return record(config, asked, &Stop::by_default(), &mut io::stdout().lock());
    }
    let mut draft = Draft::new(&asked.file)?;
    let stop = if draft.is_temporary() { Stop::when_asked()? } else { Stop::by_default() };
    let status = record(config, asked, &stop, &mut draft)?;
    draft.keep()?;
    Ok(status)
}

fn record(config: &Config, asked: &Capture, stop: &Stop, out: &mut impl Write) -> Result<Status, Failure> {
    let host = config.host();
    let options = options(asked);
    if asked.form == CaptureForm::SsDump {
        let outcome = RecordedSample::record(&host, &options)?.write_ss_dump(out);
        out.flush()?;
        return match outcome {
            Err(Error::RecordedFault { reason }) => {
                writeln!(io::stderr(), "warning: what is missing here is missing there too: {reason}")?;
                Ok(Status::Failed)
            }
            outcome => Ok(outcome.map(|()| Status::Done)?),
        };
    }
    Recording::begin(out)?;
    let started = Instant::now();
    let mut complete = true;
    for count in 1u32.. {
        let sample = match config.recorded_everywhere().filter(|_| config.everywhere) {
            Some(recorded) => recorded.record_again(&options)?,
            None if config.everywhere => RecordedSample::record_everywhere(|| config.host(), &options)?,
            None => RecordedSample::record(&host, &options)?,
        };
        complete &= is_complete(&sample, count)?;
        sample.write(out)?;
        out.flush()?;
        let Some(series) = asked.series else { break };
        let Some(pause) = series.pause(count, started.elapsed()) else { break };
        if stop.within(pause)? {
            break;
        }
    }
    Ok(Status::of_result(complete))
}

/// Whether nothing of a sample is missing; what is, is said.
fn is_complete(sample: &RecordedSample, count: u32) -> Result<bool, Failure> {
    let namespaces = sample.namespaces();
    let of_namespaces = namespaces.iter().flat_map(RecordedNamespaces::iter).filter_map(|netns| match netns.visit() {
        RecordedVisit::Refused(reason) => Some(format!("netns {}: {reason}", netns.name())),
        RecordedVisit::Read(other) if !netns.is_current() => {
            other.fault().map(|fault| format!("netns {}: {fault}", netns.name()))
        }
        _ => None,
    });
    let mut complete = true;
    for fault in sample.fault().map(str::to_owned).into_iter().chain(of_namespaces) {
        complete = false;
        writeln!(io::stderr(), "warning: sample {count} is partial: {fault}")?;
    }
    Ok(complete)
}

fn options(asked: &Capture) -> RecordOptions {
    let options = RecordOptions::new();
    let options = if asked.owners { options.owners() } else { options };
    if asked.anonymize { options.anonymize() } else { options }
}

/// SIGINT and SIGTERM.
#[derive(Debug)]
struct Stop {
    /// Where they wait to be asked for.
    signals: Option<SignalFd>,
}

impl Stop {
    /// They end the process.
    fn by_default() -> Self {
        Self { signals: None }
    }

    /// They wait until the sample at hand is written.
    fn when_asked() -> Result<Self, Failure> {
        let mut set = SigSet::empty();
        set.add(Signal::SIGINT);
        set.add(Signal::SIGTERM);
        let signals = set.thread_block().and_then(|()| SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC));
        Ok(Self { signals: Some(signals.map_err(|errno| cannot_wait(errno.into()))?) })
    }

    /// Waits so long; whether a signal came.
    fn within(&self, time: Duration) -> Result<bool, Failure> {
        let Some(signals) = &self.signals else {
            std::thread::sleep(time);
            return Ok(false);
        };
        let mut fds = [PollFd::from_borrowed_fd(signals.as_fd(), PollFlags::IN)];
        let timeout = Timespec::try_from(time).ok();
        let ready = poll(&mut fds, timeout.as_ref()).map_err(|errno| cannot_wait(errno.into()))?;
        Ok(ready > 0)
    }
}

fn cannot_wait(cause: io::Error) -> Failure {
    Failure::File("cannot wait for signals".to_owned(), cause)
}
