//! Network namespaces: naming one, and entering it.
//!
//! Sockets, counters and parameters belong to a network namespace, and a reader sees those of its own. `enter` runs a
//! closure in another, in a thread that ends with it: the caller's thread never moves, and a
//! `Host::live()` made in the closure reads what is there. All namespaces of a host, found or recorded, are
//! [`Namespaces`](crate::host::Namespaces).

mod error;
mod name;
mod namespace;
mod others;
mod reference;
mod surroundings;
mod thread;

#[cfg(all(feature = "live", target_os = "linux"))]
mod discover;
#[cfg(all(feature = "live", target_os = "linux"))]
mod enter;
#[cfg(all(feature = "live", target_os = "linux"))]
mod survey;
#[cfg(all(feature = "live", target_os = "linux"))]
mod visit;

#[cfg(all(feature = "live", target_os = "linux"))]
pub(crate) use discover::Discovery;
#[cfg(all(feature = "live", target_os = "linux"))]
pub use enter::enter;
pub use error::NetnsError;
pub use name::NetnsName;
pub use namespace::Namespace;
pub use others::Others;
pub use reference::NetnsRef;
pub use surroundings::Surroundings;
#[cfg(all(feature = "live", target_os = "linux"))]
pub(crate) use survey::Entry;
pub(crate) use thread::in_a_thread;
#[cfg(all(feature = "live", target_os = "linux"))]
pub(crate) use visit::{Door, Entered};

/// Where files on network namespaces are kept: by `ip netns` and the container network interface, and by Docker.
pub const RUN_DIRECTORIES: [&str; 3] = ["/run/netns", "/var/run/netns", "/run/docker/netns"];
