use crate::wire::{InetDiagMsg, NO_COOKIE};

/// Notices an entry that the kernel sends twice.
///
/// When a hash chain is cut between two datagrams (or two grabs of 16 sockets) and an entry is added ahead of the cut,
/// the kernel goes on by position and repeats what it had sent just before. Repeats therefore lie a few rows apart, and
/// a short window finds them whatever the number of sockets.
#[derive(Debug)]
pub(super) struct Repeats {
    /// The low halves, which are compared all at once and tell nearly every pair apart.
    lows: [u32; WINDOW],
    cookies: [u64; WINDOW],
    next: usize,
}

impl Repeats {
    pub(super) fn new() -> Self {
        Self { lows: [u32::MAX; WINDOW], cookies: [NO_COOKIE; WINDOW], next: 0 }
    }

    /// Whether one of the last entries was this very socket; remembers it otherwise.
    ///
    /// The cookie tells: the kernel numbers sockets as it first shows them, from 1 on, and uses no number twice before the
    /// next boot (net/core/sock_diag.c, `__sock_gen_cookie`). Without a cookie nothing is a repeat: listeners that share a
    /// port look alike.
    #[inline]
    pub(super) fn is_repeat(&mut self, msg: &InetDiagMsg<'_>) -> bool {
        let cookie = msg.idiag_cookie();
        // The low half is meant.
        #[allow(clippy::cast_possible_truncation)]
        let low = cookie as u32;
        let alike = self.lows.contains(&low);
        if alike && ![0, NO_COOKIE].contains(&cookie) && self.cookies.contains(&cookie) {
            return true;
        }
        let slot = self.next % WINDOW;
        if let (Some(seen_low), Some(seen)) = (self.lows.get_mut(slot), self.cookies.get_mut(slot)) {
            *seen_low = low;
            *seen = cookie;
        }
        self.next = slot + 1;
        false
    }
}

/// Repeats were seen at most two rows apart; this leaves room for longer chains.
const WINDOW: usize = 8;
