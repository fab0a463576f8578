use std::net::IpAddr;

use super::{Comparison, Filter, Prefix, Side};
use crate::wire::{AF_INET, AF_INET6};

impl Filter {
    /// The filter as INET_DIAG bytecode for [`DumpRequest`](crate::sock_diag::DumpRequest) and
    /// [`Host::sockets`](crate::host::Host::sockets); empty where the kernel has nothing to leave out.
    ///
    /// What it lets through may be more than [`matches`](Self::matches) does, never less. It uses operators that every
    /// reader may use: `fwmark` is left to `matches`. `dev` takes a kernel of 4.9, `cgroup` one of 5.8; an older one
    /// refuses the request, and `Host` then asks without bytecode.
    #[must_use]
    pub fn bytecode(&self) -> Vec<u8> {
        assemble(&Test::of(self, false, false))
    }

    /// As [`bytecode`](Self::bytecode), with `fwmark`: for a reader with CAP_NET_ADMIN; others get EPERM.
    #[must_use]
    pub fn bytecode_with_marks(&self) -> Vec<u8> {
        assemble(&Test::of(self, false, true))
    }
}

/// A filter as the kernel can run it: negations are at the leaves, so that what cannot be said there can be widened to
/// [`Test::Pass`].
#[derive(Debug, Clone, PartialEq, Eq)]
enum Test {
    Pass,
    Reject,
    /// The operator, or its negation.
    Op(Op, bool),
    And(Vec<Test>),
    Or(Vec<Test>),
}

/// An operator of the kernel's (include/uapi/linux/inet_diag.h).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Op {
    AtLeast(Side, u16),
    AtMost(Side, u16),
    Host(Side, Option<Prefix>, Option<u16>),
    Device(u32),
    Mark(u32, u32),
    Cgroup(u64),
}

impl Test {
    fn of(filter: &Filter, negated: bool, marks: bool) -> Self {
        let all = |parts: &[Filter]| parts.iter().map(|part| Self::of(part, negated, marks)).collect();
        match filter {
            Filter::And(parts) if !negated => Self::and(all(parts)),
            Filter::Or(parts) if negated => Self::and(all(parts)),
            Filter::And(parts) | Filter::Or(parts) => Self::or(all(parts)),
            Filter::Not(inner) => Self::of(inner, !negated, marks),
            Filter::Port(side, comparison, port) => {
                Self::port(*side, if negated { comparison.negated() } else { *comparison }, *port)
            }
            Filter::Host(_, None, None) if negated => Self::Reject,
            Filter::Host(_, None, None) => Self::Pass,
            Filter::Host(side, prefix, port) => Self::Op(Op::Host(*side, *prefix, *port), negated),
            Filter::Device(index) => Self::Op(Op::Device(*index), negated),
            Filter::Mark { mark, mask } if marks => Self::Op(Op::Mark(*mark, *mask), negated),
            Filter::Mark { .. } => Self::Pass,
            Filter::Cgroup(id) => Self::Op(Op::Cgroup(*id), negated),
        }
    }

    fn port(side: Side, comparison: Comparison, port: u16) -> Self {
        let at_least = |port| if port == 0 { Self::Pass } else { Self::Op(Op::AtLeast(side, port), false) };
        let at_most = |port| if port == u16::MAX { Self::Pass } else { Self::Op(Op::AtMost(side, port), false) };
        match comparison {
            Comparison::Eq => Self::Op(Op::Host(side, None, Some(port)), false),
            Comparison::Ne => Self::Op(Op::Host(side, None, Some(port)), true),
            Comparison::Ge => at_least(port),
            Comparison::Le => at_most(port),
            Comparison::Gt => port.checked_add(1).map_or(Self::Reject, at_least),
            Comparison::Lt => port.checked_sub(1).map_or(Self::Reject, at_most),
        }
    }

    fn and(mut parts: Vec<Self>) -> Self {
        if parts.contains(&Self::Reject) {
            return Self::Reject;
        }
        parts.retain(|part| *part != Self::Pass);
        parts.sort_by_key(Self::len);
        if parts.is_empty() { Self::Pass } else { Self::And(parts) }
    }

    fn or(mut parts: Vec<Self>) -> Self {
        if parts.contains(&Self::Pass) {
            return Self::Pass;
        }
        parts.retain(|part| *part != Self::Reject);
        parts.sort_by_key(Self::len);
        if parts.is_empty() { Self::Reject } else { Self::Or(parts) }
    }

