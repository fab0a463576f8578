use std::fmt::Display;
use std::fs;
use std::path::Path;

use twscan_core::host::Host;
use twscan_core::report::{PlanFile, PlanReport};
use twscan_core::sample::Provenance;
use twscan_core::tuning::{BootFiles, Goal, Loader, Plan};

use crate::Status;
use crate::config::{Config, Format, Wanted};
use crate::failure::Failure;
use crate::render::{self, json, tune};

pub(super) fn run(config: &Config, goal: &Goal) -> Result<Status, Failure> {
    let host = config.host();
    let (plan, provenance) = Plan::ask(goal, &host)?;
    let report = report(&plan, &provenance);
    write(config, &report)?;
    Ok(match Status::of_result(report.header.complete) {
        Status::Done if plan.falls_short() => Status::Findings,
        status => status,
    })
}

/// The plan for a goal, or the one in a file.
pub(super) fn make(host: &Host, wanted: &Wanted) -> Result<(Plan, Provenance), Failure> {
    match wanted {
        Wanted::Goal(goal) => Ok(Plan::ask(goal, host)?),
        Wanted::File(path) => Ok((of_file(path)?, Provenance::of(host))),
    }
}

/// The document; boot files that cannot be read are a matter of verify, not of a plan.
pub(super) fn report(plan: &Plan, provenance: &Provenance) -> PlanReport {
    let root = Path::new("/");
    let files = BootFiles::read(root).ok().filter(|_| provenance.initial_netns);
    PlanReport::new(plan, provenance, files.as_ref().map(|files| (files, Loader::of_host(root))))
}

pub(super) fn write(config: &Config, report: &PlanReport) -> Result<(), Failure> {
    let mut out = render::stdout(config);
    match config.format {
        Format::Table => Ok(tune::plan::write(report, &mut out)?),
        Format::Json => json::write_pretty(report, &mut out),
        Format::Jsonl => json::write_line(report, &mut out),
        Format::Csv => tune::csv::write_plan(report, &mut out),
    }
}

fn of_file(path: &Path) -> Result<Plan, Failure> {
    let no_plan = |error: &dyn Display| {
        let path = path.display();
        Failure::Usage(format!("{path} is no plan: {error}; twscan tune plan --json writes one"))
    };
    let content = fs::read(path).map_err(|error| Failure::File(path.display().to_string(), error))?;
    let file: PlanFile = serde_json::from_slice(&content).map_err(|error| no_plan(&error))?;
    file.plan().map_err(|error| no_plan(&error))
}
