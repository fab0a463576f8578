use crate::wire::{InetDiagMsg, NO_COOKIE, SOCK_ID_LEN};

/// Notices an entry that the kernel sends twice.
///
/// When a hash chain is cut between two datagrams (or two grabs of 16 sockets) and an entry is added ahead of the cut,
/// the kernel goes on by position and repeats what it had sent just before. Repeats therefore lie a few rows apart, and
/// a short window finds them whatever the number of sockets.
#[derive(Debug)]
pub(super) struct Repeats {
    ports: [u32; WINDOW],
    ids: [[u8; SOCK_ID_LEN]; WINDOW],
    next: usize,
}

impl Repeats {
    pub(super) fn new() -> Self {
        Self { ports: [0; WINDOW], ids: [[0; SOCK_ID_LEN]; WINDOW], next: 0 }
    }

    /// Whether one of the last entries was this very socket; remembers it otherwise.
    ///
    /// Sockets are told apart by four-tuple, interface and cookie. Without a cookie nothing is a repeat: listeners that
    /// share a port look alike.
    #[inline]
    pub(super) fn is_repeat(&mut self, msg: &InetDiagMsg<'_>) -> bool {
        let id = msg.id_bytes();
        // Both ports at once: cheap, and different for nearly every pair of neighbours.
        let ports = u32::from_ne_bytes([id[0], id[1], id[2], id[3]]);
        let alike = self.ports.contains(&ports);
        if alike && msg.idiag_cookie() != NO_COOKIE && self.ids.contains(id) {
            return true;
        }
        let slot = self.next % WINDOW;
        if let (Some(seen_ports), Some(seen_id)) = (self.ports.get_mut(slot), self.ids.get_mut(slot)) {
            *seen_ports = ports;
            *seen_id = *id;
        }
        self.next = slot + 1;
        false
    }
}

/// Repeats were seen at most two rows apart; this leaves room for longer chains.
const WINDOW: usize = 8;
