/// The kernel's counters about TCP sockets: `sockstat`, `sockstat6`, `snmp` and `netstat` below `/proc/net`.
///
/// `None` is what this kernel does not have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Sockets of every protocol in this namespace (`sockets: used`).
    pub sockets_used: Option<u64>,
    /// TCP sockets of AF_INET, without TIME_WAIT.
    pub tcp_inuse: Option<u64>,
    /// TCP sockets of AF_INET6, v4-mapped ones included, without TIME_WAIT.
    pub tcp6_inuse: Option<u64>,
    /// TCP sockets that no file is open on. Of the **whole host**, whatever the namespace.
    pub tcp_orphan: Option<u64>,
    /// TIME_WAITs and FIN_WAIT2 mini-sockets of both families.
    pub tcp_tw: Option<u64>,
    /// Allocated TCP sockets. Of the **whole host**, whatever the namespace.
    pub tcp_alloc: Option<u64>,
    /// UDP sockets of AF_INET.
    pub udp_inuse: Option<u64>,
    /// UDP sockets of AF_INET6.
    pub udp6_inuse: Option<u64>,
    /// Raw sockets of AF_INET.
    pub raw_inuse: Option<u64>,
    /// Raw sockets of AF_INET6.
    pub raw6_inuse: Option<u64>,
    /// Sockets of every protocol but UDP (`protocols`), those in no table of their protocol left out.
    pub others_inuse: Option<u64>,
    /// IPv4 reassembly queues.
    pub frag_inuse: Option<u64>,
    /// IPv6 reassembly queues.
    pub frag6_inuse: Option<u64>,
    /// ESTABLISHED and CLOSE_WAIT now (`CurrEstab`).
    pub curr_estab: Option<u64>,
    /// connect() calls that sent a SYN (`ActiveOpens`).
    pub active_opens: Option<u64>,
    /// Connections accepted (`PassiveOpens`).
    pub passive_opens: Option<u64>,
    /// TIME_WAITs begun (`TcpExt: TW`).
    pub tw: Option<u64>,
    /// TIME_WAITs that a connect() took over (`TWRecycled`): `tcp_tw_reuse` at work.
    pub tw_recycled: Option<u64>,
    /// FIN_WAIT2 mini-sockets with a timer of 4 s or less (`TWKilled`).
    pub tw_killed: Option<u64>,
    /// TIME_WAITs refused for `tcp_max_tw_buckets` or memory (`TCPTimeWaitOverflow`).
    pub tw_overflow: Option<u64>,
    /// Connections rejected for an old timestamp while opening (`PAWSActive`).
    pub paws_active: Option<u64>,
    /// Segments rejected for an old timestamp (`PAWSEstab`).
    pub paws_estab: Option<u64>,
    /// Connections dropped for a full accept queue (`ListenOverflows`).
    pub listen_overflows: Option<u64>,
}

/// A file below `/proc/net` that holds counters. The kernel adds up each of them over all processors when it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CounterFile {
    /// `sockstat`: sockets of each protocol, and TIME_WAITs.
    Sockstat,
    /// `sockstat6`: AF_INET6 sockets of each protocol.
    Sockstat6,
    /// `snmp`: `CurrEstab`, `ActiveOpens`, `PassiveOpens`.
    Snmp,
    /// `netstat`: what became of TIME_WAITs, and refusals.
    Netstat,
    /// `protocols`: sockets of each protocol that are in its tables.
    Protocols,
}

impl CounterFile {
    /// All but the last, which only [`Counters::unlisted_tcp`] needs.
    pub const ALL: &[Self] = &[Self::Sockstat, Self::Sockstat6, Self::Snmp, Self::Netstat];
    /// Those with the present numbers of sockets, which `ss -s` shows.
    pub const SOCKETS: &[Self] = &[Self::Sockstat, Self::Sockstat6, Self::Snmp];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Sockstat => "sockstat",
            Self::Sockstat6 => "sockstat6",
            Self::Snmp => "snmp",
            Self::Netstat => "netstat",
            Self::Protocols => "protocols",
        }
    }
}

