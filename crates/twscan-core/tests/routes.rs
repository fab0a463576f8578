//! Source addresses, as connect() gets them from the kernel: in a private network namespace with routes of every kind.
#![cfg(all(feature = "live", target_os = "linux"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says what it expects by failing")]

use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::process::Command;

use twscan_core::route::{source_to, tuple_to};
use twscan_core::{Error, Scan};
use twscan_lab::{Listener, Netns, test_in_netns};

type Outcome = Result<(), twscan_lab::Error>;

const EACCES: i32 = 13;
const EINVAL: i32 = 22;
const ENETUNREACH: i32 = 101;
const EHOSTUNREACH: i32 = 113;

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn ip(words: &str) {
    let output = Command::new("ip").args(words.split_whitespace()).output().unwrap();
    assert!(output.status.success(), "ip {words}: {}", String::from_utf8_lossy(&output.stderr));
}

/// There is no source, for the reason that connect() gives.
fn assert_refused(to: &str, errno: i32) {
    match source_to(at(to)) {
        Err(error @ Error::Route { .. }) => assert_eq!(error.raw_os_error(), Some(errno), "{to}"),
        other => panic!("{to}: {other:?}"),
    }
    assert_eq!(TcpStream::connect(at(to)).unwrap_err().raw_os_error(), Some(errno), "connect() to {to}");
}

/// eth0 with two addresses of each family to a neighbour, in the namespace and to its peer.
fn joined(net: &Netns) -> Netns {
    let peer = Netns::new().unwrap();
    net.join(&peer, "eth0").unwrap();
    for (address, len) in [("10.1.0.1", 24), ("10.2.0.1", 24), ("fd01::1", 64), ("fd02::1", 64), ("fe80::1", 64)] {
        net.add_address("eth0", address.parse::<IpAddr>().unwrap(), len).unwrap();
    }
    peer
}

#[test]
fn the_source_is_the_one_that_connect_gets() -> Outcome {
    test_in_netns(|net| {
        let _peer = joined(net);
        net.run(|| {
            let service = Listener::bind(at("[::]:9101")).unwrap();
            for to in [
                "127.0.0.9:9101",
                "[::1]:9101",
                "10.2.0.1:9101",
                "[fd02::1]:9101",
                "0.0.0.0:9101",
                "[::]:9101",
                "[::ffff:127.0.0.9]:9101",
            ] {
                let stream = TcpStream::connect(at(to)).unwrap();
                let (source, peer) = (stream.local_addr().unwrap().ip(), stream.peer_addr().unwrap());
                let tuple = tuple_to(at(to)).unwrap();
                assert_eq!(
                    (tuple.source, tuple.destination.ip()),
                    (source.to_canonical(), peer.ip().to_canonical()),
                    "{to}"
                );
                // The tuple of the live socket, which the budget counts.
                assert_eq!(Scan::new().budget_to(at(to)).unwrap().ports().live, 1, "{to}");
                drop(stream);
            }
            drop(service);
            ip("route add 192.0.2.0/24 dev eth0");
            ip("route add 198.51.100.0/24 dev eth0 src 10.2.0.1");
            assert_eq!(source_to(at("192.0.2.9:80")).unwrap(), at("10.1.0.1:0").ip());
            assert_eq!(source_to(at("198.51.100.9:80")).unwrap(), at("10.2.0.1:0").ip());
        })
        .unwrap();
    })
}

#[test]
fn no_udp_port_is_taken() -> Outcome {
    test_in_netns(|net| {
        net.set_port_range(40_000, 40_001).unwrap();
        net.run(|| {
            let taken: Vec<_> = std::iter::from_fn(|| UdpSocket::bind("[::]:0").ok()).collect();
            assert_eq!(taken.len(), 2);
            assert!(UdpSocket::bind("127.0.0.1:0").is_err(), "UDP ports are used up");
            assert_eq!(source_to(at("127.0.0.9:80")).unwrap(), at("127.0.0.1:0").ip());
            assert_eq!(source_to(at("[::1]:80")).unwrap(), at("[::1]:0").ip());
        })
        .unwrap();
    })
}

