//! Which thread the signals that end this process come to.

use nix::Result;
use nix::sys::signal::{SigSet, Signal};

/// SIGINT, SIGTERM and, unless nohup had it ignored, SIGHUP: who waits for a signal gets it though it is ignored. A shell
/// without job control has SIGINT ignored by what it runs in the background; one that is sent all the same is meant.
pub(crate) fn ending() -> SigSet {
    let hangup = (!ignores(Signal::SIGHUP)).then_some(Signal::SIGHUP);
    [Signal::SIGINT, Signal::SIGTERM].into_iter().chain(hangup).collect()
}

/// Leaves them to the thread that is started next, which calls [`take`]: where that one waits for them, to end in good
/// order, they would otherwise come to this one. They stay away from this one, which has nothing to do but to end.
pub(crate) fn leave() -> Result<()> {
    ending().thread_block()
}

/// Lets them come to this thread.
pub(crate) fn take() -> Result<()> {
    ending().thread_unblock()
}

/// Whether this process ignores a signal; no where that cannot be read.
fn ignores(signal: Signal) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    // The first signal in the lowest bit.
    mask.is_some_and(|mask| (mask >> (signal as i32 - 1)) & 1 == 1)
}
