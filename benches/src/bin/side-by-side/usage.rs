//! What one run of something took.

use std::error::Error;
use std::fmt;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitStatus, Stdio};
use std::str::FromStr;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::resource::{Usage as Rusage, UsageWho, getrusage};
use nix::sys::signal::{Signal, killpg};
use nix::sys::time::TimeValLike;
use nix::unistd::Pid;

use super::printed::Printed;

/// Wall time and processor time of one run.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Usage {
    pub(crate) wall: Duration,
    pub(crate) user: Duration,
    pub(crate) system: Duration,
}

impl Usage {
    /// Of what this thread does in `body`, and what comes of it.
    pub(crate) fn of_thread<T>(body: impl FnOnce() -> Result<T, Box<dyn Error>>) -> Result<(Self, T), Box<dyn Error>> {
        let before = getrusage(UsageWho::RUSAGE_THREAD)?;
        let started = Instant::now();
        let value = body()?;
        let wall = started.elapsed();
        let after = getrusage(UsageWho::RUSAGE_THREAD)?;
        let (user, system) = processor_time(&after);
        let (user_before, system_before) = processor_time(&before);
        let (user, system) = (user.saturating_sub(user_before), system.saturating_sub(system_before));
        Ok((Self { wall, user, system }, value))
    }

    /// Of a child process with all that it starts and waits for. Its output goes into a pipe that is emptied at once.
    ///
    /// What takes too long is ended, and an error.
    ///
    /// The kernel adds up the children of a process, so each is measured by a process that has no other one.
    pub(crate) fn of_only_child(command: &mut Command) -> Result<(Self, Printed, ExitStatus), Box<dyn Error>> {
        let (finished, end) = mpsc::channel();
        let started = Instant::now();
        // A group of its own, so that a pipeline can be ended as a whole.
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).process_group(0).spawn()?;
        let stdout = child.stdout.take();
        thread::spawn(move || finished.send(stdout.map_or(Ok(Printed::default()), Printed::read)));
        let Ok(printed) = end.recv_timeout(LONGEST) else {
            killpg(Pid::from_raw(child.id().try_into()?), Signal::SIGKILL)?;
            child.wait()?;
            return Err(format!("it takes more than {} s", LONGEST.as_secs()).into());
        };
        let status = child.wait()?;
        let wall = started.elapsed();
        let (user, system) = processor_time(&getrusage(UsageWho::RUSAGE_CHILDREN)?);
        Ok((Self { wall, user, system }, printed?, status))
    }
}

/// Three words, for [`FromStr`] in the process that asked.
impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [wall, user, system] = [self.wall, self.user, self.system].map(|time| time.as_nanos());
        write!(f, "{wall} {user} {system}")
    }
}

impl FromStr for Usage {
    type Err = Box<dyn Error>;

    fn from_str(line: &str) -> Result<Self, Self::Err> {
        let numbers: Vec<u64> = line.split_ascii_whitespace().map(str::parse).collect::<Result<_, _>>()?;
        let [wall, user, system] = numbers[..] else {
            return Err(format!("not a usage: {line}").into());
        };
        let [wall, user, system] = [wall, user, system].map(Duration::from_nanos);
        Ok(Self { wall, user, system })
    }
}

fn processor_time(rusage: &Rusage) -> (Duration, Duration) {
    let duration = |micros: i64| Duration::from_micros(u64::try_from(micros).unwrap_or(0));
    (duration(rusage.user_time().num_microseconds()), duration(rusage.system_time().num_microseconds()))
}

/// One run has to end while the population stands.
pub(crate) const LONGEST: Duration = Duration::from_secs(12);
