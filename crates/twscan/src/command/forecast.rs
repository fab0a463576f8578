use std::time::Duration;

use twscan_core::budget::LocalPorts;
use twscan_core::forecast::{Forecast, Past};
use twscan_core::report::ForecastReport;
use twscan_core::target::Target;

use super::examine::{budgets, samples};
use super::here;
use crate::Status;
use crate::config::{Config, Format};
use crate::failure::Failure;
use crate::render::{csv, forecast, json};

pub(super) fn run(
    config: &Config,
    target: Option<&Target>,
    interval: Option<Duration>,
    horizon: Duration,
    top: Option<usize>,
) -> Result<Status, Failure> {
    let host = config.host();
    let (mut sample, earlier) = samples(config, &host, interval)?;
    here::note(&mut sample.provenance, host.procfs());
    let ports = LocalPorts::of(&sample).ok_or(twscan_core::Error::NoPortRange)?;
    let past = earlier.as_ref().and_then(|earlier| Past::of(earlier, &sample));
    let budgets = budgets(config, &host, &ports, target)?;
    let shown = top.unwrap_or(budgets.len());
    let ahead: Vec<Option<Forecast>> =
        budgets.iter().take(shown).map(|budget| Forecast::new(&sample, past.as_ref(), budget, horizon)).collect();
    let hidden = budgets.len() - ahead.len();
    let unknown = ahead.iter().filter(|forecast| forecast.is_none()).count();
    let forecasts: Vec<Forecast> = ahead.into_iter().flatten().collect();
    let report = ForecastReport::new(&sample, earlier.as_ref(), target.map(ToString::to_string), &forecasts)
        .with_unknown(unknown);
    let mut out = crate::render::stdout(config);
    match config.format {
        Format::Table => forecast::write(&report, hidden, &mut out)?,
        Format::Json => json::write_pretty(&report, &mut out)?,
        Format::Jsonl => json::write_line(&report, &mut out)?,
        Format::Csv => csv::write_forecasts(&report.forecasts, &mut out)?,
    }
    Ok(Status::of_result(report.header.complete))
}
