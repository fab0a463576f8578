//! What the commands that show sockets and ports are asked for.

use std::net::IpAddr;

use twscan_core::filter::{Filter, Names, Selection};
use twscan_core::names::LiveNames;
use twscan_core::socket::{StateSet, TcpState};
use twscan_core::target::Target;

use crate::args::{ByDestArgs, ListArgs, PortsArgs, SortKey, SummaryArgs};
use crate::failure::Failure;

/// What summary is asked for.
#[derive(Debug)]
pub(crate) struct Summary {
    pub(crate) quick: bool,
    pub(crate) top: usize,
    pub(crate) owners: bool,
}

/// What by-dest is asked for.
#[derive(Debug)]
pub(crate) struct ByDest {
    pub(crate) target: Option<Target>,
    pub(crate) states: StateSet,
    pub(crate) filter: Option<Filter>,
    pub(crate) sort: SortKey,
    pub(crate) top: Option<usize>,
    pub(crate) max_groups: usize,
    pub(crate) owners: bool,
}

/// What list is asked for.
#[derive(Debug)]
pub(crate) struct List {
    pub(crate) states: StateSet,
    pub(crate) filter: Filter,
    pub(crate) heading: bool,
    pub(crate) owners: bool,
}

/// Which budgets to show, and how.
#[derive(Debug)]
pub(crate) struct Ports {
    pub(crate) target: Option<Target>,
    pub(crate) source: Option<IpAddr>,
    pub(crate) map: bool,
    pub(crate) owners: bool,
    pub(crate) top: Option<usize>,
}

impl Summary {
    pub(super) fn resolve(args: &SummaryArgs) -> Self {
        Self { quick: args.quick, top: args.top, owners: args.owners }
    }
}

impl ByDest {
    /// The first word is the target, unless states or a filter begin with it.
    pub(super) fn resolve(args: &ByDestArgs, names: &dyn Names) -> Result<Self, Failure> {
        let (target, words) = match args.words.split_first() {
            Some((first, rest)) if !Selection::can_begin_with(first) => (Some(target(first)?), rest),
            _ => (None, &args.words[..]),
        };
        let Selection { states, filter, .. } = selection(words, names)?;
        let states = match (states, state_set(&args.states)?) {
            (None, None) => StateSet::ALL,
            (words, option) => words.unwrap_or_default() | option.unwrap_or_default(),
        };
        let top = (!args.all).then_some(args.top);
        Ok(Self { target, states, filter, sort: args.sort, top, max_groups: args.max_groups, owners: args.owners })
    }
}

impl List {
    pub(super) fn resolve(args: &ListArgs, names: &dyn Names) -> Result<Self, Failure> {
        let Selection { states, filter, .. } = selection(&args.words, names)?;
        let (states, filter) = (states.unwrap_or(StateSet::ALL), filter.unwrap_or_default());
        Ok(Self { states, filter, heading: !args.no_header, owners: args.owners })
    }
}

impl Ports {
    pub(super) fn resolve(args: &PortsArgs) -> Result<Self, Failure> {
        let target = args.target.as_deref().map(target).transpose()?;
        let source = args.source.map(|source| source.to_canonical());
        let top = (!args.all).then_some(args.top);
        Ok(Self { target, source, map: args.map, owners: args.owners, top })
    }
}

pub(super) fn target(text: &str) -> Result<Target, Failure> {
    text.parse().map_err(|error: twscan_core::target::InvalidTarget| Failure::Usage(error.to_string()))
}

fn selection(words: &[String], names: &dyn Names) -> Result<Selection, Failure> {
    Selection::parse(&words.join(" "), names).map_err(|error| Failure::Usage(format!("{error}\n{}", error.pointer())))
}

/// The running host's names, as far as they mean what is read: an interface has another index in each network namespace,
/// and a recording holds the numbers of interfaces and cgroups, which here are those of others.
pub(super) struct HostNames {
    pub(super) everywhere: bool,
    pub(super) recorded: bool,
}

impl Names for HostNames {
    fn interface(&self, name: &str) -> Option<u32> {
        LiveNames.interface(name).filter(|_| !self.everywhere && !self.recorded)
    }

    fn service(&self, name: &str) -> Option<u16> {
        LiveNames.service(name)
    }

    fn cgroup(&self, path: &str) -> Option<u64> {
        LiveNames.cgroup(path).filter(|_| !self.recorded)
    }

    fn expected_interface(&self) -> &'static str {
        match self {
            Self { recorded: true, .. } => "the index of an interface, since a recording does not hold their names",
            Self { everywhere: true, .. } => {
                "the index of an interface, since each network namespace has its own names"
            }
            _ => LiveNames.expected_interface(),
        }
    }

    fn expected_cgroup(&self) -> &'static str {
        if self.recorded {
            "the id of a cgroup, since a recording does not hold their paths"
        } else {
            LiveNames.expected_cgroup()
        }
    }
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
