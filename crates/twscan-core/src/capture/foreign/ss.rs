use super::address::{Endpoint, pair};
use super::timer;
use crate::socket::TcpState;
use crate::wire::InetDiagMsgBuilder;

/// A row of ss: where a socket has no timer, `-o` adds nothing to it, and only other rows tell whether it was given.
pub(super) struct SsRow {
    socket: Socket,
    timer: Option<(u8, u32, u8)>,
    /// Whether `-o` was given, where this row tells.
    asked: Option<bool>,
    has_state: bool,
    star_is_ipv4: bool,
}

/// A socket, and what no field of its message takes.
pub(super) struct Socket {
    pub(super) message: InetDiagMsgBuilder,
    pub(super) interface: Box<str>,
    /// Whether its local side is `*` and a port: both families where ss prints `0.0.0.0` for the one and `[::]` for the
    /// other, IPv4 in the words of older ones.
    pub(super) star: bool,
}

impl SsRow {
    pub(super) fn socket(&mut self) -> &mut InetDiagMsgBuilder {
        &mut self.socket.message
    }

    /// Whether this ss prints `*` for IPv4 alone: one that does not put IPv6 addresses in brackets, or that has `*` for
    /// the other side of an IPv4 listener.
    pub(super) fn star_is_ipv4(&self) -> bool {
        self.star_is_ipv4
    }

    /// Whether it names its state; ss leaves that column out where one state alone was asked for.
    pub(super) fn has_state(&self) -> bool {
        self.has_state
    }
}

/// Whether ss was asked for timers (`-o`), as far as its rows have told.
#[derive(Default)]
pub(super) struct SsTimers {
    asked: Option<bool>,
    /// Rows before the first one that told.
    undecided: Vec<Socket>,
}

impl SsTimers {
    /// Takes a row, and gives `add` what can be told by now, in the order of the file.
    pub(super) fn take(&mut self, row: SsRow, add: &mut dyn FnMut(Socket)) {
        let SsRow { mut socket, timer, asked, .. } = row;
        if let Some(asked) = asked {
            self.decide(asked, add);
        }
        match (timer, self.asked) {
            (Some((number, expires, retransmits)), _) => {
                socket.message = socket.message.timer(number, expires).retransmits(retransmits);
                add(socket);
            }
            (None, Some(asked)) => add(without_timer(socket, asked)),
            (None, None) if self.undecided.len() < MOST_UNDECIDED => self.undecided.push(socket),
            (None, None) => add(without_timer(socket, false)),
        }
    }

    /// Gives out what no row has told of; the next output may have been asked for something else.
    pub(super) fn finish(&mut self, add: &mut dyn FnMut(Socket)) {
        self.decide(false, add);
        self.asked = None;
    }

    fn decide(&mut self, asked: bool, add: &mut dyn FnMut(Socket)) {
        self.asked = Some(asked);
        self.undecided.drain(..).for_each(|socket| add(without_timer(socket, asked)));
    }
}

fn without_timer(mut socket: Socket, is_off: bool) -> Socket {
    if !is_off {
        socket.message = socket.message.unknown_timer();
    }
    socket
}

/// Reads the fields of a row of `ss -tan` and its kin, behind the protocol where there is one: state, two queues, two
/// addresses, then what `-o`, `-e` and `-p` add.
pub(super) fn row(line: &str, fields: &[&str]) -> Result<SsRow, &'static str> {
    let (state, rest) = match fields.split_first() {
        Some((first, rest)) => match TcpState::from_name(first) {
            Some(state) => (Some(state), rest),
            None => (None, fields),
        },
        None => return Err(NO_ROW),
    };
    let [receive, send, local, remote, more @ ..] = rest else { return Err(NO_ROW) };
    let (Ok(receive), Ok(send)) = (receive.parse(), send.parse()) else { return Err(NO_ROW) };
    let (local, remote) = (Endpoint::parse(local)?, Endpoint::parse(remote)?);
    let timer = more.iter().find_map(|field| field.strip_prefix("timer:("));
    let timer = timer.map(|timer| parse_timer(timer).ok_or("its timer is not understood")).transpose()?;
    let has_state = state.is_some();
    let state = match (state, timer) {
        (Some(state), _) => state,
        (None, Some((TIMER_TIME_WAIT, ..))) => TcpState::TimeWait,
        (None, _) => return Err(NO_STATE),
    };
    let star = local.is_star() && remote.is_star();
    let star_is_ipv4 = local.is_bare_v6() || remote.is_bare_v6() || (local.is_v4() && remote.is_star());
    let interface = local.interface().into();
    let (family, local, remote) = pair(&local, &remote, local.is_star());
    // Blanks or an arrow follow each: where nothing does, the row may be cut, and with it the number.
    let is_whole = line.trim_end_matches(['\r', '\n']).ends_with(' ');
    let told = more.split_last().map_or(more, |(_, before)| if is_whole { more } else { before });
    let attribute = |name: &str| told.iter().find_map(|field| field.strip_prefix(name));
    let mut message = InetDiagMsgBuilder::new(reported(state).number())
        .family(family)
        .local(local)
        .remote(remote)
        .queues(receive, send);
    // With -e there is always an inode, and a user where it is not root.
    let inode = attribute("ino:").and_then(|inode| inode.parse().ok());
    message = match inode {
        Some(inode) => message.owner(attribute("uid:").and_then(|uid| uid.parse().ok()).unwrap_or(0), inode),
        None => message.unknown_owner(),
    };
    if let Some(cookie) = attribute("sk:").and_then(|cookie| u64::from_str_radix(cookie, 16).ok()) {
        message = message.cookie(cookie);
    }
    let time_wait = state == TcpState::TimeWait;
    // -e is more than -o; and every TIME_WAIT has a timer.
    let asked = if timer.is_some() || inode.is_some() { Some(true) } else { time_wait.then_some(false) };
    let socket = Socket { message, interface, star };
    Ok(SsRow { socket, timer, asked, has_state, star_is_ipv4 })
}

/// Name, time left, retransmissions.
fn parse_timer(text: &str) -> Option<(u8, u32, u8)> {
    let mut parts = text.strip_suffix(')')?.split(',');
    let number = timer::number(parts.next()?)?;
    let expires = timer::ss_time(parts.next()?)?;
    let retransmits = parts.next()?.parse().ok()?;
    Some((number, expires, retransmits))
}

fn reported(state: TcpState) -> TcpState {
    if state == TcpState::BoundInactive { TcpState::Close } else { state }
}

const TIMER_TIME_WAIT: u8 = 3;
/// Rows that are kept until one tells; some 2 MiB.
const MOST_UNDECIDED: usize = 16 * 1024;
/// Said of lines that are no row of any known kind.
pub(super) const NO_ROW: &str = "it is no row of ss, netstat or /proc/net/tcp";
/// Said of rows of which only the command knew the state.
pub(super) const NO_STATE: &str = "it has no state; ask ss for more states than one (ss -tan)";
