use twscan_core::diagnosis::{Code, Examination, Facts};
use twscan_core::report::DiagnoseReport;

use super::examine::samples;
use super::facts;
use crate::Status;
use crate::config::{Config, Diagnose, Format};
use crate::failure::Failure;
use crate::render::{csv, diagnose, json};

pub(super) fn run(config: &Config, options: &Diagnose) -> Result<Status, Failure> {
    let host = config.host();
    let (sample, earlier) = samples(config, &host, options.interval)?;
    let mut facts = facts::collect(&host, &sample, &options.logs)?;
    if options.owners {
        facts::add_owners(&host, &sample, &mut facts)?;
    }
    let examine = |facts: &Facts| {
        Examination::new(&sample)
            .earlier(earlier.as_ref())
            .facts(facts.clone())
            .horizon(options.horizon)
            .target(options.target.clone())
            .diagnose()
    };
    let mut diagnosis = examine(&facts);
    if !options.owners && host.recorded().is_none() && diagnosis.find(Code::CloseWaitLeak).is_some() {
        // A leak is somebody's: without the name the finding is half of one.
        facts::add_owners(&host, &sample, &mut facts)?;
        diagnosis = examine(&facts);
    }
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
