//! How much memory a program takes at most, as the kernel knows it in the moment before each of its processes ends.
//!
//! `getrusage` would not do: a process begins with the peak of the one that started it, and that is this program, larger
//! than many a small one.

use std::error::Error;
use std::fs;
use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::ptrace::{self, Event, Options};
use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use super::printed::Printed;
use super::usage::LONGEST;

/// A run that is not timed: being watched takes time.
#[derive(Debug)]
pub(crate) struct Watched {
    /// About as long as it takes unwatched.
    pub(crate) wall: Duration,
    /// KiB; of the largest process of a pipeline.
    pub(crate) peak: u64,
    pub(crate) printed: Printed,
}

/// Runs a program and stops each process that it consists of at its end, for a look.
///
/// # Errors
/// Where it fails, takes more than [`LONGEST`], or may not be watched. Exit code 1 is no failure: `grep` and `twscan`
/// answer with it.
pub(crate) fn watch(words: &[String]) -> Result<Watched, Box<dyn Error>> {
    let program = words.first().ok_or("no program to watch")?;
    // The shell waits for the end of its input and becomes the program, which is watched from its first instruction on.
    let mut child = Command::new("sh")
        .args(["-c", "read -r _; exec \"$@\" </dev/null", "sh"])
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()?;
    let first = Pid::from_raw(child.id().try_into()?);
    let seized = ptrace::seize(first, OPTIONS);
    let started = Instant::now();
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (ended, end) = mpsc::channel::<()>();
    thread::scope(|scope| {
        let printed = scope.spawn(|| read(stdout));
        let complaint = scope.spawn(|| read(stderr));
        // Ended as a whole where it takes too long.
        let in_time = scope.spawn(move || match end.recv_timeout(LONGEST) {
            Ok(()) => true,
            Err(_) => killpg(first, Signal::SIGKILL).is_err(),
        });
        drop(stdin);
        let seen = see_to_the_end(first);
        // Nobody may be waiting any more.
        let _ = ended.send(());
        let wall = started.elapsed();
        let joined = (printed.join(), complaint.join(), in_time.join());
        let (Ok(printed), Ok(complaint), Ok(in_time)) = joined else { return Err("a reader panicked".into()) };
        seized?;
        let (status, peak) = seen?;
        if !in_time {
            return Err(format!("it takes more than {} s", LONGEST.as_secs()).into());
        }
        if !matches!(status, Some(WaitStatus::Exited(_, 0 | 1))) {
            let complaint = complaint?.head;
            let complaint = String::from_utf8_lossy(&complaint);
            return Err(complaint
                .lines()
                .next()
                .map_or(format!("{program} ends with {status:?}"), str::to_owned)
                .into());
        }
        Ok(Watched { wall, peak, printed: printed? })
    })
}

/// How the first process ended, and the peak of the largest of all of its group.
fn see_to_the_end(first: Pid) -> Result<(Option<WaitStatus>, u64), Box<dyn Error>> {
    let (mut status, mut peak) = (None, 0);
    loop {
        match waitpid(Pid::from_raw(-first.as_raw()), Some(WaitPidFlag::__WALL)) {
            Ok(WaitStatus::PtraceEvent(process, _, event)) => {
                if event == Event::PTRACE_EVENT_EXIT as i32 {
                    peak = peak.max(high_water_mark(process.as_raw().try_into()?).unwrap_or(0));
                }
                go_on(process, None)?;
            }
            Ok(WaitStatus::Stopped(process, signal)) => go_on(process, Some(signal))?,
            Ok(end) if end.pid() == Some(first) => status = Some(end),
            Ok(_) | Err(Errno::EINTR) => {}
            Err(Errno::ECHILD) => return Ok((status, peak)),
            Err(errno) => return Err(errno.into()),
        }
    }
}

/// A process that was killed meanwhile is none to go on.
fn go_on(process: Pid, signal: Option<Signal>) -> Result<(), Errno> {
    match ptrace::cont(process, signal) {
        Err(Errno::ESRCH) => Ok(()),
        other => other,
    }
}

/// KiB: `VmHWM` of proc(5).
pub(crate) fn high_water_mark(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

fn read(pipe: Option<impl Read>) -> io::Result<Printed> {
    pipe.map_or(Ok(Printed::default()), Printed::read)
}

/// All that it starts is watched too, and ends where this program does.
const OPTIONS: Options = Options::PTRACE_O_TRACEEXIT
    .union(Options::PTRACE_O_TRACEFORK)
    .union(Options::PTRACE_O_TRACEVFORK)
    .union(Options::PTRACE_O_TRACECLONE)
    .union(Options::PTRACE_O_TRACEEXEC)
    .union(Options::PTRACE_O_EXITKILL);

#[cfg(test)]
mod tests {
    use super::*;

    fn run(words: &[&str]) -> Result<Watched, Box<dyn Error>> {
        watch(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn a_small_program_is_not_taken_for_as_large_as_this_one() {
        let larger_than_any = vec![1u8; 16 << 20];
        let peak = run(&["true"]).unwrap().peak;
        assert!((1..8 << 10).contains(&peak), "{peak} KiB");
        assert_eq!(larger_than_any.iter().map(|byte| u64::from(*byte)).sum::<u64>(), 16 << 20);
    }

    #[test]
    fn the_largest_of_a_pipeline_counts() {
        let pipeline = "dd if=/dev/zero bs=16M count=1 2>/dev/null | wc -c";
        let Watched { peak, printed, .. } = run(&["sh", "-c", pipeline]).unwrap();
        assert_eq!(printed.head, b"16777216\n");
        assert!(peak > 16 << 10, "{peak} KiB");
    }

    #[test]
    fn a_program_that_fails_says_why() {
        let error = run(&["sh", "-c", "echo no such thing >&2; exit 2"]).unwrap_err();
        assert_eq!(error.to_string(), "no such thing");
        assert_eq!(run(&["sh", "-c", "echo a; exit 1"]).unwrap().printed.lines, 1);
        assert!(run(&["sh", "-c", "kill -9 $$"]).is_err());
    }
}
