//! What the library says is left, held against a private network namespace, by every source. What the kernel then grants
//! is the matter of `twscan selftest`.
#![cfg(all(feature = "live", target_os = "linux"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says what it expects by failing")]

use std::net::SocketAddr;

use twscan_core::Scan;
use twscan_core::budget::{Certainty, PortBudget, Reason, Zone};
use twscan_core::host::{Host, Source};
use twscan_lab::{Dial, First, Listener, Options, bind_tcp, connect_until_fails, test_in_netns, time_waits};

type Outcome = Result<(), twscan_lab::Error>;

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn budget(source: Source, to: &str) -> PortBudget {
    Scan::of(Host::live().with_source(source)).budget_to(at(to)).unwrap()
}

#[test]
fn every_source_counts_alike_and_says_what_it_does_not_see() -> Outcome {
    test_in_netns(|net| {
        net.set_port_range(40_000, 40_019).unwrap();
        net.set_sysctl("net.ipv4.tcp_tw_reuse", "0").unwrap();
        net.run(|| {
            let service = Listener::bind(at("[::]:9101")).unwrap();
            let live = connect_until_fails(&Dial::to(at("127.0.0.1:9101")), &service, 4).unwrap();
            let _ = time_waits(&Dial::to(at("[::ffff:127.0.0.1]:9101")), &service, 3, First::Client).unwrap();
            // In a walk of its own for each family, the one that blocks comes after those that it blocks.
            let idle = bind_tcp(at("[::1]:40017"), &Options::default()).unwrap();
            let chosen = Dial::to(at("127.0.0.2:9101")).from(at("127.0.0.9:40019"));
            let explicit = connect_until_fails(&chosen, &service, 1).unwrap();
            for source in [Source::NetlinkOneWalk, Source::NetlinkTwoWalks] {
                let seen = budget(source, "127.0.0.1:9101");
                assert_eq!((seen.capacity(), seen.free()), (18, 11), "{source:?}");
                assert_eq!((seen.ports().live, seen.ports().time_wait), (4, 3));
                assert_eq!((seen.certainty(), seen.zone()), (Certainty::Exact, Zone::Fast), "{:?}", seen.reasons());
                assert_eq!(seen, budget(source, "[::ffff:127.0.0.1]:9101"));
            }
            let seen = budget(Source::Procfs, "127.0.0.1:9101");
            assert_eq!((seen.capacity(), seen.used(), seen.certainty()), (20, 7, Certainty::Estimate));
            let [Reason::Unsure(1), Reason::IdleHidden(most), Reason::ExplicitNotShown] = *seen.reasons() else {
                panic!("{:?}", seen.reasons())
            };
            // The one that is, and whatever closed a moment ago.
            assert!((1..5).contains(&most), "{most}");
            assert_eq!(seen.free_min(), 20 - 8 - most);
            drop((live, idle, explicit));
        })
        .unwrap();
    })
}

#[test]
fn a_destination_without_a_route_has_no_source_address() -> Outcome {
    test_in_netns(|net| {
        net.run(|| {
            let error = Scan::new().budget_to(at("192.0.2.1:80")).unwrap_err();
            assert_eq!(
                error.chain(),
                "no route to 192.0.2.1:80, which would tell the source address of connections to there: \
                 Network is unreachable (os error 101)"
            );
            let named = Scan::new().budget_between([10, 0, 0, 1].into(), at("192.0.2.1:80")).unwrap();
            assert_eq!(named.free(), named.capacity());
        })
        .unwrap();
    })
}
