use std::fmt;

use zerocopy::{FromBytes, Immutable, KnownLayout, NativeEndian, U16, U32, Unaligned};

use super::align4;

/// One netlink message: its header's fields and its payload.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Message<'a> {
    header: &'a Header,
    payload: &'a [u8],
}

impl<'a> Message<'a> {
    /// `nlmsg_type`: see [`kind`].
    #[inline]
    #[must_use]
    pub fn kind(&self) -> u16 {
        self.header.kind.get()
    }

    /// `nlmsg_flags`.
    #[inline]
    #[must_use]
    pub fn flags(&self) -> u16 {
        self.header.flags.get()
    }

    /// `nlmsg_seq`: the sequence number of the request this answers.
    #[inline]
    #[must_use]
    pub fn sequence(&self) -> u32 {
        self.header.sequence.get()
    }

    /// `nlmsg_pid`: the port id of the socket this is meant for.
    #[inline]
    #[must_use]
    pub fn port_id(&self) -> u32 {
        self.header.port_id.get()
    }

    /// What follows the header, without padding.
    #[inline]
    #[must_use]
    pub fn payload(&self) -> &'a [u8] {
        self.payload
    }

    /// The errno that NLMSG_ERROR or NLMSG_DONE carries, as a positive number; 0 is success.
    ///
    /// `None` where the payload is too short to hold one.
    #[must_use]
    pub fn errno(&self) -> Option<i32> {
        let code = i32::from_ne_bytes(*self.payload.first_chunk::<4>()?);
        Some(code.checked_neg().unwrap_or(i32::MAX))
    }
}

impl fmt::Debug for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("kind", &self.kind())
            .field("flags", &self.flags())
            .field("sequence", &self.sequence())
            .field("port_id", &self.port_id())
            .field("payload_len", &self.payload.len())
            .finish()
    }
}

/// The messages of one datagram, in order.
///
/// After a [`Malformed`] item the iterator is at its end: what follows a wrong length cannot be found.
#[derive(Debug, Clone)]
pub struct Messages<'a> {
    rest: &'a [u8],
    offset: usize,
}

impl<'a> Messages<'a> {
    /// Starts at the first byte of a datagram.
    #[must_use]
    pub fn new(datagram: &'a [u8]) -> Self {
        Self { rest: datagram, offset: 0 }
    }

    /// The bytes behind the last message that was given out; 0 behind a [`Malformed`] one.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.rest.len()
    }

    fn malformed(&mut self, what: &'static str, declared: usize) -> Malformed {
        let malformed = Malformed { what, offset: self.offset, declared, available: self.rest.len() };
        self.rest = &[];
        malformed
    }
}

impl<'a> Iterator for Messages<'a> {
    type Item = Result<Message<'a>, Malformed>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let Ok((header, _)) = Header::ref_from_prefix(self.rest) else {
            return Some(Err(self.malformed("message header", HEADER_LEN)));
        };
        // A length is at most 32 bits wide, so it fits usize wherever Linux runs.
        let declared = header.len.get() as usize;
        if declared < HEADER_LEN {
            return Some(Err(self.malformed("message length", declared)));
        }
        let Some(payload) = self.rest.get(HEADER_LEN..declared) else {
            return Some(Err(self.malformed("message", declared)));
        };
        // The last message of a datagram may lack its padding.
        let advance = align4(declared).min(self.rest.len());
        self.rest = self.rest.get(advance..).unwrap_or_default();
        self.offset += advance;
        Some(Ok(Message { header, payload }))
    }
}

/// Bytes that declare more than there is, or less than they must.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Malformed {
    /// What was being read: "message header", "attribute", ..
    pub what: &'static str,
    /// Where it starts, in bytes from the start of the datagram or message.
    pub offset: usize,
    /// The length it declares or needs, in bytes.
    pub declared: usize,
    /// The bytes that are there.
    pub available: usize,
}

