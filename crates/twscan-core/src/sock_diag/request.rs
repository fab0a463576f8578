use netlink_packet_core::Emitable;
use netlink_packet_sock_diag::inet::{ExtensionFlags, InetRequest, SocketId, StateFlags};

use crate::socket::StateSet;
use crate::wire::{
    AF_INET, AF_INET6, Attributes, Messages, NLM_F_REQUEST, SOCK_ID_LEN, append_attribute, append_message, kind,
};

/// What to dump: which states, in which layout of request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DumpRequest {
    layout: RequestLayout,
    states: StateSet,
    bytecode: Vec<u8>,
    /// Whether `struct tcp_info` is to come with each live socket.
    tcp_info: bool,
}

impl DumpRequest {
    /// Both families in one walk of the kernel's table, by the legacy request.
    #[must_use]
    pub fn one_walk(states: StateSet) -> Self {
        Self { layout: RequestLayout::Legacy, states, bytecode: Vec::new(), tcp_info: false }
    }

    /// AF_INET sockets, by the modern request; v4-mapped sockets are not among them.
    #[must_use]
    pub fn inet(states: StateSet) -> Self {
        Self { layout: RequestLayout::Inet, ..Self::one_walk(states) }
    }

    /// AF_INET6 sockets, v4-mapped ones included, by the modern request.
    #[must_use]
    pub fn inet6(states: StateSet) -> Self {
        Self { layout: RequestLayout::Inet6, ..Self::one_walk(states) }
    }

    /// Attaches a filter that the kernel runs on each socket (`INET_DIAG_REQ_BYTECODE`); an empty one is none.
    #[must_use]
    pub fn bytecode(mut self, bytecode: Vec<u8>) -> Self {
        self.bytecode = bytecode;
        self
    }

    /// Asks for `struct tcp_info` with each live socket (`INET_DIAG_INFO`).
    #[must_use]
    pub fn with_tcp_info(mut self) -> Self {
        self.tcp_info = true;
        self
    }

    /// The states asked for.
    #[must_use]
    pub fn states(&self) -> StateSet {
        self.states
    }

    /// The type of each socket's message in the answer.
    #[must_use]
    pub fn reply_kind(&self) -> u16 {
        match self.layout {
            RequestLayout::Legacy => kind::TCPDIAG_GETSOCK,
            RequestLayout::Inet | RequestLayout::Inet6 => kind::SOCK_DIAG_BY_FAMILY,
        }
    }

    /// The whole message as it goes to the kernel.
    #[must_use]
    pub fn encode(&self, sequence: u32) -> Vec<u8> {
        let mut body = match self.layout {
            RequestLayout::Legacy => self.legacy_body(),
            RequestLayout::Inet => self.modern_body(AF_INET, SocketId::new_v4()),
            RequestLayout::Inet6 => self.modern_body(AF_INET6, SocketId::new_v6()),
        };
        if !self.bytecode.is_empty() {
            append_attribute(INET_DIAG_REQ_BYTECODE, &self.bytecode, &mut body);
        }
        let mut message = Vec::with_capacity(128);
        append_message(self.reply_kind(), NLM_F_REQUEST | NLM_F_DUMP, sequence, 0, &body, &mut message);
        message
    }

    /// Reads a message that [`encode`](Self::encode) made, and its sequence number; `None` for any other bytes.
    #[must_use]
    pub fn decode(message: &[u8]) -> Option<(Self, u32)> {
        let message = Messages::new(message).next()?.ok()?;
        let payload = message.payload();
        let (layout, states_at, body_len) = match (message.kind(), *payload.first()?) {
            (kind::TCPDIAG_GETSOCK, _) => (RequestLayout::Legacy, 4 + SOCK_ID_LEN, 4 + SOCK_ID_LEN + 8),
            (kind::SOCK_DIAG_BY_FAMILY, AF_INET) => (RequestLayout::Inet, 4, 8 + SOCK_ID_LEN),
            (kind::SOCK_DIAG_BY_FAMILY, AF_INET6) => (RequestLayout::Inet6, 4, 8 + SOCK_ID_LEN),
            _ => return None,
        };
        let states = StateSet::from_bits(u32::from_ne_bytes(*payload.get(states_at..)?.first_chunk()?));
        let mut attributes = Attributes::new(payload.get(body_len..)?).map_while(Result::ok);
        let bytecode = attributes.find(|attribute| attribute.kind() == INET_DIAG_REQ_BYTECODE);
        let bytecode = bytecode.map(|attribute| attribute.value().to_vec()).unwrap_or_default();
        let extensions_at = if layout == RequestLayout::Legacy { 3 } else { 2 };
        let tcp_info = payload.get(extensions_at)? & ExtensionFlags::INFO.bits() != 0;
        Some((Self { layout, states, bytecode, tcp_info }, message.sequence()))
    }

