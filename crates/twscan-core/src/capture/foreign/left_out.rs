use crate::host::Source;
use crate::socket::{StateSet, TcpState};
use crate::wire::AF_INET6;

/// What a recording of another tool shows, and with it what that tool was not asked for.
///
/// A file may hold several outputs; each heading begins one, and so does a row of another tool. A state that none of them
/// shows is unknown.
#[derive(Debug, Default)]
pub(super) struct Shown {
    /// Of the outputs before the one at hand.
    earlier: StateSet,
    output: Output,
    ipv4: bool,
    ipv6: bool,
}

/// One tool's output.
#[derive(Debug, Default)]
struct Output {
    source: Option<Source>,
    states: StateSet,
    heading: Heading,
}

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

impl Shown {
    /// An output begins.
    pub(super) fn heading(&mut self, source: Source, heading: Heading) {
        // netstat has two, one behind the other.
        if self.output.states.is_empty() && heading == Heading::Silent && self.output.source == Some(source) {
            return;
        }
        self.begin(source);
        self.output.heading = heading;
    }

    fn begin(&mut self, source: Source) {
        self.earlier |= self.output.shows();
        self.output = Output { source: Some(source), ..Output::default() };
    }

    pub(super) fn socket(&mut self, source: Source, state: TcpState, family: u8) {
        if self.output.source != Some(source) {
            self.begin(source);
        }
        self.output.states |= state.into();
        self.family(family);
    }

    /// A row that does not name its state.
    pub(super) fn without_state(&mut self) {
        self.output.heading = Heading::WithoutStates;
    }

    /// Headings show a family too.
    pub(super) fn family(&mut self, family: u8) {
        (self.ipv4, self.ipv6) = (self.ipv4 || family != AF_INET6, self.ipv6 || family == AF_INET6);
    }

    /// The states that the outputs show, as far as can be told.
    fn states(&self) -> StateSet {
        self.earlier | self.output.shows()
    }

    /// The states that no output shows; CLOSE none of these tools ever shows.
    pub(super) fn left_out(&self) -> StateSet {
        !(self.states() | TcpState::Close.into())
    }

    /// Says what is left out, or may be; `None` where nothing is.
    pub(super) fn doubt(&self) -> Option<String> {
        let left_out = self.left_out();
        let names = |states: StateSet| states.iter().map(TcpState::name).collect::<Vec<_>>().join(", ");
        if !left_out.is_empty() {
            let shown = self.states().intersection(!StateSet::of(TcpState::Close));
            return Some(if shown.is_empty() {
                "it has no socket, and does not tell which states were asked for (-a is for all)".to_owned()
            } else if shown.iter().count() < left_out.iter().count() {
                format!("it has {} alone; ss and netstat show the other states when asked for all (-a)", names(shown))
            } else {
                format!("ss and netstat show {} when asked for all (-a), and none is there", names(left_out))
            });
        }
        let of_procfs = self.output.source == Some(Source::Procfs);
        (of_procfs && self.ipv4 != self.ipv6).then(|| {
            let (this, other) = if self.ipv4 { ("tcp", "tcp6") } else { ("tcp6", "tcp") };
            format!(
                "it is /proc/net/{this} alone, and on hosts with IPv6 {other} has the other sockets: record both, one behind the \
                 other"
            )
        })
    }
}

impl Output {
    /// The states that its sockets would be shown in.
    fn shows(&self) -> StateSet {
        let states = self.states;
        let listening = StateSet::LISTEN | TcpState::Close.into();
        // SS_CONN in ss: what it shows without -a, -l or `state`.
        let connected = !(listening | StateSet::TIME_WAIT | TcpState::SynRecv.into());
        match (self.source, self.heading) {
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
}
