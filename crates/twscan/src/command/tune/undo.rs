use std::io::Write;

use twscan_core::tuning::apply::{PERSISTED, Sysctls, TuneError, Undo};

use super::{ask, state};
use crate::Status;
use crate::config::Config;
use crate::failure::Failure;
use crate::render::tune::shown;

pub(super) fn run(config: &Config, yes: bool, force: bool) -> Result<Status, Failure> {
    let host = config.host();
    let (store, sysctls) = (state::store(&host)?, Sysctls::default());
    let undo = Undo::begin(&sysctls, &store, PERSISTED)?;
    let journal = undo.journal();
    let mut out = crate::render::stdout(config);
    writeln!(out, "UNDO      {}", undo.path().display())?;
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
    let undone = undo.run(force).map_err(|error| match error {
        TuneError::ChangedSince { .. } | TuneError::MayBeAnothers { .. } => {
            Failure::Usage(format!("{error}; --force puts it back all the same"))
        }
        error => error.into(),
    })?;
    let file = if undone.file.is_some() { " and the boot file" } else { "" };
    writeln!(stderr, "{} parameters{file} put back", undone.restored.len())?;
    Ok(Status::Done)
}
