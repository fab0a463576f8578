use std::path::Path;
use std::time::{Duration, Instant};

use super::{Around, evidence};
use crate::Error;
use crate::host::Host;
use crate::log::{LogClass, LogEvent, LogOptions, LogTally, open};
use crate::report::{FreePorts, LogsFile, LogsReport};
use crate::sample::{Provenance, Sampler};

/// What a host has left to the destinations that logs name: asked when it is first needed, and never where that is not
/// wanted.
#[derive(Debug)]
pub struct LogJoin {
    host: Host,
    join: bool,
    seen: Option<Seen>,
}

#[derive(Debug)]
struct Seen {
    provenance: Provenance,
    free: Option<FreePorts>,
    at: Instant,
}

impl LogJoin {
    /// Joins what logs tell with this host, or names it alone.
    #[must_use]
    pub fn new(host: Host, join: bool) -> Self {
        Self { host, join, seen: None }
    }

    /// The class of a failure, by its message and by what the host has left.
    pub fn class_of(&mut self, event: &LogEvent<'_>) -> LogClass {
        match event.class() {
            LogClass::LocalhostIpv6 if self.join => {
                let free = self.look().free.as_ref();
                event.class_where(|to| free.is_some_and(|free| free.is_full(to)))
            }
            class => class,
        }
    }

    /// The document of what was counted in these files.
    pub fn report(&mut self, tally: &LogTally, files: Vec<LogsFile>) -> LogsReport {
        let seen = self.look();
        LogsReport::new(tally, files, &seen.provenance, seen.free.as_ref())
    }

    /// Forgets what was seen, where that is no longer now.
    pub fn renew(&mut self) {
        self.seen.take_if(|seen| seen.at.elapsed() >= FRESH);
    }

    fn look(&mut self) -> &Seen {
        let (host, join) = (&self.host, self.join);
        self.seen.get_or_insert_with(|| {
            let at = Instant::now();
            if !join {
                return Seen { provenance: Provenance::of(host), free: None, at };
            }
            match evidence::take(host, &Sampler::new(host).ports()) {
                Ok(mut sample) => {
                    Around::Here.note(&mut sample.provenance, host);
                    Seen { free: Some(FreePorts::of(&sample)), provenance: sample.provenance, at }
                }
                // The logs are worth reading all the same.
                Err(error) => {
                    let mut provenance = Provenance::of(host);
                    provenance.incomplete = Some(error.into());
                    Seen { provenance, free: None, at }
                }
            }
        })
    }
}

/// Everything that a log tells.
pub(super) fn tally_of(path: &Path) -> Result<LogTally, Error> {
    let read = || {
        let mut reader = open(path, LogOptions::new())?;
        let mut tally = LogTally::new();
        while let Some(event) = reader.next_event()? {
            tally.observe(&event);
        }
        Ok(tally)
    };
    read().map_err(|cause| Error::ReadFile { path: path.to_owned(), cause })
}

const FRESH: Duration = Duration::from_secs(1);
