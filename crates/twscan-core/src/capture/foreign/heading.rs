use crate::host::Source;
use crate::socket::{StateSet, TcpState};

/// What a heading tells of the states that were asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Heading {
    /// Nothing, or there is none.
    #[default]
    Silent,
    /// These; netstat says so in words.
    Asked(StateSet),
    /// ss leaves out the column where one state alone was asked for.
    WithoutStates,
}

/// The states that an output shows of which these were seen.
pub(super) fn shows(source: Option<Source>, heading: Heading, states: StateSet) -> StateSet {
    let listening = StateSet::LISTEN | TcpState::Close.into();
    // SS_CONN in ss: what it shows without -a, -l or `state`.
    let connected = !(listening | StateSet::TIME_WAIT | TcpState::SynRecv.into());
    match (source, heading) {
        (None, _) => StateSet::EMPTY,
        (Some(Source::NetlinkOneWalk | Source::NetlinkTwoWalks | Source::Procfs), _) => StateSet::ALL,
        (_, Heading::Asked(asked)) => asked,
        (_, Heading::WithoutStates) => states,
        _ if states.is_empty() => StateSet::EMPTY,
        _ if listening.contains_all(states) => StateSet::LISTEN,
        // Somebody listens, and somebody is connected.
        _ if states.contains(TcpState::Listen) => StateSet::ALL,
        (Some(Source::NetstatText), _) => !StateSet::LISTEN,
        _ => connected | states,
    }
}
