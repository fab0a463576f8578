use std::time::SystemTime;

use super::{Approximate, Incomplete};
use crate::host::{Host, Source, Walk};
use crate::netns::Others;
use crate::procfs::Settings;
use crate::shell::Scope;
use crate::sock_diag::DumpStats;
use crate::socket::StateSet;

/// Where a result comes from.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Provenance {
    /// When the walk began.
    pub captured_at: SystemTime,
    /// The recording that it was read from; `None` for the running kernel.
    pub replayed_from: Option<String>,
    /// The options of commands that come to it again.
    pub scope: Scope,
    /// The kernel's release.
    pub kernel: Option<String>,
    /// The host's name.
    pub hostname: Option<String>,
    /// The kernel's name for the boot; of an anonymized recording another one, made with the key of its addresses.
    pub boot_id: Option<String>,
    /// Whether addresses and the host's name are not the real ones.
    pub anonymized: bool,
    /// The network namespace.
    pub netns: NetnsId,
    /// How many other namespaces there are that this does not speak of; `None` where they were not counted, which a
    /// sampler leaves to its caller.
    pub other_netns: Option<Others>,
    /// Whether that is the namespace the kernel booted with, where counters of the host and of the namespace agree.
    pub initial_netns: bool,
    /// Which source served the walk; `None` where there was no walk.
    pub source: Option<Source>,
    /// What the walk brought and took.
    pub dump: DumpStats,
    /// Why sockets may be missing; `None` where the walk reached its end.
    pub incomplete: Option<Incomplete>,
    /// States that a recording by another tool may lack: it was not seen to be asked for them.
    pub left_out: StateSet,
    /// Why a walk to the end may have missed or repeated a few sockets.
    pub approximate: Option<Approximate>,
}

/// Names a network namespace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct NetnsId {
    /// The inode of `/proc/PID/ns/net`.
    pub inode: Option<u64>,
    /// `host` for the one the kernel booted with.
    pub name: Option<String>,
}

impl Provenance {
    /// Notes where and when, before a walk.
    #[must_use]
    pub fn of(host: &Host) -> Self {
        let procfs = host.procfs();
        let initial_netns = procfs.is_initial_netns();
        let recorded = host.recorded();
        let surroundings = recorded.and_then(|recorded| recorded.surroundings.as_ref());
        let name = || surroundings.and_then(|known| known.name.as_ref()).map(ToString::to_string);
        Self {
            captured_at: recorded.map_or_else(SystemTime::now, |recorded| recorded.at),
            replayed_from: recorded.map(|recorded| recorded.from.clone()),
            scope: host.scope().clone(),
            kernel: procfs.kernel_release(),
            hostname: procfs.hostname(),
            boot_id: procfs.boot_id(),
            anonymized: recorded.is_some_and(|recorded| recorded.anonymized),
            netns: NetnsId {
                inode: procfs.netns_inode("thread-self"),
                name: initial_netns.then(|| "host".to_owned()).or_else(name),
            },
            other_netns: surroundings.map(|known| known.others),
            initial_netns,
            source: None,
            dump: DumpStats::default(),
            incomplete: None,
            left_out: recorded.map_or(StateSet::EMPTY, |recorded| recorded.left_out),
            approximate: None,
        }
    }

    /// Notes where and when, and how far a walk can be relied on.
    pub(super) fn of_walk<T>(&mut self, walk: Walk<T>, settings: &Settings) -> T {
        (self.source, self.dump) = (Some(walk.source), walk.dump);
        self.incomplete = walk.interruption.map(Incomplete::from);
        self.approximate = Approximate::of(walk.dump.sockets, settings.ehash_entries);
        walk.tally
    }

    /// Whether the walk reached its end.
    #[must_use]
    pub fn complete(&self) -> bool {
        self.incomplete.is_none()
    }
}
