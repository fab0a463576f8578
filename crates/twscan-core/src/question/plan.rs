use super::{Around, services};
use crate::Error;
use crate::host::Host;
use crate::sample::{Provenance, Sampler};
use crate::tuning::{Goal, Plan, Situation};

impl Plan {
    /// Plans for this host: what would have to change to reach the goal, and what it buys.
    ///
    /// # Errors
    /// [`Error::NoPortRange`] where nobody knows what the changes would be from, [`Error::BadValue`] for a value that the
    /// kernel would not take, and as for [`Sampler::take`].
    pub fn ask(goal: &Goal, host: &Host) -> Result<(Self, Provenance), Error> {
        let mut sample = Sampler::new(host).ports().take()?;
        if sample.settings.range.is_none() {
            return Err(Error::NoPortRange);
        }
        Around::Here.note(&mut sample.provenance, host);
        let situation = Situation::of(&sample).with_services(&services(host, &sample)?);
        Ok((Self::new(&situation, goal)?, sample.provenance))
    }
}
