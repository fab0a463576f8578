use std::fs::File;
use std::path::Path;

use rustix::fd::AsFd;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::failure::Failure;

/// Moves this thread, and all that it reads and writes afterwards, into a network namespace.
pub(super) fn enter(path: &Path) -> Result<(), Failure> {
    let failed = |error: std::io::Error| {
        Failure::Usage(format!(
            "cannot enter the network namespace {}: {error} (it takes CAP_SYS_ADMIN)",
            path.display()
        ))
    };
    let file = File::open(path).map_err(failed)?;
    move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network)).map_err(|errno| failed(errno.into()))
}
