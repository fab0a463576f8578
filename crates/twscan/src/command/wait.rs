use std::io::Write;

use twscan_core::question::Wait;

use crate::Status;
use crate::config::{Config, Format};
use crate::failure::Failure;
use crate::render::json;

/// Waits until each destination that is meant has so many ports free: 0 when it has, 1 when the time is over.
pub(super) fn run(config: &Config, asked: &Wait) -> Result<Status, Failure> {
    let report = asked.ask(&config.host(), |_| {})?;
    let mut out = crate::render::stdout(config);
    match (config.format, &report.least) {
        (Format::Json, _) => json::write_pretty(&report, &mut out)?,
        (Format::Jsonl, _) => json::write_line(&report, &mut out)?,
        (_, None) => writeln!(out, "no connection to {} holds a local port", report.target)?,
        (_, Some(least)) => {
            let not = if report.reached { String::new() } else { format!(", not {}", report.wanted) };
            writeln!(out, "{}: {} ports free{not} after {:.1} s", least.tuple, least.sure, report.seconds)?;
        }
    }
    crate::render::finish(&mut out)?;
    Ok(if report.reached { Status::Done } else { Status::Findings })
}
