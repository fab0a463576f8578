//! What more than one of the tests runs.

#![allow(dead_code, reason = "each file uses its part")]

pub(crate) mod tune;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tempfile::TempDir;
use twscan_lab::{Dial, First, Listener, time_waits};

/// Runs twscan without privileges: as another user where there is one, else without capabilities.
pub(crate) fn run_unprivileged(args: &[&str]) -> Output {
    let only_one_user = std::fs::read_to_string("/proc/self/uid_map").unwrap().split_whitespace().nth(2) == Some("1");
    let mut command = Command::new("setpriv");
    if only_one_user {
        command.args(["--bounding-set=-all", "--inh-caps=-all", "--"]);
    } else {
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]);
    }
    command.arg(assert_cmd::cargo::cargo_bin("twscan")).args(args).output().unwrap()
}

/// A copy that everybody may run, since the target directory may be closed to nobody.
pub(crate) struct Copy {
    directory: TempDir,
}

impl Copy {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir_in("/tmp").unwrap();
        // By a process of its own: a file that is open for writing here may be so in a child of another test's just now,
        // and then cannot be run.
        let copied = Command::new("cp").arg(assert_cmd::cargo::cargo_bin("twscan")).arg(directory.path()).status();
        assert!(copied.unwrap().success());
        std::fs::set_permissions(directory.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        Self { directory }
    }

    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn binary(&self) -> PathBuf {
        self.directory.path().join("twscan")
    }
}

/// Lets the tests of a file run one after the other, where they judge who has their sockets open: a child that another
/// test has just forked has them too, until it becomes another program.
pub(crate) fn one_at_a_time() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs twscan with this on standard input.
pub(crate) fn twscan(args: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(assert_cmd::cargo::cargo_bin("twscan"))
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    let _ = writer.join().unwrap();
    output
}

pub(crate) fn ok(args: &[&str], input: &[u8]) -> Vec<u8> {
    let output = twscan(args, input);
    assert_eq!(output.status.code(), Some(0), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// Documents, one a line.
pub(crate) fn documents(args: &[&str], input: &[u8]) -> Vec<Value> {
    let text = String::from_utf8(ok(args, input)).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Takes out what differs between two looks at the same sockets: times, what the walk itself took, and the namespaces
/// beside this one, which are not recorded.
pub(crate) fn settled(mut document: Value) -> Value {
    for key in ["captured_at", "dump", "replayed_from", "expires_ms", "other_netns"] {
        document.as_object_mut().unwrap().remove(key);
    }
    if let Some(verdict) = document.get_mut("verdict").and_then(Value::as_object_mut) {
        // What to do next names the recording.
        verdict.remove("next");
    }
    if let Some(totals) = document.get_mut("totals") {
        // The capture has a netlink socket more of its own; orphans are of the whole host, where others are at work.
        (totals["sockets"], totals["tcp"]["orphaned"]) = (Value::Null, Value::Null);
    }
    document
}

pub(crate) fn populated(listener: &Listener) {
    assert_eq!(time_waits(&Dial::to(listener.address()), listener, 300, First::Client).unwrap().count, 300);
}
