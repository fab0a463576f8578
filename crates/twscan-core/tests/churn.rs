//! Walks while connections come and go: no error, TIME_WAIT within what sockstat said before and after, and a standing
//! population counted exactly on the host's shared table.
//!
//! Small here; the full size is `TWSCAN_CHURN=full cargo test --release -p twscan-core --test churn -- --nocapture`, whose
//! figures are kept in crates/twscan/docs/robustness.md.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests say what they expect by failing")]
#![allow(clippy::print_stderr, reason = "figures are told to who runs the full size")]

use std::net::{IpAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use twscan_core::host::Host;
use twscan_core::procfs::ProcFs;
use twscan_core::sample::{Sample, Sampler};
use twscan_core::socket::{SocketRecord, TcpState};
use twscan_core::tally::Role;
use twscan_lab::{Netns, raise_open_files, test_in_netns};

/// How much of it: pairs of standing sockets, walks.
#[derive(Debug, Clone, Copy)]
struct Size {
    pairs: usize,
    walks: usize,
}

fn size() -> Size {
    match std::env::var("TWSCAN_CHURN").as_deref() {
        Ok("full") => Size { pairs: 5_000, walks: 200 },
        _ => Size { pairs: 400, walks: 25 },
    }
}

/// What walks under churn found.
#[derive(Debug, Default)]
struct Found {
    exact: usize,
    missed: u64,
    duplicates: u64,
    approximate: usize,
    outside_sockstat: usize,
    connections: u64,
    seconds: f64,
}

const STANDING: u16 = 9_500;

/// Sockets of the standing population in a sample that holds nothing else.
fn walk(host: &Host) -> Sample {
    let standing = |record: &SocketRecord<'_>, _: Role| {
        record.state() != TcpState::Established || [record.local_port(), record.remote_port()].contains(&STANDING)
    };
    Sampler::new(host).wanted(standing).take().unwrap()
}

fn time_waits(host: &Host) -> u64 {
    host.procfs().counters().unwrap().tcp_tw.unwrap()
}

fn under_churn(size: Size) -> Found {
    raise_open_files().unwrap();
    let standing = TcpListener::bind(("127.0.0.1", STANDING)).unwrap();
    let pairs: Vec<(TcpStream, TcpStream)> = (0..size.pairs)
        .map(|_| (TcpStream::connect(("127.0.0.1", STANDING)).unwrap(), standing.accept().unwrap().0))
        .collect();
    let stop = AtomicBool::new(false);
    let connections = AtomicU64::new(0);
    let host = Host::live();
    let started = Instant::now();
    let mut found = Found::default();
    std::thread::scope(|scope| {
        for worker in 0..2u8 {
            let (stop, connections) = (&stop, &connections);
            scope.spawn(move || churn(worker, stop, connections));
        }
        for _ in 0..size.walks {
            let before = time_waits(&host);
            let sample = walk(&host);
            let after = time_waits(&host);
            assert!(sample.provenance.complete());
            let seen = sample.states.of(TcpState::Established).total();
            let expected = pairs.len() as u64 * 2;
            found.exact += usize::from(seen == expected);
            found.missed += expected.abs_diff(seen);
            found.duplicates += sample.provenance.dump.duplicates;
            found.approximate += usize::from(sample.provenance.approximate.is_some());
            let parked = sample.states.of(TcpState::TimeWait).total() + sample.states.fin_wait2_mini().unwrap();
            // A connection under way may be counted on one side and not yet on the other.
            let slack = 4;
            let within = before.saturating_sub(slack) <= parked && parked <= after + slack;
            found.outside_sockstat += usize::from(!within);
        }
        stop.store(true, Ordering::Relaxed);
    });
    found.seconds = started.elapsed().as_secs_f64();
    found.connections = connections.load(Ordering::Relaxed);
    found
}

/// Opens and closes connections, each to another address once a range is half used.
fn churn(worker: u8, stop: &AtomicBool, connections: &AtomicU64) {
    for host in 1..=250u8 {
        let address = IpAddr::from([127, 10 + worker, 0, host]);
        let listener = TcpListener::bind((address, 9_600)).unwrap();
        for _ in 0..10_000 {
            if stop.load(Ordering::Relaxed) {
                return;
            }
            let client = TcpStream::connect((address, 9_600)).unwrap();
            let (server, _) = listener.accept().unwrap();
            drop(client);
            drop(server);
            connections.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn quiet(net: &Netns) {
    net.set_sysctl("net.ipv4.tcp_tw_reuse", "0").unwrap();
}

#[test]
fn a_standing_population_is_counted_exactly_on_the_shared_table() -> Result<(), twscan_lab::Error> {
    test_in_netns(|net| {
        quiet(net);
        let size = size();
        let found = net.run(|| under_churn(size)).unwrap();
        eprintln!("shared table, {size:?}: {found:?}");
        assert_eq!((found.exact, found.missed), (size.walks, 0), "{found:?}");
        assert_eq!(found.outside_sockstat, 0, "{found:?}");
        assert!(found.connections > 0);
    })
}

#[test]
fn a_crowded_table_of_ones_own_is_named() -> Result<(), twscan_lab::Error> {
    test_in_netns(|parent| {
        for buckets in ["16", "1024"] {
            parent.set_sysctl("net.ipv4.tcp_child_ehash_entries", buckets).unwrap();
            let net = parent.run(|| Netns::new().unwrap()).unwrap();
            quiet(&net);
            net.set_sysctl("net.ipv4.tcp_max_tw_buckets", "200000").unwrap();
            let size = size();
            let found = net.run(|| under_churn(size)).unwrap();
            // No mark to pass: here the kernel itself skips and repeats.
            eprintln!("{buckets} buckets, {size:?}: {found:?}");
            if buckets == "16" {
                assert_eq!(found.approximate, size.walks, "{found:?}");
            }
        }
        let table = ProcFs::default().settings().unwrap().ehash_entries;
        assert!(table.is_none_or(|entries| entries != 16), "the host's own is untouched");
    })
}
