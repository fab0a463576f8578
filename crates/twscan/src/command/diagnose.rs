use twscan_core::diagnosis::Severity;
use twscan_core::question::{Diagnose, Question};
use twscan_core::report::DiagnoseReport;

use super::everywhere;
use crate::Status;
use crate::config::{Config, Format};
use crate::failure::Failure;
use crate::render::{csv, diagnose, json};

pub(super) fn run(config: &Config, asked: &Diagnose, fail_on: Option<Severity>) -> Result<Status, Failure> {
    let failed = |report: &DiagnoseReport| {
        fail_on.is_some_and(|limit| report.findings.iter().any(|finding| finding.severity >= limit))
    };
    let (status, failed) = if config.everywhere {
        let report = twscan_core::question::everywhere(asked, &config.host_everywhere())?;
        (everywhere::show(config, &report)?, report.namespaces.iter().any(failed))
    } else {
        let report = asked.ask(&config.host())?;
        (show(config, &report)?, failed(&report))
    };
    Ok(if status == Status::Done && failed { Status::Findings } else { status })
}

fn show(config: &Config, report: &DiagnoseReport) -> Result<Status, Failure> {
    let mut out = crate::render::stdout(config);
    match config.format {
        Format::Table => diagnose::write(report, &mut out)?,
        Format::Json => json::write_pretty(report, &mut out)?,
        Format::Jsonl => json::write_line(report, &mut out)?,
        Format::Csv => csv::write_findings(&report.findings, &mut out)?,
    }
    Ok(Status::of_result(report.header.complete))
}
