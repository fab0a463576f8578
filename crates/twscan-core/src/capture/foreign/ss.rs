use super::address::{Endpoint, pair};
use super::text::{NO_ROW, Row};
use super::timer;
use crate::host::Source;
use crate::socket::TcpState;
use crate::wire::InetDiagMsgBuilder;

/// Reads a row of `ss -tan` and its kin, behind the protocol where there is one: state, two queues, two addresses, then
/// what `-o`, `-e` and `-p` add.
pub(super) fn row(fields: &[&str]) -> Row {
    match parse(fields) {
        Ok(socket) => Row::Socket(Source::SsText, socket),
        Err(what) => Row::Unknown(what),
    }
}

fn parse(fields: &[&str]) -> Result<InetDiagMsgBuilder, &'static str> {
    let (state, rest) = match fields.split_first() {
        Some((first, rest)) => match TcpState::from_name(first) {
            Some(state) => (Some(state), rest),
            // ss leaves the column out where one state alone was asked for.
            None => (None, fields),
        },
        None => return Err(NO_ROW),
    };
    let [receive, send, local, remote, more @ ..] = rest else { return Err(NO_ROW) };
    let (Ok(receive), Ok(send)) = (receive.parse(), send.parse()) else { return Err(NO_ROW) };
    let (local, remote) = (Endpoint::parse(local)?, Endpoint::parse(remote)?);
    let timer = more.iter().find_map(|field| field.strip_prefix("timer:(")?.strip_suffix(')'));
    let timer = timer.map(|timer| parse_timer(timer).ok_or("its timer is not understood")).transpose()?;
    let state = match (state, timer) {
        (Some(state), _) => state,
        (None, Some((TIMER_TIME_WAIT, ..))) => TcpState::TimeWait,
        (None, _) => return Err("it has no state; ask ss for more states than one (ss -tan)"),
    };
    let (family, local, remote) = pair(&local, &remote, false);
    let (number, expires, retransmits) = timer.unwrap_or_default();
    let attribute = |name: &str| more.iter().find_map(|field| field.strip_prefix(name));
    let mut socket = InetDiagMsgBuilder::new(reported(state).number())
        .family(family)
        .local(local)
        .remote(remote)
        .timer(number, expires)
        .retransmits(retransmits)
        .queues(receive, send)
        .owner(
            attribute("uid:").and_then(|uid| uid.parse().ok()).unwrap_or(0),
            attribute("ino:").and_then(|inode| inode.parse().ok()).unwrap_or(0),
        );
    if let Some(cookie) = attribute("sk:").and_then(|cookie| u64::from_str_radix(cookie, 16).ok()) {
        socket = socket.cookie(cookie);
    }
    Ok(socket)
}

/// Name, time left, retransmissions.
fn parse_timer(text: &str) -> Option<(u8, u32, u8)> {
    let mut parts = text.split(',');
    let number = timer::number(parts.next()?)?;
    let expires = timer::ss_time(parts.next()?)?;
    let retransmits = parts.next()?.parse().ok()?;
    Some((number, expires, retransmits))
}

fn reported(state: TcpState) -> TcpState {
    if state == TcpState::BoundInactive { TcpState::Close } else { state }
}

const TIMER_TIME_WAIT: u8 = 3;
