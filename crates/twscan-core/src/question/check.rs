use super::budgets::Meant;
use super::{Around, Question, evidence};
use crate::Error;
use crate::budget::LocalPorts;
use crate::host::Host;
use crate::report::CheckReport;
use crate::sample::Sampler;
use crate::socket::Families;
use crate::target::Target;

/// One answer for a monitor: as the local ports are judged, or worse where a share of them is held that the monitor named.
#[derive(Debug, Clone, Default)]
pub struct Check {
    /// The destinations that are meant; `None` for all.
    pub target: Option<Target>,
    /// The families that are meant.
    pub families: Families,
    /// The share of a destination's ports, 0 to 100, from which on it is a warning whatever is judged.
    pub warn: Option<f64>,
    /// The share from which on it is critical.
    pub crit: Option<f64>,
}

impl Question for Check {
    type Report = CheckReport;

    fn ask_around(&self, host: &Host, around: &Around) -> Result<CheckReport, Error> {
        let mut sample = evidence::take(host, &Sampler::new(host).ports())?;
        around.note(&mut sample.provenance, host);
        let ports = LocalPorts::of(&sample).ok_or(Error::NoPortRange)?;
        let meant = Meant { target: self.target.as_ref(), source: None, families: self.families };
        let budgets = meant.budgets(host, around, &ports)?;
        let target = self.target.as_ref().map(ToString::to_string);
        Ok(CheckReport::new(&sample, target, &budgets, self.warn, self.crit))
    }
}
