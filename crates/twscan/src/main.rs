//! Which destination uses up this host's local ports: TIME_WAIT and friends, read from the kernel in one pass.

mod args;
mod command;
mod config;
mod failure;
mod privilege;
mod recording;
mod render;
mod signals;
mod status;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use twscan_core::netns::enter;

use crate::args::{Args, CommandArgs};
use crate::config::{Config, Env};
use crate::failure::Failure;
pub(crate) use crate::status::Status;

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) if error.use_stderr() && args::are_for_a_plugin() => {
            let text = error.to_string();
            return unknown(text.lines().next().unwrap_or_default());
        }
        Err(error) => return args::explain(&error),
    };
    let is_plugin = matches!(args.command, Some(CommandArgs::Check(_)));
    match run(args) {
        Ok(status) => status.into(),
        Err(failure) if failure.is_closed_pipe() => ExitCode::SUCCESS,
        Err(failure) if is_plugin => unknown(&failure.to_string()),
        Err(failure) => {
            // Where even this cannot be written there is nobody to tell.
            let _ = writeln!(std::io::stderr(), "{failure}");
            Status::Failed.into()
        }
    }
}

/// What a monitor is told where nothing can be: 2 would be CRITICAL to it.
fn unknown(error: &str) -> ExitCode {
    let text = error.strip_prefix("error: ").unwrap_or(error);
    let _ = writeln!(std::io::stdout(), "TWSCAN UNKNOWN - {}", render::check::plugin_text(text));
    Status::Plugin(3).into()
}

fn run(args: Args) -> Result<Status, Failure> {
    let netns = config::netns(&args)?;
    let work = || Config::resolve(args, Env::of_process()).and_then(|config| command::run(&config));
    let Some(netns) = netns else { return work() };
    let cannot = |errno: nix::Error| Failure::File("cannot choose where signals come to".to_owned(), errno.into());
    let inside = || signals::take().map_err(cannot).and_then(|()| work());
    signals::leave().map_err(cannot)?;
    enter(&netns, inside)?
}
