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
    keys: u32,
}

impl NamedProcesses {
    /// Notes whose a socket is. One that has to have an owner gets a key also where none is named: it counts as unowned.
    pub(super) fn note(&mut self, socket: &mut InetDiagMsgBuilder, owners: Vec<NamedProcess>) {
        if owners.is_empty() && !HAS_AN_OWNER.contains(&TcpState::from(socket.state())) {
            return;
        }
        self.keys = self.keys.saturating_add(1);
        let key = socket.owner_key_or(self.keys);
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

/// Reads `users:(("nginx",pid=812,fd=6),("nginx",pid=813,fd=6))` of a row of ss. A name may have anything in it, but for
/// `",pid=`.
pub(super) fn of_ss(row: &str) -> Vec<NamedProcess> {
    let mut processes = Vec::new();
    let mut rest = row.split_once("users:(").map_or("", |(_, rest)| rest);
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
    processes
}

/// Reads `812/nginx: worker` of a row of netstat: the field that begins so, and those behind it, up to the timer.
pub(super) fn of_netstat(fields: &[&str], is_timer: impl Fn(&str) -> bool) -> Vec<NamedProcess> {
    let parse = |field: &str| {
        let (pid, name) = field.split_once('/')?;
        Some((pid.parse::<u32>().ok()?, name.to_owned()))
    };
    let Some((at, (pid, mut name))) = fields.iter().enumerate().find_map(|(at, field)| Some((at, parse(field)?)))
    else {
        return Vec::new();
    };
    for more in fields.iter().skip(at + 1).take_while(|field| !is_timer(field)) {
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
        let of = |row| of_ss(row).into_iter().map(|(pid, name)| format!("{name}[{pid}]")).collect::<Vec<_>>().join(" ");
        assert_eq!(
            of(r#"LISTEN 0 511 *:80 *:* users:(("nginx",pid=812,fd=6),("nginx",pid=813,fd=6))"#),
            "nginx[812] nginx[813]"
        );
        assert_eq!(
            of(r#"users:(("a b, (c) "d",pid=7,proc_ctx=x,fd=3),("e",pid=8,fd=1)) ino:5"#),
            "a b, (c) \"d[7] e[8]"
        );
        assert_eq!(of(r#"users:(("java",pid=7,fd=3),("java",pid=7,fd=4))"#), "java[7]");
        for broken in ["", "users:", "users:((", "users:((\"x\",pid=", "users:((\"x\",pid=99999999999,fd=1))"] {
            assert_eq!(of(broken), "", "{broken}");
        }
    }

    #[test]
    fn processes_of_netstat() {
        let of = |row: &str| of_netstat(&row.split_whitespace().collect::<Vec<_>>(), |field| field == "off");
        assert_eq!(of("1000 4711 812/nginx: worker off (0.00/0/0)"), [(812, "nginx: worker".to_owned())]);
        assert_eq!(of("30082/python3"), [(30082, "python3".to_owned())]);
        assert_eq!((of("- off (0.00/0/0)"), of("a/b"), of("")), (vec![], vec![], vec![]));
    }
}
