use std::env;
use std::path::PathBuf;

use twscan_core::host::Host;
use twscan_core::shell::Command;
use twscan_core::tuning::apply::{Namespace, Store};

use crate::failure::Failure;

/// The journals of the namespace that this thread is in.
pub(super) fn store(host: &Host) -> Result<Store, Failure> {
    Ok(Store::new(directory()?, Namespace::of_thread(host.procfs())))
}

/// The command that undoes what was done to this host.
pub(super) fn undo_command(host: &Host) -> Command {
    let undo = host.scope().change("tune undo");
    match given(DIRECTORY) {
        Some(directory) => undo.with_env(DIRECTORY, directory),
        None => undo,
    }
}

fn directory() -> Result<PathBuf, Failure> {
    if let Some(directory) = given(DIRECTORY) {
        return Ok(directory);
    }
    if rustix::process::geteuid().is_root() {
        return Ok(PathBuf::from("/var/lib/twscan"));
    }
    given("XDG_STATE_HOME")
        .or_else(|| given("HOME").map(|home| home.join(".local/state")))
        .map(|directory| directory.join("twscan"))
        .ok_or_else(|| Failure::Usage("no place for the old values: set TWSCAN_STATE_DIR".to_owned()))
}

fn given(name: &str) -> Option<PathBuf> {
    env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

const DIRECTORY: &str = "TWSCAN_STATE_DIR";
