use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use twscan_core::file::{Directory, Draft};
use twscan_core::host::Host;
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
    for file in files {
        let path = if files.len() > 1 { out.join(&file.path) } else { out.to_owned() };
        let failed = |error: io::Error| Failure::File(path.display().to_string(), error);
        let draft = if files.len() > 1 {
            // Below `out` nobody leads astray.
            let (parent, name) = parts(Path::new(&file.path));
            Directory::make(out).and_then(|out| Draft::begin_in(&out.make_below(parent)?, name))
        } else {
            Draft::begin(&path)
        };
        write_file(draft.map_err(failed)?, &file.text, &path).map_err(failed)?;
    }
    Ok(())
}

fn write_file(mut draft: Draft, text: &str, path: &Path) -> io::Result<()> {
    let mut stderr = io::stderr();
    if let Some(old) = draft.old()?.filter(|old| !holds(old, text)) {
        let backup = backup_path(path);
        keep(old, &backup)?;
        writeln!(stderr, "{} keeps what was there", backup.display())?;
    }
    draft.write_all(text.as_bytes())?;
    draft.keep()?;
    writeln!(stderr, "{} written", path.display())
}

/// Whether that is all that it holds.
fn holds(file: &File, text: &str) -> bool {
    let mut start = Vec::new();
    let read = file.take(text.len() as u64 + 1).read_to_end(&mut start);
    read.is_ok() && start == text.as_bytes()
}

fn keep(mut old: File, backup: &Path) -> io::Result<()> {
    old.rewind()?;
    let (parent, name) = parts(backup);
    let mut draft = Draft::begin_in(&Directory::open(parent)?, name)?;
    draft.take_mode_of(&old)?;
    io::copy(&mut old, &mut draft)?;
    draft.keep()
}

/// Beside the file, but never among boot files: there it stands above the directory.
fn backup_path(path: &Path) -> PathBuf {
    let (parent, name) = parts(path);
    let above = parent.parent().filter(|_| parent.ends_with("sysctl.d")).unwrap_or(parent);
    let mut name = name.to_owned();
    name.push(".bak");
    above.join(name)
}

fn parts(path: &Path) -> (&Path, &OsStr) {
    let parent = path.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."));
    (parent, path.file_name().unwrap_or_default())
}
