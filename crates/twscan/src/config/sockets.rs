//! The questions of the commands that show sockets and ports.

use twscan_core::filter::{Names, Selection};
use twscan_core::names::LiveNames;
use twscan_core::question::{ByDest, List, Order, Ports, Summary};
use twscan_core::socket::{Families, StateSet, TcpState};
use twscan_core::target::Target;

use crate::args::{ByDestArgs, ListArgs, PortsArgs, SortKey, SummaryArgs};
use crate::failure::Failure;

pub(super) fn summary(args: &SummaryArgs, families: Families) -> Summary {
    Summary { quick: args.quick, top: args.top, owners: args.owners, families }
}

/// The first word is the target, unless states or a filter begin with it.
pub(super) fn by_dest(args: &ByDestArgs, families: Families, names: &dyn Names) -> Result<ByDest, Failure> {
    let (target, words) = match args.words.split_first() {
        Some((first, rest)) if !Selection::can_begin_with(first) => (Some(self::target(first)?), rest),
        _ => (None, &args.words[..]),
    };
    let Selection { states, filter, .. } = selection(words, names)?;
    let states = match (states, state_set(&args.states)?) {
        (None, None) => StateSet::ALL,
        (words, option) => words.unwrap_or_default() | option.unwrap_or_default(),
    };
    let order = match args.sort {
        SortKey::Sockets => Order::Sockets,
        SortKey::TimeWait => Order::TimeWait,
        SortKey::Ports => Order::Ports,
    };
    let top = (!args.all).then_some(args.top);
    Ok(ByDest { target, states, filter, families, order, top, max_groups: args.max_groups, owners: args.owners })
}

pub(super) fn list(args: &ListArgs, families: Families, names: &dyn Names) -> Result<List, Failure> {
    let Selection { states, filter, .. } = selection(&args.words, names)?;
    let (states, filter) = (states.unwrap_or(StateSet::ALL), filter.unwrap_or_default());
    Ok(List { states, filter, families, owners: args.owners })
}

pub(super) fn ports(args: &PortsArgs, families: Families) -> Result<Ports, Failure> {
    let target = args.target.as_deref().map(target).transpose()?;
    let source = args.source.map(|source| source.to_canonical());
    let top = (!args.all).then_some(args.top);
    Ok(Ports { target, source, families, top, map: args.map, owners: args.owners })
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
