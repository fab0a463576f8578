use twscan_core::question::{Forecast, Question};

use crate::Status;
use crate::config::{Config, Format};
use crate::failure::Failure;
use crate::render::{csv, forecast, json};

pub(super) fn run(config: &Config, asked: &Forecast) -> Result<Status, Failure> {
    let report = asked.ask(&config.host())?;
    let mut out = crate::render::stdout(config);
    match config.format {
        Format::Table => forecast::write(&report, &mut out)?,
        Format::Json => json::write_pretty(&report, &mut out)?,
        Format::Jsonl => json::write_line(&report, &mut out)?,
        Format::Csv => csv::write_forecasts(&report.forecasts, &mut out)?,
    }
    Ok(Status::of_result(report.header.complete))
}
