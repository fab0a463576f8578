use std::fmt;

/// Why a budget is an estimate: what sock_diag does not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// This many TIME_WAITs count as reusable.
    Reusable(u32),
    /// This many closed connections are covered by the mode and count as kept all the same.
    MaybeReusable(u32),
    /// Of this many TIME_WAITs the age or the mode is not known; they count as kept.
    ReuseUnknown(u32),
    /// This many ports are held by sockets of other tuples.
    Unsure(u32),
    /// The range has an odd size and one of its ends is free.
    OddRange,
    /// The source does not show bound-but-idle sockets.
    IdleNotShown,
    /// Nor does the kernel, whose counters leave room for so many.
    IdleHidden(u32),
    /// Live sockets that chose their port by bind() are not told from others.
    ExplicitNotShown,
    /// The walk broke off.
    Incomplete,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reusable(count) => write!(
                f,
                "{count} TIME_WAIT counted as reusable: whether they had timestamps, and no port of bind(), is not visible"
            ),
            Self::MaybeReusable(count) => write!(
                f,
                "{count} closed connections counted as kept that tcp_tw_reuse covers: too young, or timestamps are off"
            ),
            Self::ReuseUnknown(count) => write!(
                f,
                "{count} TIME_WAIT counted as kept: their ages, or tcp_tw_reuse, are not told, so some may be reusable"
            ),
            Self::Unsure(count) => write!(
                f,
                "{count} ports of connections elsewhere counted as free: one chosen by bind() or accepted there is not"
            ),
            Self::OddRange => {
                f.write_str("the range has an odd number of ports: connect() may leave out its first or last")
            }
            Self::IdleNotShown => {
                f.write_str("sockets that are bound and idle are not shown: kernels do since 6.8, texts do not")
            }
            Self::IdleHidden(most) => write!(
                f,
                "at most {most} sockets that are bound and idle may hold a port each: this way to read does not show them \
                 (kernels do since 6.8)"
            ),
            Self::ExplicitNotShown => f.write_str("this source does not tell which ports were chosen by bind()"),
            Self::Incomplete => f.write_str("not all sockets were seen"),
        }
    }
}
