use std::path::PathBuf;
use std::time::SystemTime;

use twscan_core::log::{LogOptions, LogProgram, LogTime};

use crate::args::logs::LogsArgs;
use crate::failure::Failure;

/// Which logs to read, and how.
#[derive(Debug)]
pub(crate) struct Logs {
    pub(crate) files: Vec<PathBuf>,
    pub(crate) options: LogOptions,
    pub(crate) follow: bool,
    /// Whether this host is asked what it has left.
    pub(crate) join: bool,
    pub(crate) top: usize,
}

impl Logs {
    pub(crate) fn resolve(args: LogsArgs) -> Result<Self, Failure> {
        let now = LogTime::from(SystemTime::now());
        let time = |words: &str| LogTime::from_words(words, &args.zone, now).ok_or_else(|| no_time(words));
        let mut options = LogOptions::new().zone(args.zone.clone());
        if let Some(words) = &args.since {
            options = options.since(time(words)?);
        }
        if let Some(words) = &args.until {
            options = options.until(time(words)?);
        }
        if let Some(name) = &args.program {
            options = options.program(LogProgram::from_name(name).ok_or_else(|| no_program(name))?);
        }
        Ok(Self { files: args.files, options, follow: args.follow, join: !args.no_host, top: args.top })
    }
}

fn no_time(words: &str) -> Failure {
    Failure::Usage(format!(
        "'{words}' is no time; say 15m, 2h or 3d (ago), 08:03 (today), 2018-07-19, '2018-07-19 08:03', or a time as the log \
         writes it"
    ))
}

fn no_program(name: &str) -> Failure {
    let names = LogProgram::ALL.map(LogProgram::name).join(", ");
    Failure::Usage(format!("'{name}' is no program that is known here; known are {names}"))
}
