//! Random filters and sockets that have a chance to meet, and names for them.

use std::net::{IpAddr, SocketAddr};

use proptest::prelude::*;
use proptest::sample::select;

use super::{Comparison, Filter, Names, Prefix, Side};
use crate::wire::{AF_INET, AF_INET6, Attribute, InetDiagMsgBuilder};

pub(crate) fn filters() -> impl Strategy<Value = Filter> {
    condition().prop_recursive(5, 40, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 2..4).prop_map(Filter::And),
            proptest::collection::vec(inner.clone(), 2..4).prop_map(Filter::Or),
            inner.prop_map(|inner| Filter::Not(Box::new(inner))),
        ]
    })
}

/// How many conditions a filter joins.
pub(crate) fn conditions(filter: &Filter) -> usize {
    match filter {
        Filter::And(parts) | Filter::Or(parts) => parts.iter().map(conditions).sum(),
        Filter::Not(inner) => conditions(inner),
        _ => 1,
    }
}

/// The bytes of `struct inet_diag_msg` with its attributes.
pub(crate) fn sockets() -> impl Strategy<Value = Vec<u8>> {
    let ends = (addresses(), ports(), addresses(), ports());
    (any::<bool>(), ends, 0u32..3, 0u32..8, 0u64..3).prop_map(|(is_v6, ends, interface, mark, cgroup)| {
        let (local, local_port, remote, remote_port) = ends;
        let is_v6 = is_v6 || local.is_ipv6() || remote.is_ipv6();
        let mut socket = Vec::new();
        InetDiagMsgBuilder::new(6)
            .family(if is_v6 { AF_INET6 } else { AF_INET })
            .local(SocketAddr::new(local, local_port))
            .remote(SocketAddr::new(remote, remote_port))
            .interface(interface)
            .append_payload(&mut socket);
        for (kind, value) in
            [(Attribute::MARK, &mark.to_ne_bytes()[..]), (Attribute::CGROUP_ID, &cgroup.to_ne_bytes()[..])]
        {
            let len = u16::try_from(4 + value.len()).unwrap();
            socket.extend([len.to_ne_bytes(), kind.to_ne_bytes()].concat());
            socket.extend_from_slice(value);
        }
        socket
    })
}

fn condition() -> impl Strategy<Value = Filter> {
    let comparisons =
        select(vec![Comparison::Eq, Comparison::Ne, Comparison::Lt, Comparison::Le, Comparison::Gt, Comparison::Ge]);
    prop_oneof![
        (sides(), comparisons, ports()).prop_map(|(side, comparison, port)| Filter::Port(side, comparison, port)),
        (sides(), proptest::option::weighted(0.9, prefixes()), proptest::option::weighted(0.3, ports()))
            .prop_map(|(side, prefix, port)| Filter::Host(side, prefix, port)),
        (0u32..3).prop_map(Filter::Device),
        (0u32..8, prop_oneof![Just(u32::MAX), 0u32..8]).prop_map(|(mark, mask)| Filter::Mark { mark, mask }),
        (0u64..3).prop_map(Filter::Cgroup),
    ]
}

fn prefixes() -> impl Strategy<Value = Prefix> {
    (addresses(), any::<u8>()).prop_map(|(address, len)| {
        let bits = if address.is_ipv4() { 32 } else { 128 };
        Prefix::new(address, len % (bits + 1)).unwrap()
    })
}

fn addresses() -> impl Strategy<Value = IpAddr> {
    let known = [
        "0.0.0.0",
        "10.1.2.3",
        "127.0.0.1",
        "192.0.2.1",
        "::",
        "::1",
        "fd00::1",
        "::ffff:10.1.2.3",
        "::ffff:127.0.0.1",
    ];
    select(known.map(|address| address.parse().unwrap()).to_vec())
}

fn ports() -> impl Strategy<Value = u16> {
    select(vec![0, 1, 80, 443, 40_000, 65_534, 65_535])
}

fn sides() -> impl Strategy<Value = Side> {
    select(vec![Side::Local, Side::Remote])
}

/// Knows one name of each kind.
pub(crate) struct FewNames;

impl Names for FewNames {
    fn interface(&self, name: &str) -> Option<u32> {
        (name == "br-a=1&b").then_some(7)
    }

    fn service(&self, name: &str) -> Option<u16> {
        (name == "https").then_some(443)
    }

    fn cgroup(&self, path: &str) -> Option<u64> {
        (path == "/user.slice/a=b").then_some(99)
    }
}
