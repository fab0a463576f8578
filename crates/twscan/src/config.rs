//! What the arguments and the surroundings amount to; behind this nobody knows clap.

use std::io::IsTerminal;

use anstream::ColorChoice;
use twscan_core::filter::{Filter, Selection};
use twscan_core::host::{Host, Source};
use twscan_core::names::LiveNames;
use twscan_core::socket::{Family, SocketRecord, StateSet, TcpState};
use twscan_core::target::Target;

use crate::args::{Args, ByDestArgs, CommandArgs, ListArgs, SourceArg, SummaryArgs};
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
    ByDest { target: Option<Target>, states: StateSet, filter: Option<Filter>, sort: SortKey, top: Option<usize> },
    List { states: StateSet, filter: Filter, heading: bool },
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
        match self {
            Self::Both => true,
            Self::Only(family) => record.family() == family,
        }
    }
}

impl Config {
    pub(crate) fn resolve(args: Args, env: Env) -> Result<Self, Failure> {
        let Args { global, command } = args;
        let action = match command.unwrap_or(CommandArgs::Summary(SummaryArgs { quick: false, top: 5 })) {
            CommandArgs::Summary(SummaryArgs { quick, top }) => Action::Summary { quick, top },
            CommandArgs::ByDest(args) => by_dest(&args)?,
            CommandArgs::List(ListArgs { words, no_header, .. }) => {
                let Selection { states, filter, .. } = selection(&words)?;
                let states = states.unwrap_or(StateSet::ALL);
                Action::List { states, filter: filter.unwrap_or_default(), heading: !no_header }
            }
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
            source: global.source.map(|source| match source {
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

/// The first word is the target, unless states or a filter begin with it.
fn by_dest(args: &ByDestArgs) -> Result<Action, Failure> {
    let (target, words) = match args.words.split_first() {
        Some((first, rest)) if !Selection::can_begin_with(first) => {
            (Some(first.parse::<Target>().map_err(|error| Failure::Usage(error.to_string()))?), rest)
        }
        _ => (None, &args.words[..]),
    };
    let Selection { states, filter, .. } = selection(words)?;
    let states = match (states, state_set(&args.states)?) {
        (None, None) => StateSet::ALL,
        (words, option) => words.unwrap_or_default() | option.unwrap_or_default(),
    };
    Ok(Action::ByDest { target, states, filter, sort: args.sort, top: (!args.all).then_some(args.top) })
}

fn selection(words: &[String]) -> Result<Selection, Failure> {
    Selection::parse(&words.join(" "), &LiveNames)
        .map_err(|error| Failure::Usage(format!("{error}\n{}", error.pointer())))
}

/// The states named, `None` where none is.
fn state_set(names: &[String]) -> Result<Option<StateSet>, Failure> {
    let mut states = None;
    for name in names {
        let named = StateSet::from_name(name).ok_or_else(|| unknown_state(name))?;
        states = Some(states.unwrap_or_default() | named);
    }
    Ok(states)
}

fn unknown_state(name: &str) -> Failure {
    let names = TcpState::ALL.map(|state| state.name().to_ascii_lowercase().replace('_', "-")).join(", ");
    Failure::Usage(format!(
        "'{name}' is no state; states are {names}; groups are all, connected, synchronized, bucket, big"
    ))
}
