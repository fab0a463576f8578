use twscan_core::question::{Ports, Question};

use super::everywhere;
use crate::Status;
use crate::config::{Config, Format};
use crate::failure::Failure;
use crate::render::{csv, json, ports};

pub(crate) fn run(config: &Config, asked: &Ports) -> Result<Status, Failure> {
    if config.everywhere {
        return everywhere::run(config, asked);
    }
    let report = asked.ask(&config.host())?;
    let mut out = crate::render::stdout(config);
    match config.format {
        Format::Table => ports::write(&report, config.stdout_is_terminal, &mut out)?,
        Format::Json => json::write_pretty(&report, &mut out)?,
        Format::Jsonl => json::write_line(&report, &mut out)?,
        Format::Csv => csv::write_budgets(&report.budgets, &mut out)?,
    }
    Ok(Status::of_result(report.header.complete))
}