/// By what the kernel tells apart: user, protocol and port.
#[test]
fn rules_are_asked_for_this_user_protocol_and_port() -> Outcome {
    test_in_netns(|net| {
        let _peer = joined(net);
        net.run(|| {
            for (family, to, plain, ruled) in
                [("-4", "192.0.2.9:80", "10.1.0.1", "10.2.0.1"), ("-6", "[fd09::9]:80", "fd01::1", "fd02::1")]
            {
                let host = at(to).ip();
                ip(&format!("{family} route add {host} dev eth0 src {plain}"));
                ip(&format!("{family} route add {host} dev eth0 src {ruled} table 7"));
                assert_eq!(source_to(at(to)).unwrap().to_string(), plain);
                for rule in ["ipproto tcp dport 80", "uidrange 0-4294967294"] {
                    ip(&format!("{family} rule add {rule} table 7"));
                    assert_eq!(source_to(at(to)).unwrap().to_string(), ruled, "{rule}");
                    ip(&format!("{family} rule del {rule} table 7"));
                }
                for rule in ["ipproto udp", "ipproto tcp dport 81"] {
                    ip(&format!("{family} rule add {rule} table 7"));
                    assert_eq!(source_to(at(to)).unwrap().to_string(), plain, "{rule}");
                    ip(&format!("{family} rule del {rule} table 7"));
                }
            }
        })
        .unwrap();
    })
}

#[test]
fn what_refuses_is_told_as_connect_tells_it() -> Outcome {
    test_in_netns(|net| {
        let _peer = joined(net);
        net.run(|| {
            for to in ["203.0.113.1:80", "[fd99::1]:80", "224.0.0.1:80", "[ff02::1]:80", "10.1.0.255:80"] {
                assert_refused(to, ENETUNREACH);
            }
            for (kind, expected) in [("unreachable", EHOSTUNREACH), ("prohibit", EACCES), ("blackhole", EINVAL)] {
                ip(&format!("-4 route add {kind} 203.0.113.0/24"));
                ip(&format!("-6 route add {kind} fd99::/64"));
                assert_refused("203.0.113.1:80", expected);
                assert_refused("[fd99::1]:80", expected);
                let said = source_to(at("203.0.113.1:80")).unwrap_err().chain();
                assert!(said.contains("no route to 203.0.113.1:80") && said.contains(kind), "{said}");
                ip("-4 route flush root 203.0.113.0/24");
                ip("-6 route flush root fd99::/64");
            }
        })
        .unwrap();
    })
}

/// Both interfaces have the prefix.
#[test]
fn a_link_local_address_is_looked_up_on_its_interface() -> Outcome {
    test_in_netns(|net| {
        let (peer, other) = (joined(net), Netns::new().unwrap());
        net.join(&other, "eth1").unwrap();
        net.add_address("eth1", "fe80::b".parse::<IpAddr>().unwrap(), 64).unwrap();
        peer.add_address("eth0", "fe80::2".parse::<IpAddr>().unwrap(), 64).unwrap();
        let service = peer.run(|| Listener::bind(at("[::]:9101"))).unwrap().unwrap();
        net.run(|| {
            let index = |name: &str| {
                let text = std::fs::read_to_string("/proc/thread-self/net/if_inet6").unwrap();
                let line = text.lines().find(|line| line.ends_with(&format!(" {name}"))).unwrap();
                u32::from_str_radix(line.split_whitespace().nth(1).unwrap(), 16).unwrap()
            };
            let (near, far) = (index("eth0"), index("eth1"));
            let to = at(&format!("[fe80::2%{near}]:9101"));
            let stream = TcpStream::connect(to).unwrap();
            assert_eq!(source_to(to).unwrap(), stream.local_addr().unwrap().ip());
            assert_eq!(tuple_to(to).unwrap().interface, near);
            let budget = Scan::new().budget_to(to).unwrap();
            assert_eq!(budget.ports().live, 1, "a socket to there is bound to the interface");
            let elsewhere = at(&format!("[fe80::2%{far}]:9101"));
            assert_ne!(source_to(elsewhere).unwrap(), source_to(to).unwrap());
            for (to, expected) in [("[fe80::2]:9101", EINVAL), ("[fe80::2%4000]:9101", ENETUNREACH)] {
                assert_refused(to, expected);
            }
            drop(stream);
        })
        .unwrap();
        drop(service);
    })
}
