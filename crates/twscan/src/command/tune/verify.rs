use std::path::Path;

use twscan_core::report::VerifyReport;
use twscan_core::sample::Provenance;
use twscan_core::tuning::{BootFiles, Loader, Verification};

use super::plan;
use crate::Status;
use crate::command::here;
use crate::config::{Config, Format, Wanted};
use crate::failure::Failure;
use crate::render::{self, json, tune};

pub(super) fn run(
    config: &Config,
    wanted: Option<&Wanted>,
    loader: Option<Loader>,
    root: &Path,
) -> Result<Status, Failure> {
    let host = config.host();
    let plan = match wanted {
        Some(wanted) => Some(plan::make(&host, wanted)?.0),
        None => None,
    };
    let files = BootFiles::read(root)?;
    let loader = loader.unwrap_or_else(|| Loader::of_host(root));
    let live = host.procfs().settings()?;
    let verification = Verification::new(&live, &files, loader, plan.as_ref());
    let mut provenance = Provenance::of(&host);
    here::note(&mut provenance, host.procfs());
    let report = VerifyReport::new(&verification, &provenance);
    let mut out = render::stdout(config);
    match config.format {
        Format::Table => tune::verify::write(&report, &mut out)?,
        Format::Json => json::write_pretty(&report, &mut out)?,
        Format::Jsonl => json::write_line(&report, &mut out)?,
        Format::Csv => tune::csv::write_verify(&report, &mut out)?,
    }
    Ok(if report.drifted { Status::Findings } else { Status::Done })
}
