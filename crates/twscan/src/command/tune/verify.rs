use std::fs;
use std::path::Path;

use twscan_core::procfs::Settings;
use twscan_core::question::Around;
use twscan_core::report::VerifyReport;
use twscan_core::sample::Provenance;
use twscan_core::tuning::{BootFiles, Key, Loader, Verification};

use super::plan;
use crate::Status;
use crate::config::{Config, Format, Wanted};
use crate::failure::Failure;
use crate::render::{self, json, tune};

pub(super) fn run(
    config: &Config,
    wanted: Option<&Wanted>,
    loader: Option<Loader>,
    root: &Path,
) -> Result<Status, Failure> {
    require_directory(root)?;
    let host = config.host();
    let live = host.procfs().settings()?;
    require_parameters(config, &live)?;
    let plan = match wanted {
        Some(wanted) => Some(plan::make(&host, wanted)?.0),
        None => None,
    };
    let files = BootFiles::read(root)?;
    let loader = loader.unwrap_or_else(|| Loader::of_host(root));
    let verification = Verification::new(&live, &files, loader, plan.as_ref());
    let mut provenance = Provenance::of(&host);
    Around::Here.note(&mut provenance, &host);
    let report = VerifyReport::new(&verification, &provenance);
    let mut out = render::stdout(config);
    match config.format {
        Format::Table => tune::verify::write(&report, root, &mut out)?,
        Format::Json => json::write_pretty(&report, &mut out)?,
        Format::Jsonl => json::write_line(&report, &mut out)?,
        Format::Csv => tune::csv::write_verify(&report, &mut out)?,
    }
    Ok(if report.drifted { Status::Findings } else { Status::Done })
}

/// Below a root that is not there no file sets anything, and every default would pass for verified.
fn require_directory(root: &Path) -> Result<(), Failure> {
    let metadata = fs::metadata(root).map_err(|error| Failure::File(root.display().to_string(), error))?;
    if metadata.is_dir() { Ok(()) } else { Err(Failure::Usage(format!("{} is no directory", root.display()))) }
}

/// Of parameters that are not told none could drift.
fn require_parameters(config: &Config, live: &Settings) -> Result<(), Failure> {
    if Key::ALL.into_iter().any(|key| key.value_in(live).is_some()) {
        return Ok(());
    }
    Err(Failure::Usage(match config.recording_name() {
        "" => "no parameter of net.ipv4 is readable: there is nothing to verify".to_owned(),
        name => format!(
            "{name} does not tell the kernel's parameters, as a twscan capture does: there is nothing to verify"
        ),
    }))
}
