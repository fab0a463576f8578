//! Sockets in known states, made in the calling thread's private namespace.

mod connection;
mod dial;
mod exhaust;
mod listener;
mod options;
mod states;
mod stop;
mod time_wait;

pub use connection::{Connection, First};
pub use dial::Dial;
pub use exhaust::{Granted, connect_until_fails, raise_open_files};
pub use listener::Listener;
pub use options::{Options, bind_tcp, bind_udp};
pub use rustix::io::Errno;
pub use states::{EveryState, every_state};
pub use stop::{Step, Stop};
pub use time_wait::{Made, spread_time_waits, time_waits};
