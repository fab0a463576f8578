use crate::tally::PortUse;

/// What holds ports that no connect() may take over: the cures of one kind are none of another's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holder {
    TimeWait,
    /// FIN_WAIT2 mini-sockets: closed here and not by the other side. No `tcp_tw_reuse` gives their ports back.
    Mini,
    Live,
}

impl Holder {
    /// The kind that holds most of these ports.
    pub(crate) fn most(ports: PortUse) -> Self {
        let mut most = Self::TimeWait;
        for kind in [Self::Mini, Self::Live] {
            if kind.count(ports) > most.count(ports) {
                most = kind;
            }
        }
        most
    }

    /// How many of these ports are held by this kind, and kept.
    pub(crate) fn count(self, ports: PortUse) -> u32 {
        match self {
            Self::TimeWait => ports.time_wait - ports.reusable,
            Self::Mini => ports.fin_wait2_mini,
            Self::Live => ports.live,
        }
    }

    /// Whether that is enough of them to speak of it: a tenth.
    pub(crate) fn has_many(self, ports: PortUse) -> bool {
        let count = self.count(ports);
        count > 0 && u64::from(count) * 10 >= u64::from(ports.held())
    }
}

/// Who holds the ports, in words: `all TIME_WAIT`, or a number of each kind; reusable TIME_WAITs are among them.
pub(crate) fn holders(ports: PortUse) -> String {
    match (ports.live, ports.time_wait, ports.fin_wait2_mini) {
        (_, 0, 0) => "all of live connections".to_owned(),
        (0, 0, _) => "all FIN_WAIT2 mini-sockets".to_owned(),
        (0, _, 0) => "all TIME_WAIT".to_owned(),
        (live, time_wait, mini) => {
            let kinds = [(live, "live"), (time_wait, "TIME_WAIT"), (mini, "FIN_WAIT2 mini-sockets")];
            let there = kinds.iter().filter(|(count, _)| *count > 0);
            there.map(|(count, kind)| format!("{count} {kind}")).collect::<Vec<_>>().join(", ")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ports(live: u32, time_wait: u32, reusable: u32, fin_wait2_mini: u32) -> PortUse {
        PortUse { live, time_wait, reusable, fin_wait2_mini, ..PortUse::default() }
    }

    #[test]
    fn what_is_reusable_holds_nothing() {
        assert_eq!(Holder::most(ports(10, 100, 95, 4)), Holder::Live);
        assert_eq!(Holder::most(ports(10, 100, 0, 99)), Holder::TimeWait);
        assert_eq!(Holder::most(ports(10, 100, 50, 51)), Holder::Mini);
        assert!(!Holder::TimeWait.has_many(ports(0, 100, 100, 10)));
    }

    #[test]
    fn a_tenth_is_many() {
        assert!(Holder::Mini.has_many(ports(0, 90, 0, 10)) && !Holder::Mini.has_many(ports(0, 91, 0, 9)));
        assert!(!Holder::Mini.has_many(ports(0, 0, 0, 0)));
    }

    #[test]
    fn each_kind_that_is_there_is_named() {
        assert_eq!(holders(ports(0, 5, 0, 0)), "all TIME_WAIT");
        assert_eq!(holders(ports(0, 0, 0, 5)), "all FIN_WAIT2 mini-sockets");
        assert_eq!(holders(ports(5, 0, 0, 0)), "all of live connections");
        assert_eq!(holders(ports(1, 2, 0, 3)), "1 live, 2 TIME_WAIT, 3 FIN_WAIT2 mini-sockets");
        assert_eq!(holders(ports(0, 2, 2, 3)), "2 TIME_WAIT, 3 FIN_WAIT2 mini-sockets");
    }
}
