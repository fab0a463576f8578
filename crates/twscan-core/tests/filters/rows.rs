use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::Command;

use twscan_core::filter::Filter;
use twscan_core::host::{Host, Source};
use twscan_core::sock_diag::{Dump, DumpRequest};
use twscan_core::socket::{SocketRecord, StateSet, TcpState};
use twscan_core::transport::NetlinkSocket;

/// A socket as a row of ss shows it; addresses are not folded, so that v4-mapped sockets differ from IPv4 ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Row {
    pub(crate) state: TcpState,
    pub(crate) local: SocketAddr,
    pub(crate) remote: SocketAddr,
}

impl Row {
    pub(crate) fn of(record: &SocketRecord<'_>) -> Self {
        Self {
            state: record.state(),
            local: SocketAddr::new(record.raw_local_addr(), record.local_port()),
            remote: SocketAddr::new(record.raw_remote_addr(), record.remote_port()),
        }
    }

    /// Reads `[STATE] RECV-Q SEND-Q LOCAL PEER`: the state is left out where only one was asked for, and `*` is the
    /// unspecified address of a socket for both families.
    fn of_ss(line: &str, only: Option<TcpState>) -> Self {
        let mut fields: Vec<&str> = line.split_whitespace().collect();
        let state = if fields.len() == 4 { only } else { TcpState::from_name(fields.remove(0)) };
        let end = |text: &str| {
            let (address, port) = text.rsplit_once(':').unwrap();
            let address = address.split('%').next().unwrap().trim_matches(['[', ']']);
            let address = match address {
                "*" => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
                "0.0.0.0" => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
                address => address.parse().unwrap(),
            };
            SocketAddr::new(address, if port == "*" { 0 } else { port.parse().unwrap() })
        };
        Self { state: state.unwrap(), local: end(fields[2]), remote: end(fields[3]) }
    }
}

/// How often each row is there. Bound-but-idle sockets are left out: whether ss asks for them depends on its version.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Rows(BTreeMap<Row, usize>);

impl Rows {
    pub(crate) fn of(rows: impl IntoIterator<Item = Row>) -> Self {
        let mut counts = BTreeMap::new();
        for row in rows.into_iter().filter(|row| row.state != TcpState::Close) {
            *counts.entry(row).or_insert(0) += 1;
        }
        Self(counts)
    }

    pub(crate) fn of_ss(words: &str) -> Self {
        let output = Command::new("ss").arg("-tanH").args(words.split_whitespace()).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success() && said.is_empty(), "ss -tanH {words}: {said}");
        let mut words = words.split_whitespace();
        let only = words.next() == Some("state");
        let only = words.next().filter(|_| only && words.next() != Some("state")).and_then(TcpState::from_name);
        Self::of(String::from_utf8(output.stdout).unwrap().lines().map(|line| Row::of_ss(line, only)))
    }

    /// What a source gives for the filter: its bytecode in the kernel, its predicate on what comes.
    pub(crate) fn of_source(source: Source, states: StateSet, filter: Option<&Filter>) -> Self {
        let bytecode = filter.map(Filter::bytecode).unwrap_or_default();
        let mut rows = Vec::new();
        let mut take = |record: &SocketRecord<'_>| {
            if filter.is_none_or(|filter| filter.matches(record)) {
                rows.push(Row::of(record));
            }
        };
        match source {
            Source::NetlinkOneWalk => for_each(&DumpRequest::one_walk(states), &bytecode, take),
            Source::NetlinkTwoWalks => {
                for_each(&DumpRequest::inet(states), &bytecode, &mut take);
                for_each(&DumpRequest::inet6(states), &bytecode, &mut take);
            }
            _ => Host::live().with_source(source).sockets(states, &bytecode).unwrap().observe(&mut take).unwrap(),
        }
        Self::of(rows)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.values().sum()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Row> {
        self.0.iter().flat_map(|(row, count)| std::iter::repeat_n(*row, *count))
    }
}

/// Shows every socket of a dump. Not by `Host`, which would ask again without bytecode that the kernel refuses.
pub(crate) fn for_each(request: &DumpRequest, bytecode: &[u8], mut take: impl FnMut(&SocketRecord<'_>)) {
    let request = request.clone().bytecode(bytecode.to_vec());
    let mut dump = Dump::start(NetlinkSocket::open().unwrap(), &request).unwrap();
    while let Some(batch) = dump.next_batch().unwrap_or_else(|error| panic!("{bytecode:?}: {error:?}")) {
        for record in batch {
            take(&record);
        }
    }
}
