use std::fmt;

use zerocopy::{BigEndian, FromBytes, Immutable, IntoBytes, KnownLayout, NativeEndian, U16, U32, Unaligned};

use super::{Attributes, Malformed};

/// `struct inet_diag_msg` (include/uapi/linux/inet_diag.h): one socket as sock_diag reports it, with its attributes.
#[derive(Clone, Copy)]
pub struct InetDiagMsg<'a> {
    fixed: &'a Fixed,
    attributes: &'a [u8],
}

impl<'a> InetDiagMsg<'a> {
    /// Reads the payload of a message of type 18 or 20.
    ///
    /// # Errors
    /// [`Malformed`] where the payload is shorter than the 72 bytes of the structure.
    #[inline]
    pub fn new(payload: &'a [u8]) -> Result<Self, Malformed> {
        match Fixed::ref_from_prefix(payload) {
            Ok((fixed, attributes)) => Ok(Self { fixed, attributes }),
            Err(_) => Err(Malformed::new("inet_diag_msg", 0, FIXED_LEN, payload.len())),
        }
    }

    /// `idiag_family`: AF_INET (2) or AF_INET6 (10).
    #[inline]
    #[must_use]
    pub fn idiag_family(&self) -> u8 {
        self.fixed.family
    }

    /// `idiag_state`.
    #[inline]
    #[must_use]
    pub fn idiag_state(&self) -> u8 {
        self.fixed.state
    }

    /// `idiag_timer`: 0 none, 1 retransmit, 2 keepalive, 3 TIME_WAIT, 4 zero-window probe.
    #[inline]
    #[must_use]
    pub fn idiag_timer(&self) -> u8 {
        self.fixed.timer
    }

    /// `idiag_retrans`: retransmissions or probes so far.
    #[inline]
    #[must_use]
    pub fn idiag_retrans(&self) -> u8 {
        self.fixed.retrans
    }

    /// `idiag_sport`: the local port.
    #[inline]
    #[must_use]
    pub fn idiag_sport(&self) -> u16 {
        self.fixed.id.sport.get()
    }

    /// `idiag_dport`: the remote port.
    #[inline]
    #[must_use]
    pub fn idiag_dport(&self) -> u16 {
        self.fixed.id.dport.get()
    }

    /// `idiag_src`: the local address; an IPv4 address fills the first four bytes.
    #[inline]
    #[must_use]
    pub fn idiag_src(&self) -> &'a [u8; 16] {
        &self.fixed.id.src
    }

    /// `idiag_dst`: the remote address; an IPv4 address fills the first four bytes.
    #[inline]
    #[must_use]
    pub fn idiag_dst(&self) -> &'a [u8; 16] {
        &self.fixed.id.dst
    }

    /// `idiag_if`: the interface the socket is bound to, 0 for none.
    #[inline]
    #[must_use]
    pub fn idiag_if(&self) -> u32 {
        self.fixed.id.interface.get()
    }

    /// `idiag_cookie`, the low word first; [`NO_COOKIE`] where there is none.
    #[inline]
    #[must_use]
    pub fn idiag_cookie(&self) -> u64 {
        u64::from(self.fixed.id.cookie[0].get()) | u64::from(self.fixed.id.cookie[1].get()) << 32
    }

    /// `idiag_expires`: milliseconds until the timer fires.
    #[inline]
    #[must_use]
    pub fn idiag_expires(&self) -> u32 {
        self.fixed.expires.get()
    }

    /// `idiag_rqueue`: bytes not yet read; for a listener, connections not yet accepted.
    #[inline]
    #[must_use]
    pub fn idiag_rqueue(&self) -> u32 {
        self.fixed.rqueue.get()
    }

    /// `idiag_wqueue`: bytes not yet acknowledged; for a listener, the backlog.
    #[inline]
    #[must_use]
    pub fn idiag_wqueue(&self) -> u32 {
        self.fixed.wqueue.get()
    }

    /// `idiag_uid`; always 0 for TIME_WAIT.
    #[inline]
    #[must_use]
    pub fn idiag_uid(&self) -> u32 {
        self.fixed.uid.get()
    }

    /// `idiag_inode`; always 0 for TIME_WAIT.
    #[inline]
    #[must_use]
    pub fn idiag_inode(&self) -> u32 {
        self.fixed.inode.get()
    }

    /// All of it as it came: the fixed part, and the attributes behind it.
    #[must_use]
    pub fn bytes(&self) -> (&'a [u8], &'a [u8]) {
        (self.fixed.as_bytes(), self.attributes)
    }

    /// What follows the fixed part.
    #[inline]
    #[must_use]
    pub fn attributes(&self) -> Attributes<'a> {
        Attributes::new(self.attributes)
    }
}