impl Counters {
    /// How many TCP sockets there can be that no table of the kernel lists: bound and idle, or not even bound. `None` where
    /// the counters do not tell.
    ///
    /// `alloc` counts the TCP sockets of the whole host. `sockets: used` counts those of all protocols in this namespace,
    /// though not the kernel's own, which the host's namespace may have (NFS, tunnels); UDP's are all taken for unlisted,
    /// for the same reason.
    #[must_use]
    pub fn unlisted_tcp(&self, initial_netns: bool) -> Option<u64> {
        let listed = self.tcp_inuse? + self.tcp6_inuse.unwrap_or(0);
        let by_alloc = self.tcp_alloc?.saturating_sub(listed);
        let used = self.sockets_used.zip(self.others_inuse).filter(|_| !initial_netns);
        Some(used.map_or(by_alloc, |(used, others)| by_alloc.min(used.saturating_sub(others))))
    }

    /// Takes over what one of these files says; their forms are told apart by their lines.
    pub fn parse(&mut self, text: &str) {
        if text.starts_with("protocol ") {
            self.others_inuse = Some(sockets_but_udp(text));
            return;
        }
        let mut lines = text.lines().peekable();
        while let Some(line) = lines.next() {
            let Some((section, rest)) = line.split_once(':') else { continue };
            // snmp and netstat: a line of names, then a line of values with the same section.
            let values = lines.peek().and_then(|next| next.strip_prefix(section)?.strip_prefix(':'));
            let starts_with_name =
                rest.split_ascii_whitespace().next().is_some_and(|word| word.parse::<i64>().is_err());
            match values {
                Some(values) if starts_with_name && first_is_number(values) => {
                    for (name, value) in rest.split_ascii_whitespace().zip(values.split_ascii_whitespace()) {
                        self.set(section, name, value);
                    }
                    lines.next();
                }
                // sockstat: names and values in turn.
                _ => {
                    let mut words = rest.split_ascii_whitespace();
                    while let (Some(name), Some(value)) = (words.next(), words.next()) {
                        self.set(section, name, value);
                    }
                }
            }
        }
    }

    /// Names in the kernel's spelling, values, and whether a value only ever grows.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, Option<u64>, bool)> {
        [
            ("sockets used", self.sockets_used, false),
            ("TCP inuse", self.tcp_inuse, false),
            ("TCP6 inuse", self.tcp6_inuse, false),
            ("TCP orphan", self.tcp_orphan, false),
            ("TCP tw", self.tcp_tw, false),
            ("TCP alloc", self.tcp_alloc, false),
            ("CurrEstab", self.curr_estab, false),
            ("ActiveOpens", self.active_opens, true),
            ("PassiveOpens", self.passive_opens, true),
            ("TW", self.tw, true),
            ("TWRecycled", self.tw_recycled, true),
            ("TWKilled", self.tw_killed, true),
            ("TCPTimeWaitOverflow", self.tw_overflow, true),
            ("PAWSActive", self.paws_active, true),
            ("PAWSEstab", self.paws_estab, true),
            ("ListenOverflows", self.listen_overflows, true),
        ]
        .into_iter()
    }

    fn set(&mut self, section: &str, name: &str, value: &str) {
        let field = match (section, name) {
            ("sockets", "used") => &mut self.sockets_used,
            ("TCP", "inuse") => &mut self.tcp_inuse,
            ("TCP6", "inuse") => &mut self.tcp6_inuse,
            ("TCP", "orphan") => &mut self.tcp_orphan,
            ("TCP", "tw") => &mut self.tcp_tw,
            ("TCP", "alloc") => &mut self.tcp_alloc,
            ("UDP", "inuse") => &mut self.udp_inuse,
            ("UDP6", "inuse") => &mut self.udp6_inuse,
            ("RAW", "inuse") => &mut self.raw_inuse,
            ("RAW6", "inuse") => &mut self.raw6_inuse,
            ("FRAG", "inuse") => &mut self.frag_inuse,
            ("FRAG6", "inuse") => &mut self.frag6_inuse,
            ("Tcp", "CurrEstab") => &mut self.curr_estab,
            ("Tcp", "ActiveOpens") => &mut self.active_opens,
            ("Tcp", "PassiveOpens") => &mut self.passive_opens,
            ("TcpExt", "TW") => &mut self.tw,
            ("TcpExt", "TWRecycled") => &mut self.tw_recycled,
            ("TcpExt", "TWKilled") => &mut self.tw_killed,
            ("TcpExt", "TCPTimeWaitOverflow") => &mut self.tw_overflow,
            ("TcpExt", "PAWSActive") => &mut self.paws_active,
            ("TcpExt", "PAWSEstab") => &mut self.paws_estab,
            ("TcpExt", "ListenOverflows") => &mut self.listen_overflows,
            _ => return,
        };
        *field = value.parse().ok();
    }
}