    /// The family that the answer is of; `None` for both.
    #[must_use]
    pub fn family(&self) -> Option<u8> {
        match self.layout {
            RequestLayout::Legacy => None,
            RequestLayout::Inet => Some(AF_INET),
            RequestLayout::Inet6 => Some(AF_INET6),
        }
    }

    /// The filter; empty where there is none.
    #[must_use]
    pub fn filter(&self) -> &[u8] {
        &self.bytecode
    }

    /// `struct inet_diag_req`, version 1: family, two address lengths, extensions, socket id, states, dead bindings.
    fn legacy_body(&self) -> Vec<u8> {
        let mut body = vec![0, 0, 0, self.extensions().bits()];
        body.resize(4 + SOCK_ID_LEN, 0);
        body.extend_from_slice(&self.states.bits().to_ne_bytes());
        body.extend_from_slice(&0u32.to_ne_bytes());
        body
    }

    fn extensions(&self) -> ExtensionFlags {
        if self.tcp_info { ExtensionFlags::INFO } else { ExtensionFlags::empty() }
    }

    fn modern_body(&self, family: u8, socket_id: SocketId) -> Vec<u8> {
        let request = InetRequest {
            family,
            protocol: IPPROTO_TCP,
            extensions: self.extensions(),
            // Bit 13 has no name in the codec and is kept this way.
            states: StateFlags::from_bits_retain(self.states.bits()),
            socket_id,
        };
        let mut body = vec![0; request.buffer_len()];
        request.emit(&mut body);
        body
    }
}

/// The layout of a request, which decides how many families one walk brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RequestLayout {
    /// `TCPDIAG_GETSOCK` with `struct inet_diag_req` (version 1): both families.
    Legacy,
    /// `SOCK_DIAG_BY_FAMILY` for AF_INET.
    Inet,
    /// `SOCK_DIAG_BY_FAMILY` for AF_INET6.
    Inet6,
}

/// `NLM_F_DUMP` (include/uapi/linux/netlink.h).
const NLM_F_DUMP: u16 = 0x300;
/// include/uapi/linux/inet_diag.h.
const INET_DIAG_REQ_BYTECODE: u16 = 1;
const IPPROTO_TCP: u8 = 6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_decoded() {
        for make in [DumpRequest::one_walk, DumpRequest::inet, DumpRequest::inet6] {
            for bytecode in [vec![], vec![1, 2, 3, 4]] {
                let request = make(StateSet::PORT_HOLDERS).bytecode(bytecode);
                let bytes = request.encode(77);
                assert_eq!(DumpRequest::decode(&bytes), Some((request, 77)));
                for len in 0..bytes.len() {
                    assert_eq!(DumpRequest::decode(&bytes[..len]), None);
                }
            }
        }
    }

    #[test]
    fn both_layouts_carry_the_states_where_the_kernel_reads_them() {
        let legacy = DumpRequest::one_walk(StateSet::PORT_HOLDERS).encode(5);
        let message = Messages::new(&legacy).next().unwrap().unwrap();
        assert_eq!((message.kind(), message.flags(), message.sequence()), (18, 0x301, 5));
        assert_eq!(message.payload().len(), 60);
        assert_eq!(message.payload()[52..56], 0x2ffeu32.to_ne_bytes());

        let modern = DumpRequest::inet6(StateSet::PORT_HOLDERS).encode(6);
        let message = Messages::new(&modern).next().unwrap().unwrap();
        assert_eq!((message.kind(), message.payload().len()), (20, 56));
        assert_eq!(message.payload()[..2], [10, 6]);
        assert_eq!(message.payload()[4..8], 0x2ffeu32.to_ne_bytes());
    }

    #[test]
    fn a_filter_follows_as_an_attribute() {
        let request = DumpRequest::inet(StateSet::ALL).bytecode(vec![1, 2, 3, 4]).encode(1);
        let message = Messages::new(&request).next().unwrap().unwrap();
        assert_eq!(message.payload()[56..], [8, 0, 1, 0, 1, 2, 3, 4]);
    }
}
