use std::time::{Duration, Instant};

use twscan_core::host::Host;
use twscan_core::log::{LogClass, LogEvent, LogTally};
use twscan_core::report::{FreePorts, LogsFile, LogsReport};
use twscan_core::sample::{Provenance, Sampler};

use crate::command::here::note;
use crate::config::Config;

/// This host: asked when it is first needed, and never where that is not wanted.
pub(super) struct Here {
    host: Host,
    join: bool,
    seen: Option<Seen>,
}

struct Seen {
    provenance: Provenance,
    free: Option<FreePorts>,
    at: Instant,
}

impl Here {
    pub(super) fn new(config: &Config, join: bool) -> Self {
        Self { host: config.host(), join, seen: None }
    }

    /// What a failure is, by its message and by what this host has left.
    pub(super) fn class_of(&mut self, event: &LogEvent<'_>) -> LogClass {
        match event.class() {
            LogClass::LocalhostIpv6 if self.join => {
                let free = self.look().free.as_ref();
                event.class_where(|to| free.is_some_and(|free| free.is_full(to)))
            }
            class => class,
        }
    }

    pub(super) fn report(&mut self, tally: &LogTally, files: Vec<LogsFile>) -> LogsReport {
        let seen = self.look();
        let report = LogsReport::new(tally, files, &seen.provenance);
        match &seen.free {
            Some(free) => report.with_host(free),
            None => report,
        }
    }

    /// Forgets what was seen, where that is no longer now.
    pub(super) fn renew(&mut self) {
        self.seen.take_if(|seen| seen.at.elapsed() >= FRESH);
    }

    fn look(&mut self) -> &Seen {
        let (host, join) = (&self.host, self.join);
        self.seen.get_or_insert_with(|| {
            let at = Instant::now();
            if !join {
                return Seen { provenance: Provenance::of(host), free: None, at };
            }
            match Sampler::new(host).ports().take() {
                Ok(mut sample) => {
                    note(&mut sample.provenance, host.procfs());
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

const FRESH: Duration = Duration::from_secs(1);
