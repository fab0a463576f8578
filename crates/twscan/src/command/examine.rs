//! The commands that judge, and what they have in common: a sample for ports, or two.

use std::time::Duration;

use twscan_core::budget::{LocalPorts, PortBudget};
use twscan_core::host::Host;
use twscan_core::sample::{Sample, Sampler};
use twscan_core::socket::Family;
use twscan_core::tally::Tuple;
use twscan_core::target::Target;

use super::{check, diagnose, explain, forecast, wait};
use crate::Status;
use crate::config::{Config, Examine};
use crate::failure::Failure;

pub(super) fn run(config: &Config, examine: &Examine) -> Result<Status, Failure> {
    match examine {
        Examine::Diagnose(options) => diagnose::run(config, options),
        Examine::Explain { words } => explain::run(config, words),
        Examine::ListPages => explain::list(config),
        Examine::Check { target, warn, crit } => check::run(config, target.as_ref(), *warn, *crit),
        Examine::Wait { target, free, timeout } => wait::run(config, target, *free, *timeout),
        Examine::Forecast { target, interval, horizon, top } => {
            forecast::run(config, target.as_ref(), *interval, *horizon, *top)
        }
    }
}

/// The later sample, and the earlier one where there is to be one: after the interval, or in the recording.
pub(super) fn samples(
    config: &Config,
    host: &Host,
    interval: Option<Duration>,
) -> Result<(Sample, Option<Sample>), Failure> {
    let sampler = Sampler::new(host).ports();
    if host.recorded().is_some() {
        let earlier = config.earlier_host().map(|host| Sampler::new(&host).ports().take()).transpose()?;
        return Ok((sampler.take()?, earlier));
    }
    let first = sampler.take()?;
    Ok(match interval {
        None => (first, None),
        Some(interval) => {
            std::thread::sleep(interval);
            (sampler.take()?, Some(first))
        }
    })
}

/// The budgets that are meant, the fullest first; where a single destination is meant that no socket goes to, what a new
/// connection to it would have.
pub(super) fn budgets(
    config: &Config,
    host: &Host,
    ports: &LocalPorts<'_>,
    target: Option<&Target>,
) -> Result<Vec<PortBudget>, Failure> {
    let wanted = |tuple: &Tuple| {
        let family = if tuple.destination.is_ipv4() { Family::V4 } else { Family::V6 };
        target.is_none_or(|target| target.contains(tuple.destination)) && config.families.contain_family(family)
    };
    let mut budgets: Vec<PortBudget> = ports.budgets().filter(|budget| wanted(&budget.tuple())).collect();
    if budgets.is_empty()
        && let Some(tuple) = super::ports::new_tuple(config, host, ports, target, None)?
    {
        budgets.push(ports.budget(&tuple));
    }
    twscan_core::report::sort_fullest_first(&mut budgets);
    Ok(budgets)
}
