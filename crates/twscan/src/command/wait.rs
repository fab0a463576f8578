use std::io::Write;
use std::time::{Duration, Instant};

use twscan_core::budget::LocalPorts;
use twscan_core::forecast::Forecast;
use twscan_core::sample::Sampler;
use twscan_core::target::Target;

use super::examine::budgets;
use crate::Status;
use crate::config::Config;
use crate::failure::Failure;

/// Waits until each destination that is meant has so many ports free: 0 when it has, 1 when the time is over.
pub(super) fn run(config: &Config, target: &Target, free: u32, timeout: Duration) -> Result<Status, Failure> {
    let host = config.host();
    if host.recorded().is_some() {
        return Err(Failure::Usage("a recording does not change: there is nothing to wait for".to_owned()));
    }
    let started = Instant::now();
    let mut out = crate::render::stdout(config);
    loop {
        let sample = Sampler::new(&host).ports().take()?;
        if let Some(reason) = sample.provenance.incomplete {
            return Err(Failure::Usage(format!(
                "sockets are missing, or may be, so that free ports cannot be told: {reason}"
            )));
        }
        let ports = LocalPorts::of(&sample).ok_or(twscan_core::Error::NoPortRange)?;
        let budgets = budgets(config, &host, &ports, Some(target))?;
        let waited = started.elapsed();
        let Some(least) = budgets.iter().min_by_key(|budget| budget.free()) else {
            writeln!(out, "no connection to {target} holds a local port")?;
            crate::render::finish(&mut out)?;
            return Ok(Status::Done);
        };
        if free > least.capacity() {
            let capacity = least.capacity();
            return Err(Failure::Usage(format!("{free} ports can never be free: {} has {capacity}", least.tuple())));
        }
        let now = least.free();
        let done = now >= free;
        if done || waited >= timeout {
            let not = if done { "" } else { ", not " };
            let wanted = if done { String::new() } else { free.to_string() };
            writeln!(out, "{}: {now} ports free{not}{wanted} after {:.1} s", least.tuple(), waited.as_secs_f64())?;
            crate::render::finish(&mut out)?;
            return Ok(if done { Status::Done } else { Status::Findings });
        }
        let first_back = Forecast::new(&sample, None, least, timeout).and_then(|forecast| forecast.first_back);
        let pause = first_back.unwrap_or(SHORTEST).clamp(SHORTEST, LONGEST);
        std::thread::sleep(pause.min(timeout.saturating_sub(waited)));
    }
}

/// Often enough not to be waited for, and seldom enough not to be noticed.
const SHORTEST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(2);
