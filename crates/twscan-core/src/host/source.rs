/// Where the sockets of a result came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Source {
    /// sock_diag, both families in one walk of the kernel's table.
    NetlinkOneWalk,
    /// sock_diag, a walk for each family.
    NetlinkTwoWalks,
    /// `/proc/net/tcp` and `tcp6`.
    Procfs,
    /// A dump that `ss -D` wrote.
    SsDump,
    /// What `ss` printed.
    SsText,
    /// What `netstat` printed.
    NetstatText,
}

impl Source {
    /// Every source.
    #[cfg(feature = "capture")]
    pub(crate) const ALL: [Self; 6] =
        [Self::NetlinkOneWalk, Self::NetlinkTwoWalks, Self::Procfs, Self::SsDump, Self::SsText, Self::NetstatText];

    /// Whether bound-but-idle sockets are among what it shows, where they are asked for and the kernel is no older than 6.8.
    pub(crate) fn shows_idle(self) -> bool {
        matches!(self, Self::NetlinkOneWalk | Self::NetlinkTwoWalks)
    }

    /// The name in the documents: `netlink-one-walk`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NetlinkOneWalk => "netlink-one-walk",
            Self::NetlinkTwoWalks => "netlink-two-walks",
            Self::Procfs => "procfs",
            Self::SsDump => "ss-dump",
            Self::SsText => "ss-text",
            Self::NetstatText => "netstat-text",
        }
    }
}
