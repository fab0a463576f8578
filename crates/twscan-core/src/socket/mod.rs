//! What a socket is: its state, its four-tuple, its timer.
//!
//! [`SocketRecord`] reads the kernel's bytes with types; it borrows them and is as cheap as a reference.

mod record;
mod state;

pub(crate) use record::is_loopback;
pub use record::{Families, Family, SocketRecord, TIME_WAIT_LENGTH, Timer};
pub use state::{StateSet, TcpState};
