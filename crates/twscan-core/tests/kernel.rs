//! What the library counts, held against sockets made in a private network namespace.
#![cfg(all(feature = "live", target_os = "linux"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says what it expects by failing")]

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use twscan_core::host::{Host, Source};
use twscan_core::sample::{Sample, Sampler};
use twscan_core::socket::{Family, SocketRecord, StateSet, TIME_WAIT_LENGTH, TcpState};
use twscan_core::tally::Role;
use twscan_core::{Count, Scan};
use twscan_lab::{Dial, First, Listener, Netns, every_state, test_in_netns, time_waits};

type Outcome = Result<(), twscan_lab::Error>;

const SOURCES: [Source; 3] = [Source::NetlinkOneWalk, Source::NetlinkTwoWalks, Source::Procfs];

fn sample(source: Source, states: StateSet) -> Sample {
    let host = Host::live().with_source(source);
    let sample = Sampler::new(&host).states(states).take().unwrap();
    assert!(sample.provenance.complete());
    assert_eq!(sample.provenance.source, Some(source));
    sample
}

fn make_time_waits(net: &Netns, to: &str, count: usize, first: First) {
    let to: SocketAddr = to.parse().unwrap();
    net.run(|| close_each(&Dial::to(to), &Listener::bind(to).unwrap(), count, first)).unwrap();
}

fn close_each(dial: &Dial, listener: &Listener, count: usize, first: First) {
    assert_eq!(time_waits(dial, listener, count, first).unwrap().count, count);
}

#[test]
fn time_waits_are_counted_once_with_their_time_left() -> Outcome {
    test_in_netns(|net| {
        net.set_sysctl("net.ipv4.tcp_tw_reuse", "0").unwrap();
        make_time_waits(net, "127.0.0.1:8080", 500, First::Client);
        make_time_waits(net, "[::1]:8081", 300, First::Client);
        make_time_waits(net, "[::ffff:127.0.0.1]:8082", 200, First::Client);
        net.run(|| {
            for source in SOURCES {
                let seen = sample(source, StateSet::ALL);
                let time_wait = seen.states.of(TcpState::TimeWait);
                assert_eq!((time_wait.ipv4, time_wait.ipv6, time_wait.mapped), (700, 300, 200), "{source:?}");
                let longest = Duration::from_secs(62);
                let mut in_bounds = 0;
                let scan = Scan::of(Host::live().with_source(source)).state(TcpState::TimeWait);
                let outcome = scan
                    .tally(&mut |record: &SocketRecord<'_>| {
                        in_bounds += u32::from(
                            record.expires() <= Some(longest) && record.time_wait_age(TIME_WAIT_LENGTH).is_some(),
                        );
                        assert_eq!((record.uid(), record.inode()), (Some(0), Some(0)), "the kernel keeps no owner");
                    })
                    .unwrap();
                assert!(outcome.interruption.is_none());
                assert_eq!(in_bounds, 1000);
            }
        })
        .unwrap();
    })
}

#[test]
fn the_side_that_closes_first_tells_the_role() -> Outcome {
    test_in_netns(|net| {
        net.set_sysctl("net.ipv4.tcp_tw_reuse", "0").unwrap();
        let to: SocketAddr = "127.0.0.1:8080".parse().unwrap();
        net.run(|| {
            let listener = Listener::bind(to).unwrap();
            close_each(&Dial::to(to), &listener, 40, First::Client);
            let from_another = Dial::to(to).from_ip(IpAddr::from([127, 0, 0, 2]));
            close_each(&from_another, &listener, 30, First::Server);
            for source in SOURCES {
                let roles = sample(source, StateSet::TIME_WAIT).destinations.time_wait().clone();
                assert_eq!((roles.outbound, roles.inbound, roles.ambiguous), (40, 30, 0), "{source:?}");
            }
            drop(listener);
            let roles = sample(Source::NetlinkOneWalk, StateSet::TIME_WAIT).destinations.time_wait().clone();
            assert_eq!((roles.outbound, roles.inbound, roles.ambiguous), (40, 0, 30), "the listener is gone");
        })
        .unwrap();
    })
}

#[test]
fn every_state_is_counted_alike_by_every_source() -> Outcome {
    test_in_netns(|net| {
        net.run(|| {
            for ip in ["127.0.0.1", "::1"] {
                let made = every_state(ip.parse().unwrap(), 3).unwrap();
                let family = |state| {
                    let counts = sample(Source::NetlinkOneWalk, StateSet::PORT_HOLDERS).states.of(state);
                    if ip == "::1" { counts.ipv6 } else { counts.ipv4 }
                };
                for (name, expected) in made.expected() {
                    let state = TcpState::from_name(name).unwrap();
                    assert_eq!(family(state), *expected as u64, "{name} to {ip}");
                }
                let minis = sample(Source::NetlinkOneWalk, StateSet::ALL).states.fin_wait2_mini().unwrap();
                assert!(minis >= made.fin_wait2_minis() as u64, "{minis} mini-sockets");
                let [one, two, procfs] = SOURCES.map(|source| sample(source, StateSet::ALL));
                assert_eq!(one.states, two.states);
                assert_eq!(one.states, procfs.states);
                let groups = |sample: &Sample| {
                    let mut groups: Vec<_> =
                        sample.destinations.iter().map(|(key, counts)| (key, counts.sockets())).collect();
                    groups.sort();
                    groups
                };
                assert_eq!(groups(&one), groups(&two));
                assert_eq!(groups(&one), groups(&procfs));
            }
        })
        .unwrap();
    })
}

