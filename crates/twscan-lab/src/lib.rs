//! Private network namespaces and the socket populations made in them.
//!
//! Everything here happens in namespaces the caller made with [`Netns::new`]. The functions that
//! open sockets or write settings refuse to run in the namespace the process started in
//! ([`Error::StartingNamespace`]), so a test or a self-test cannot disturb the host.
//!
//! ```no_run
//! use twscan_lab::{Dial, First, Listener, Netns, time_waits};
//!
//! # fn main() -> Result<(), twscan_lab::Error> {
//! let net = Netns::new()?;
//! net.set_sysctl("net.ipv4.tcp_tw_reuse", "0")?;
//! let made = net.run(|| {
//!     let listener = Listener::bind(([127, 0, 0, 1], 9101).into())?;
//!     time_waits(&Dial::to(listener.address()), &listener, 500, First::Client)
//! })??;
//! assert_eq!(made.count, 500);
//! # Ok(())
//! # }
//! ```

mod error;
mod netns;
mod population;
mod private;
mod proc_net;
mod rtnetlink;
mod sysctl;
mod testing;
mod userns;

pub use error::Error;
pub use netns::Netns;
pub use population::{
    Connection, Dial, Errno, EveryState, First, Granted, Listener, Made, Options, Step, Stop, bind_tcp, bind_udp,
    connect_until_fails, every_state, raise_open_files, spread_time_waits, time_waits,
};
pub use proc_net::ProcNet;
pub use testing::test_in_netns;
pub use userns::enter_user_namespace;
