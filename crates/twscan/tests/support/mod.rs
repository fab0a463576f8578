//! What more than one of the tests runs.

use std::process::{Command, Output};

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
