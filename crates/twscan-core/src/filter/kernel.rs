//! The kernel's reading of bytecode (net/ipv4/inet_diag.c), so that a test without a kernel can tell what it would do.

use crate::socket::SocketRecord;
use crate::wire::{AF_INET, AF_INET6};

/// Runs bytecode as the kernel does (net/ipv4/inet_diag.c, `inet_diag_bc_run`), on the fields of a record.
pub(super) fn accepts(code: &[u8], record: &SocketRecord<'_>) -> bool {
    let word = |at: usize| u16::from_ne_bytes([code[at], code[at + 1]]);
    let double = |at: usize| u32::from_ne_bytes(*code[at..].first_chunk().unwrap());
    let mut at = 0;
    while at < code.len() {
        let (src, dst) = (record.local_port(), record.remote_port());
        let holds = match code[at] {
            0 => true,
            1 => false,
            2 => src >= word(at + 6),
            3 => src <= word(at + 6),
            4 => dst >= word(at + 6),
            5 => dst <= word(at + 6),
            7 => host_holds(code, at + 4, record.raw().idiag_family(), record.raw().idiag_src(), src),
            8 => host_holds(code, at + 4, record.raw().idiag_family(), record.raw().idiag_dst(), dst),
            9 => record.interface().unwrap_or(0) == double(at + 4),
            10 => record.mark().unwrap_or(0) & double(at + 8) == double(at + 4),
            13 => record.cgroup_id().unwrap_or(0) == u64::from_ne_bytes(*code[at + 4..].first_chunk().unwrap()),
            code => panic!("operator {code}"),
        };
        let step = if holds { usize::from(code[at + 1]) } else { usize::from(word(at + 2)) };
        assert!(step >= 4 && step % 4 == 0, "step {step} at {at}");
        at += step;
    }
    assert!(at == code.len() || at == code.len() + 4, "{at} behind {}", code.len());
    at == code.len()
}

fn host_holds(code: &[u8], at: usize, family: u8, address: &[u8; 16], port: u16) -> bool {
    let cond = &code[at..];
    let wanted_port = i32::from_ne_bytes(*cond[4..].first_chunk().unwrap());
    if wanted_port != -1 && wanted_port != i32::from(port) {
        return false;
    }
    let equal = |left: &[u8], right: &[u8]| {
        (0..usize::from(cond[1])).all(|bit| (left[bit / 8] ^ right[bit / 8]) & (0x80 >> (bit % 8)) == 0)
    };
    if cond[0] != 0 && cond[0] != family {
        let mapped = address[..12] == [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];
        return family == AF_INET6 && cond[0] == AF_INET && mapped && equal(&address[12..], &cond[8..]);
    }
    equal(address, &cond[8..])
}

/// What the kernel demands of bytecode before it runs it (`inet_diag_bc_audit`).
pub(super) fn is_sound(code: &[u8]) -> bool {
    let mut starts = vec![];
    let mut at = 0;
    while at < code.len() {
        starts.push(at);
        at += usize::from(code[at + 1]);
    }
    let lands = |at: usize| starts.contains(&at) || at == code.len() || at == code.len() + 4;
    at == code.len()
        && starts.iter().all(|&at| {
            let no = usize::from(u16::from_ne_bytes([code[at + 2], code[at + 3]]));
            let len = usize::from(code[at + 1]);
            no >= len && no % 4 == 0 && lands(at + no)
        })
}
