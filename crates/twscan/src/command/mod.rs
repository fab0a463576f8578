//! One file a command: read, make the report, hand it to a renderer.

mod by_dest;
mod capture;
mod check;
mod compare;
mod diagnose;
mod everywhere;
mod explain;
mod forecast;
mod generate;
mod list;
mod logs;
mod ports;
pub(crate) mod selftest;
mod summary;
mod tune;
mod wait;

use crate::Status;
use crate::config::{Action, Config, Examine};
use crate::failure::Failure;
use crate::privilege;

pub(crate) fn run(config: &Config) -> Result<Status, Failure> {
    if !config.action.needs_net_admin() {
        privilege::give_up_net_admin();
    }
    let outcome = match &config.action {
        Action::Summary(asked) => summary::run(config, asked),
        Action::ByDest(asked) => by_dest::run(config, asked),
        Action::List { question, heading } => list::run(config, question, *heading),
        Action::Ports(asked) => ports::run(config, asked),
        Action::Selftest { mixtures, seed } => selftest::run(config, *mixtures, *seed),
        Action::Logs(wanted) => logs::run(config, wanted),
        Action::Tune(action) => tune::run(config, action),
        Action::Examine(examine) => run_examine(config, examine),
        Action::Capture(asked) => capture::run(config, asked),
        Action::Compare { recordings, question } => compare::run(config, recordings, question),
        Action::Completions(shell) => generate::completions(*shell),
        Action::Man => generate::man(),
    };
    outcome.map_err(|failure| config.say(failure))
}

fn run_examine(config: &Config, examine: &Examine) -> Result<Status, Failure> {
    match examine {
        Examine::Diagnose { question, fail_on } => diagnose::run(config, question, *fail_on),
        Examine::Explain { words } => explain::run(config, words),
        Examine::ListPages => explain::list(config),
        Examine::Check(question) => check::run(config, question),
        Examine::Wait(question) => wait::run(config, question),
        Examine::Forecast(question) => forecast::run(config, question),
    }
}
