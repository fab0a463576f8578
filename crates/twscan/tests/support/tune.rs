//! What the tests of `twscan tune` run.

use std::process::{Command, Output, Stdio};

use serde_json::Value;
use twscan_lab::Netns;

pub(crate) const REUSE: &str = "net.ipv4.tcp_tw_reuse";
pub(crate) const RANGE: &str = "net.ipv4.ip_local_port_range";

/// Runs `twscan tune` in a namespace, with a state directory of the test's own.
pub(crate) struct Tune<'n> {
    net: &'n Netns,
    pub(crate) state: tempfile::TempDir,
}

impl<'n> Tune<'n> {
    pub(crate) fn new(net: &'n Netns) -> Self {
        net.set_sysctl(RANGE, "32768 60999").unwrap();
        net.set_sysctl(REUSE, "2").unwrap();
        Self { net, state: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.net.run(|| self.command(args).output().unwrap()).unwrap()
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin("twscan"));
        command.arg("tune").args(args).stdin(Stdio::null()).env("TWSCAN_STATE_DIR", self.state.path());
        command
    }

    /// Runs a script in a mount namespace: `$twscan` is the program, `$dir` a directory.
    pub(crate) fn script(&self, script: &str) -> Output {
        let run = || {
            Command::new("unshare")
                .args(["--mount", "sh", "-euc", script])
                .env("twscan", assert_cmd::cargo::cargo_bin("twscan"))
                .env("dir", self.state.path())
                .env("TWSCAN_STATE_DIR", self.state.path())
                .output()
                .unwrap()
        };
        self.net.run(run).unwrap()
    }

    pub(crate) fn json(&self, args: &[&str]) -> Value {
        let output = self.run(&[args, &["--json"]].concat());
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", stderr(&output)))
    }

    pub(crate) fn sysctl(&self, key: &str) -> String {
        self.net.sysctl(key).unwrap().replace('\t', " ")
    }

    pub(crate) fn file(&self, name: &str) -> String {
        self.state.path().join(name).display().to_string()
    }
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}
