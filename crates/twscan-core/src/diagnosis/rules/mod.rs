//! The rules, by what they look at. Each is a function of the case that gives findings, mostly none.

mod log;
mod ports;
mod range;
mod reuse;
mod states;
mod system;
mod time_wait;

use super::Finding;
use super::case::Case;

pub(super) type Rule = fn(&Case<'_>) -> Vec<Finding>;

/// One rule a code, but for the fullness of a destination's ports, which is one of three.
pub(super) const RULES: &[Rule] = &[
    ports::fullness,
    ports::bind_pool,
    time_wait::inbound,
    time_wait::overflow,
    reuse::off,
    reuse::not_loopback,
    reuse::ineffective,
    reuse::timestamps,
    range::parity,
    range::collides,
    range::reserved,
    range::namespaces,
    states::close_wait,
    states::fin_wait2,
    states::syn_sent,
    system::orphans,
    system::conntrack,
    log::localhost,
    log::exhausted_before,
];
