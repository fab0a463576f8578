use std::io::Write;

use twscan_core::sample::Provenance;
use twscan_core::tuning::apply::{Sysctls, TuneError, undo};

use super::{ask, state};
use crate::Status;
use crate::config::Config;
use crate::failure::Failure;
use crate::render::tune::shown;

pub(super) fn run(config: &Config, yes: bool, force: bool) -> Result<Status, Failure> {
    let host = config.host();
    let store = state::store(&host, &Provenance::of(&host))?;
    let Some((path, journal)) = store.newest()? else {
        return Err(TuneError::NothingToUndo { directory: store.directory().to_owned() }.into());
    };
    let mut out = crate::render::stdout(config);
    writeln!(out, "UNDO      {}", path.display())?;
    for entry in journal.entries.iter().rev() {
        writeln!(out, "{} = {} (twscan set {})", entry.key, shown(&entry.from), shown(&entry.to))?;
    }
    if let Some(file) = &journal.file {
        let what = if file.from.is_some() { "gets its old text back" } else { "is removed" };
        writeln!(out, "{} {what}", file.path.display())?;
    }
    out.flush()?;
    drop(out);
    let mut stderr = std::io::stderr();
    if !ask::agreed("Put this back?", yes)? {
        writeln!(stderr, "nothing was written")?;
        return Ok(Status::Failed);
    }
    let undone = undo(&Sysctls::default(), &store, force).map_err(|error| match error {
        TuneError::ChangedSince { .. } => Failure::Usage(format!("{error}; --force puts it back all the same")),
        error => error.into(),
    })?;
    let file = if undone.file.is_some() { " and the boot file" } else { "" };
    writeln!(stderr, "{} parameters{file} put back", undone.restored.len())?;
    Ok(Status::Done)
}
