//! Views over the bytes of netlink messages, with the kernel's field names.
//!
//! A view borrows the received bytes and copies nothing. Lengths are checked once, when the view is made; after that
//! every getter is a load at a constant offset. Netlink headers are in native byte order, ports and addresses in
//! network order.
//!
//! **Panic contract**: nothing in this module panics, on any input. What is too short or inconsistent is a
//! [`Malformed`] from the constructor or the iterator.

mod builder;
mod inet_diag;
mod nlattr;
mod nlmsg;

pub use builder::{InetDiagMsgBuilder, NLM_F_MULTI, append_message};
pub(crate) use builder::{NLM_F_REQUEST, append_attribute};
pub use inet_diag::{InetDiagMsg, NO_BACKLOG, NO_COOKIE, NO_TIMER, NO_UID, SOCK_ID_LEN};
pub use nlattr::{Attribute, Attributes};
pub use nlmsg::{Malformed, Message, Messages, kind};

/// Rounds a length up to the 4-byte alignment of netlink messages and attributes (`NLMSG_ALIGN`, `NLA_ALIGN`).
#[must_use]
pub const fn align4(len: usize) -> usize {
    len.saturating_add(3) & !3
}

/// `AF_INET`, in Linux's numbering whatever the platform.
pub const AF_INET: u8 = 2;
/// `AF_INET6`, in Linux's numbering whatever the platform.
pub const AF_INET6: u8 = 10;
