use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use twscan_core::log::{LogOptions, LogReader, LogTally, decompress, open};
use twscan_core::question::LogJoin;
use twscan_core::report::LogsFile;
use twscan_core::text::shown;

use super::tail::Tail;
use crate::failure::Failure;

/// One of the logs: its reader, and what became of it.
pub(super) struct Input {
    name: String,
    reader: Option<Reader>,
    error: Option<String>,
    ended: Arc<AtomicBool>,
    told: bool,
}

type Reader = LogReader<Box<dyn Read + Send>>;

impl Input {
    /// To be read once to its end.
    pub(super) fn open(path: &Path, options: LogOptions) -> Self {
        let reader = if is_stdin(path) {
            stdin().and_then(decompress).map(|input| LogReader::new(input, options.reference(SystemTime::now())))
        } else {
            open(path, options)
        };
        Self::new(path, reader, Arc::default())
    }

    /// To be read as it grows.
    pub(super) fn follow(path: &Path, options: LogOptions) -> Self {
        let ended = Arc::new(AtomicBool::new(false));
        let tail = if is_stdin(path) {
            stdin().and_then(|file| Tail::of_open(file, Arc::clone(&ended)))
        } else {
            Tail::open(path, Arc::clone(&ended))
        };
        let options = options.follow(true).reference(SystemTime::now());
        let reader = tail.and_then(decompress).map(|input| LogReader::new(input, options));
        Self::new(path, reader, ended)
    }

    fn new(path: &Path, reader: io::Result<Reader>, ended: Arc<AtomicBool>) -> Self {
        let name = path.display().to_string();
        let error = reader.as_ref().err().map(|cause| format!("cannot open {name}: {cause}"));
        Self { name, reader: reader.ok(), error, ended, told: false }
    }

    /// Counts what is there and was not counted; says how many failures that were.
    pub(super) fn count(&mut self, tally: &mut LogTally, here: &mut LogJoin) -> u64 {
        let Some(reader) = self.reader.as_mut().filter(|_| self.error.is_none()) else { return 0 };
        let mut counted = 0;
        let outcome = loop {
            match reader.next_event() {
                Ok(Some(event)) => {
                    tally.observe_as(here.class_of(&event), &event);
                    counted += 1;
                }
                Ok(None) => break Ok(()),
                Err(cause) => break Err(cause),
            }
        };
        if let Err(cause) = outcome {
            let line = reader.lines().saturating_add(1);
            self.error = Some(format!("cannot read {} from line {line} on: {cause}", self.name));
        }
        counted
    }

    /// Whether more may come.
    pub(super) fn is_open(&self) -> bool {
        self.reader.is_some() && self.error.is_none() && !self.ended.load(Ordering::Relaxed)
    }

    /// Says once what went wrong, if anything did.
    pub(super) fn complain(&mut self) -> Result<(), Failure> {
        match &self.error {
            Some(error) if !self.told => {
                self.told = true;
                Ok(writeln!(io::stderr(), "error: {}", shown(error))?)
            }
            _ => Ok(()),
        }
    }

    /// The log, as far as it was read.
    pub(super) fn file(&self) -> LogsFile {
        let count = |count: fn(&Reader) -> u64| self.reader.as_ref().map_or(0, count);
        LogsFile {
            file: self.name.clone(),
            lines: count(LogReader::lines),
            bytes: count(LogReader::bytes),
            cut_lines: count(LogReader::cut_lines),
            error: self.error.clone(),
        }
    }
}

fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Standard input without a buffer in between, so that waiting for it tells the truth.
fn stdin() -> io::Result<File> {
    Ok(File::from(io::stdin().as_fd().try_clone_to_owned()?))
}
