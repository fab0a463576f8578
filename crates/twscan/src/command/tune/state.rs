use std::env;
use std::path::PathBuf;

use twscan_core::host::Host;
use twscan_core::sample::Provenance;
use twscan_core::tuning::apply::{Namespace, Store};

use crate::failure::Failure;

/// The journals of the namespace that this thread is in.
pub(super) fn store(host: &Host, provenance: &Provenance) -> Result<Store, Failure> {
    let boot_id = host.procfs().boot_id().unwrap_or_default();
    Ok(Store::new(directory()?, Namespace::new(provenance, &boot_id)))
}

fn directory() -> Result<PathBuf, Failure> {
    let given = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(directory) = given("TWSCAN_STATE_DIR") {
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
