/// The table of connection tracking, where a firewall or NAT uses it: `net.netfilter.nf_conntrack_*`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Conntrack {
    /// Entries of this namespace.
    pub count: u64,
    /// The most there may be.
    pub max: u64,
}

impl Conntrack {
    pub(super) fn parse(count: &str, max: &str) -> Option<Self> {
        Some(Self { count: count.trim().parse().ok()?, max: max.trim().parse().ok()? })
    }
}
