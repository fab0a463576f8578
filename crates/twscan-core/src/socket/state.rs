use std::fmt;
use std::ops::{BitOr, BitOrAssign, Not};

/// The state of a TCP socket, numbered as in include/net/tcp_states.h.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum TcpState {
    /// Data flows.
    Established,
    /// connect() waits for an answer.
    SynSent,
    /// A connection request waits for the last acknowledgment.
    SynRecv,
    /// This side closed; its FIN is not acknowledged yet.
    FinWait1,
    /// This side closed; the other side has not.
    FinWait2,
    /// This side closed first; the four-tuple is kept for a minute.
    TimeWait,
    /// No connection. sock_diag reports bound-but-idle sockets so.
    Close,
    /// The other side closed; the application here has not.
    CloseWait,
    /// Both closed; the last acknowledgment is missing.
    LastAck,
    /// Waits for connections.
    Listen,
    /// Both closed at the same time.
    Closing,
    /// The kernel's inner name for a request socket; reported as [`TcpState::SynRecv`].
    NewSynRecv,
    /// Asked for by this number since kernel 6.8; reported as [`TcpState::Close`].
    BoundInactive,
    /// A number that this library has no name for.
    Unknown(u8),
}

impl TcpState {
    /// The eleven states that the kernel reports, in its order.
    pub const ALL: [Self; 11] = [
        Self::Established,
        Self::SynSent,
        Self::SynRecv,
        Self::FinWait1,
        Self::FinWait2,
        Self::TimeWait,
        Self::Close,
        Self::CloseWait,
        Self::LastAck,
        Self::Listen,
        Self::Closing,
    ];

    /// The kernel's number.
    #[inline]
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Established => 1,
            Self::SynSent => 2,
            Self::SynRecv => 3,
            Self::FinWait1 => 4,
            Self::FinWait2 => 5,
            Self::TimeWait => 6,
            Self::Close => 7,
            Self::CloseWait => 8,
            Self::LastAck => 9,
            Self::Listen => 10,
            Self::Closing => 11,
            Self::NewSynRecv => 12,
            Self::BoundInactive => 13,
            Self::Unknown(number) => number,
        }
    }

    /// The name as the kernel and netstat spell it: `TIME_WAIT`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Established => "ESTABLISHED",
            Self::SynSent => "SYN_SENT",
            Self::SynRecv => "SYN_RECV",
            Self::FinWait1 => "FIN_WAIT1",
            Self::FinWait2 => "FIN_WAIT2",
            Self::TimeWait => "TIME_WAIT",
            Self::Close => "CLOSE",
            Self::CloseWait => "CLOSE_WAIT",
            Self::LastAck => "LAST_ACK",
            Self::Listen => "LISTEN",
            Self::Closing => "CLOSING",
            Self::NewSynRecv => "NEW_SYN_RECV",
            Self::BoundInactive => "BOUND_INACTIVE",
            Self::Unknown(_) => "UNKNOWN",
        }
    }

    /// Reads one state's name in the kernel's or `ss`'s spelling: `TIME_WAIT`, `time-wait`, `ESTAB`, `syn-rcv`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase().replace('_', "-");
        Some(match name.as_str() {
            "established" | "estab" => Self::Established,
            "syn-sent" => Self::SynSent,
            "syn-recv" | "syn-rcv" => Self::SynRecv,
            "fin-wait1" | "fin-wait-1" => Self::FinWait1,
            "fin-wait2" | "fin-wait-2" => Self::FinWait2,
            "time-wait" | "timewait" => Self::TimeWait,
            "close" | "closed" | "unconn" | "unconnected" => Self::Close,
            "close-wait" => Self::CloseWait,
            "last-ack" => Self::LastAck,
            "listen" | "listening" => Self::Listen,
            "closing" => Self::Closing,
            "bound-inactive" => Self::BoundInactive,
            _ => return None,
        })
    }
}

impl From<u8> for TcpState {
    #[inline]
    fn from(number: u8) -> Self {
        match number {
            1 => Self::Established,
            2 => Self::SynSent,
            3 => Self::SynRecv,
            4 => Self::FinWait1,
            5 => Self::FinWait2,
            6 => Self::TimeWait,
            7 => Self::Close,
            8 => Self::CloseWait,
            9 => Self::LastAck,
            10 => Self::Listen,
            11 => Self::Closing,
            12 => Self::NewSynRecv,
            13 => Self::BoundInactive,
            other => Self::Unknown(other),
        }
    }
}

impl fmt::Display for TcpState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(number) => write!(f, "UNKNOWN({number})"),
            known => f.pad(known.name()),
        }
    }
}

/// A set of states: the `idiag_states` mask of a request.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct StateSet(u32);

