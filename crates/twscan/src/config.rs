//! What the arguments and the surroundings amount to; behind this nobody knows clap.

use std::io::IsTerminal;
use std::net::IpAddr;

use anstream::ColorChoice;
use twscan_core::host::{Host, Source};
use twscan_core::socket::{Family, SocketRecord, StateSet, TcpState};
use twscan_core::target::Target;

use crate::args::{Args, ByDestArgs, CommandArgs, ListArgs, PortsArgs, SelftestArgs, SourceArg, SummaryArgs};
pub(crate) use crate::args::{Format, SortKey};
use crate::failure::Failure;

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
    pub(crate) families: Families,
    pub(crate) color: ColorChoice,
    pub(crate) stdout_is_terminal: bool,
    source: Option<Source>,
}

#[derive(Debug)]
pub(crate) enum Action {
    Summary { quick: bool, top: usize },
    ByDest { target: Option<Target>, states: StateSet, sort: SortKey, top: Option<usize> },
    List { states: StateSet, heading: bool },
    Ports { target: Option<Target>, source: Option<IpAddr>, map: bool, top: Option<usize> },
    Selftest { mixtures: u32, seed: u64 },
    Completions(clap_complete::Shell),
    Man,
}

/// The families to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Families {
    Both,
    Only(Family),
}

impl Families {
    pub(crate) fn contain(self, record: &SocketRecord<'_>) -> bool {
        self == Self::Both || self.contain_family(record.family())
    }

    pub(crate) fn contain_family(self, family: Family) -> bool {
        match self {
            Self::Both => true,
            Self::Only(only) => only == family,
        }
    }
}

impl Config {
    pub(crate) fn resolve(args: Args, env: Env) -> Result<Self, Failure> {
        let Args { global, command } = args;
        let action = match command.unwrap_or(CommandArgs::Summary(SummaryArgs { quick: false, top: 5 })) {
            CommandArgs::Summary(SummaryArgs { quick, top }) => Action::Summary { quick, top },
            CommandArgs::ByDest(args) => by_dest(&args)?,
            CommandArgs::List(ListArgs { states, no_header, .. }) => {
                Action::List { states: state_set(&states)?, heading: !no_header }
            }
            CommandArgs::Ports(args) => ports(&args)?,
            CommandArgs::Selftest(SelftestArgs { mixtures, seed }) => Action::Selftest { mixtures, seed },
            CommandArgs::Completions { shell } => Action::Completions(shell),
            CommandArgs::Man => Action::Man,
        };
        Ok(Self {
            action,
            format: if global.json { Format::Json } else { global.format },
            families: match (global.ipv4, global.ipv6) {
                (true, _) => Families::Only(Family::V4),
                (_, true) => Families::Only(Family::V6),
                _ => Families::Both,
            },
            color: match global.color {
                clap::ColorChoice::Auto => ColorChoice::Auto,
                clap::ColorChoice::Always => ColorChoice::Always,
                clap::ColorChoice::Never => ColorChoice::Never,
            },
            stdout_is_terminal: env.stdout_is_terminal,
            source: global.via.map(|source| match source {
                SourceArg::OneWalk => Source::NetlinkOneWalk,
                SourceArg::TwoWalks => Source::NetlinkTwoWalks,
                SourceArg::Procfs => Source::Procfs,
            }),
        })
    }

    /// The host to read: the running kernel, by the source asked for.
    pub(crate) fn host(&self) -> Host {
        match self.source {
            Some(source) => Host::live().with_source(source),
            None => Host::live(),
        }
    }
}

fn by_dest(args: &ByDestArgs) -> Result<Action, Failure> {
    let target = target(args.target.as_deref())?;
    let states = state_set(&args.states)?;
    Ok(Action::ByDest { target, states, sort: args.sort, top: (!args.all).then_some(args.top) })
}

fn ports(args: &PortsArgs) -> Result<Action, Failure> {
    let target = target(args.target.as_deref())?;
    let source = args.source.map(|source| source.to_canonical());
    Ok(Action::Ports { target, source, map: args.map, top: (!args.all).then_some(args.top) })
}

fn target(text: Option<&str>) -> Result<Option<Target>, Failure> {
    text.map(|text| text.parse::<Target>().map_err(|error| Failure::Usage(error.to_string()))).transpose()
}

/// The states named, all of them where none is.
fn state_set(names: &[String]) -> Result<StateSet, Failure> {
    let mut states = StateSet::EMPTY;
    for name in names {
        states |= StateSet::from_name(name).ok_or_else(|| unknown_state(name))?;
        if TcpState::from_name(name) == Some(TcpState::Close) {
            // Bound-but-idle sockets are the only ones that the kernel shows as CLOSE, and it wants to be asked for them.
            states |= StateSet::of(TcpState::BoundInactive);
        }
    }
    Ok(if states.is_empty() { StateSet::ALL } else { states })
}

fn unknown_state(name: &str) -> Failure {
    let names = TcpState::ALL.map(|state| state.name().to_ascii_lowercase().replace('_', "-")).join(", ");
    Failure::Usage(format!(
        "'{name}' is no state; states are {names}; groups are all, connected, synchronized, bucket, big"
    ))
}
