//! See, count and explain TCP TIME_WAIT sockets and local ports.
#![deny(missing_docs)]

pub mod budget;
mod error;
pub mod host;
pub mod port;
pub mod procfs;
pub mod sock_diag;
pub mod socket;
pub mod tally;
pub mod transport;
pub mod wire;

pub use error::Error;
