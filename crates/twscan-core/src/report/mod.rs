//! The documents that the command line prints with `--json`, as serializable types; an embedder emits the same ones.
//!
//! They are apart from the types of the rest of this crate: renaming a field there changes no document. Fields are
//! added freely, none is renamed or removed within a schema's version.

#[cfg(test)]
mod agreement;
mod budgets;
mod by_dest;
mod check;
mod compare;
mod diagnose;
mod document;
mod forecast;
mod list;
#[cfg(feature = "logs")]
mod logs;
#[cfg(feature = "logs")]
mod logs_now;
mod namespaces;
mod owners;
#[cfg(feature = "tuning")]
mod plan;
mod ports;
mod summary;
#[cfg(feature = "tuning")]
mod verify;
mod vitals;
mod wait;

pub use budgets::Budgets;
pub use by_dest::{ByDestReport, Destination, DestinationStates, Other};
pub use check::{CheckReport, CheckRow, Status};
pub use compare::{Change, CompareReport, CounterChange, DestinationChange, ParameterChange, StateChanges};
pub use diagnose::DiagnoseReport;
pub use document::{Document, Fullest, Overview};
pub use forecast::{ArrivalsRow, ForecastReport, ForecastRow, MotionRow, WindowRow};
pub use list::{Endpoint, ListReport, SocketRow};
#[cfg(feature = "logs")]
pub use logs::{LogsDestination, LogsFile, LogsMinute, LogsOther, LogsProgram, LogsReport};
#[cfg(feature = "logs")]
pub use logs_now::{FreePorts, LogsNow};
pub use namespaces::{NamespacesReport, RefusedNetns};
pub use owners::{Owner, OwnerScan};
#[cfg(feature = "tuning")]
pub use plan::{PlanFile, PlanFileChange, PlanReport, PlannedChange, PlannedEffect};
pub use ports::{BindFirstRow, Blocked, BlockedOwner, BudgetRow, MapRun, PortsReport, RangeRow, Reserved, ReuseRow};
pub use summary::{Families, StateRow, States, SummaryReport, TcpTotals, TimeWait, Totals};
#[cfg(feature = "tuning")]
pub use verify::{FileLine, OtherLoader, VerifiedSetting, VerifyReport};
pub use vitals::{FullestRow, VitalSettings, Vitals};
pub use wait::WaitReport;

use std::fmt::Display;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use crate::sample::Provenance;
use crate::shell::Scope;

/// What every document begins with.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Header {
    /// The document's kind and version: `twscan.summary/1`.
    pub schema: &'static str,
    /// When it was taken, RFC 3339 in UTC.
    pub captured_at: Timestamp,
    /// The host's name.
    pub hostname: Option<String>,
    /// The kernel's release.
    pub kernel: Option<String>,
    /// The network namespace.
    pub netns: Netns,
    /// Other namespaces of the host, which this document does not speak of; null where they were not counted.
    pub other_netns: Option<OtherNetns>,
    /// `netlink-one-walk`, `netlink-two-walks`, `procfs`, `ss-dump`, `ss-text` or `netstat-text`; null where there was
    /// no walk.
    pub source: Option<&'static str>,
    /// The recording that all this was read from; null for the running kernel.
    pub replayed_from: Option<String>,
    /// Whether the walk reached its end.
    pub complete: bool,
    /// Why sockets may be missing; null where `complete`.
    pub partial: Option<String>,
    /// Why a walk to the end may have missed or repeated a few sockets; null where it has no reason to.
    pub approximate: Option<String>,
    /// What the walk brought; null where there was none.
    pub dump: Option<Dump>,
    /// The options of commands that come to the same place again; no part of the document.
    #[serde(skip)]
    pub scope: Scope,
}

/// A network namespace.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Netns {
    /// The inode of `/proc/PID/ns/net`.
    pub inode: Option<u64>,
    /// `host` for the one the kernel booted with.
    pub name: Option<String>,
}

/// Network namespaces that a document does not speak of.
#[derive(Debug, Clone, Copy, Serialize)]
#[non_exhaustive]
pub struct OtherNetns {
    /// Those that were found.
    pub found: usize,
    /// Whether there may be more, since the reader does not see every process.
    pub at_least: bool,
}

/// What a walk brought and took.
#[derive(Debug, Clone, Copy, Serialize)]
#[non_exhaustive]
pub struct Dump {
    /// Sockets that came from the source, before any filter of twscan's own.
    pub sockets: u64,
    /// Datagrams received; null where a recording does not tell, as those of other tools.
    pub datagrams: Option<u64>,
    /// Bytes received; null likewise.
    pub bytes: Option<u64>,
    /// Microseconds from the request to the last datagram; null likewise.
    pub elapsed_us: Option<u64>,
    /// Entries that the kernel sent twice, or that a recorded text has twice, left out of every count.
    pub duplicates: u64,
    /// Whether the kernel said that its table changed under the walk (`NLM_F_DUMP_INTR`).
    pub interrupted: bool,
}

/// A reason in its words.
fn words<S: Serializer>(reason: &impl Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(reason)
}

impl Header {
    /// The header of a document of this schema.
    #[must_use]
    pub fn new(schema: &'static str, provenance: &Provenance) -> Self {
        let dump = provenance.dump;
        // No walk takes no time: what has none was put together from another tool's file.
        let walked = |count: u64| (!dump.elapsed.is_zero()).then_some(count);
        Self {
            schema,
            captured_at: Timestamp::try_from(provenance.captured_at).unwrap_or(Timestamp::UNIX_EPOCH),
            hostname: provenance.hostname.clone(),
            kernel: provenance.kernel.clone(),
            netns: Netns { inode: provenance.netns.inode, name: provenance.netns.name.clone() },
            other_netns: provenance
                .other_netns
                .map(|others| OtherNetns { found: others.found, at_least: others.at_least }),
            scope: provenance.scope.clone(),
            source: provenance.source.map(crate::host::Source::name),
            replayed_from: provenance.replayed_from.clone(),
            complete: provenance.complete(),
            partial: provenance.incomplete.as_ref().map(ToString::to_string),
            approximate: provenance.approximate.as_ref().map(ToString::to_string),
            dump: provenance.source.map(|_| Dump {
                sockets: dump.sockets,
                datagrams: walked(dump.datagrams),
                bytes: walked(dump.bytes),
                elapsed_us: walked(u64::try_from(dump.elapsed.as_micros()).unwrap_or(u64::MAX)),
                duplicates: dump.duplicates,
                interrupted: dump.interrupted,
            }),
        }
    }
}
