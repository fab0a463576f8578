//! Signals in the middle of a walk: the counts are those of a quiet one.
//!
//! A walk of the running kernel is hardly ever interrupted: each datagram of a dump is made while the one before is
//! fetched, so that recv() finds it without waiting. What comes all the same is made here by strace, at every other call.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says what it expects by failing")]

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use twscan_lab::{Dial, First, Listener, test_in_netns, time_waits};

const TIME_WAITS: u64 = 20_000;

/// Runs a body beside 20,000 TIME_WAITs.
fn populated(body: impl FnOnce() + Send) -> Result<(), twscan_lab::Error> {
    test_in_netns(|net| {
        net.set_sysctl("net.ipv4.tcp_tw_reuse", "0").unwrap();
        // From half of the range on connect() is slow.
        net.set_port_range(10_000, 60_001).unwrap();
        net.run(|| {
            let listener = Listener::bind("127.0.0.1:9301".parse().unwrap()).unwrap();
            let count = usize::try_from(TIME_WAITS).unwrap();
            assert_eq!(
                time_waits(&Dial::to(listener.address()), &listener, count, First::Client).unwrap().count,
                count
            );
            body();
        })
        .unwrap();
    })
}

fn assert_exact(summary: &[u8]) {
    let summary: Value = serde_json::from_slice(summary).unwrap();
    assert_eq!((&summary["complete"], &summary["partial"]), (&true.into(), &Value::Null));
    assert_eq!(summary["time_wait"]["total"], TIME_WAITS);
    assert_eq!((&summary["dump"]["sockets"], &summary["dump"]["duplicates"]), (&(TIME_WAITS + 1).into(), &0.into()));
    assert_eq!(summary["source"], "netlink-one-walk");
}

/// Stops and continues a child every 100 microseconds until its output ends; how often.
fn storm(child: &mut Child, output: &mut Vec<u8>) -> u64 {
    let pid = Pid::from_raw(child.id().try_into().unwrap());
    let (mut stdout, done) = (child.stdout.take().unwrap(), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let signals = scope.spawn(|| {
            let mut signals = 0;
            // Nobody has waited for the child yet, so that its number is no other's.
            while !done.load(Ordering::Relaxed) && kill(pid, Signal::SIGSTOP).and(kill(pid, Signal::SIGCONT)).is_ok() {
                signals += 2;
                std::thread::sleep(Duration::from_micros(100));
            }
            signals
        });
        stdout.read_to_end(output).unwrap();
        done.store(true, Ordering::Relaxed);
        signals.join().unwrap()
    })
}

#[test]
fn a_walk_that_is_stopped_and_continued_all_the_time_counts_exactly() -> Result<(), twscan_lab::Error> {
    populated(|| {
        let mut signals = 0;
        for _ in 0..10 {
            let mut command = Command::new(assert_cmd::cargo::cargo_bin("twscan"));
            let mut child = command.args(["summary", "--json"]).stdout(Stdio::piped()).spawn().unwrap();
            let mut output = Vec::new();
            signals += storm(&mut child, &mut output);
            assert_eq!(child.wait().unwrap().code(), Some(0));
            assert_exact(&output);
        }
        assert!(signals > 0);
    })
}

#[test]
fn calls_that_are_interrupted_are_made_again() -> Result<(), twscan_lab::Error> {
    let traced = |args: &[&str]| Command::new("strace").args(args).output();
    if !traced(&["-o", "/dev/null", "true"]).is_ok_and(|output| output.status.success()) {
        assert!(std::env::var_os("CI").is_none(), "strace is required here: install it");
        return Ok(());
    }
    populated(|| {
        let log = tempfile::NamedTempFile::new().unwrap();
        let (log, binary) = (log.path().to_str().unwrap().to_owned(), assert_cmd::cargo::cargo_bin("twscan"));
        let output = traced(&[
            "-f",
            "-o",
            &log,
            "-e",
            "trace=sendto,recvfrom",
            "-e",
            "inject=sendto:error=EINTR:signal=SIGCONT:when=1+2",
            "-e",
            "inject=recvfrom:error=EINTR:signal=SIGCONT:when=1+2",
            binary.to_str().unwrap(),
            "summary",
            "--json",
        ]);
        let output = output.unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        assert_exact(&output.stdout);
        let log = std::fs::read_to_string(&log).unwrap();
        let injected = |call: &str| log.lines().filter(|line| line.contains(call) && line.contains("EINTR")).count();
        // 20,000 sockets of at least 72 bytes do not fit into 40 datagrams of 32 KiB.
        assert!(
            injected("recvfrom(") > 40 && injected("sendto(") > 1,
            "{} {}",
            injected("recvfrom("),
            injected("sendto(")
        );
    })
}
