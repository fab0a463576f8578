//! Recordings: a host's samples in a file, and the same questions asked of them later.
//!
//! A recording holds what was seen, not what was concluded: netlink datagrams, files of `/proc`, times. A
//! [`RecordedSample`] gives a [`Host`](crate::host::Host), and what works on a live one works on it unchanged.
//! [`Recording::read`] also takes what other tools leave behind: dumps of `ss -D`, the text of `ss`, `netstat` and
//! `/proc/net/tcp`; what those do not tell is unknown, not zero. [`RecordedSample::record_everywhere`] records each network
//! namespace of a host, and [`RecordOptions::owners`] which processes had the sockets.
//!
//! ```no_run
//! use twscan_core::capture::{RecordedSample, Recording, RecordOptions};
//! use twscan_core::host::Host;
//! use twscan_core::sample::Sampler;
//!
//! let mut file = Vec::new();
//! let sample = RecordedSample::record(&Host::live(), &RecordOptions::new())?;
//! Recording::begin(&mut file)?;
//! sample.write(&mut file)?;
//!
//! let recording = Recording::read(file.as_slice(), "ticket-17.twscan")?;
//! let then = recording.last().host(recording.name());
//! println!("{} sockets", Sampler::new(&then).take()?.states.total());
//! # Ok::<(), twscan_core::Error>(())
//! ```

mod anonymize;
mod container;
mod directory;
mod everywhere;
mod faults;
mod files;
mod foreign;
mod moment;
mod namespaces;
mod netns_name;
mod options;
mod owners;
mod recording;
mod replay;
mod sample;
mod sections;
mod ss_dump;
mod stored_namespaces;
mod tape;
mod walk;
mod written;

pub use options::RecordOptions;
pub use recording::{Absent, Recording};
pub use sample::RecordedSample;
