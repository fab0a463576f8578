//! The thread that the signals which end this process come to, and waiting for them.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use nix::Result;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::failure::Failure;

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

/// What ends work that goes on until somebody has enough of it.
#[derive(Debug)]
pub(crate) struct Stop {
    /// Where signals wait to be asked for.
    signals: Option<SignalFd>,
}

impl Stop {
    /// Signals end the process.
    pub(crate) fn by_default() -> Self {
        Self { signals: None }
    }

    /// These signals end the process no longer, and wait to be asked for.
    pub(crate) fn when_asked(wanted: SigSet) -> std::result::Result<Self, Failure> {
        let signals = wanted.thread_block().and_then(|()| SignalFd::with_flags(&wanted, SfdFlags::SFD_CLOEXEC));
        Ok(Self { signals: Some(signals.map_err(|errno| cannot_wait(errno.into()))?) })
    }

    /// Waits so long; whether a signal came, or the reader of an output has gone.
    pub(crate) fn within(&self, time: Duration, output: Option<BorrowedFd<'_>>) -> std::result::Result<bool, Failure> {
        let Some(signals) = &self.signals else {
            std::thread::sleep(time);
            return Ok(false);
        };
        let mut wanted = vec![PollFd::from_borrowed_fd(signals.as_fd(), PollFlags::IN)];
        wanted.extend(output.map(|output| PollFd::from_borrowed_fd(output, PollFlags::empty())));
        match poll(&mut wanted, Timespec::try_from(time).ok().as_ref()) {
            Err(Errno::INTR) => Ok(false),
            came => Ok(came.map_err(|errno| cannot_wait(errno.into()))? > 0),
        }
    }
}

fn cannot_wait(cause: io::Error) -> Failure {
    Failure::File("cannot wait for signals".to_owned(), cause)
}

/// Whether this process ignores a signal; no where that cannot be read.
fn ignores(signal: Signal) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    // The first signal in the lowest bit.
    mask.is_some_and(|mask| (mask >> (signal as i32 - 1)) & 1 == 1)
}
