use super::address::{Endpoint, pair};
use super::heading::Heading;
use super::owners::{self, NamedProcess};
use super::timer;
use crate::socket::{StateSet, TcpState};
use crate::wire::InetDiagMsgBuilder;

/// What `Active Internet connections (servers and established)` says was asked for.
pub(super) fn heading(line: &str) -> Heading {
    let says = |words| line.contains(words);
    if says("(servers and established)") {
        Heading::Asked(StateSet::ALL)
    } else if says("(w/o servers)") {
        Heading::Asked(!StateSet::LISTEN)
    } else if says("(only servers)") {
        Heading::Asked(StateSet::LISTEN)
    } else {
        Heading::Silent
    }
}

/// Reads a row of `netstat -nat` behind its protocol and queues: two addresses, state, then what `-p` and `-o` add.
pub(super) fn row(
    v6: bool,
    receive: &str,
    send: &str,
    rest: &[&str],
) -> Result<(InetDiagMsgBuilder, Vec<NamedProcess>), &'static str> {
    let [local, remote, state, more @ ..] = rest else { return Err("it ends before the state") };
    if v6 && [local, remote].iter().any(|address| address.len() == CUT_AT) {
        return Err("an IPv6 address may be cut short; ask netstat for whole ones (-W)");
    }
    let (local, remote) = (Endpoint::parse(local)?, Endpoint::parse(remote)?);
    let state = TcpState::from_name(state).ok_or("its state is not understood")?;
    let queue = |text: &str| text.parse().map_err(|_| "a queue is no number");
    let (receive, send) = (queue(receive)?, queue(send)?);
    // A program's name may have blanks in it; the timer is the pair of a known name and a bracket.
    let timer = more.windows(2).enumerate().find_map(|(at, window)| match window {
        [name, bracket] => Some((at, parse_timer(name, bracket)?)),
        _ => None,
    });
    let before_timer = more.get(..timer.map_or(more.len(), |(at, _)| at)).unwrap_or(more);
    let (family, local, remote) = pair(&local, &remote, v6);
    let mut socket =
        InetDiagMsgBuilder::new(state.number()).family(family).local(local).remote(remote).queues(receive, send);
    if state == TcpState::Listen {
        // netstat reads /proc/net/tcp, which has no backlog.
        socket = socket.unknown_backlog();
    }
    socket = match timer {
        Some((_, (number, expires, retransmits))) => socket.timer(number, expires).retransmits(retransmits),
        None => socket.unknown_timer(),
    };
    let socket = match owner(more) {
        Some((uid, inode)) => socket.owner(uid, inode),
        None => socket.unknown_owner(),
    };
    Ok((socket, owners::of_netstat(before_timer)))
}

/// User and inode, which `-e` puts behind the state; with names instead of numbers (without `-n`) there is no user.
fn owner(more: &[&str]) -> Option<(u32, u32)> {
    let [user, inode, ..] = more else { return None };
    Some((user.parse().ok()?, inode.parse().ok()?))
}

/// `timewait (59.54/0/0)`: time left, retransmissions, probes.
fn parse_timer(name: &str, bracket: &str) -> Option<(u8, u32, u8)> {
    let number = timer::number(name)?;
    let mut parts = bracket.strip_prefix('(')?.strip_suffix(')')?.split('/');
    let expires = timer::netstat_time(parts.next()?)?;
    let retransmits = parts.next()?.parse().ok()?;
    Some((number, expires, retransmits))
}

/// netstat cuts address and port to 22 characters and a colon between them, unless it is told not to (-W).
const CUT_AT: usize = 23;
