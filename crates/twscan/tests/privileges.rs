//! What reading needs: nothing. And what a missing privilege costs, as docs/robustness.md has it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says what it expects by failing")]

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use twscan_lab::{Dial, First, Listener, Netns, test_in_netns, time_waits};

mod support;

use support::Copy;

type Outcome = Result<(), twscan_lab::Error>;

/// 200 TIME_WAITs to 127.0.0.1:9401, 100 to [::1]:9401.
fn populate(net: &Netns) -> Listener {
    net.set_sysctl("net.ipv4.tcp_tw_reuse", "0").unwrap();
    net.run(|| {
        let listener = Listener::bind("[::]:9401".parse().unwrap()).unwrap();
        for (to, count) in [("127.0.0.1:9401", 200), ("[::1]:9401", 100)] {
            let to: SocketAddr = to.parse().unwrap();
            assert_eq!(time_waits(&Dial::to(to), &listener, count, First::Client).unwrap().count, count);
        }
        listener
    })
    .unwrap()
}

/// Ways to run a command with less than this test has.
const LESS: [&[&str]; 5] = [
    &["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--"],
    &["setpriv", "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all", "--"],
    &["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all", "--inh-caps=-all", "--"],
    &["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs", "--"],
    // Nothing can be written, not even below /tmp.
    &["unshare", "--mount", "sh", "-c", READ_ONLY, "sh"],
];
const READ_ONLY: &str = "for point in $(awk '{ print $5 }' /proc/self/mountinfo); do \
                         mount -o remount,ro,bind $point 2>/dev/null; done; \
                         if touch /tmp/twscan-is-read-only 2>/dev/null; then exit 99; fi; exec \"$@\"";

/// Those that can be had here: inside a user namespace there is no nobody, and not every mount may be made read-only.
fn ways() -> impl Iterator<Item = &'static [&'static str]> {
    let in_user_namespace = !std::fs::read_to_string("/proc/self/uid_map").unwrap().contains("4294967295");
    LESS.into_iter().filter(move |way| {
        !in_user_namespace || Command::new("env").args(*way).arg("true").status().is_ok_and(|status| status.success())
    })
}

fn run(way: &[&str], binary: &Path, args: &[&str]) -> Output {
    let mut command = Command::new("env");
    let output = command.args(way).arg(binary).args(args).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{way:?} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

/// A document without what differs from one look to the next.
fn document(way: &[&str], binary: &Path, args: &[&str]) -> Value {
    let mut document: Value = serde_json::from_slice(&run(way, binary, args).stdout).unwrap();
    for key in ["captured_at", "dump", "other_netns", "replayed_from", "totals"] {
        document.as_object_mut().unwrap().remove(key);
    }
    document
}

/// Not `diagnose`, which looks at the host's other namespaces too, and those come and go.
const COMMANDS: [&[&str]; 3] = [&["summary", "--json"], &["by-dest", "--all", "--json"], &["ports", "--json"]];

#[test]
fn reading_needs_no_privilege_and_no_writable_disk() -> Outcome {
    test_in_netns(|net| {
        let _listener = populate(net);
        net.run(|| {
            let copy = Copy::new();
            let binary = copy.binary();
            for command in COMMANDS {
                let expected = document(&[], &binary, command);
                for way in ways() {
                    let seen = document(way, &binary, command);
                    assert_eq!(seen, expected, "{way:?} {command:?}");
                }
            }
            for way in ways() {
                let rows = run(way, &binary, &["list", "time-wait", "--format", "csv"]).stdout;
                assert_eq!(rows.iter().filter(|byte| **byte == b'\n').count(), 301, "{way:?}");
                assert_eq!(document(way, &binary, &["diagnose", "--json"])["complete"], true, "{way:?}");
            }
        })
        .unwrap();
    })
}

#[test]
fn a_capture_into_a_pipe_needs_neither() -> Outcome {
    test_in_netns(|net| {
        let _listener = populate(net);
        net.run(|| {
            let copy = Copy::new();
            for way in ways() {
                let capture = run(way, &copy.binary(), &["capture", "-"]).stdout;
                let file = copy.directory().join("capture");
                std::fs::write(&file, capture).unwrap();
                let args = ["summary", "--json", "--from", file.to_str().unwrap()];
                let seen = document(way, &copy.binary(), &args);
                assert_eq!((&seen["source"], &seen["complete"]), (&"netlink-one-walk".into(), &true.into()), "{way:?}");
                assert_eq!(seen["time_wait"]["total"], 300, "{way:?}");
            }
        })
        .unwrap();
    })
}

#[test]
fn a_mark_is_told_to_cap_net_admin_alone() -> Outcome {
    test_in_netns(|net| {
        let _listener = populate(net);
        net.run(|| {
            let copy = Copy::new();
            let rows = run(&[], &copy.binary(), &["list", "time-wait", "fwmark", "=", "0", "--format", "csv"]).stdout;
            assert_eq!(rows.iter().filter(|byte| **byte == b'\n').count(), 301);
            for way in ways().filter(|way| way.contains(&"--bounding-set=-all")) {
                let mut command = Command::new("env");
                let args = ["list", "time-wait", "fwmark", "=", "0"];
                let output = command.args(way).arg(copy.binary()).args(args).output().unwrap();
                let said = String::from_utf8(output.stderr).unwrap();
                assert_eq!(output.status.code(), Some(2), "{way:?}");
                assert!(said.contains("CAP_NET_ADMIN"), "{way:?}: {said}");
            }
        })
        .unwrap();
    })
}
