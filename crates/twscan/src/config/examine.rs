use twscan_core::diagnosis::Severity;
use twscan_core::question::{Check, Diagnose, Forecast, Wait};
use twscan_core::socket::Families;

use super::sockets::target;
use crate::args::{CheckArgs, DiagnoseArgs, ExplainArgs, ForecastArgs, SeverityArg, WaitArgs};
use crate::failure::Failure;

/// What to judge, and how.
#[derive(Debug)]
pub(crate) enum Examine {
    Diagnose { question: Diagnose, fail_on: Option<Severity> },
    Explain { words: Vec<String> },
    ListPages,
    Check(Check),
    Wait(Wait),
    Forecast(Forecast),
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
        Ok(Self::Diagnose { question: Diagnose { target, interval, earlier: None, horizon, logs, owners }, fail_on })
    }

    pub(super) fn explain(args: ExplainArgs) -> Self {
        if args.list { Self::ListPages } else { Self::Explain { words: args.words } }
    }

    pub(super) fn check(args: &CheckArgs, families: Families) -> Result<Self, Failure> {
        let CheckArgs { warn, crit, .. } = *args;
        if let Some((warn, crit)) = warn.zip(crit).filter(|(warn, crit)| warn > crit) {
            return Err(Failure::Usage(format!("--warn {warn}% is above --crit {crit}%")));
        }
        let target = args.target.as_deref().map(target).transpose()?;
        Ok(Self::Check(Check { target, families, warn, crit }))
    }

    pub(super) fn wait(args: &WaitArgs, families: Families) -> Result<Self, Failure> {
        Ok(Self::Wait(Wait { target: target(&args.target)?, families, free: args.free, timeout: args.timeout }))
    }

    pub(super) fn forecast(args: &ForecastArgs, families: Families) -> Result<Self, Failure> {
        let top = (!args.all).then_some(args.top);
        let target = args.target.as_deref().map(target).transpose()?;
        let (interval, horizon) = (args.interval, args.horizon);
        Ok(Self::Forecast(Forecast { target, families, interval, earlier: None, horizon, top }))
    }
}
