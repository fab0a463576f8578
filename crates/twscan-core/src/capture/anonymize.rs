use std::hash::{BuildHasher, RandomState};
use std::net::{Ipv4Addr, Ipv6Addr};

use crate::procfs::Files;
use crate::procfs::owner::Process;
use crate::wire::{AF_INET, AF_INET6, Messages, align4, kind};

/// Replaces addresses by others, the same one always by the same.
///
/// An address is a path down a tree of its bits. At each node a keyed hash decides whether the two branches change
/// places, so two addresses part where they parted before. A node with a well-known block below it changes nothing:
/// what is private stays private, what is public stays public. The key is random and kept nowhere.
#[derive(Debug, Clone)]
pub(super) struct Anonymizer {
    key: RandomState,
}

impl Anonymizer {
    pub(super) fn new() -> Self {
        Self { key: RandomState::new() }
    }

    /// Replaces the addresses of every socket in a datagram.
    pub(super) fn datagram(&self, datagram: &mut [u8]) {
        let mut at = 0;
        let mut payloads = Vec::new();
        for message in Messages::new(datagram).map_while(Result::ok) {
            if matches!(message.kind(), kind::TCPDIAG_GETSOCK | kind::SOCK_DIAG_BY_FAMILY) {
                payloads.push(at + HEADER_LEN);
            }
            at += align4(HEADER_LEN + message.payload().len());
        }
        for start in payloads {
            let Some(family) = datagram.get(start).copied() else { continue };
            for address_at in ADDRESSES_AT {
                let Some(field) = datagram.get_mut(start + address_at..start + address_at + 16) else { continue };
                self.replace(family, field);
            }
        }
    }

    /// Replaces what names the host.
    pub(super) fn files(&self, files: &mut Files) {
        if let Some(name) = files.get_mut("sys/kernel/hostname") {
            *name = b"anonymous\n".to_vec();
        }
        if let Some(id) = files.get_mut("sys/kernel/random/boot_id") {
            *id = format!("{:016x}\n", self.key.hash_one(&*id)).into_bytes();
        }
    }

    /// Leaves the program's name and the numbers.
    #[allow(clippy::unused_self, reason = "who has no key anonymizes nothing")]
    pub(super) fn process(&self, process: &mut Process) {
        process.user = process.uid.map(|uid| uid.to_string());
        process.cgroup = None;
    }

    pub(super) fn v4(&self, address: Ipv4Addr) -> Ipv4Addr {
        let bits = u128::from(u32::from(address)) << 96;
        let changed = self.permute(bits, 32, &V4_BLOCKS) >> 96;
        Ipv4Addr::from(u32::try_from(changed).unwrap_or_default())
    }

    pub(super) fn v6(&self, address: Ipv6Addr) -> Ipv6Addr {
        match address.to_ipv4_mapped() {
            Some(v4) => self.v4(v4).to_ipv6_mapped(),
            None => Ipv6Addr::from(self.permute(u128::from(address), 128, &V6_BLOCKS)),
        }
    }

    fn replace(&self, family: u8, field: &mut [u8]) {
        if let (AF_INET, Some(octets)) = (family, field.first_chunk_mut::<4>()) {
            *octets = self.v4(Ipv4Addr::from(*octets)).octets();
        } else if let (AF_INET6, Some(octets)) = (family, field.first_chunk_mut::<16>()) {
            *octets = self.v6(Ipv6Addr::from(*octets)).octets();
        }
    }

    /// `bits` is aligned to the left; the first `len` of it count.
    fn permute(&self, bits: u128, len: u32, blocks: &[Block]) -> u128 {
        let kept = blocks.iter().find(|block| block.contains(bits));
        if kept.is_some_and(|block| block.whole) {
            return bits;
        }
        let mut changed = bits;
        for depth in 0..len {
            let prefix = bits & mask(depth);
            // A block that begins with this prefix and goes on lies below the node.
            let above = |block: &Block| block.len > depth && block.bits & mask(depth) == prefix;
            if !blocks.iter().any(above) && self.key.hash_one((len, depth, prefix)) & 1 == 1 {
                changed ^= 1 << (127 - depth);
            }
        }
        changed
    }
}

/// A block of addresses that is told by its first bits.
#[derive(Debug)]
struct Block {
    bits: u128,
    len: u32,
    /// Whether its addresses are not replaced at all.
    whole: bool,
}

impl Block {
    const fn v4(a: u8, b: u8, len: u32, whole: bool) -> Self {
        Self::v4_long(a, b, 0, len, whole)
    }

    const fn v4_long(a: u8, b: u8, c: u8, len: u32, whole: bool) -> Self {
        Self { bits: ((a as u128) << 120) | ((b as u128) << 112) | ((c as u128) << 104), len, whole }
    }

