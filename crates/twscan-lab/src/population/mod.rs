//! Sockets in known states, made in the calling thread's private namespace.

mod dial;
mod exhaust;
mod listener;
mod options;
mod time_wait;

pub use dial::{Dial, Step, Stop};
pub use exhaust::{Granted, connect_until_fails, raise_open_files};
pub use listener::{Connection, First, Listener};
pub use options::{Options, bind_tcp, bind_udp};
pub use rustix::io::Errno;
pub use time_wait::{Made, time_waits};
