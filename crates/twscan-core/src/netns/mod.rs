//! Network namespaces: naming one, entering it, and finding all of a host's.
//!
//! Sockets, counters and parameters belong to a network namespace, and a reader sees those of its own. `enter` runs a
//! closure in another, in a thread that ends with it: the caller's thread never moves, and a
//! `Host::live()` made in the closure reads what is there. `Namespaces::discover` finds every
//! namespace of the host once, and `Namespaces::visit` enters one after the other.
//!
//! ```no_run
//! use twscan_core::Scan;
//! use twscan_core::netns::{Namespaces, Visit};
//! use twscan_core::procfs::ProcFs;
//!
//! let namespaces = Namespaces::discover(&ProcFs::default())?;
//! for (namespace, visit) in namespaces.visit(|_| Scan::new().count())? {
//!     match visit {
//!         Visit::Read(count) => println!("{}: {} sockets", namespace.name(), count?.sockets),
//!         Visit::Idle => {}
//!         Visit::Gone => println!("{}: ended meanwhile", namespace.name()),
//!         Visit::Refused(error) => println!("{}: {error}", namespace.name()),
//!         _ => {}
//!     }
//! }
//! # Ok::<(), twscan_core::Error>(())
//! ```

mod error;
mod name;
mod others;
mod reference;
mod surroundings;

#[cfg(all(feature = "live", target_os = "linux"))]
mod discover;
#[cfg(all(feature = "live", target_os = "linux"))]
mod enter;
#[cfg(all(feature = "live", target_os = "linux"))]
mod survey;
#[cfg(all(feature = "live", target_os = "linux"))]
mod visit;

#[cfg(all(feature = "live", target_os = "linux"))]
pub use discover::{Discovery, Namespace, Namespaces};
#[cfg(all(feature = "live", target_os = "linux"))]
pub use enter::enter;
pub use error::NetnsError;
pub use name::NetnsName;
pub use others::Others;
pub use reference::NetnsRef;
pub use surroundings::Surroundings;
#[cfg(all(feature = "live", target_os = "linux"))]
pub use visit::Visit;

/// Where files on network namespaces are kept: by `ip netns` and the container network interface, and by Docker.
pub const RUN_DIRECTORIES: [&str; 3] = ["/run/netns", "/var/run/netns", "/run/docker/netns"];
