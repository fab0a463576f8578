use std::net::{IpAddr, SocketAddr};

use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};
use twscan_core::filter::{Comparison, Filter, Prefix, Side};
use twscan_core::sock_diag::DumpRequest;
use twscan_core::socket::StateSet;
use twscan_lab::{Connection, Dial, First, Listener, Netns, Options, test_in_netns};

use crate::rows::{Row, Rows, for_each};

#[test]
fn bytecode_drops_no_wanted_socket() -> Result<(), twscan_lab::Error> {
    test_in_netns(|_| {
        for _ in 0..TABLES {
            let net = Netns::new().unwrap();
            let _table = Table::make(&net);
            net.run(|| runner(FILTERS).run(&filters(own_cgroup()), |filter| compare(&filter)).unwrap()).unwrap();
        }
    })
}

#[test]
fn a_filter_of_any_length_is_taken() -> Result<(), twscan_lab::Error> {
    test_in_netns(|net| {
        let _table = Table::make(net);
        net.run(|| {
            for count in [10, 60, 64, 65, 100, 10_000] {
                let ports = (0..count).map(|port| Filter::Port(Side::Local, Comparison::Eq, port + 1));
                let any = Filter::Or(ports.collect());
                compare(&any).unwrap();
                compare(&Filter::Not(Box::new(any.clone()))).unwrap();
                compare(&Filter::And(vec![any, Filter::Port(Side::Remote, Comparison::Ge, 1)])).unwrap();
            }
        })
        .unwrap();
    })
}

/// Bytecode and predicate against the predicate on every socket there is.
fn compare(filter: &Filter) -> Result<(), TestCaseError> {
    // Bound-but-idle sockets too, where the kernel has them.
    let request = DumpRequest::one_walk(StateSet::PORT_HOLDERS);
    let mut wanted = Vec::new();
    for_each(&request, &[], |record| wanted.extend(filter.matches(record).then(|| Row::of(record))));
    let wanted = Rows::of(wanted);
    let (mut passed, mut judged) = (Vec::new(), Vec::new());
    for_each(&request, &filter.bytecode(), |record| {
        passed.push(Row::of(record));
        judged.extend(filter.matches(record).then(|| Row::of(record)));
    });
    prop_assert_eq!(&Rows::of(judged), &wanted, "{}", filter);
    // Where nothing had to be left out of the bytecode, the kernel alone is right.
    if conditions(filter) < 28 {
        prop_assert_eq!(&Rows::of(passed), &wanted, "{}", filter);
    }
    Ok(())
}

fn conditions(filter: &Filter) -> usize {
    match filter {
        Filter::And(parts) | Filter::Or(parts) => parts.iter().map(conditions).sum(),
        Filter::Not(inner) => conditions(inner),
        _ => 1,
    }
}

/// Connections between random ends, some of them closed.
struct Table {
    _listeners: Vec<Listener>,
    _open: Vec<Connection>,
}

impl Table {
    fn make(net: &Netns) -> Self {
        net.set_sysctl("net.ipv4.tcp_tw_reuse", "0").unwrap();
        // Away from the ports that are bound below.
        net.set_port_range(50_000, 60_999).unwrap();
        for address in ["10.1.2.3", "192.0.2.1", "fd00::1"] {
            let address: IpAddr = address.parse().unwrap();
            net.add_address("lo", address, if address.is_ipv4() { 32 } else { 128 }).unwrap();
        }
        let mut table = Self { _listeners: Vec::new(), _open: Vec::new() };
        let strategy = (0usize..3, select(ADDRESSES.to_vec()), select(ADDRESSES.to_vec()), any::<[bool; 3]>(), 0u32..4);
        let mut runner = runner(0);
        net.run(|| {
            for number in 0..CONNECTIONS {
                let drawn = strategy.new_tree(&mut runner).unwrap().current();
                let (family, from, to, [is_open, is_bound, is_any], mark) = drawn;
                let (from, to) = (address(FAMILIES[family], from), address(FAMILIES[family], to));
                let listen = if is_any { unspecified(to) } else { to };
                let listener = Listener::bind(SocketAddr::new(listen, LISTEN_PORT + number)).unwrap();
                let device = is_bound.then(|| "lo".to_owned());
                let options = Options { device, mark: Some(mark), ..Options::default() };
                let port = if is_any { 0 } else { CLIENT_PORT + number };
                let dial =
                    Dial::to(SocketAddr::new(to, LISTEN_PORT + number)).from(SocketAddr::new(from, port)).with(options);
                let connection = listener.connection(&dial).unwrap().unwrap();
                if is_open {
                    table._open.push(connection);
                } else {
                    connection.close(First::Client).unwrap();
                }
                table._listeners.push(listener);
            }
        })
        .unwrap();
        table
    }
}