/// Of the table of `protocols` (net/core/sock.c, `proto_seq_printf`): the names, and in the third column the sockets.
fn sockets_but_udp(text: &str) -> u64 {
    let rows = text.lines().skip(1).filter(|row| !row.starts_with("UDP"));
    rows.filter_map(|row| row.split_ascii_whitespace().nth(2)?.parse::<u64>().ok()).sum()
}

fn first_is_number(values: &str) -> bool {
    values.split_ascii_whitespace().next().is_some_and(|word| word.parse::<i64>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_file_fills_its_fields() {
        let mut counters = Counters::default();
        counters.parse(
            "sockets: used 212\nTCP: inuse 33 orphan 1 tw 30000 alloc 47 mem 2\nUDP: inuse 3 mem 1\nRAW: inuse 0\n",
        );
        counters.parse("TCP6: inuse 12\nUDP6: inuse 1\nRAW6: inuse 0\nFRAG6: inuse 0 memory 0\n");
        counters.parse("Ip: Forwarding\nIp: 1\nTcp: RtoAlgorithm MaxConn ActiveOpens CurrEstab\nTcp: 1 -1 500 41\n");
        counters.parse("TcpExt: TW TWRecycled TCPTimeWaitOverflow\nTcpExt: 7 3 0\nIpExt: InNoRoutes\nIpExt: 0\n");
        assert_eq!((counters.sockets_used, counters.tcp_tw, counters.tcp_alloc), (Some(212), Some(30000), Some(47)));
        assert_eq!((counters.tcp6_inuse, counters.udp6_inuse), (Some(12), Some(1)));
        assert_eq!((counters.curr_estab, counters.active_opens), (Some(41), Some(500)));
        assert_eq!((counters.tw, counters.tw_recycled, counters.tw_overflow), (Some(7), Some(3), Some(0)));
        assert_eq!(counters.tw_killed, None, "what the kernel does not have is not zero");
    }

    #[test]
    fn sockets_in_no_table_are_what_is_left_over() {
        let mut counters = Counters::default();
        counters.parse("sockets: used 12\nTCP: inuse 3 orphan 0 tw 9 alloc 40 mem 2\nUDP: inuse 2 mem 1\n");
        assert_eq!(counters.unlisted_tcp(false), Some(37), "of the whole host, without the other file");
        counters.parse("TCP6: inuse 1\n");
        counters.parse(
            "protocol  size sockets  memory press maxhdr  slab module     cl co\n\
             PACKET    1600      1      -1   NI       0   no   kernel      n  n\n\
             UDPv6     1472      1       0   NI       0   yes  kernel      y  y\n\
             UNIX-STREAM 1152    2      -1   NI       0   yes  kernel      n  n\n\
             UDP       1344      2       0   NI       0   yes  kernel      y  y\n\
             TCP       2304      3       0   no     192   yes  kernel      y  y\n\
             TCPv6     2304      1       0   no     192   yes  kernel      y  y\n",
        );
        assert_eq!(counters.unlisted_tcp(false), Some(5), "three of UDP, two of TCP or anything");
        assert_eq!(counters.unlisted_tcp(true), Some(36));
        assert_eq!(Counters::default().unlisted_tcp(false), None);
    }

    #[test]
    fn nonsense_is_left_out() {
        let mut counters = Counters::default();
        counters.parse("TCP: inuse many orphan\nTcp: ActiveOpens\nno colon\n:\nTCP:\n");
        assert_eq!(counters, Counters::default());
    }
}
