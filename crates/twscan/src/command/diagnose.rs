use twscan_core::diagnosis::{Examination, Facts};
use twscan_core::host::Host;
use twscan_core::report::DiagnoseReport;

use super::examine::samples;
use crate::Status;
use crate::config::{Config, Diagnose, Format};
use crate::failure::Failure;
use crate::render::{csv, diagnose, json};

pub(super) fn run(config: &Config, options: &Diagnose) -> Result<Status, Failure> {
    let host = config.host();
    let (sample, earlier) = samples(&host, options.interval)?;
    let diagnosis = Examination::new(&sample)
        .earlier(earlier.as_ref())
        .facts(facts(&host))
        .horizon(options.horizon)
        .target(options.target.clone())
        .diagnose();
    let report = DiagnoseReport::new(&sample, options.target.as_ref().map(ToString::to_string), &diagnosis);
    let mut out = crate::render::stdout(config);
    match config.format {
        Format::Table => diagnose::write(&report, &sample, &mut out)?,
        Format::Json => json::write_pretty(&report, &mut out)?,
        Format::Jsonl => json::write_line(&report, &mut out)?,
        Format::Csv => csv::write_findings(&report.findings, &mut out)?,
    }
    let failed = |limit| diagnosis.findings.iter().any(|finding| finding.severity >= limit);
    Ok(match options.fail_on {
        _ if !report.header.complete => Status::Failed,
        Some(limit) if failed(limit) => Status::Findings,
        _ => Status::Done,
    })
}

/// What is to be known besides the sample.
fn facts(host: &Host) -> Facts {
    let mut facts = Facts::default();
    facts.ipv6_loopback = host.procfs().ipv6_loopback();
    facts
}
