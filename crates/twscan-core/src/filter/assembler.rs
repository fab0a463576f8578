use std::net::IpAddr;

use super::{Prefix, Side};
use crate::wire::{AF_INET, AF_INET6};

/// An operator of the kernel's (include/uapi/linux/inet_diag.h).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Op {
    AtLeast(Side, u16),
    AtMost(Side, u16),
    /// True of sockets whose port the kernel chose, and of TIME_WAITs.
    Auto,
    Host(Side, Option<Prefix>, Option<u16>),
    Device(u32),
    Mark(u32, u32),
    Cgroup(u64),
}

impl Op {
    /// The length of its code in bytes.
    pub(super) fn len(self) -> usize {
        OP_LEN + self.payload().len()
    }

    fn code(self) -> u8 {
        match self {
            Self::AtLeast(Side::Local, _) => 2,
            Self::AtMost(Side::Local, _) => 3,
            Self::AtLeast(Side::Remote, _) => 4,
            Self::AtMost(Side::Remote, _) => 5,
            Self::Auto => 6,
            Self::Host(Side::Local, ..) => 7,
            Self::Host(Side::Remote, ..) => 8,
            Self::Device(_) => 9,
            Self::Mark(..) => 10,
            Self::Cgroup(_) => 13,
        }
    }

    /// What follows the four bytes of `struct inet_diag_bc_op`.
    fn payload(self) -> Vec<u8> {
        match self {
            Self::Auto => Vec::new(),
            // A second inet_diag_bc_op, with the port in its field `no`, in host order.
            Self::AtLeast(_, port) | Self::AtMost(_, port) => [[0, 0], port.to_ne_bytes()].concat(),
            Self::Host(_, prefix, port) => {
                let port = port.map_or(ANY_PORT, i32::from).to_ne_bytes();
                let address = match prefix.map(|prefix| prefix.address()) {
                    None => Vec::new(),
                    Some(IpAddr::V4(address)) => address.octets().to_vec(),
                    Some(IpAddr::V6(address)) => address.octets().to_vec(),
                };
                let family = match prefix.map(|prefix| prefix.address().is_ipv4()) {
                    None => AF_UNSPEC,
                    Some(true) => AF_INET,
                    Some(false) => AF_INET6,
                };
                let len = prefix.map_or(0, |prefix| prefix.len());
                // struct inet_diag_hostcond
                [&[family, len, 0, 0][..], &port[..], &address[..]].concat()
            }
            Self::Device(index) => index.to_ne_bytes().to_vec(),
            // struct inet_diag_markcond
            Self::Mark(mark, mask) => [mark.to_ne_bytes(), mask.to_ne_bytes()].concat(),
            Self::Cgroup(id) => id.to_ne_bytes().to_vec(),
        }
    }
}

/// Lays operators out in a row: what holds goes on behind its operator, what does not jumps forward to a label.
#[derive(Debug, Default)]
pub(super) struct Assembler {
    code: Vec<u8>,
    /// Where each label is bound.
    labels: Vec<usize>,
    /// Where each operator is, and the label that it jumps to.
    jumps: Vec<(usize, Label)>,
}

pub(super) type Label = usize;

impl Assembler {
    pub(super) fn label(&mut self) -> Label {
        self.labels.push(0);
        self.labels.len() - 1
    }

    pub(super) fn bind(&mut self, label: Label) {
        self.bind_at(label, self.code.len());
    }

    fn bind_at(&mut self, label: Label, at: usize) {
        if let Some(position) = self.labels.get_mut(label) {
            *position = at;
        }
    }

    pub(super) fn jump(&mut self, to: Label) {
        self.append(JMP, &[], to);
    }

    /// Appends an operator that goes on behind itself where it holds, and at the label where it does not.
    pub(super) fn op(&mut self, op: Op, otherwise: Label) {
        self.append(op.code(), &op.payload(), otherwise);
    }

    /// Rejecting is jumping four bytes behind the end; exactly at the end is accepting.
    pub(super) fn finish(mut self, reject: Label) -> Vec<u8> {
        self.bind_at(reject, self.code.len() + OP_LEN);
        for (at, label) in self.jumps {
            let target = self.labels.get(label).copied().unwrap_or_default();
            let distance = u16::try_from(target - at).unwrap_or(u16::MAX);
            if let Some(no) = self.code.get_mut(at + 2..at + 4) {
                no.copy_from_slice(&distance.to_ne_bytes());
            }
        }
        self.code
    }

    fn append(&mut self, code: u8, payload: &[u8], otherwise: Label) {
        let len = u8::try_from(OP_LEN + payload.len()).unwrap_or(u8::MAX);
        self.jumps.push((self.code.len(), otherwise));
        self.code.extend_from_slice(&[code, len, 0, 0]);
        self.code.extend_from_slice(payload);
    }
}

/// `struct inet_diag_bc_op`: code, where to go on if it holds, where if it does not.
const OP_LEN: usize = 4;
pub(super) const JUMP_LEN: usize = OP_LEN;
/// `INET_DIAG_BC_JMP`: an operator that never holds.
pub(super) const JMP: u8 = 1;
const AF_UNSPEC: u8 = 0;
const ANY_PORT: i32 = -1;