    const fn v6(first: u16, len: u32, whole: bool) -> Self {
        Self { bits: (first as u128) << 112, len, whole }
    }

    fn contains(&self, bits: u128) -> bool {
        bits & mask(self.len) == self.bits
    }
}

const fn mask(len: u32) -> u128 {
    if len == 0 { 0 } else { u128::MAX << (128 - len) }
}

/// RFC 6890: unspecified, loopback, link-local; private, shared, benchmarks; documentation; multicast and reserved.
const V4_BLOCKS: [Block; 12] = [
    Block::v4(0, 0, 32, true),
    Block::v4(127, 0, 8, true),
    Block::v4(169, 254, 16, true),
    Block::v4(10, 0, 8, false),
    Block::v4(100, 64, 10, false),
    Block::v4(172, 16, 12, false),
    Block::v4(192, 168, 16, false),
    Block::v4(198, 18, 15, false),
    Block::v4_long(192, 0, 2, 24, false),
    Block::v4_long(198, 51, 100, 24, false),
    Block::v4_long(203, 0, 113, 24, false),
    Block::v4(224, 0, 3, true),
];

/// RFC 6890 and 4291: unspecified and loopback; translated, documentation, unique local; link-local, whose rest may
/// be a hardware address; multicast.
const V6_BLOCKS: [Block; 7] = [
    Block { bits: 0, len: 127, whole: true },
    Block { bits: 0x0064_ff9b << 96, len: 96, whole: false },
    Block { bits: 0x2001_0db8 << 96, len: 32, whole: false },
    Block::v6(0x2000, 3, false),
    Block::v6(0xfc00, 7, false),
    Block { bits: 0xfe80 << 112, len: 64, whole: false },
    Block::v6(0xff00, 8, true),
];

/// `idiag_src` and `idiag_dst` in `struct inet_diag_msg`.
const ADDRESSES_AT: [usize; 2] = [8, 24];
const HEADER_LEN: usize = 16;

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_same_address_becomes_the_same_other_one() {
        let anonymizer = Anonymizer::new();
        let seen: HashSet<_> = (0..=255).map(|last| anonymizer.v4(Ipv4Addr::new(8, 8, 8, last))).collect();
        assert_eq!(seen.len(), 256, "no two addresses become one");
        let twin = anonymizer.clone();
        assert_eq!(anonymizer.v4([8, 8, 8, 8].into()), twin.v4([8, 8, 8, 8].into()));
        assert!(seen.iter().any(|address| address.octets()[..3] != [8, 8, 8]));
        let network = seen.iter().next().unwrap().octets()[..3].to_vec();
        assert!(seen.iter().all(|address| address.octets()[..3] == network[..]), "a network stays one");
    }

    #[test]
    fn well_known_blocks_can_be_told() {
        let anonymizer = Anonymizer::new();
        for fixed in ["127.0.0.1", "127.9.8.7", "0.0.0.0", "169.254.1.1", "255.255.255.255", "224.0.0.1"] {
            let fixed: Ipv4Addr = fixed.parse().unwrap();
            assert_eq!(anonymizer.v4(fixed), fixed);
        }
        for fixed in ["::", "::1", "ff02::1", "::ffff:127.0.0.1"] {
            let fixed: Ipv6Addr = fixed.parse().unwrap();
            assert_eq!(anonymizer.v6(fixed), fixed);
        }
        let private = |address: Ipv4Addr| match address.octets() {
            [10, ..] => 1,
            [172, b, ..] if b & 0xf0 == 16 => 2,
            [192, 168, ..] => 3,
            [100, b, ..] if b & 0xc0 == 64 => 4,
            [127, ..] | [169, 254, ..] => 5,
            [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => 7,
            [high, ..] if high >= 224 => 6,
            _ => 0,
        };
        let mut state = 1u32;
        for _ in 0..20_000 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let address = Ipv4Addr::from(state);
            assert_eq!(private(anonymizer.v4(address)), private(address), "{address}");
        }
        for network in [[192, 0, 2], [198, 51, 100], [203, 0, 113]] {
            let shown = anonymizer.v4([network[0], network[1], network[2], 7].into()).octets();
            assert_eq!(shown[..3], network, "a network of documentation stays one");
        }
        assert_eq!(anonymizer.v6("fd00::1".parse().unwrap()).segments()[0] >> 9, 0xfc00 >> 9);
        assert_eq!(anonymizer.v6("2001:db8::1".parse().unwrap()).segments()[..2], [0x2001, 0xdb8]);
        assert_eq!(anonymizer.v6("fe80::1234".parse().unwrap()).segments()[..4], [0xfe80, 0, 0, 0]);
        assert!(anonymizer.v6("::ffff:10.1.2.3".parse().unwrap()).to_ipv4_mapped().unwrap().octets()[0] == 10);
    }
}