    /// The length in bytes once assembled, which is also a fair measure of what a test costs: a port before an address,
    /// IPv4 before IPv6.
    fn len(&self) -> usize {
        match self {
            Self::Pass => 0,
            Self::Reject => JUMP_LEN,
            Self::Op(op, negated) => OP_LEN + op.payload().len() + if *negated { JUMP_LEN } else { 0 },
            Self::And(parts) => parts.iter().map(Self::len).sum(),
            Self::Or(parts) => parts.iter().map(|part| part.len() + JUMP_LEN).sum(),
        }
    }

    /// The same or a wider test that is no longer than this.
    fn within(&self, budget: usize) -> Self {
        match self {
            test if test.len() <= budget => test.clone(),
            Self::And(parts) => {
                let mut left = budget;
                let fit = parts.iter().map(|part| {
                    let part = part.within(left);
                    left = left.saturating_sub(part.len());
                    part
                });
                Self::and(fit.collect())
            }
            _ => Self::Pass,
        }
    }
}

impl Op {
    fn code(self) -> u8 {
        match self {
            Self::AtLeast(Side::Local, _) => 2,
            Self::AtMost(Side::Local, _) => 3,
            Self::AtLeast(Side::Remote, _) => 4,
            Self::AtMost(Side::Remote, _) => 5,
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

fn assemble(test: &Test) -> Vec<u8> {
    let test = test.within(MAX_LEN);
    let mut assembler = Assembler::default();
    let reject = assembler.label();
    assembler.emit(&test, reject);
    assembler.finish(reject)
}

/// Lays operators out in a row: what holds goes on behind its operator, what does not jumps forward to a label.
#[derive(Debug, Default)]
struct Assembler {
    code: Vec<u8>,
    /// Where each label is bound.
    labels: Vec<usize>,
    /// Where each operator is, and the label that it jumps to.
    jumps: Vec<(usize, Label)>,
}

type Label = usize;

impl Assembler {
    fn label(&mut self) -> Label {
        self.labels.push(0);
        self.labels.len() - 1
    }

    fn bind(&mut self, label: Label) {
        self.bind_at(label, self.code.len());
    }

    fn bind_at(&mut self, label: Label, at: usize) {
        if let Some(position) = self.labels.get_mut(label) {
            *position = at;
        }
    }

    /// Appends code that goes on at its end where the test holds, and at the label where it does not.
    fn emit(&mut self, test: &Test, otherwise: Label) {
        match test {
            Test::Pass => {}
            Test::Reject => self.jump(otherwise),
            Test::Op(op, false) => self.op(op.code(), &op.payload(), otherwise),
            Test::Op(op, true) => {
                let holds = self.label();
                self.op(op.code(), &op.payload(), holds);
                self.jump(otherwise);
                self.bind(holds);
            }
            Test::And(parts) => parts.iter().for_each(|part| self.emit(part, otherwise)),
            Test::Or(parts) => {
                let Some((last, parts)) = parts.split_last() else { return self.jump(otherwise) };
                let holds = self.label();
                for part in parts {
                    let next = self.label();
                    self.emit(part, next);
                    self.jump(holds);
                    self.bind(next);
                }
                self.emit(last, otherwise);
                self.bind(holds);
            }
        }
    }

    fn jump(&mut self, to: Label) {
        self.op(JMP, &[], to);
    }

    fn op(&mut self, code: u8, payload: &[u8], otherwise: Label) {
        let len = u8::try_from(OP_LEN + payload.len()).unwrap_or(u8::MAX);
        self.jumps.push((self.code.len(), otherwise));
        self.code.extend_from_slice(&[code, len, 0, 0]);
        self.code.extend_from_slice(payload);
    }

    /// Rejecting is jumping four bytes behind the end; exactly at the end is accepting.
    fn finish(mut self, reject: Label) -> Vec<u8> {
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
}

/// `struct inet_diag_bc_op`: code, where to go on if it holds, where if it does not.
const OP_LEN: usize = 4;
const JUMP_LEN: usize = OP_LEN;
/// `INET_DIAG_BC_JMP`: an operator that never holds.
const JMP: u8 = 1;
const AF_UNSPEC: u8 = 0;
const ANY_PORT: i32 = -1;

const MAX_LEN: usize = 32 * 1024;
