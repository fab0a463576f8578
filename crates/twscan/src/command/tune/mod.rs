//! `twscan tune`: plan, apply, undo, export, verify.

mod apply;
mod ask;
mod export;
mod plan;
mod state;
mod undo;
mod verify;

use crate::Status;
use crate::config::{Config, TuneAction};
use crate::failure::Failure;

pub(super) fn run(config: &Config, action: &TuneAction) -> Result<Status, Failure> {
    match action {
        TuneAction::Plan { goal } => plan::run(config, goal),
        TuneAction::Apply { wanted, how } => apply::run(config, wanted, *how),
        TuneAction::Undo { yes, force } => undo::run(config, *yes, *force),
        TuneAction::Export { place, wanted, options, out } => {
            export::run(config, *place, wanted, options, out.as_deref())
        }
        TuneAction::Verify { wanted, loader, root } => verify::run(config, wanted.as_ref(), *loader, root),
    }
}
