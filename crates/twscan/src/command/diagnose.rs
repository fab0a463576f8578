use std::sync::atomic::{AtomicBool, Ordering};

use twscan_core::diagnosis::{Code, Diagnosis, Examination, Facts, Finding};
use twscan_core::host::Host;
use twscan_core::report::DiagnoseReport;
use twscan_core::sample::{Provenance, Sample};

use super::everywhere::{self, Note};
use super::examine::samples;
use super::{facts, here};
use crate::Status;
use crate::config::{Config, Diagnose, Format};
use crate::failure::Failure;
use crate::render::namespaces::Judged;
use crate::render::{csv, diagnose, json};

pub(super) fn run(config: &Config, options: &Diagnose) -> Result<Status, Failure> {
    let failed = |diagnosis: &Diagnosis| {
        options.fail_on.is_some_and(|limit| diagnosis.findings.iter().any(|finding| finding.severity >= limit))
    };
    if config.everywhere {
        let any_failed = AtomicBool::new(false);
        let status = everywhere::run(config, |host, note| {
            let (report, sample, diagnosis) = judge(config, options, host, note)?;
            any_failed.fetch_or(failed(&diagnosis), Ordering::Relaxed);
            Ok(Judged::new(report, &sample))
        })?;
        return Ok(if status == Status::Done && any_failed.into_inner() { Status::Findings } else { status });
    }
    let note = |provenance: &mut Provenance, host: &Host| here::note(provenance, host.procfs());
    let (report, sample, diagnosis) = judge(config, options, &config.host(), &note)?;
    let mut out = crate::render::stdout(config);
    match config.format {
        Format::Table => diagnose::write(&report, &sample, &diagnosis, &mut out)?,
        Format::Json => json::write_pretty(&report, &mut out)?,
        Format::Jsonl => json::write_line(&report, &mut out)?,
        Format::Csv => csv::write_findings(&report.findings, &mut out)?,
    }
    Ok(match Status::of_result(report.header.complete) {
        Status::Done if failed(&diagnosis) => Status::Findings,
        status => status,
    })
}

fn judge(
    config: &Config,
    options: &Diagnose,
    host: &Host,
    note: &Note<'_>,
) -> Result<(DiagnoseReport, Sample, Diagnosis), Failure> {
    let (mut sample, earlier) = samples(config, host, options.interval)?;
    note(&mut sample.provenance, host);
    let mut facts = facts::collect(host, &sample, &options.logs)?;
    if options.owners {
        facts::add_owners(host, &sample, &mut facts)?;
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
    let leak = |finding: &Finding| {
        let open = finding.notes.iter().any(|note| note.label == "who");
        matches!(finding.code, Code::CloseWaitLeak | Code::FinWait2Pileup) && open
    };
    if !options.owners && host.knows_owners() && diagnosis.findings.iter().any(leak) {
        // A leak is somebody's: without the name the finding is half of one.
        facts::add_owners(host, &sample, &mut facts)?;
        diagnosis = examine(&facts);
    }
    let report = DiagnoseReport::new(&sample, options.target.as_ref().map(ToString::to_string), &diagnosis);
    Ok((report, sample, diagnosis))
}
