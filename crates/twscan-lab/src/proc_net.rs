use std::collections::BTreeMap;
use std::fs;

use crate::Error;

/// Sockets of the calling thread's namespace by state, as its `/proc` tells them: a second opinion
/// for checking whatever speaks netlink.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProcNet {
    /// Rows of `/proc/thread-self/net/tcp` by state, under the kernel's names (`TIME_WAIT`).
    pub tcp: BTreeMap<&'static str, usize>,
    /// The same for `tcp6`, where IPv4-mapped sockets are too.
    pub tcp6: BTreeMap<&'static str, usize>,
    /// What `sockstat` calls `tw`: TIME_WAIT and FIN_WAIT2 mini-sockets of both families.
    pub sockstat_tw: usize,
}

impl ProcNet {
    /// Reads the three files. Sockets that are bound and neither listen nor connect are in none.
    ///
    /// # Errors
    /// When one cannot be read, or holds a row without a known state.
    pub fn read() -> Result<Self, Error> {
        Ok(Self {
            tcp: states("tcp")?,
            // The file is absent where IPv6 is disabled.
            tcp6: states("tcp6").unwrap_or_default(),
            sockstat_tw: field(&text("sockstat")?, "TCP:", "tw").ok_or_else(|| malformed("sockstat"))?,
        })
    }

    /// Sockets of both families in a state.
    #[must_use]
    pub fn count(&self, state: &str) -> usize {
        let of = |family: &BTreeMap<&str, usize>| family.get(state).copied().unwrap_or(0);
        of(&self.tcp) + of(&self.tcp6)
    }
}

/// Sockets of the calling thread's namespace that are in no TIME_WAIT or FIN_WAIT2 mini-socket: `inuse` of both families.
pub(crate) fn live_sockets() -> Result<usize, Error> {
    let tcp = field(&text("sockstat")?, "TCP:", "inuse").ok_or_else(|| malformed("sockstat"))?;
    // The file is absent where IPv6 is disabled.
    let tcp6 = text("sockstat6").ok().and_then(|text| field(&text, "TCP6:", "inuse")).unwrap_or(0);
    Ok(tcp + tcp6)
}

fn states(file: &str) -> Result<BTreeMap<&'static str, usize>, Error> {
    let mut states = BTreeMap::new();
    for row in text(file)?.lines().skip(1) {
        let state = row.split_ascii_whitespace().nth(3).and_then(state_name);
        *states.entry(state.ok_or_else(|| malformed(file))?).or_insert(0) += 1;
    }
    Ok(states)
}

fn state_name(hex: &str) -> Option<&'static str> {
    let number = usize::from_str_radix(hex, 16).ok()?;
    STATES.get(number.checked_sub(1)?).copied()
}

/// A number of sockstat: the word behind `name` in the line of `section`.
fn field(sockstat: &str, section: &str, name: &str) -> Option<usize> {
    let line = sockstat.lines().find(|line| line.starts_with(section))?;
    let mut words = line.split_ascii_whitespace().skip_while(|word| *word != name);
    words.nth(1)?.parse().ok()
}

fn text(file: &str) -> Result<String, Error> {
    let path = format!("/proc/thread-self/net/{file}");
    fs::read_to_string(&path).map_err(|error| Error::os(format!("read {path}"), error))
}

fn malformed(file: &str) -> Error {
    let operation = format!("understand /proc/thread-self/net/{file}");
    Error::os(operation, std::io::ErrorKind::InvalidData)
}

/// include/net/tcp_states.h, from 1 upward.
const STATES: [&str; 12] = [
    "ESTABLISHED",
    "SYN_SENT",
    "SYN_RECV",
    "FIN_WAIT1",
    "FIN_WAIT2",
    "TIME_WAIT",
    "CLOSE",
    "CLOSE_WAIT",
    "LAST_ACK",
    "LISTEN",
    "CLOSING",
    "NEW_SYN_RECV",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tw_field_is_read_and_a_line_without_it_is_refused() {
        let line = "sockets: used 9\nTCP: inuse 1 orphan 0 tw 345 alloc 2 mem 0\n";
        assert_eq!(field(line, "TCP:", "tw"), Some(345));
        assert_eq!(field("TCP: inuse 1\nUDP: tw 3\n", "TCP:", "tw"), None);
    }

    #[test]
    fn states_outside_the_kernels_list_are_refused() {
        assert_eq!(state_name("06"), Some("TIME_WAIT"));
        assert_eq!(state_name("0B"), Some("CLOSING"));
        for bad in ["00", "0D", "xx", ""] {
            assert_eq!(state_name(bad), None, "{bad}");
        }
    }
}
