use std::time::Duration;

use twscan_core::diagnosis::Severity;
use twscan_core::target::Target;

use super::target;
use crate::args::{CheckArgs, DiagnoseArgs, ExplainArgs, ForecastArgs, SeverityArg, WaitArgs};
use crate::failure::Failure;

/// What to judge, and how.
#[derive(Debug)]
pub(crate) enum Examine {
    Diagnose(Diagnose),
    Explain { words: Vec<String> },
    ListPages,
    Check { target: Option<Target>, warn: f64, crit: f64 },
    Wait { target: Target, free: u32, timeout: Duration },
    Forecast { target: Option<Target>, interval: Option<Duration>, horizon: Duration, top: Option<usize> },
}

#[derive(Debug)]
pub(crate) struct Diagnose {
    pub(crate) target: Option<Target>,
    pub(crate) interval: Option<Duration>,
    pub(crate) horizon: Duration,
    pub(crate) fail_on: Option<Severity>,
    pub(crate) logs: Vec<std::path::PathBuf>,
    pub(crate) owners: bool,
}

impl Examine {
    pub(super) fn diagnose(args: DiagnoseArgs) -> Result<Self, Failure> {
        let fail_on = args.fail_on.map(|severity| match severity {
            SeverityArg::Info => Severity::Info,
            SeverityArg::Warning => Severity::Warning,
            SeverityArg::Critical => Severity::Critical,
        });
        let target = args.target.as_deref().map(target).transpose()?;
        let DiagnoseArgs { interval, horizon, logs, owners, .. } = args;
        Ok(Self::Diagnose(Diagnose { target, interval, horizon, fail_on, logs, owners }))
    }

    pub(super) fn explain(args: ExplainArgs) -> Self {
        if args.list { Self::ListPages } else { Self::Explain { words: args.words } }
    }

    pub(super) fn check(args: &CheckArgs) -> Result<Self, Failure> {
        let (warn, crit) = (args.warn, args.crit);
        if warn > crit {
            return Err(Failure::Usage(format!("--warn {warn}% is above --crit {crit}%")));
        }
        let target = args.target.as_deref().map(target).transpose()?;
        Ok(Self::Check { target, warn, crit })
    }

    pub(super) fn wait(args: &WaitArgs) -> Result<Self, Failure> {
        let target = args.target.parse::<Target>().map_err(|error| Failure::Usage(error.to_string()))?;
        Ok(Self::Wait { target, free: args.free, timeout: args.timeout })
    }

    pub(super) fn forecast(args: &ForecastArgs) -> Result<Self, Failure> {
        let top = (!args.all).then_some(args.top);
        let target = args.target.as_deref().map(target).transpose()?;
        Ok(Self::Forecast { target, interval: args.interval, horizon: args.horizon, top })
    }
}
