//! How often the kernel's table is walked for an answer.
#![cfg(all(feature = "live", target_os = "linux"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says what it expects by failing")]

use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use twscan_core::Scan;
use twscan_core::budget::PortBudget;
use twscan_core::filter::{Filter, NumbersOnly};
use twscan_core::host::Host;
use twscan_core::procfs::{CounterFile, ProcFs};
use twscan_core::sample::{Incomplete, Sampler};
use twscan_core::socket::{SocketRecord, StateSet};
use twscan_core::tally::Role;
use twscan_core::transport::{Cancel, Script};
use twscan_core::wire::{InetDiagMsgBuilder, NLM_F_MULTI, append_message, kind};
use twscan_lab::test_in_netns;

const TIME_WAIT: u8 = 6;
/// Dumps to a look: of the listeners, and of all.
const LOOK: usize = 2;

/// A host with the ports 40000 to 40019, TIME_WAITs on eleven of them and, by sockstat, so many sockets; and the dumps it
/// was asked for.
struct Counting {
    host: Host,
    dumps: Arc<AtomicUsize>,
    _proc: tempfile::TempDir,
}

impl Counting {
    fn new(alloc: u32) -> Self {
        Self::seen(alloc, |_| {})
    }

    /// With something done before each dump.
    fn seen(alloc: u32, before: impl Fn(usize) + Send + Sync + 'static) -> Self {
        let proc = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = proc.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("sys/net/ipv4/ip_local_port_range", "40000\t40019\n");
        write("sys/net/ipv4/tcp_tw_reuse", "0\n");
        write("thread-self/net/sockstat", &format!("TCP: inuse 0 orphan 0 tw 11 alloc {alloc} mem 0\n"));
        let dumps = Arc::new(AtomicUsize::new(0));
        let seen = dumps.clone();
        let open = move || {
            before(seen.fetch_add(1, Ordering::Relaxed));
            let mut answer = Vec::new();
            // As connect() takes them: the low parity, and then the other.
            for port in (40_000..40_020).step_by(2).chain([40_001]) {
                let mut socket = Vec::new();
                InetDiagMsgBuilder::new(TIME_WAIT)
                    .local(([10, 0, 0, 1], port).into())
                    .remote(([10, 0, 0, 2], 443).into())
                    .cookie(port.into())
                    .append_payload(&mut socket);
                append_message(kind::TCPDIAG_GETSOCK, NLM_F_MULTI, 0, 0, &socket, &mut answer);
            }
            append_message(kind::DONE, NLM_F_MULTI, 0, 0, &0i32.to_ne_bytes(), &mut answer);
            Ok(Box::new(Script::new([Ok(answer)])) as Box<_>)
        };
        Self { host: Host::new(open, ProcFs::new(proc.path())), dumps, _proc: proc }
    }

    fn dumps(&self) -> usize {
        self.dumps.load(Ordering::Relaxed)
    }
}

/// Eleven of twenty are held: nine more fill the range.
#[test]
fn a_sample_looks_again_where_ports_held_by_bind_could_change_a_zone() {
    for (alloc, dumps, exact) in [(0, LOOK, false), (9, 2 * LOOK, true)] {
        // Whatever counters are asked for: the bound is the sampler's own business.
        for counters in [CounterFile::ALL, &[]] {
            let counting = Counting::new(alloc);
            let sample = Sampler::new(&counting.host).counters(counters).take().unwrap();
            assert_eq!((sample.states.total(), counting.dumps()), (11, dumps), "alloc {alloc}");
            assert_eq!((sample.holders.is_some(), sample.asked), (exact, StateSet::ALL), "alloc {alloc}");
        }
    }
}

/// The first look's counts are whole all the same.
#[test]
fn a_second_look_that_is_cancelled_leaves_the_first() {
    let cancel = Cancel::new();
    let handle = cancel.clone();
    let counting = Counting::seen(1000, move |dump| {
        if dump == LOOK {
            handle.cancel();
        }
    });
    let sample = Sampler::new(&counting.host.with_cancel(cancel)).take().unwrap();
    assert_eq!((sample.states.total(), sample.holders.is_some()), (11, false));
    assert!(matches!(sample.provenance.incomplete, Some(Incomplete::Cancelled)), "{:?}", sample.provenance);
}

#[test]
fn only_samples_of_everything_judge_and_look_again() {
    let everything = Counting::new(1000);
    let nobody = |_: &SocketRecord<'_>, _: Role| false;
    assert_eq!(Sampler::new(&everything.host).wanted(nobody).take().unwrap().states.total(), 0);
    assert_eq!(everything.dumps(), LOOK, "what is not counted has no zone");
    let counting = Counting::new(1000);
    let one = |record: &SocketRecord<'_>, _: Role| record.local_port() == 40_000;
    let sample = Sampler::new(&counting.host).wanted(one).take().unwrap();
    assert_eq!(
        (sample.states.total(), counting.dumps()),
        (1, 2 * LOOK),
        "what is wanted restricts only what is counted"
    );
    assert_eq!(sample.holders.unwrap().tuples().map(|(_, held)| held.len()).sum::<u32>(), 11);
    let restricted: [fn(Sampler<'_>) -> Sampler<'_>; 2] = [
        |sampler| sampler.states(StateSet::TIME_WAIT),
        |sampler| sampler.filter(Filter::parse("dst 10.0.0.2", &NumbersOnly).unwrap()),
    ];
    for restrict in restricted {
        let counting = Counting::new(1000);
        assert!(restrict(Sampler::new(&counting.host)).take().unwrap().holders.is_none());
        assert_eq!(counting.dumps(), LOOK);
    }
}

/// Destinations on the loopback, and two that a namespace without a route cannot reach.
#[test]
fn the_budgets_of_many_destinations_are_one_walk_and_no_route_is_of_one_alone() -> Result<(), twscan_lab::Error> {
    test_in_netns(|net| {
        net.run(|| {
            let to = |text: &str| text.parse::<SocketAddr>().unwrap();
            let Counting { host, dumps, _proc } = Counting::new(0);
            let scan = Scan::of(host);
            let destinations = ["10.9.9.9:443", "127.0.0.1:80", "[::1]:80", "[fd00::9]:443", "127.0.0.2:80"].map(to);
            let budgets = scan.budgets_to(&destinations).unwrap();
            assert_eq!(dumps.swap(0, Ordering::Relaxed), LOOK);
            let found: Vec<_> = budgets.iter().map(|budget| budget.as_ref().map(PortBudget::free).ok()).collect();
            assert_eq!(found, [None, Some(20), Some(20), None, Some(20)]);
            for (destination, budget) in destinations.iter().zip(budgets) {
                match (budget, scan.budget_to(*destination)) {
                    (Ok(one), Ok(other)) => assert_eq!(one, other),
                    (Err(one), Err(other)) => assert_eq!(one.to_string(), other.to_string()),
                    (one, other) => panic!("{one:?} and {other:?}"),
                }
            }
            assert_eq!(dumps.load(Ordering::Relaxed), destinations.len() * LOOK, "what the one walk spares");
        })
        .unwrap();
    })
}
