use std::net::{IpAddr, SocketAddr};

use super::{AF_INET, AF_INET6, NO_BACKLOG, NO_COOKIE, NO_TIMER, NO_UID, align4, kind};

/// Writes a socket in the kernel's own layout, for sources that are no netlink socket: `/proc/net/tcp`, text, tests.
#[derive(Debug, Clone)]
pub struct InetDiagMsgBuilder {
    family: u8,
    state: u8,
    timer: (u8, u8, u32),
    local: SocketAddr,
    remote: SocketAddr,
    interface: u32,
    cookie: u64,
    queues: (u32, u32),
    uid: u32,
    inode: u32,
}

impl InetDiagMsgBuilder {
    /// A socket in this state (`idiag_state`), with everything else zero and no cookie.
    #[must_use]
    pub fn new(state: u8) -> Self {
        let unspecified = SocketAddr::from(([0, 0, 0, 0], 0));
        Self {
            family: AF_INET,
            state,
            timer: (0, 0, 0),
            local: unspecified,
            remote: unspecified,
            interface: 0,
            cookie: NO_COOKIE,
            queues: (0, 0),
            uid: 0,
            inode: 0,
        }
    }

    /// `idiag_family`.
    #[must_use]
    pub fn family(mut self, family: u8) -> Self {
        self.family = family;
        self
    }

    /// Local address and port; an IPv4 address is written as mapped where the family is AF_INET6.
    #[must_use]
    pub fn local(mut self, local: SocketAddr) -> Self {
        self.local = local;
        self
    }

    /// Remote address and port.
    #[must_use]
    pub fn remote(mut self, remote: SocketAddr) -> Self {
        self.remote = remote;
        self
    }

    /// `idiag_timer` and `idiag_expires` in milliseconds.
    #[must_use]
    pub fn timer(mut self, timer: u8, expires: u32) -> Self {
        self.timer = (timer, self.timer.1, expires);
        self
    }

    /// `idiag_retrans`.
    #[must_use]
    pub fn retransmits(mut self, count: u8) -> Self {
        self.timer.1 = count;
        self
    }

    /// `idiag_if`.
    #[must_use]
    pub fn interface(mut self, index: u32) -> Self {
        self.interface = index;
        self
    }

    /// `idiag_cookie`.
    #[must_use]
    pub fn cookie(mut self, cookie: u64) -> Self {
        self.cookie = cookie;
        self
    }

    /// `idiag_rqueue` and `idiag_wqueue`.
    #[must_use]
    pub fn queues(mut self, receive: u32, send: u32) -> Self {
        self.queues = (receive, send);
        self
    }

    /// `idiag_uid` and `idiag_inode`.
    #[must_use]
    pub fn owner(mut self, uid: u32, inode: u32) -> Self {
        (self.uid, self.inode) = (uid, inode);
        self
    }

    /// Without a timer, where the source does not tell it: [`NO_TIMER`].
    #[must_use]
    pub fn unknown_timer(self) -> Self {
        self.timer(NO_TIMER, 0)
    }

    /// Without user and inode, where the source does not tell them: [`NO_UID`].
    #[must_use]
    pub fn unknown_owner(self) -> Self {
        self.owner(NO_UID, 0)
    }

    /// `idiag_family` and `idiag_state`.
    #[cfg(feature = "capture")]
    pub(crate) fn family_and_state(&self) -> (u8, u8) {
        (self.family, self.state)
    }

    /// What processes are found by: `idiag_inode`, or this number in its place where user and inode are unknown.
    #[cfg(feature = "capture")]
    pub(crate) fn owner_key_or(&mut self, key: u32) -> u32 {
        if self.uid == NO_UID {
            self.inode = key;
        }
        self.inode
    }

    /// Without a listener's backlog, where the source does not tell it: [`NO_BACKLOG`].
    #[must_use]
    pub fn unknown_backlog(mut self) -> Self {
        self.queues.1 = NO_BACKLOG;
        self
    }

    /// Appends `struct inet_diag_msg`, 72 bytes.
    pub fn append_payload(&self, out: &mut Vec<u8>) {
        let (timer, retransmits, expires) = self.timer;
        out.extend_from_slice(&[self.family, self.state, timer, retransmits]);
        out.extend_from_slice(&self.local.port().to_be_bytes());
        out.extend_from_slice(&self.remote.port().to_be_bytes());
        out.extend_from_slice(&self.address(self.local.ip()));
        out.extend_from_slice(&self.address(self.remote.ip()));
        out.extend_from_slice(&self.interface.to_ne_bytes());
        let low_word = self.cookie & u64::from(u32::MAX);
        for word in [low_word, self.cookie >> 32] {
            out.extend_from_slice(&u32::try_from(word).unwrap_or(u32::MAX).to_ne_bytes());
        }
        for field in [expires, self.queues.0, self.queues.1, self.uid, self.inode] {
            out.extend_from_slice(&field.to_ne_bytes());
        }
    }

    /// Appends a whole message of [`kind::SOCK_DIAG_BY_FAMILY`], header included.
    pub fn append_message(&self, sequence: u32, port_id: u32, out: &mut Vec<u8>) {
        let mut payload = Vec::with_capacity(72);
        self.append_payload(&mut payload);
        append_message(kind::SOCK_DIAG_BY_FAMILY, NLM_F_MULTI, sequence, port_id, &payload, out);
    }

    fn address(&self, addr: IpAddr) -> [u8; 16] {
        match (addr, self.family) {
            (IpAddr::V4(v4), AF_INET6) => v4.to_ipv6_mapped().octets(),
            (IpAddr::V4(v4), _) => {
                let mut bytes = [0; 16];
                bytes[..4].copy_from_slice(&v4.octets());
                bytes
            }
            (IpAddr::V6(v6), _) => v6.octets(),
        }
    }
}

/// Appends a netlink message with its padding.
pub fn append_message(kind: u16, flags: u16, sequence: u32, port_id: u32, payload: &[u8], out: &mut Vec<u8>) {
    let len = HEADER_LEN + payload.len();
    out.extend_from_slice(&u32::try_from(len).unwrap_or(u32::MAX).to_ne_bytes());
    out.extend_from_slice(&kind.to_ne_bytes());
    out.extend_from_slice(&flags.to_ne_bytes());
    out.extend_from_slice(&sequence.to_ne_bytes());
    out.extend_from_slice(&port_id.to_ne_bytes());
    out.extend_from_slice(payload);
    out.resize(out.len() + align4(len) - len, 0);
}

/// Appends an attribute with its padding.
pub(crate) fn append_attribute(kind: u16, value: &[u8], out: &mut Vec<u8>) {
    let len = ATTRIBUTE_HEADER_LEN + value.len();
    out.extend_from_slice(&u16::try_from(len).unwrap_or(u16::MAX).to_ne_bytes());
    out.extend_from_slice(&kind.to_ne_bytes());
    out.extend_from_slice(value);
    out.resize(out.len() + align4(len) - len, 0);
}

/// `NLM_F_REQUEST`: the message asks for something (include/uapi/linux/netlink.h).
pub(crate) const NLM_F_REQUEST: u16 = 1;
/// `NLM_F_MULTI`: the message is part of a dump (include/uapi/linux/netlink.h).
pub const NLM_F_MULTI: u16 = 2;

const HEADER_LEN: usize = 16;
const ATTRIBUTE_HEADER_LEN: usize = 4;
