use std::time::{Duration, Instant};

use super::budgets::Meant;
use super::{Around, evidence};
use crate::Error;
use crate::budget::LocalPorts;
use crate::forecast::Forecast;
use crate::host::Host;
use crate::judgement::{Judge, PortSpace};
use crate::report::WaitReport;
use crate::sample::Sampler;
use crate::socket::Families;
use crate::target::Target;

/// Waiting until each destination that is meant has so many connections left for sure.
#[derive(Debug, Clone)]
pub struct Wait {
    /// The destinations that are meant.
    pub target: Target,
    /// The families that are meant.
    pub families: Families,
    /// How many connections.
    pub free: u32,
    /// When to give up.
    pub timeout: Duration,
}

/// What one look brought.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Look {
    /// The destination that has least left for sure; `None` where no socket goes to any.
    pub least: Option<PortSpace>,
    /// The time since the first look began.
    pub waited: Duration,
}

impl Wait {
    /// Looks at the host again and again, and tells the observer of each look, until it is as wanted or the time is over.
    ///
    /// # Errors
    /// [`Error::Recorded`] for a recording, which does not change; [`Error::Incomplete`] where sockets are missing;
    /// [`Error::NeverFree`] where a destination can never have so many; and as for [`Sampler::take`].
    pub fn ask(&self, host: &Host, mut observe: impl FnMut(&Look)) -> Result<WaitReport, Error> {
        if let Some(recorded) = host.recorded() {
            return Err(Error::Recorded { from: recorded.from.clone() });
        }
        let started = Instant::now();
        loop {
            let sample = evidence::take(host, &Sampler::new(host).ports())?;
            if let Some(reason) = sample.provenance.incomplete {
                return Err(Error::Incomplete { reason });
            }
            let ports = LocalPorts::of(&sample).ok_or(Error::NoPortRange)?;
            let meant = Meant { target: Some(&self.target), source: None, families: self.families };
            let budgets = meant.budgets(host, &Around::Unknown, &ports)?;
            let judge = Judge::of(&sample);
            let least = budgets.iter().min_by_key(|budget| judge.space(budget).sure());
            let look = Look { least: least.map(|budget| judge.space(budget)), waited: started.elapsed() };
            observe(&look);
            if let Some(space) = look.least.filter(|space| self.free > space.capacity()) {
                return Err(Error::NeverFree {
                    wanted: self.free,
                    tuple: space.tuple().to_string(),
                    capacity: space.capacity(),
                });
            }
            let reached = look.least.is_none_or(|space| space.sure() >= self.free);
            if reached || look.waited >= self.timeout {
                return Ok(WaitReport::new(
                    &sample,
                    &self.target,
                    &budgets,
                    self.free,
                    look.least.as_ref(),
                    look.waited,
                ));
            }
            let ahead = least.and_then(|budget| Forecast::new(&sample, None, budget, self.timeout));
            let first_back = ahead.and_then(|forecast| forecast.first_back);
            let pause = first_back.unwrap_or(MIN_PAUSE).clamp(MIN_PAUSE, MAX_PAUSE);
            std::thread::sleep(pause.min(self.timeout.saturating_sub(look.waited)));
        }
    }
}

/// Often enough not to be waited for, and seldom enough not to be noticed.
const MIN_PAUSE: Duration = Duration::from_millis(500);
const MAX_PAUSE: Duration = Duration::from_secs(2);
