use std::io::Write;
use std::path::Path;

use twscan_core::sample::Provenance;
use twscan_core::shell::Command;
use twscan_core::tuning::apply::{Applied, Applier, PERSISTED, Sysctls, TuneError, is_persisted_text, read_boot_file};
use twscan_core::tuning::{BootFiles, Loader, Plan};

use super::{ask, plan, state};
use crate::Status;
use crate::config::{Apply, Config, Wanted};
use crate::failure::Failure;
use crate::render::tune::shown;

pub(super) fn run(config: &Config, wanted: &Wanted, how: Apply) -> Result<Status, Failure> {
    let Apply { persist, yes, force } = how;
    let host = config.host();
    let (plan, provenance) = plan::make(&host, wanted)?;
    // A saved plan tells what was there when it was made: what it would write, and from what, is a matter of now.
    let now = plan.clone().starting_from(&host.procfs().settings()?);
    plan::write(config, &plan::report(&now, &provenance))?;
    if !plan.refused.is_empty() {
        return Err(Failure::Usage("nothing was written: leave out what is refused".to_owned()));
    }
    let mut stderr = std::io::stderr();
    if !now.changes_anything() && !persist {
        writeln!(stderr, "nothing to write: every value is there already")?;
        return Ok(Status::Done);
    }
    if persist {
        look_at_boot_file(force)?;
    }
    if !ask::agreed("Write this?", yes)? {
        writeln!(stderr, "nothing was written")?;
        return Ok(Status::Failed);
    }
    let store = state::store(&host)?;
    let sysctls = Sysctls::default();
    let mut applier = Applier::new(&sysctls, &store);
    if persist {
        applier = applier.persist(PERSISTED);
    }
    if force {
        applier = applier.replace_foreign();
    }
    let applied = applier.apply(&plan, |_| ())?;
    tell(&applied, &state::undo_command(&host))?;
    if persist {
        warn(&plan, &provenance)?;
    }
    Ok(Status::Done)
}

/// Somebody else's file is not replaced without a word.
fn look_at_boot_file(force: bool) -> Result<(), Failure> {
    let failed = |cause| Failure::File(PERSISTED.to_owned(), cause);
    let foreign = read_boot_file(Path::new(PERSISTED)).map_err(failed)?.filter(|text| !is_persisted_text(text));
    match foreign {
        None => Ok(()),
        Some(_) if force => {
            let text = format!(
                "warning: {PERSISTED} was not written by twscan, or was changed since: it is replaced, and undo brings it back"
            );
            Ok(writeln!(std::io::stderr(), "{text}")?)
        }
        Some(_) => {
            let error = TuneError::ForeignBootFile { path: PERSISTED.into() };
            Err(Failure::Usage(format!("{error}; --force replaces it, and undo brings it back")))
        }
    }
}

fn tell(applied: &Applied, undo: &Command) -> Result<(), Failure> {
    let mut stderr = std::io::stderr();
    for entry in &applied.written {
        writeln!(stderr, "{} = {} (was {}), read back", entry.key, shown(&entry.to), shown(&entry.from))?;
    }
    if let Some(path) = &applied.persisted {
        writeln!(stderr, "{} written: every boot sets these values", path.display())?;
    }
    match &applied.journal {
        Some(journal) => writeln!(stderr, "old values in {}; {undo} puts them back", journal.display())?,
        None => writeln!(stderr, "nothing to write: every value is there already")?,
    }
    Ok(())
}

/// Says where a boot would not set what was persisted.
fn warn(plan: &Plan, provenance: &Provenance) -> Result<(), Failure> {
    let mut stderr = std::io::stderr();
    if !provenance.initial_netns {
        writeln!(stderr, "warning: {PERSISTED} sets the host's namespace at boot, and this is another one")?;
    }
    let root = Path::new("/");
    let files = BootFiles::read(root)?;
    let own = Loader::of_host(root);
    for loader in Loader::ALL {
        for (key, value) in plan.values() {
            let boot = files.boot(loader, key, 0);
            if boot.value.as_ref() == Some(&value) {
                continue;
            }
            let by = boot.winner.map_or("nothing sets it".to_owned(), |place| place.to_string());
            let name = if loader == own { "the next boot" } else { loader.name() };
            let found = boot.value.unwrap_or_else(|| "the machine's default".to_owned());
            writeln!(stderr, "warning: {name} sets {key} to {} ({by})", shown(&found))?;
        }
    }
    Ok(())
}
