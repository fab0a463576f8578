//! What the arguments and the surroundings amount to; behind this nobody knows clap.

mod action;
mod capture;
mod compare;
mod examine;
mod logs;
mod refuse;
mod sockets;
mod tune;

use std::ffi::OsString;
use std::io::IsTerminal;

use anstream::ColorChoice;
use clap::ValueEnum;
use twscan_core::Error;
use twscan_core::capture::Recording;
use twscan_core::host::{Host, Source};
use twscan_core::netns::NetnsRef;
use twscan_core::shell::Scope;
use twscan_core::socket::{Families, Family};

pub(crate) use self::action::Action;
pub(crate) use self::capture::Capture;
pub(crate) use self::examine::Examine;
pub(crate) use self::logs::Logs;
use self::refuse::refuse_what_has_no_meaning;
use self::sockets::HostNames;
pub(crate) use self::tune::{Apply, TuneAction, Wanted};
use crate::args::{Args, CommandArgs, GlobalArgs, SelftestArgs, SourceArg, SummaryArgs, SupplyArgs};
pub(crate) use crate::args::{CaptureForm, Format};
use crate::failure::Failure;
use crate::recording;

/// The process's surroundings.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Env {
    pub(crate) stdout_is_terminal: bool,
}

impl Env {
    pub(crate) fn of_process() -> Self {
        Self { stdout_is_terminal: std::io::stdout().is_terminal() }
    }
}

/// What to do and how to print it.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) action: Action,
    pub(crate) format: Format,
    /// Whether to read every network namespace of the host.
    pub(crate) everywhere: bool,
    pub(crate) color: ColorChoice,
    pub(crate) stdout_is_terminal: bool,
    source: Option<Source>,
    recording: Option<Recording>,
    scope: Scope,
}

/// The network namespace to work in, where one is named. Everything else is resolved inside: an interface's name is of
/// its namespace. Of a recording it is one that is not there to enter.
pub(crate) fn netns(args: &Args) -> Result<Option<NetnsRef>, Failure> {
    let reads_recordings_alone = match &args.command {
        Some(CommandArgs::Compare(args)) => args.after.is_some(),
        _ => false,
    };
    if args.global.from.is_some() || reads_recordings_alone {
        return Ok(None);
    }
    let parse = |text: &OsString| NetnsRef::parse(text).map_err(|error| Failure::Usage(error.to_string()));
    args.global.netns.as_ref().map(parse).transpose()
}

impl Config {
    pub(crate) fn resolve(args: Args, env: Env) -> Result<Self, Failure> {
        let Args { global, command } = args;
        let names = HostNames { everywhere: global.all_netns, recorded: global.from.is_some() };
        let command = command.unwrap_or_else(|| CommandArgs::Summary(SummaryArgs::default()));
        let supply = command.supply().cloned().unwrap_or_default();
        let reads_two = matches!(command, CommandArgs::Compare(_));
        if global.from.is_none() && !reads_two && supply != SupplyArgs::default() {
            let text = "--range, --reserved and --tw-reuse are for a recording that lacks them: give it with --from";
            return Err(Failure::Usage(text.to_owned()));
        }
        let families = match (global.ipv4, global.ipv6) {
            (true, _) => Families::Only(Family::V4),
            (_, true) => Families::Only(Family::V6),
            _ => Families::Both,
        };
        let mut action = match command {
            CommandArgs::Summary(args) => Action::Summary(sockets::summary(&args, families)),
            CommandArgs::ByDest(args) => Action::ByDest(sockets::by_dest(&args, families, &names)?),
            CommandArgs::List(args) => {
                Action::List { question: sockets::list(&args, families, &names)?, heading: !args.no_header }
            }
            CommandArgs::Ports(args) => Action::Ports(sockets::ports(&args, families)?),
            CommandArgs::Selftest(SelftestArgs { mixtures, seed }) => Action::Selftest { mixtures, seed },
            CommandArgs::Logs(args) => Action::Logs(Logs::resolve(args)?),
            CommandArgs::Tune(args) => {
                Action::Tune(TuneAction::resolve(args, global.all_netns, global.from.is_some())?)
            }
            CommandArgs::Diagnose(args) => Action::Examine(Examine::diagnose(args)?),
            CommandArgs::Explain(args) => Action::Examine(Examine::explain(args)),
            CommandArgs::Check(args) => Action::Examine(Examine::check(&args, families)?),
            CommandArgs::Wait(args) => Action::Examine(Examine::wait(&args, families)?),
            CommandArgs::Forecast(args) => Action::Examine(Examine::forecast(&args, families)?),
            CommandArgs::Capture(args) => Action::Capture(Capture::resolve(args)),
            CommandArgs::Compare(args) => compare::resolve(args, families, &global)?,
            CommandArgs::Completions { shell } => Action::Completions(shell),
            CommandArgs::Man => Action::Man,
        };
        refuse_what_has_no_meaning(&action, &global)?;
        let everywhere = global.all_netns;
        let recording = global.from.as_ref().map(|file| recording::open(file, &supply)).transpose()?;
        let recording = match (recording, &global.netns) {
            (Some(recording), Some(netns)) => Some(recording::of_netns(recording, netns)?),
            (recording, _) => recording,
        };
        if let Some(recording) =
            recording.as_ref().filter(|recording| recording.last_everywhere().is_none() && everywhere)
        {
            let name = recording.name();
            let text = format!(
                "{name} holds one network namespace, and only capture --all-netns records all: leave out --all-netns"
            );
            return Err(Failure::Usage(text));
        }
        if !everywhere {
            action.add_earlier(recording.as_ref());
        }
        Ok(Self {
            scope: scope(&global, &supply, recording.as_ref()),
            action,
            everywhere,
            format: global.format(),
            color: match global.color {
                clap::ColorChoice::Auto => ColorChoice::Auto,
                clap::ColorChoice::Always => ColorChoice::Always,
                clap::ColorChoice::Never => ColorChoice::Never,
            },
            stdout_is_terminal: env.stdout_is_terminal,
            recording,
            source: global.via.map(|source| match source {
                SourceArg::OneWalk => Source::NetlinkOneWalk,
                SourceArg::TwoWalks => Source::NetlinkTwoWalks,
                SourceArg::Procfs => Source::Procfs,
            }),
        })
    }

