use twscan_core::question::{ByDest, Question};

use super::everywhere;
use crate::Status;
use crate::config::{Config, Format};
use crate::failure::Failure;
use crate::render::{by_dest, csv, json};

pub(crate) fn run(config: &Config, asked: &ByDest) -> Result<Status, Failure> {
    if config.everywhere {
        return everywhere::run(config, asked);
    }
    let report = asked.ask(&config.host())?;
    let mut out = crate::render::stdout(config);
    match config.format {
        Format::Table => by_dest::write(&report, asked.states, config.stdout_is_terminal, &mut out)?,
        Format::Json => json::write_pretty(&report, &mut out)?,
        Format::Jsonl => json::write_line(&report, &mut out)?,
        Format::Csv => csv::write_destinations(&report.destinations, &mut out)?,
    }
    Ok(Status::of_result(report.header.complete))
}
