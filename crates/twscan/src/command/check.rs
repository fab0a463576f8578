use twscan_core::question::{Check, Question};
use twscan_core::report::Status as Answer;

use crate::Status;
use crate::config::{Config, Format};
use crate::failure::Failure;
use crate::render::{check, json};

/// One line and performance data, as monitoring plugins give them; a failure becomes UNKNOWN where the program ends.
pub(super) fn run(config: &Config, asked: &Check) -> Result<Status, Failure> {
    let report = asked.ask(&config.host())?;
    let mut out = crate::render::stdout(config);
    match config.format {
        Format::Json => json::write_pretty(&report, &mut out)?,
        Format::Jsonl => json::write_line(&report, &mut out)?,
        _ => check::write(&report, &mut out)?,
    }
    Ok(Status::Plugin(match report.status {
        Answer::Ok => 0,
        Answer::Warning => 1,
        Answer::Critical => 2,
        _ => 3,
    }))
}
