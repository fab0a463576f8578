//! Giving up what a reader does not need.

use rustix::thread::{CapabilitySet, capabilities, set_capabilities};

/// Gives up CAP_NET_ADMIN on this thread and on those that it starts.
///
/// With it the kernel appends each socket's firewall mark to a dump (net/ipv4/inet_diag.c, `inet_diag_msg_attrs_fill`):
/// eight bytes that nobody here asks for, and a seventh of the time of a walk.
pub(crate) fn give_up_net_admin() {
    if let Ok(mut sets) = capabilities(None)
        && sets.effective.contains(CapabilitySet::NET_ADMIN)
    {
        sets.effective.remove(CapabilitySet::NET_ADMIN);
        // A sandbox may forbid it; what remains is slower and as right.
        let _ = set_capabilities(None, sets);
    }
}