    /// A failure in the words of what was asked for.
    pub(crate) fn say(&self, failure: Failure) -> Failure {
        match (failure, &self.recording) {
            (Failure::Read(Error::NoPortRange), Some(recording)) => {
                let cure = if matches!(self.action, Action::Tune(_)) {
                    "and without it nothing can be planned"
                } else {
                    "say it with --range LOW-HIGH"
                };
                Failure::Usage(format!("{} does not tell the local port range: {cure}", recording.name()))
            }
            (Failure::Read(error @ Error::Route { .. }), _) if matches!(self.action, Action::Ports(_)) => {
                Failure::Usage(format!("{}; --source names one", error.chain()))
            }
            (failure, _) => failure,
        }
    }

    /// The host to ask about every network namespace.
    pub(crate) fn host_everywhere(&self) -> Host {
        let recorded = |recording: &Recording| Some(recording.last_everywhere()?.host(recording.name()));
        self.recording.as_ref().and_then(recorded).unwrap_or_else(|| self.host())
    }

    /// The recording to read; `None` where it is the running kernel.
    pub(crate) fn recording(&self) -> Option<&Recording> {
        self.recording.as_ref()
    }

    /// The name of the recording, for documents.
    pub(crate) fn recording_name(&self) -> &str {
        self.recording.as_ref().map_or("", Recording::name)
    }

    /// The host to read: the last sample of a recording, or the running kernel, by the source asked for.
    pub(crate) fn host(&self) -> Host {
        let host = match (&self.recording, self.source) {
            (Some(recording), _) => recording.last().host(recording.name()),
            (None, Some(source)) => Host::live().with_source(source),
            (None, None) => Host::live(),
        };
        host.with_scope(self.scope.clone())
    }
}

/// The options that a printed command needs to come to the same place.
fn scope(global: &GlobalArgs, supply: &SupplyArgs, recording: Option<&Recording>) -> Scope {
    let mut scope = Scope::default();
    if let (Some(file), Some(recording)) = (&global.from, recording) {
        scope = scope.recording(file, recording.last().host(recording.name()).procfs().hostname());
    }
    if let Some(netns) = &global.netns {
        scope = scope.netns(netns);
    }
    let supplied = [
        supply.range.as_ref().map(|range| format!("--range={}-{}", range.low(), range.high())),
        supply.reserved.as_ref().map(|ports| format!("--reserved={ports}")),
        supply.tw_reuse.map(|mode| format!("--tw-reuse={mode}")),
        global.via.and_then(|way| Some(format!("--via={}", way.to_possible_value()?.get_name()))),
        global.ipv4.then(|| "-4".to_owned()),
        global.ipv6.then(|| "-6".to_owned()),
    ];
    supplied.into_iter().flatten().fold(scope, |scope, option| scope.option(option))
}
