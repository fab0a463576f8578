//! Which thread the signals that end this process come to.

use nix::Result;
use nix::sys::signal::{SigSet, Signal};

/// SIGINT, SIGTERM and SIGHUP, but for what nohup or a shell lets this process ignore: who waits for a signal gets it
/// though it is ignored.
pub(crate) fn ending() -> SigSet {
    let ignored = ignored();
    let all = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP];
    all.into_iter().filter(|signal| (ignored >> (*signal as i32 - 1)) & 1 == 0).collect()
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

/// The signals that are ignored, the first one in the lowest bit; none where that cannot be read.
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}
