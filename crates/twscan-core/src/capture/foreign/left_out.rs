use crate::host::Source;
use crate::socket::{StateSet, TcpState};
use crate::wire::AF_INET6;

/// What a recording of another tool shows, and with it what that tool was not asked for.
#[derive(Debug, Default)]
pub(super) struct Shown {
    states: StateSet,
    ipv4: bool,
    ipv6: bool,
    /// Whether ss left out the column of states, as it does where one state alone was asked for.
    without_column: bool,
}

impl Shown {
    pub(super) fn socket(&mut self, state: TcpState, family: u8) {
        self.states |= state.into();
        self.family(family);
    }

    pub(super) fn family(&mut self, family: u8) {
        (self.ipv4, self.ipv6) = (self.ipv4 || family != AF_INET6, self.ipv6 || family == AF_INET6);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.states.is_empty()
    }

    pub(super) fn without_column(&mut self) {
        self.without_column = true;
    }

    /// The states that the tool leaves out unless it is asked for all, where no socket tells that it was.
    pub(super) fn left_out(&self, source: Source) -> StateSet {
        let listening = StateSet::LISTEN | TcpState::Close.into();
        let only_listening = !self.states.is_empty() && listening.contains_all(self.states);
        let rest = match source {
            Source::SsDump | Source::SsText if self.without_column => return !self.states,
            // SS_CONN in ss: what it shows without -a, -l or `state`.
            Source::SsDump | Source::SsText => StateSet::LISTEN | StateSet::TIME_WAIT | TcpState::SynRecv.into(),
            Source::NetstatText => StateSet::LISTEN,
            _ => return StateSet::EMPTY,
        };
        match (only_listening, !self.states.intersection(rest).is_empty()) {
            (true, _) => !self.states,
            (false, true) => StateSet::EMPTY,
            (false, false) => rest,
        }
    }

    /// Says what is left out, or may be; `None` where nothing is.
    pub(super) fn doubt(&self, source: Source) -> Option<String> {
        let left_out = self.left_out(source);
        if source == Source::Procfs && self.ipv4 != self.ipv6 {
            let (this, other) = if self.ipv4 { ("tcp", "tcp6") } else { ("tcp6", "tcp") };
            return Some(format!(
                "it is /proc/net/{this} alone, and {other} has the other sockets: record both, one behind the other"
            ));
        }
        let names = |states: StateSet| states.iter().map(TcpState::name).collect::<Vec<_>>().join(", ");
        let tool = if source == Source::NetstatText { "netstat" } else { "ss" };
        if left_out.is_empty() {
            None
        } else if left_out == !self.states {
            Some(format!(
                "it has sockets in {} alone, and {tool} shows other states when asked for all (-a)",
                names(self.states)
            ))
        } else {
            Some(format!("{tool} shows {} when asked for all (-a), and none is there", names(left_out)))
        }
    }
}