impl Malformed {
    pub(super) const fn new(what: &'static str, offset: usize, declared: usize, available: usize) -> Self {
        Self { what, offset, declared, available }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "malformed {} at byte {}: declares {} bytes where {} are left",
            self.what, self.offset, self.declared, self.available
        )
    }
}

impl std::error::Error for Malformed {}

/// Values of `nlmsg_type` that a dump meets (include/uapi/linux/netlink.h, sock_diag.h, inet_diag.h).
pub mod kind {
    /// Nothing; skip it.
    pub const NOOP: u16 = 1;
    /// The kernel refuses the request; the payload starts with a negative errno.
    pub const ERROR: u16 = 2;
    /// The end of a dump; the payload is 0 or a negative errno.
    pub const DONE: u16 = 3;
    /// Data was lost; never sent for a dump.
    pub const OVERRUN: u16 = 4;
    /// `TCPDIAG_GETSOCK`: the legacy request, and each socket in its reply.
    pub const TCPDIAG_GETSOCK: u16 = 18;
    /// `SOCK_DIAG_BY_FAMILY`: the modern request, and each socket in its reply.
    pub const SOCK_DIAG_BY_FAMILY: u16 = 20;
}

/// `struct nlmsghdr`.
#[derive(Debug, PartialEq, Eq, FromBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct Header {
    len: U32<NativeEndian>,
    kind: U16<NativeEndian>,
    flags: U16<NativeEndian>,
    sequence: U32<NativeEndian>,
    port_id: U32<NativeEndian>,
}

const HEADER_LEN: usize = size_of::<Header>();

#[cfg(test)]
mod tests {
    use super::*;

    fn message(declared: u32, kind: u16, payload: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend_from_slice(&declared.to_ne_bytes());
        bytes.extend_from_slice(&kind.to_ne_bytes());
        bytes.extend_from_slice(&2u16.to_ne_bytes());
        bytes.extend_from_slice(&7u32.to_ne_bytes());
        bytes.extend_from_slice(&9u32.to_ne_bytes());
        bytes.extend_from_slice(payload);
        bytes
    }

    #[test]
    fn messages_are_found_behind_padding() {
        let mut bytes = message(18, kind::NOOP, &[1, 2]);
        bytes.extend_from_slice(&[0, 0]);
        bytes.extend(message(20, kind::DONE, &0i32.to_ne_bytes()));
        let found: Vec<_> = Messages::new(&bytes).map(Result::unwrap).collect();
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].kind(), found[0].payload()), (kind::NOOP, &[1u8, 2][..]));
        assert_eq!((found[1].kind(), found[1].errno()), (kind::DONE, Some(0)));
        assert_eq!((found[1].sequence(), found[1].port_id(), found[1].flags()), (7, 9, 2));
    }

    #[test]
    fn a_last_message_without_padding_is_whole() {
        let bytes = message(17, kind::NOOP, &[1]);
        assert_eq!(Messages::new(&bytes).map(Result::unwrap).count(), 1);
    }

    #[test]
    fn wrong_lengths_end_the_datagram_with_one_error() {
        for (declared, what) in [(0, "message length"), (15, "message length"), (21, "message"), (u32::MAX, "message")]
        {
            let bytes = message(declared, kind::NOOP, &[0; 4]);
            let found: Vec<_> = Messages::new(&bytes).collect();
            assert_eq!(found.len(), 1, "length {declared}");
            assert_eq!(found[0].unwrap_err().what, what, "length {declared}");
        }
        let short: Vec<_> = Messages::new(&[0; 15]).collect();
        assert_eq!(short[0].unwrap_err().what, "message header");
    }

    #[test]
    fn an_errno_of_the_smallest_integer_is_no_overflow() {
        let bytes = message(20, kind::ERROR, &i32::MIN.to_ne_bytes());
        let found = Messages::new(&bytes).next().unwrap().unwrap();
        assert_eq!(found.errno(), Some(i32::MAX));
    }
}
