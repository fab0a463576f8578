#![allow(dead_code, reason = "each file uses its part")]

use std::path::Path;
use std::process::{Child, Command};

/// Runs this test again as its own child, in the caller's namespaces but without privileges: as another user where that
/// user exists, else without capabilities. The child finds `TWSCAN_TEST_CHILD` set.
pub(crate) fn run_again_unprivileged(test: &str) {
    let binary = std::env::current_exe().unwrap();
    let read = |name: &str| std::fs::read_to_string(format!("/proc/thread-self/{name}")).unwrap();
    let has_privileges = !read("status").contains("\nCapEff:\t0000000000000000\n");
    let other_users_exist = read("uid_map").split_whitespace().nth(2) != Some("1");
    let mut command = Command::new(if has_privileges { Path::new("setpriv") } else { &binary });
    match (has_privileges, other_users_exist) {
        (false, _) => &mut command,
        (true, true) => command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]).arg(binary),
        (true, false) => command.args(["--bounding-set=-all", "--inh-caps=-all", "--"]).arg(binary),
    };
    run_as_child(command, test);
}

/// Runs this test again where `/proc` and the run directories show no network namespaces but those that it makes, and its
/// own: how many this machine has does not count.
pub(crate) fn run_alone(test: &str) {
    let mut command = Command::new("unshare");
    let script = "umount -R -l /run/netns /run/docker/netns 2>/dev/null; exec \"$@\"";
    command.args(["--mount", "--pid", "--fork", "--mount-proc", "sh", "-c", script, "sh"]);
    command.arg(std::env::current_exe().unwrap());
    run_as_child(command, test);
}

/// Runs this test again by a command that ends in the test binary.
pub(crate) fn run_as_child(mut command: Command, test: &str) {
    let output = command.args(["--exact", test, "--nocapture"]).env(CHILD, "1").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

/// Whether this is the child that one of the above started.
pub(crate) fn is_child() -> bool {
    std::env::var_os(CHILD).is_some()
}

/// Ends a process with the test.
pub(crate) struct Ends(pub(crate) Child);

impl Drop for Ends {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

const CHILD: &str = "TWSCAN_TEST_CHILD";
