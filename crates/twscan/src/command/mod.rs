//! One file a command: read, make the report, hand it to a renderer.

mod by_dest;
mod generate;
mod list;
mod summary;

use crate::Status;
use crate::config::{Action, Config};
use crate::failure::Failure;

pub(crate) fn run(config: &Config) -> Result<Status, Failure> {
    match &config.action {
        Action::Summary { quick, top } => summary::run(config, *quick, *top),
        Action::ByDest { target, states, filter, sort, top } => {
            by_dest::run(config, target.as_ref(), *states, filter.as_ref(), *sort, *top)
        }
        Action::List { states, filter, heading } => list::run(config, *states, filter, *heading),
        Action::Completions(shell) => generate::completions(*shell),
        Action::Man => generate::man(),
    }
}
