//! One file a command: read, make the report, hand it to a renderer.

mod by_dest;
mod capture;
mod check;
mod compare;
mod diagnose;
mod everywhere;
mod examine;
mod explain;
mod facts;
mod forecast;
mod generate;
mod here;
mod list;
mod logs;
mod ports;
pub(crate) mod selftest;
mod services;
mod summary;
mod tune;
mod wait;
mod whose;

use crate::Status;
use crate::config::{Action, Config};
use crate::failure::Failure;
use crate::privilege;

pub(crate) fn run(config: &Config) -> Result<Status, Failure> {
    if !config.action.needs_net_admin() {
        privilege::give_up_net_admin();
    }
    let outcome = match &config.action {
        Action::Summary(asked) => summary::run(config, asked),
        Action::ByDest(asked) => by_dest::run(config, asked),
        Action::List(asked) => list::run(config, asked),
        Action::Ports(asked) => ports::run(config, asked),
        Action::Selftest { mixtures, seed } => selftest::run(config, *mixtures, *seed),
        Action::Logs(wanted) => logs::run(config, wanted),
        Action::Tune(action) => tune::run(config, action),
        Action::Examine(examine) => examine::run(config, examine),
        Action::Capture(asked) => capture::run(config, asked),
        Action::Compare { recordings, top } => compare::run(config, recordings, *top),
        Action::Completions(shell) => generate::completions(*shell),
        Action::Man => generate::man(),
    };
    outcome.map_err(|failure| config.say(failure))
}
