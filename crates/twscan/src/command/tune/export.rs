use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use twscan_core::host::Host;
use twscan_core::tuning::apply::write_atomically;
use twscan_core::tuning::emit::{ExportFile, Options, Place, export};
use twscan_core::tuning::{Key, Plan};

use super::plan;
use crate::Status;
use crate::config::{Config, Wanted};
use crate::failure::Failure;

pub(super) fn run(
    config: &Config,
    place: Place,
    wanted: &Wanted,
    options: &Options,
    out: Option<&Path>,
) -> Result<Status, Failure> {
    let host = config.host();
    let (plan, _) = plan::make(&host, wanted)?;
    if let Some(refusal) = plan.refused.first() {
        return Err(Failure::Usage(format!("{} = {} is refused: {}", refusal.key, refusal.value, refusal.why)));
    }
    if plan.changes.is_empty() {
        let text =
            "nothing to export: this host needs no change; name values, such as --range 10240-65535 --tw-reuse 1";
        return Err(Failure::Usage(text.to_owned()));
    }
    let plan = with_reserved(plan, &host)?;
    let files = export(&plan, place, options);
    match out {
        Some(out) => write_files(&files, out)?,
        None => print(config, &files)?,
    }
    Ok(Status::Done)
}

/// A range goes with the ports that are reserved here already: on the next host they would be given away.
fn with_reserved(plan: Plan, host: &Host) -> Result<Plan, Failure> {
    let values = plan.values();
    let has = |key: Key| values.iter().any(|(other, _)| *other == key);
    let reserved = host.procfs().settings()?.reserved.filter(|reserved| !reserved.is_empty());
    match reserved {
        Some(reserved) if has(Key::PortRange) && !has(Key::ReservedPorts) => {
            let more = (Key::ReservedPorts, reserved.to_string());
            Ok(Plan::of_values(values.into_iter().chain([more]).map(|(key, value)| (key, None, value))))
        }
        _ => Ok(plan),
    }
}

fn print(config: &Config, files: &[ExportFile]) -> Result<(), Failure> {
    let mut out = crate::render::stdout(config);
    for file in files {
        if files.len() > 1 {
            writeln!(out, "# ---- {}", file.path)?;
        }
        out.write_all(file.text.as_bytes())?;
    }
    Ok(out.flush()?)
}

/// One file goes where `out` says; several go below it.
fn write_files(files: &[ExportFile], out: &Path) -> Result<(), Failure> {
    let mut stderr = io::stderr();
    for file in files {
        let path = if files.len() > 1 { out.join(&file.path) } else { out.to_owned() };
        let failed = |error: io::Error| Failure::Usage(format!("cannot write {}: {error}", path.display()));
        if let Some(parent) = path.parent().filter(|_| files.len() > 1) {
            fs::create_dir_all(parent).map_err(failed)?;
        }
        let before = fs::read(&path).ok().filter(|before| *before != file.text.as_bytes());
        if before.is_some() {
            let backup = backup_path(&path);
            fs::copy(&path, &backup).map_err(failed)?;
            writeln!(stderr, "{} keeps what was there", backup.display())?;
        }
        write_atomically(&path, &file.text).map_err(failed)?;
        writeln!(stderr, "{} written", path.display())?;
    }
    Ok(())
}

/// Beside the file, but never among boot files: there it stands above the directory.
fn backup_path(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let parent = path.parent().unwrap_or(Path::new(""));
    let parent = if parent.ends_with("sysctl.d") { parent.parent().unwrap_or(parent) } else { parent };
    parent.join(format!("{name}.bak"))
}