#[derive(Debug, Clone, Copy)]
enum Family {
    V4,
    V6,
    Mapped,
}

const FAMILIES: [Family; 3] = [Family::V4, Family::V6, Family::Mapped];

fn address(family: Family, (v4, v6): (&str, &str)) -> IpAddr {
    match family {
        Family::V4 => v4.parse().unwrap(),
        Family::V6 => v6.parse().unwrap(),
        Family::Mapped => format!("::ffff:{v4}").parse().unwrap(),
    }
}

fn unspecified(like: IpAddr) -> IpAddr {
    if like.is_ipv4() { IpAddr::from([0; 4]) } else { IpAddr::from([0u8; 16]) }
}

fn runner(cases: u32) -> TestRunner {
    // The tables are made anew each time, so a remembered seed would not repeat a failure.
    TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() })
}

/// The cgroup of the sockets made here.
fn own_cgroup() -> u64 {
    let mut id = 0;
    for_each(&DumpRequest::one_walk(StateSet::LISTEN), &[], |record| id = record.cgroup_id().unwrap_or(id));
    id
}

fn filters(cgroup: u64) -> impl Strategy<Value = Filter> {
    let side = || select(vec![Side::Local, Side::Remote]);
    let comparison =
        select(vec![Comparison::Eq, Comparison::Ne, Comparison::Lt, Comparison::Le, Comparison::Gt, Comparison::Ge]);
    let port =
        || prop_oneof![LISTEN_PORT..LISTEN_PORT + CONNECTIONS, CLIENT_PORT..CLIENT_PORT + CONNECTIONS, any::<u16>()];
    let prefix = (0usize..3, select(ADDRESSES.to_vec()), any::<u8>()).prop_map(|(family, ends, len)| {
        let address = address(FAMILIES[family], ends);
        Prefix::new(address, len % if address.is_ipv4() { 33 } else { 129 }).unwrap()
    });
    let condition = prop_oneof![
        (side(), comparison, port()).prop_map(|(side, comparison, port)| Filter::Port(side, comparison, port)),
        (side(), proptest::option::weighted(0.9, prefix), proptest::option::weighted(0.2, port()))
            .prop_map(|(side, prefix, port)| Filter::Host(side, prefix, port)),
        (0u32..3).prop_map(Filter::Device),
        (0u32..4, prop_oneof![Just(u32::MAX), 0u32..4]).prop_map(|(mark, mask)| Filter::Mark { mark, mask }),
        select(vec![0, cgroup, cgroup + 1]).prop_map(Filter::Cgroup),
    ];
    condition.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 2..4).prop_map(Filter::And),
            proptest::collection::vec(inner.clone(), 2..4).prop_map(Filter::Or),
            inner.prop_map(|inner| Filter::Not(Box::new(inner))),
        ]
    })
}

const TABLES: usize = 6;
const FILTERS: u32 = 150;
const CONNECTIONS: u16 = 24;
const LISTEN_PORT: u16 = 8000;
const CLIENT_PORT: u16 = 40_000;
/// Addresses of this host, of both families.
const ADDRESSES: [(&str, &str); 4] =
    [("127.0.0.1", "::1"), ("127.0.0.9", "::1"), ("10.1.2.3", "fd00::1"), ("192.0.2.1", "fd00::1")];