impl StateSet {
    /// No state; the kernel answers with nothing.
    pub const EMPTY: Self = Self(0);
    /// TIME_WAIT alone.
    pub const TIME_WAIT: Self = Self::of(TcpState::TimeWait);
    /// LISTEN alone.
    pub const LISTEN: Self = Self::of(TcpState::Listen);
    /// The eleven states, without the costly walk for bound-but-idle sockets.
    pub const ALL: Self = Self(0xffe);
    /// The eleven states and bound-but-idle sockets: every holder of a port. Twice the cost where TIME_WAITs are many.
    pub const PORT_HOLDERS: Self = Self(0xffe | 1 << 13);

    /// The set of one state.
    #[must_use]
    pub const fn of(state: TcpState) -> Self {
        match 1u32.checked_shl(state.number() as u32) {
            Some(bit) => Self(bit),
            None => Self(0),
        }
    }

    /// The set with these bits, 1 << state number each.
    #[must_use]
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// The mask as the kernel takes it.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Whether the set has this state.
    #[inline]
    #[must_use]
    pub const fn contains(self, state: TcpState) -> bool {
        self.0 & Self::of(state).0 != 0
    }

    /// Whether the set has every state of the other.
    #[must_use]
    pub const fn contains_all(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The states of both sets, where they overlap.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether there is no state in it.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The states in it, by number.
    pub fn iter(self) -> impl Iterator<Item = TcpState> {
        (0u8..32).filter(move |bit| self.0 & (1 << bit) != 0).map(TcpState::from)
    }

    /// Reads a state or a group in the spelling of `ss` or the kernel: `time-wait`, `TIME_WAIT`, `connected`, `all`.
    ///
    /// The groups are those of ss(8): `all`, `connected` (all but listening and closed), `synchronized` (connected but
    /// syn-sent), `bucket` (mini-sockets: syn-recv and time-wait), `big` (the others). `close` asks for bound-but-idle
    /// sockets too: the kernel shows no others as CLOSE, and only where they are asked for.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        const CONNECTED: u32 = StateSet::ALL.0 & !StateSet::of(TcpState::Listen).0 & !StateSet::of(TcpState::Close).0;
        const BUCKET: u32 = StateSet::TIME_WAIT.0 | StateSet::of(TcpState::SynRecv).0;
        match TcpState::from_name(name) {
            Some(TcpState::Close) => return Some(Self::of(TcpState::Close) | Self::of(TcpState::BoundInactive)),
            Some(state) => return Some(Self::of(state)),
            None => {}
        }
        Some(Self(match name.to_ascii_lowercase().as_str() {
            "all" => Self::ALL.0,
            "connected" => CONNECTED,
            "synchronized" => CONNECTED & !Self::of(TcpState::SynSent).0,
            "bucket" => BUCKET,
            "big" => Self::ALL.0 & !BUCKET,
            _ => return None,
        }))
    }
}

impl From<TcpState> for StateSet {
    fn from(state: TcpState) -> Self {
        Self::of(state)
    }
}

impl BitOr for StateSet {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for StateSet {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

/// The eleven states that are not in the set.
impl Not for StateSet {
    type Output = Self;

    fn not(self) -> Self {
        Self(!self.0 & Self::ALL.0)
    }
}

impl FromIterator<TcpState> for StateSet {
    fn from_iter<I: IntoIterator<Item = TcpState>>(states: I) -> Self {
        states.into_iter().fold(Self::EMPTY, |set, state| set | Self::of(state))
    }
}

impl fmt::Debug for StateSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_survive_both_ways() {
        for number in 0..=u8::MAX {
            assert_eq!(TcpState::from(number).number(), number);
        }
    }

    #[test]
    fn names_are_read_in_both_spellings() {
        for state in TcpState::ALL {
            assert_eq!(TcpState::from_name(state.name()), Some(state));
            assert_eq!(TcpState::from_name(&state.name().to_lowercase().replace('_', "-")), Some(state));
        }
        assert_eq!(StateSet::from_name("ESTAB"), Some(TcpState::Established.into()));
        assert_eq!(StateSet::from_name("bucket").unwrap().iter().count(), 2);
        assert_eq!(StateSet::from_name("connected").unwrap().iter().count(), 9);
        assert_eq!(StateSet::from_name("synchronized").unwrap().iter().count(), 8);
        assert_eq!(StateSet::from_name("wait"), None);
    }

    #[test]
    fn sets_ignore_states_without_a_bit() {
        assert!(StateSet::of(TcpState::Unknown(200)).is_empty());
        assert!(!StateSet::ALL.contains(TcpState::BoundInactive));
        assert!(StateSet::PORT_HOLDERS.contains(TcpState::BoundInactive));
        assert_eq!((!StateSet::TIME_WAIT).iter().count(), 10);
    }
}
