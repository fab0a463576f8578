//! The sock_diag protocol: a request, and the dump that answers it as a stream of borrowed batches.
//!
//! ```no_run
//! use twscan_core::sock_diag::{Dump, DumpRequest};
//! use twscan_core::socket::StateSet;
//! use twscan_core::transport::NetlinkSocket;
//!
//! let mut dump = Dump::start(NetlinkSocket::open()?, &DumpRequest::one_walk(StateSet::TIME_WAIT))?;
//! let mut youngest = std::time::Duration::ZERO;
//! while let Some(batch) = dump.next_batch()? {
//!     for record in batch {
//!         youngest = youngest.max(record.expires().unwrap_or_default());
//!     }
//! }
//! println!("{} sockets, the youngest has {youngest:?} left", dump.stats().sockets);
//! # Ok::<(), twscan_core::Error>(())
//! ```

mod dump;
mod repeats;
mod request;

pub use dump::{Batch, Dump, DumpStats};
pub use request::{DumpRequest, RequestLayout};
