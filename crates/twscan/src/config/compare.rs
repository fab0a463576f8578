use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use twscan_core::capture::Recording;
use twscan_core::question::Compare;
use twscan_core::socket::Families;

use super::Action;
use crate::args::{CompareArgs, GlobalArgs};
use crate::failure::Failure;
use crate::recording;

/// Opens what is compared, each for the network namespace that was asked for.
pub(super) fn resolve(args: CompareArgs, families: Families, global: &GlobalArgs) -> Result<Action, Failure> {
    let CompareArgs { before, after, top, supply } = args;
    let refuse = |text: &str| Err(Failure::Usage(text.to_owned()));
    if global.from.is_some() {
        return refuse("compare names its recordings without --from: twscan compare BEFORE AFTER");
    }
    let files: Vec<PathBuf> = [Some(before), after].into_iter().flatten().collect();
    if files == [Path::new("-"), Path::new("-")] {
        return refuse("standard input holds one recording: give a file for the other");
    }
    let mut recordings = recording::open_all(&files, &supply)?;
    if let Some(netns) = &global.netns {
        let two = recordings.len() > 1;
        if two && recordings.iter().all(|recording| recording.last_everywhere().is_none()) {
            return refuse("each holds one network namespace alone: leave out --netns");
        }
        recordings = recordings.into_iter().map(|recording| of_netns(recording, netns)).collect::<Result<_, _>>()?;
    }
    Ok(Action::Compare { recordings, question: Compare { families, top: Some(top) } })
}

/// One of every namespace that was recorded. A recording of one alone is taken for what it is compared with: where it is
/// of another one, the comparison says so.
fn of_netns(recording: Recording, netns: &OsStr) -> Result<Recording, Failure> {
    if recording.last_everywhere().is_none() {
        return Ok(recording);
    }
    recording::of_netns(recording, netns)
}
