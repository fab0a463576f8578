use std::time::Duration;

use super::budgets::{Meant, samples};
use super::{Around, Question};
use crate::Error;
use crate::budget::LocalPorts;
use crate::host::Host;
use crate::report::ForecastReport;
use crate::socket::Families;
use crate::target::Target;

/// How fast ports are used up, and when they come back.
#[derive(Debug)]
pub struct Forecast {
    /// The destinations that are meant; `None` for all.
    pub target: Option<Target>,
    /// The families that are meant.
    pub families: Families,
    /// The time after which to look again, for true rates and growth; `None` for one look.
    pub interval: Option<Duration>,
    /// The host as it was before, of a recording with several samples.
    pub earlier: Option<Host>,
    /// How far ahead to look.
    pub horizon: Duration,
    /// How many destinations to show; `None` for all.
    pub top: Option<usize>,
}

impl Default for Forecast {
    fn default() -> Self {
        let horizon = crate::forecast::HORIZON;
        Self { target: None, families: Families::Both, interval: None, earlier: None, horizon, top: None }
    }
}

impl Question for Forecast {
    type Report = ForecastReport;

    fn ask_around(&self, host: &Host, around: &Around) -> Result<ForecastReport, Error> {
        let (mut sample, earlier) = samples(host, self.earlier.as_ref(), self.interval)?;
        around.note(&mut sample.provenance, host);
        let ports = LocalPorts::of(&sample).ok_or(Error::NoPortRange)?;
        let meant = Meant { target: self.target.as_ref(), source: None, families: self.families };
        let budgets = meant.budgets(host, around, &ports)?;
        let target = self.target.as_ref().map(ToString::to_string);
        Ok(ForecastReport::new(&sample, earlier.as_ref(), target, &budgets, self.top, self.horizon))
    }
}
