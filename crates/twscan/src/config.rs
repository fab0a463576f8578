//! What the arguments and the surroundings amount to; behind this nobody knows clap.

use std::io::IsTerminal;
use std::time::Duration;

use anstream::ColorChoice;
use twscan_core::capture::Recording;
use twscan_core::host::{Host, Source};
use twscan_core::socket::{Family, SocketRecord, StateSet, TcpState};
use twscan_core::target::Target;

use crate::args::{Args, ByDestArgs, CaptureArgs, CommandArgs, CompareArgs, ListArgs, SourceArg, SummaryArgs};
pub(crate) use crate::args::{CaptureForm, Format, SortKey};
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
    pub(crate) families: Families,
    pub(crate) color: ColorChoice,
    pub(crate) stdout_is_terminal: bool,
    source: Option<Source>,
    recording: Option<Recording>,
}

#[derive(Debug)]
pub(crate) enum Action {
    Capture { file: String, series: Option<Series>, anonymize: bool, form: CaptureForm },
    Compare { before: Recording, after: Option<Recording>, top: usize },
    Summary { quick: bool, top: usize },
    ByDest { target: Option<Target>, states: StateSet, sort: SortKey, top: Option<usize>, max_groups: usize },
    List { states: StateSet, heading: bool },
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
            CommandArgs::List(ListArgs { states, no_header, .. }) => {
                Action::List { states: state_set(&states)?, heading: !no_header }
            }
            CommandArgs::Capture(args) => capture(args)?,
            CommandArgs::Compare(CompareArgs { before, after, top }) => Action::Compare {
                before: recording::open(&before, &global.recording)?,
                after: after.map(|after| recording::open(&after, &global.recording)).transpose()?,
                top,
            },
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
            recording: match &global.recording.from {
                Some(file) => Some(recording::open(file, &global.recording)?),
                None => None,
            },
            source: global.source.map(|source| match source {
                SourceArg::OneWalk => Source::NetlinkOneWalk,
                SourceArg::TwoWalks => Source::NetlinkTwoWalks,
                SourceArg::Procfs => Source::Procfs,
            }),
        })
    }

    /// The host to read: the last sample of a recording, or the running kernel, by the source asked for.
    pub(crate) fn host(&self) -> Host {
        match (&self.recording, self.source) {
            (Some(recording), _) => recording.last().host(recording.name()),
            (None, Some(source)) => Host::live().with_source(source),
            (None, None) => Host::live(),
        }
    }
}

/// Samples one after the other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Series {
    pub(crate) duration: Duration,
    pub(crate) interval: Duration,
}

fn capture(args: CaptureArgs) -> Result<Action, Failure> {
    let CaptureArgs { file, duration, interval, anonymize, form } = args;
    let series = match duration {
        None => None,
        Some(duration) => Some(Series { duration: time(&duration)?, interval: time(&interval)? }),
    };
    Ok(Action::Capture { file, series, anonymize, form })
}

/// Reads `500ms`, `90s`, `5m`, `1h`.
fn time(text: &str) -> Result<Duration, Failure> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let milliseconds = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        _ => 0,
    };
    let time = number.parse::<u64>().ok().and_then(|number| number.checked_mul(milliseconds)).filter(|time| *time > 0);
    let usage = || Failure::Usage(format!("'{text}' is no time; write 500ms, 90s, 5m or 1h"));
    time.map(Duration::from_millis).ok_or_else(usage)
}

fn by_dest(args: &ByDestArgs) -> Result<Action, Failure> {
    let target = match &args.target {
        None => None,
        Some(text) => Some(text.parse::<Target>().map_err(|error| Failure::Usage(error.to_string()))?),
    };
    let states = state_set(&args.states)?;
    Ok(Action::ByDest {
        target,
        states,
        sort: args.sort,
        top: (!args.all).then_some(args.top),
        max_groups: args.max_groups,
    })
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
