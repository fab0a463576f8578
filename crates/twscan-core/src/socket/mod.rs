//! What a socket is: its state, its four-tuple, its timer.
//!
//! [`SocketRecord`] reads the kernel's bytes with types; it borrows them and is as cheap as a reference.

mod record;
mod state;

pub(crate) use record::is_loopback;
pub use record::{Family, MAX_TIME_WAIT_LIFE, SocketRecord, TIME_WAIT_LENGTH, TIME_WAIT_LIFE, Timer};
pub use state::{StateSet, TcpState};
