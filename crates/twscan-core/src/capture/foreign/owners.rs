use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::procfs::owner::{Coverage, Owners, Process, printable};
use crate::socket::TcpState;
use crate::wire::InetDiagMsgBuilder;

/// Id and name.
pub(super) type NamedProcess = (u32, String);

/// The processes that a text names beside its sockets, with the sockets' keys.
#[derive(Debug, Default)]
pub(super) struct NamedProcesses {
    sockets: BTreeMap<NamedProcess, Vec<u32>>,
    /// How many keys were made up: from the highest down, where no inode of a young host is.
    made_up: u32,
}

impl NamedProcesses {
    /// Notes whose a socket is. One that has to have an owner gets a key also where none is named: it counts as unowned.
    pub(super) fn note(&mut self, socket: &mut InetDiagMsgBuilder, owners: Vec<NamedProcess>) {
        let (_, state) = socket.family_and_state();
        if owners.is_empty() && !HAS_AN_OWNER.contains(&TcpState::from(state)) {
            return;
        }
        self.made_up = self.made_up.saturating_add(1);
        let key = socket.owner_key_or(u32::MAX - self.made_up);
        for process in owners {
            self.sockets.entry(process).or_default().push(key);
        }
    }

    /// `None` where the text names no process, so that the tool may not have been asked for them.
    pub(super) fn finish(self) -> Option<Owners> {
        if self.sockets.is_empty() {
            return None;
        }
        let coverage = Coverage { read: self.sockets.len(), ..Coverage::default() };
        let found = self
            .sockets
            .into_iter()
            .map(|((pid, name), keys)| (Process { pid, started: 0, name, uid: None, user: None, cgroup: None }, keys));
        Some(Owners::new(found, coverage))
    }
}

/// Takes `users:(("nginx",pid=812,fd=6),("nginx",pid=813,fd=6))` out of a row of ss. A name may have anything in it, but
/// for `",pid=`.
pub(super) fn cut_out_of_ss(row: &str) -> (Cow<'_, str>, Vec<NamedProcess>) {
    let mut processes = Vec::new();
    let Some((before, mut rest)) = row.split_once("users:(") else { return (Cow::Borrowed(row), processes) };
    while let Some((name, after)) = rest.strip_prefix("(\"").and_then(|rest| rest.split_once("\",pid=")) {
        let digits = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
        let (pid, after) = after.split_at(digits);
        let Ok(pid) = pid.parse() else { break };
        processes.push((pid, shortened(name)));
        rest = after.split_once(')').map_or("", |(_, rest)| rest.strip_prefix(',').unwrap_or(rest));
    }
    processes.sort_unstable();
    // One may have a socket open more than once.
    processes.dedup();
    let rest = rest.strip_prefix(')').unwrap_or(rest);
    (Cow::Owned(format!("{before} {rest}")), processes)
}

/// Reads `812/nginx: worker` of a row of netstat: the field that begins so, and those behind it.
pub(super) fn of_netstat(fields: &[&str]) -> Vec<NamedProcess> {
    let parse = |field: &str| {
        let (pid, name) = field.split_once('/')?;
        Some((pid.parse::<u32>().ok()?, name.to_owned()))
    };
    let Some((at, (pid, mut name))) = fields.iter().enumerate().find_map(|(at, field)| Some((at, parse(field)?)))
    else {
        return Vec::new();
    };
    for more in fields.iter().skip(at + 1) {
        name.push(' ');
        name.push_str(more);
    }
    vec![(pid, shortened(&name))]
}

/// Names come from processes: a terminal must not obey them, nor need it show more than the kernel keeps of them.
fn shortened(name: &str) -> String {
    printable(&name.chars().take(MOST_NAME).collect::<String>())
}

/// States that no socket is in without an open file, but for one that waits for accept().
const HAS_AN_OWNER: [TcpState; 4] = [TcpState::Established, TcpState::SynSent, TcpState::CloseWait, TcpState::Listen];
/// Far more than TASK_COMM_LEN; netstat shows the first argument's beginning.
const MOST_NAME: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_of_ss() {
        let of = |row: &'static str| {
            let (rest, processes) = cut_out_of_ss(row);
            let names: Vec<_> = processes.into_iter().map(|(pid, name)| format!("{name}[{pid}]")).collect();
            (names.join(" "), rest.split_whitespace().collect::<Vec<_>>().join(" "))
        };
        let expected = |names: &str, rest: &str| (names.to_owned(), rest.to_owned());
        assert_eq!(
            of(r#"LISTEN 0 511 *:80 *:* users:(("nginx",pid=812,fd=6),("nginx",pid=813,fd=6))"#),
            expected("nginx[812] nginx[813]", "LISTEN 0 511 *:80 *:*")
        );
        assert_eq!(
            of(r#"users:(("a ino:5 (c) "d",pid=7,proc_ctx=x,fd=3),("e",pid=8,fd=1)) ino:5"#),
            expected("a ino:5 (c) \"d[7] e[8]", "ino:5")
        );
        assert_eq!(of(r#"users:(("java",pid=7,fd=3),("java",pid=7,fd=4))"#), expected("java[7]", ""));
        for broken in ["", "users:", "users:((", "users:((\"x\",pid=", "users:((\"x\",pid=99999999999,fd=1))"] {
            assert_eq!(of(broken).0, "", "{broken}");
        }
    }

    #[test]
    fn processes_of_netstat() {
        let of = |row: &str| of_netstat(&row.split_whitespace().collect::<Vec<_>>());
        assert_eq!(of("1000 4711 812/my keepalive: x"), [(812, "my keepalive: x".to_owned())]);
        assert_eq!(of("30082/python3"), [(30082, "python3".to_owned())]);
        assert_eq!((of("- "), of("a/b"), of("")), (vec![], vec![], vec![]));
    }
}
