//! See, count and explain TCP TIME_WAIT sockets and local ports.
//!
//! A host that talks to few destinations over many short connections leaves a TIME_WAIT behind each close, and each
//! holds a local port for a minute, per (source, destination, destination port). This crate reads the kernel's socket
//! table in one pass, counts it, and tells what connect() has left. It is the engine of the `twscan` command and is
//! made to be embedded: no globals, no logging, no threads of its own, no panics; everything is `Send`.
//!
//! ```no_run
//! use twscan_core::Scan;
//! use twscan_core::socket::TcpState;
//!
//! let db = "10.0.0.5:5432".parse()?;
//! let parked = Scan::new().state(TcpState::TimeWait).to(db).count()?;
//! println!("{} in TIME_WAIT to {db}, complete: {}", parked.sockets, parked.complete);
//! let budget = Scan::new().budget_to(db)?;
//! println!("{budget}");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`Scan`] is the front door. Below it, each module is public and uses only what is under it:
//!
//! | module | what it is |
//! |---|---|
//! | `question` | what is asked of a host, and answered by a document (feature `serde`) |
//! | `report` | the documents of the command line (feature `serde`) |
//! | `capture` | recordings, and the host that each stands in for (feature `capture`) |
//! | `tuning` | plans, applied, persisted, verified and undone (feature `tuning`) |
//! | [`diagnosis`] | what is wrong, and what cures it |
//! | [`advice`] | what would help, by how much, at which risk |
//! | [`judgement`] | the one verdict on local ports |
//! | [`forecast`] | how fast ports are used up, and when they come back |
//! | [`budget`] | how many connections are left to a destination |
//! | [`route`] | which source address connections get |
//! | [`sample`] | one moment of a host |
//! | [`target`] | what a user points at |
//! | [`names`] | what a filter may call by name: services, interfaces, cgroups |
//! | [`host`] | where sockets come from: one walk, two walks, or `/proc/net/tcp`; a walk to its end |
//! | [`shell`] | commands to be pasted |
//! | [`netns`] | network namespaces: naming, entering |
//! | [`filter`] | which sockets: the expression language of ss, for the kernel and for every record |
//! | [`tally`] | counting: by state, by destination, by role |
//! | `log` | failures to connect, in other programs' logs (feature `logs`) |
//! | [`procfs`] | counters, parameters, and the socket table as text |
//! | [`sock_diag`] | requests, and dumps as streams of borrowed batches |
//! | [`transport`] | a channel of netlink datagrams, and its test double |
//! | [`socket`] | one socket, read with types |
//! | [`port`] | the local port range, sets of ports |
//! | [`wire`] | views over netlink bytes, with the kernel's field names |
//! | [`mod@file`] | files written whole or not at all, where they were meant to be |
//! | [`text`] | what of a text from elsewhere a terminal would obey |
//!
//! # Features
//! `live` (default): the running kernel; Linux. `serde`: the documents of the command line, in `report`. `logs`: failures
//! to connect, read from other programs' logs, in `log`. `tuning`: changing parameters; a read-only agent leaves it out.
//! `capture`: recordings, of this library and of `ss` and `netstat`. What is left without them reads files at most.
#![deny(missing_docs)]

pub mod advice;
pub mod budget;
#[cfg(feature = "capture")]
pub mod capture;
pub mod diagnosis;
mod errno;
mod error;
#[cfg(all(any(feature = "live", feature = "tuning"), target_os = "linux"))]
pub mod file;
pub mod filter;
pub mod forecast;
pub mod host;
pub mod judgement;
pub mod kernel;
#[cfg(feature = "logs")]
pub mod log;
#[cfg(all(feature = "live", target_os = "linux"))]
pub mod names;
pub mod netns;
pub mod port;
pub mod procfs;
#[cfg(feature = "serde")]
pub mod question;
#[cfg(feature = "serde")]
pub mod report;
#[cfg(all(feature = "live", target_os = "linux"))]
pub mod route;
pub mod sample;
mod scan;
pub mod shell;
pub mod sock_diag;
pub mod socket;
pub mod tally;
pub mod target;
pub mod text;
pub mod transport;
#[cfg(feature = "tuning")]
pub mod tuning;
pub mod wire;

pub use error::Error;
pub use scan::{Count, Outcome, Scan};