#[test]
fn mapped_sockets_share_the_ipv4_group() -> Outcome {
    test_in_netns(|net| {
        net.set_sysctl("net.ipv4.tcp_tw_reuse", "0").unwrap();
        net.run(|| {
            let to: SocketAddr = "127.0.0.1:8080".parse().unwrap();
            let listener = Listener::bind("[::]:8080".parse().unwrap()).unwrap();
            close_each(&Dial::to(to), &listener, 11, First::Client);
            close_each(&Dial::to("[::ffff:127.0.0.1]:8080".parse().unwrap()), &listener, 7, First::Client);
            let seen = sample(Source::NetlinkOneWalk, StateSet::TIME_WAIT);
            let outbound: Vec<_> = seen.destinations.iter().filter(|(key, _)| key.role == Role::Outbound).collect();
            assert_eq!(outbound.len(), 1);
            assert_eq!(outbound[0].1.sockets(), 18);
            assert_eq!(outbound[0].0.destination, Some(to.ip()));
            let Count { sockets, complete, .. } = Scan::new().state(TcpState::TimeWait).to(to).count().unwrap();
            assert_eq!((sockets, complete), (18, true));
            let mut mapped = 0;
            let outcome = Scan::new().state(TcpState::TimeWait).tally(&mut |record: &SocketRecord<'_>| {
                assert_eq!(record.family(), Family::V4);
                mapped += u32::from(record.is_v4_mapped());
            });
            assert!(outcome.unwrap().interruption.is_none());
            assert_eq!(mapped, 7);
        })
        .unwrap();
    })
}

#[test]
fn no_socket_comes_twice_and_none_is_lost_in_a_dump_of_many_datagrams() -> Outcome {
    test_in_netns(|net| {
        net.set_sysctl("net.ipv4.tcp_tw_reuse", "0").unwrap();
        make_time_waits(net, "127.0.0.1:8080", 12_000, First::Client);
        net.run(|| {
            let mut cookies = std::collections::HashSet::new();
            let outcome = Scan::new()
                .state(TcpState::TimeWait)
                .tally(&mut |record: &SocketRecord<'_>| assert!(cookies.insert(record.cookie().unwrap())))
                .unwrap();
            assert_eq!(cookies.len(), 12_000);
            assert!(outcome.dump.datagrams > 10);
            let tw = Host::live().procfs().counters().unwrap().tcp_tw;
            assert_eq!(tw, Some(12_000));
        })
        .unwrap();
    })
}

/// The views and the named codec read the same from what the kernel really sends.
#[test]
fn views_equal_the_oracle_on_the_kernels_own_bytes() -> Outcome {
    use netlink_packet_core::Parseable;
    use netlink_packet_sock_diag::inet::InetResponseHeader;
    use twscan_core::sock_diag::DumpRequest;
    use twscan_core::transport::{BUFFER_LEN, NetlinkSocket, Transport};
    use twscan_core::wire::{InetDiagMsg, Messages, kind};

    test_in_netns(|net| {
        net.run(|| {
            let _v4 = every_state("127.0.0.1".parse().unwrap(), 2).unwrap();
            let _v6 = every_state("::1".parse().unwrap(), 2).unwrap();
            let mut kernel = NetlinkSocket::open().unwrap();
            let request = DumpRequest::one_walk(StateSet::PORT_HOLDERS);
            kernel.send(&request.encode(77)).unwrap();
            let mut buffer = Vec::with_capacity(BUFFER_LEN);
            let (mut compared, mut done) = (0, false);
            while !done {
                kernel.receive(&mut buffer).unwrap();
                for message in Messages::new(&buffer).map(Result::unwrap) {
                    done |= message.kind() == kind::DONE;
                    if message.kind() != kind::TCPDIAG_GETSOCK {
                        continue;
                    }
                    let view = InetDiagMsg::new(message.payload()).unwrap();
                    let oracle = InetResponseHeader::parse(message.payload()).unwrap();
                    let record = SocketRecord::new(view);
                    assert_eq!(record.raw_local_addr(), oracle.socket_id.source_address);
                    assert_eq!(record.raw_remote_addr(), oracle.socket_id.destination_address);
                    assert_eq!(record.local_port(), oracle.socket_id.source_port);
                    assert_eq!(record.remote_port(), oracle.socket_id.destination_port);
                    assert_eq!(view.idiag_state(), oracle.state);
                    assert_eq!((view.idiag_rqueue(), view.idiag_wqueue()), (oracle.recv_queue, oracle.send_queue));
                    assert_eq!((record.uid(), record.inode()), (Some(oracle.uid), Some(oracle.inode)));
                    assert!(view.attributes().all(|attribute| attribute.is_ok()));
                    compared += 1;
                }
            }
            assert!(compared >= 44, "{compared} messages");
        })
        .unwrap();
    })
}
