use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use twscan_lab::{Dial, First, Options};

/// A population of sockets in a small port range, and the client whose connections are predicted and then made.
#[derive(Debug, Clone)]
pub(crate) struct Scenario {
    pub(crate) name: String,
    pub(crate) range: (u16, u16),
    /// `net.ipv4.*`, set before anything else.
    pub(crate) settings: Vec<(&'static str, String)>,
    /// Whether the services are in another namespace, across a pair of virtual Ethernet devices.
    pub(crate) across: Option<FarSide>,
    pub(crate) steps: Vec<Step>,
    pub(crate) probe: Probe,
    /// Why the prediction can only be an interval: what sock_diag does not tell.
    pub(crate) hidden: Option<&'static str>,
}

/// The other namespace.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FarSide {
    pub(crate) timestamps: bool,
}

/// What is done before the prediction.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// Connections that stay.
    Live(Dial, usize),
    /// Connections that one end closes first and the other then.
    Closed(Dial, usize, First),
    /// Connections that the client closes and the server does not: FIN_WAIT2 mini-sockets.
    HalfClosed(Dial, usize),
    /// A listener with its accepted connections.
    Accepted { listener: SocketAddr, count: usize, fate: Fate, listener_stays: bool },
    /// A socket that is bound and idle.
    Bound(SocketAddr, Options),
    /// The same of UDP.
    BoundUdp(SocketAddr),
    /// Closes every socket that is bound and idle.
    Release,
    /// A `net.ipv4.*` setting that changes.
    Set(&'static str, &'static str),
    /// Closes the servers' ends of all that is [half-closed](Step::HalfClosed).
    CloseServers,
    /// Lets TIME_WAITs grow older.
    Wait(Duration),
}

/// What becomes of accepted connections.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fate {
    Live,
    /// Closed by the server first.
    TimeWait,
}

/// Whose connections are predicted.
#[derive(Debug, Clone)]
pub(crate) enum Probe {
    /// A client that connects and lets the kernel choose its port in connect(), from this address and
    /// bound to this interface, if any.
    Connect { from: IpAddr, dial: Dial, interface: u32 },
    /// A client that binds to an address first, so that bind() chooses the port.
    BindFirst { from: IpAddr, dial: Dial },
}

impl Scenario {
    /// Twenty ports, a client from 127.0.0.1 to 127.0.0.1:9101, and nothing else.
    pub(super) fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            range: (40_000, 40_019),
            settings: vec![("tcp_tw_reuse", "0".to_owned())],
            across: None,
            steps: Vec::new(),
            probe: connect("127.0.0.1", "127.0.0.1:9101"),
            hidden: None,
        }
    }

    pub(super) fn range(mut self, low: u16, high: u16) -> Self {
        self.range = (low, high);
        self
    }

    #[allow(clippy::needless_pass_by_value, reason = "numbers and texts are written where they are used")]
    pub(super) fn set(mut self, key: &'static str, value: impl ToString) -> Self {
        self.settings.push((key, value.to_string()));
        self
    }

    pub(super) fn across(mut self, timestamps: bool) -> Self {
        self.across = Some(FarSide { timestamps });
        self
    }

    pub(super) fn step(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// The same on a kernel without `tcp_tw_reuse_delay`, where a TIME_WAIT is reused when the clock's second has changed:
    /// what is to be older than a short delay grows older than that. `None` for another delay, which such a kernel cannot
    /// have.
    pub(super) fn with_fixed_delay(mut self) -> Option<Self> {
        let Some(place) = self.settings.iter().position(|(key, _)| *key == DELAY) else { return Some(self) };
        match self.settings.remove(place).1.as_str() {
            SHORT => {
                let longest =
                    |step: &Step| if let Step::Wait(_) = step { Step::Wait(FIXED_DELAY) } else { step.clone() };
                self.steps = self.steps.iter().map(longest).collect();
                Some(self)
            }
            LONG => Some(self.hidden("whether the clock's second changed")),
            _ => None,
        }
    }

    /// The same on a kernel where a port stays bind()'s for as long as any connection is on it.
    pub(super) fn with_ports_kept(self) -> Self {
        let released = self.steps.iter().any(|step| matches!(step, Step::Release));
        if released { self.hidden("who had the port") } else { self }
    }

    /// The same on a kernel that does not show bound-and-idle sockets.
    pub(super) fn with_idle_hidden(self) -> Self {
        let idle = self.steps.iter().any(|step| matches!(step, Step::Bound(..)));
        if idle && self.hidden.is_none() { self.hidden("bound-and-idle sockets") } else { self }
    }

    pub(super) fn probe(mut self, probe: Probe) -> Self {
        self.probe = probe;
        self
    }

    pub(super) fn hidden(mut self, why: &'static str) -> Self {
        self.hidden = Some(why);
        self
    }
}

/// An address that is written in this program, `127.0.0.1:9101`.
pub(super) fn at(text: &str) -> SocketAddr {
    text.parse().unwrap_or(SocketAddr::from(([127, 0, 0, 1], SERVICES[0])))
}

pub(super) fn ip(text: &str) -> IpAddr {
    text.parse().unwrap_or(IpAddr::from([127, 0, 0, 1]))
}

/// A client that lets connect() choose both address and port.
pub(super) fn to(destination: &str) -> Dial {
    Dial::to(at(destination))
}

/// A client that fixes its address and lets connect() choose the port.
pub(super) fn from_to(source: &str, destination: &str) -> Dial {
    let late = Options { bind_address_no_port: true, ..Options::default() };
    to(destination).from_ip(ip(source)).with(late)
}

pub(super) fn connect(from: &str, destination: &str) -> Probe {
    let dial =
        if ip(from) == at(destination).ip().to_canonical() { to(destination) } else { from_to(from, destination) };
    Probe::Connect { from: ip(from), dial, interface: 0 }
}

/// A client that is bound to `lo`.
pub(super) fn on_lo(dial: Dial) -> Dial {
    dial.with(Options { device: Some("lo".to_owned()), ..Options::default() })
}

/// How old a TIME_WAIT must be to be reused, in milliseconds.
pub(super) const DELAY: &str = "tcp_tw_reuse_delay";
/// The shortest delay.
pub(super) const SHORT: &str = "1";
/// The longest, which no scenario outlasts.
pub(super) const LONG: &str = "60000";
/// Longer than the delay of a kernel that knows no other.
pub(super) const FIXED_DELAY: Duration = Duration::from_millis(1100);
/// Where services listen, on every address and outside every range.
pub(crate) const SERVICES: [u16; 2] = [9101, 9102];
