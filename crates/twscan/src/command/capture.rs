use std::io::{self, Write};
use std::path::Path;
use std::time::Instant;

use twscan_core::Error;
use twscan_core::capture::{RecordOptions, RecordedSample, Recording};
use twscan_core::file::Draft;
use twscan_core::netns::Surroundings;

use crate::Status;
use crate::config::{Capture, CaptureForm, Config};
use crate::failure::Failure;
use crate::signals::{self, Stop};

/// Records one sample or a series. A file is there when it is whole, and not before; SIGINT, SIGTERM and SIGHUP end a series
/// behind the sample at hand, and keep it.
pub(crate) fn run(config: &Config, asked: &Capture) -> Result<Status, Failure> {
    if asked.file == Path::new("-") {
        if config.stdout_is_terminal {
            return Err(Failure::Usage("a capture is no text: send it to a file or into a pipe".to_owned()));
        }
        // A signal ends it at once, also where the reader has stopped reading; what was sent is whole samples and a cut.
        return write(config, asked, &Stop::by_default(), &mut Written::new(io::stdout().lock()));
    }
    let name = asked.file.display().to_string();
    let failed = |error| Failure::File(name.clone(), error);
    let draft = Draft::begin(&asked.file).map_err(failed)?;
    let stop = if draft.is_temporary() { Stop::when_asked(signals::ending())? } else { Stop::by_default() };
    let mut written = Written::new(draft);
    let outcome = write(config, asked, &stop, &mut written);
    let Written { out: mut draft, samples, whole, .. } = written;
    match outcome {
        Ok(status) => {
            draft.keep().map_err(failed)?;
            Ok(status)
        }
        // Hours of samples are not lost with the one that the disk had no room for.
        Err(failure) if draft.is_temporary() && samples > 0 => {
            draft.cut(whole).and_then(|()| draft.keep()).map_err(failed)?;
            let failure = failure.of_file(&name);
            writeln!(io::stderr(), "warning: {name} holds the {samples} samples that were whole by then")?;
            Err(failure)
        }
        Err(failure) => Err(failure.of_file(&name)),
    }
}

/// What was written, and how much of it is whole samples.
struct Written<W> {
    out: W,
    bytes: u64,
    samples: u32,
    /// The bytes up to the end of the last whole sample.
    whole: u64,
}

impl<W: Write> Written<W> {
    fn new(out: W) -> Self {
        Self { out, bytes: 0, samples: 0, whole: 0 }
    }

    fn add(&mut self, sample: &RecordedSample) -> Result<(), Failure> {
        sample.write(self)?;
        self.flush()?;
        (self.samples, self.whole) = (self.samples + 1, self.bytes);
        Ok(())
    }
}

impl<W: Write> Write for Written<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.out.write(bytes)?;
        self.bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn write(config: &Config, asked: &Capture, stop: &Stop, written: &mut Written<impl Write>) -> Result<Status, Failure> {
    let options = options(asked);
    if asked.form == CaptureForm::SsDump {
        return write_ss_dump(&RecordedSample::record(&config.host(), &options)?, written);
    }
    Recording::begin(written)?;
    match config.recording() {
        Some(recording) => record_again(config, recording, &options, written),
        None => record(config, asked, &options, stop, written),
    }
}

fn write_ss_dump(sample: &RecordedSample, out: &mut impl Write) -> Result<Status, Failure> {
    let outcome = sample.write_ss_dump(out);
    out.flush()?;
    match outcome {
        Err(Error::RecordedFault { reason }) => {
            writeln!(io::stderr(), "warning: what is missing here is missing there too: {reason}")?;
            Ok(Status::Failed)
        }
        outcome => Ok(outcome.map(|()| Status::Done)?),
    }
}

/// Every sample of a recording.
fn record_again(
    config: &Config,
    recording: &Recording,
    options: &RecordOptions,
    written: &mut Written<impl Write>,
) -> Result<Status, Failure> {
    let mut complete = true;
    for sample in recording.samples() {
        let host = sample.host(recording.name());
        let sample = if config.everywhere {
            RecordedSample::record_everywhere(&host, options)?
        } else {
            RecordedSample::record(&host, options)?
        };
        complete &= is_complete(&sample, written.samples + 1)?;
        written.add(&sample)?;
    }
    Ok(Status::of_result(complete))
}

/// The running kernel, once or for some time.
fn record(
    config: &Config,
    asked: &Capture,
    options: &RecordOptions,
    stop: &Stop,
    written: &mut Written<impl Write>,
) -> Result<Status, Failure> {
    let started = Instant::now();
    let mut complete = true;
    loop {
        let host = config.host();
        let sample = if config.everywhere {
            RecordedSample::record_everywhere(&host, options)?
        } else {
            let surroundings = Surroundings::of_thread(host.procfs()).ok();
            RecordedSample::record(&host, options)?.in_surroundings(surroundings, options)
        };
        complete &= is_complete(&sample, written.samples + 1)?;
        written.add(&sample)?;
        let Some(series) = asked.series else { break };
        let Some(pause) = series.pause(written.samples, started.elapsed()) else { break };
        if stop.within(pause, None)? {
            break;
        }
    }
    Ok(Status::of_result(complete))
}

/// Whether nothing of a sample is missing; what is, is said.
fn is_complete(sample: &RecordedSample, count: u32) -> Result<bool, Failure> {
    let faults = sample.faults();
    for fault in &faults {
        writeln!(io::stderr(), "warning: sample {count} is partial: {fault}")?;
    }
    Ok(faults.is_empty())
}

fn options(asked: &Capture) -> RecordOptions {
    let options = RecordOptions::new();
    let options = if asked.owners { options.owners() } else { options };
    if asked.anonymize { options.anonymize() } else { options }
}
