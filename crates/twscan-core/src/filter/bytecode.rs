use super::assembler::{Assembler, JUMP_LEN, Label, Op};
use super::{Comparison, Filter, Side};

impl Filter {
    /// The filter as INET_DIAG bytecode for [`DumpRequest`](crate::sock_diag::DumpRequest) and
    /// [`Host::sockets`](crate::host::Host::sockets); empty where the kernel has nothing to leave out.
    ///
    /// What it lets through may be more than [`matches`](Self::matches) does, never less. A kernel that lacks an operator
    /// refuses the request with EINVAL: `dev` and `fwmark` take 4.9, `cgroup` takes 5.8. `fwmark` takes CAP_NET_ADMIN, or
    /// it is refused with EPERM.
    #[must_use]
    pub fn bytecode(&self) -> Vec<u8> {
        Test::of(self, false).within(MAX_LEN).assemble()
    }
}

/// Bytecode for the live sockets whose port was chosen by bind(ip, port), which no [`Filter`] can ask for, since no message
/// tells it.
#[must_use]
pub fn explicit_binds() -> Vec<u8> {
    Test::Op(Op::Auto, true).assemble()
}

/// A filter as the kernel can run it: negations are at the leaves, so that each part can be widened to [`Test::Pass`].
#[derive(Debug, Clone, PartialEq, Eq)]
enum Test {
    Pass,
    Reject,
    /// The operator, or its negation.
    Op(Op, bool),
    And(Vec<Test>),
    Or(Vec<Test>),
}