impl fmt::Debug for InetDiagMsg<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fixed.fmt(f)
    }
}

/// `INET_DIAG_NOCOOKIE` in both words.
pub const NO_COOKIE: u64 = u64::MAX;

/// `idiag_timer` where a source does not tell the timer. No kernel sends it: its greatest is 4.
pub const NO_TIMER: u8 = u8::MAX;
/// `idiag_uid` where a source tells neither user nor inode: `(uid_t)-1`, which is no user.
pub const NO_UID: u32 = u32::MAX;
/// `idiag_wqueue` where a source does not tell a listener's backlog; `somaxconn` keeps a real one below 2^31.
pub const NO_BACKLOG: u32 = u32::MAX;

/// The length of `struct inet_diag_sockid` in bytes.
pub const SOCK_ID_LEN: usize = size_of::<SockId>();

/// `struct inet_diag_sockid`.
#[derive(Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct SockId {
    sport: U16<BigEndian>,
    dport: U16<BigEndian>,
    src: [u8; 16],
    dst: [u8; 16],
    interface: U32<NativeEndian>,
    cookie: [U32<NativeEndian>; 2],
}

#[derive(Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct Fixed {
    family: u8,
    state: u8,
    timer: u8,
    retrans: u8,
    id: SockId,
    expires: U32<NativeEndian>,
    rqueue: U32<NativeEndian>,
    wqueue: U32<NativeEndian>,
    uid: U32<NativeEndian>,
    inode: U32<NativeEndian>,
}

const FIXED_LEN: usize = size_of::<Fixed>();
const _: () = assert!(FIXED_LEN == 72 && SOCK_ID_LEN == 48);

#[cfg(test)]
mod tests {
    use netlink_packet_core::Parseable;
    use netlink_packet_sock_diag::inet::{InetResponseHeader, Timer};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_short_payload_is_malformed() {
        assert_eq!(InetDiagMsg::new(&[0; 71]).unwrap_err().available, 71);
    }

    proptest! {
        /// The named codec is the oracle for each field that it keeps.
        #[test]
        fn views_equal_the_oracle_on_random_bytes(
            mut bytes in proptest::collection::vec(any::<u8>(), 72..200),
            family in prop_oneof![Just(2u8), Just(10u8)],
            timer in 0u8..6,
        ) {
            bytes[0] = family;
            bytes[2] = timer;
            let view = InetDiagMsg::new(&bytes).unwrap();
            let oracle = InetResponseHeader::parse(&bytes[..72]).unwrap();
            prop_assert_eq!(view.idiag_family(), oracle.family);
            prop_assert_eq!(view.idiag_state(), oracle.state);
            prop_assert_eq!(view.idiag_sport(), oracle.socket_id.source_port);
            prop_assert_eq!(view.idiag_dport(), oracle.socket_id.destination_port);
            prop_assert_eq!(view.idiag_if(), oracle.socket_id.interface_id);
            prop_assert_eq!(&bytes[44..52], &oracle.socket_id.cookie[..]);
            prop_assert_eq!(view.idiag_rqueue(), oracle.recv_queue);
            prop_assert_eq!(view.idiag_wqueue(), oracle.send_queue);
            prop_assert_eq!(view.idiag_uid(), oracle.uid);
            prop_assert_eq!(view.idiag_inode(), oracle.inode);
            let record = crate::socket::SocketRecord::new(view);
            prop_assert_eq!(record.raw_local_addr(), oracle.socket_id.source_address);
            prop_assert_eq!(record.raw_remote_addr(), oracle.socket_id.destination_address);
            match oracle.timer {
                // The oracle forgets the time left of a TIME_WAIT; the view must not.
                Some(Timer::TimeWait) => prop_assert_eq!(view.idiag_timer(), 3),
                Some(Timer::Retransmit(left, count)) => {
                    prop_assert_eq!((view.idiag_timer(), record.expires(), view.idiag_retrans()), (1, Some(left), count));
                }
                Some(Timer::KeepAlive(left)) => prop_assert_eq!((view.idiag_timer(), record.expires()), (2, Some(left))),
                Some(Timer::Probe(left)) => prop_assert_eq!((view.idiag_timer(), record.expires()), (4, Some(left))),
                None => prop_assert!(!(1..=4).contains(&view.idiag_timer())),
            }
        }
    }
}