impl Test {
    fn of(filter: &Filter, negated: bool) -> Self {
        let all = |parts: &[Filter]| parts.iter().map(|part| Self::of(part, negated)).collect();
        match filter {
            Filter::And(parts) if !negated => Self::and(all(parts)),
            Filter::Or(parts) if negated => Self::and(all(parts)),
            Filter::And(parts) | Filter::Or(parts) => Self::or(all(parts)),
            Filter::Not(inner) => Self::of(inner, !negated),
            Filter::Port(side, comparison, port) => {
                Self::port(*side, if negated { comparison.negated() } else { *comparison }, *port)
            }
            Filter::Host(_, None, None) if negated => Self::Reject,
            Filter::Host(_, None, None) => Self::Pass,
            Filter::Host(side, prefix, port) => Self::Op(Op::Host(*side, *prefix, *port), negated),
            Filter::Device(index) => Self::Op(Op::Device(*index), negated),
            Filter::Mark { mark, mask } => Self::Op(Op::Mark(*mark, *mask), negated),
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
            Self::Op(op, negated) => op.len() + if *negated { JUMP_LEN } else { 0 },
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

    fn assemble(&self) -> Vec<u8> {
        let mut assembler = Assembler::default();
        let reject = assembler.label();
        self.emit(&mut assembler, reject);
        assembler.finish(reject)
    }

    /// Appends code that goes on at its end where the test holds, and at the label where it does not.
    fn emit(&self, assembler: &mut Assembler, otherwise: Label) {
        match self {
            Self::Pass => {}
            Self::Reject => assembler.jump(otherwise),
            Self::Op(op, false) => assembler.op(*op, otherwise),
            Self::Op(op, true) => {
                let differs = assembler.label();
                assembler.op(*op, differs);
                assembler.jump(otherwise);
                assembler.bind(differs);
            }
            Self::And(parts) => parts.iter().for_each(|part| part.emit(assembler, otherwise)),
            Self::Or(parts) => {
                let Some((last, parts)) = parts.split_last() else { return assembler.jump(otherwise) };
                let holds = assembler.label();
                for part in parts {
                    let next = assembler.label();
                    part.emit(assembler, next);
                    assembler.jump(holds);
                    assembler.bind(next);
                }
                last.emit(assembler, otherwise);
                assembler.bind(holds);
            }
        }
    }
}

/// 64 ports. Beyond about a hundred operators, judging a socket costs the kernel more than copying it (measured on
/// 6.18 with 30,000 TIME_WAITs); and a jump reaches 64 KiB.
const MAX_LEN: usize = 1024;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::filter::NumbersOnly;
    use crate::filter::assembler::JMP;
    use crate::filter::kernel::{accepts, is_sound};
    use crate::filter::testing::{conditions, filters, sockets};
    use crate::socket::SocketRecord;
    use crate::wire::InetDiagMsg;

    /// As include/uapi/linux/inet_diag.h has it: `INET_DIAG_BC_AUTO` goes on to a jump behind the end where it is true, else to
    /// the end itself.
    #[test]
    fn explicit_binds_are_those_that_are_not_auto() {
        let operator = |code: u8| [&[code, 4][..], &8u16.to_ne_bytes()].concat();
        assert_eq!(explicit_binds(), [operator(6), operator(1)].concat());
        assert!(is_sound(&explicit_binds()));
    }

    fn bytecode(text: &str) -> Vec<u8> {
        Filter::parse(text, &NumbersOnly).unwrap().bytecode()
    }

    #[test]
    fn a_port_is_one_operator_that_every_kernel_has() {
        let port = 5432i32.to_ne_bytes();
        let expected = [&[8, 12][..], &16u16.to_ne_bytes(), &[0, 0, 0, 0], &port].concat();
        assert_eq!(bytecode("dport = :5432"), expected);
    }

    #[test]
    fn what_is_always_or_never_so_takes_no_comparison() {
        for always in ["src *", "sport >= :0", "not sport < :0", "dport <= 65535 or sport = 1", "not not dst *"] {
            assert!(bytecode(always).is_empty(), "{always}");
        }
        let reject = [&[JMP, 4][..], &8u16.to_ne_bytes()].concat();
        for never in ["not src *", "sport < :0", "dport > 65535", "sport = 1 and sport != *"] {
            assert_eq!(bytecode(never), reject, "{never}");
        }
    }

    #[test]
    fn a_port_is_tried_before_an_address() {
        assert_eq!(
            bytecode("src [::1] and src 10/8 and dport >= 80"),
            bytecode("dport >= 80 and src 10/8 and src [::1]")
        );
    }

    #[test]
    fn what_is_too_long_for_the_kernel_is_widened() {
        let ports = (1..2000).map(|port| format!("sport = {port}")).collect::<Vec<_>>().join(" or ");
        assert!(bytecode(&ports).is_empty());
        let some = |count| (1..=count).map(|port| format!("dport = {port}")).collect::<Vec<_>>().join(" | ");
        assert_eq!((bytecode(&some(64)).len(), bytecode(&some(65)).len()), (64 * 16 - 4, 0));
        assert_eq!(bytecode(&format!("({ports}) and dport = 1")), bytecode("dport = 1"));
        assert_eq!(bytecode(&format!("not (({ports}) or dport != 1)")).len() / 64, MAX_LEN / 64 - 1);
    }

    proptest! {
        #[test]
        fn no_wanted_socket_is_dropped(
            filter in filters(),
            sockets in proptest::collection::vec(sockets(), 1..20),
        ) {
            // The longest condition takes 28 bytes, its negation 4, and an `or` 4.
            let is_short = conditions(&filter) * 36 <= MAX_LEN;
            let code = filter.bytecode();
            prop_assert!(is_sound(&code), "{filter}: {code:?}");
            prop_assert!(code.len() <= MAX_LEN);
            for socket in &sockets {
                let record = SocketRecord::new(InetDiagMsg::new(socket).unwrap());
                let (in_kernel, wanted) = (accepts(&code, &record), filter.matches(&record));
                prop_assert!(in_kernel || !wanted, "{filter} drops {record:?}");
                prop_assert!(in_kernel == wanted || !is_short, "{filter} lets {record:?} through");
            }
        }
    }
}
