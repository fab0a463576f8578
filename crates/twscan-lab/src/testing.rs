use std::any::type_name_of_val;
use std::env;
use std::process::Command;
use std::thread;

use crate::{Error, Netns};

/// Runs a test's body with a namespace of its own, whoever runs the test.
///
/// Where this process may not make a namespace, the current test binary is run again for this one
/// test inside a user namespace (by `unshare` of util-linux). Where that is forbidden too, the
/// test fails if `CI` or `TWSCAN_REQUIRE_PRIVILEGES` is set, else it says that it was skipped.
///
/// ```no_run
/// # fn main() {}
/// #[test]
/// fn the_range_can_be_narrowed() -> Result<(), twscan_lab::Error> {
///     twscan_lab::test_in_netns(|net| {
///         net.set_port_range(40_000, 40_019).unwrap();
///         net.run(|| { /* sockets made here are in the namespace */ }).unwrap();
///     })
/// }
/// ```
///
/// # Errors
/// When there is no namespace and one was required, or when the test failed in the user namespace.
pub fn test_in_netns(body: impl FnOnce(&Netns)) -> Result<(), Error> {
    let reason = match Netns::new() {
        Ok(net) => {
            body(&net);
            return Ok(());
        }
        Err(error) if error.is_permission_denied() && env::var_os(AGAIN).is_none() => error,
        Err(error) => return Err(error),
    };
    let test = test_name(&body);
    match run_again(&test)? {
        Outcome::Passed => Ok(()),
        Outcome::Failed => Err(Error::FailedInUserNamespace { test }),
        Outcome::NotRun(said) => {
            let reason = format!("{reason}; {said}");
            if ["CI", "TWSCAN_REQUIRE_PRIVILEGES"].iter().any(|key| env::var_os(key).is_some()) {
                return Err(Error::NoNamespaces { test, reason });
            }
            say(&format!("{test} skipped: no network namespace can be made here ({reason})"));
            Ok(())
        }
    }
}

enum Outcome {
    Passed,
    Failed,
    NotRun(String),
}

fn run_again(test: &str) -> Result<Outcome, Error> {
    let binary = env::current_exe().map_err(|e| Error::os("find the test binary", e))?;
    let child = Command::new("unshare")
        .args(["--map-root-user", "--net", "--"])
        .arg(binary)
        .args(["--exact", test, "--include-ignored", "--nocapture"])
        .env(AGAIN, "1")
        .output();
    let output = match child {
        Ok(output) => output,
        Err(error) => return Ok(Outcome::NotRun(format!("run unshare: {error}"))),
    };
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    // The harness counts: a name that matched no test must not pass for a success.
    if output.status.success() && stdout.contains("1 passed") {
        return Ok(Outcome::Passed);
    }
    if !stdout.contains("running ") {
        return Ok(Outcome::NotRun(stderr.trim().to_owned()));
    }
    say(&format!("{stdout}{stderr}"));
    Ok(Outcome::Failed)
}

/// The harness names a test's thread after the test, except when it runs tests one at a time on
/// the main thread; the body's type name then holds it, behind the crate's name.
fn test_name<F>(body: &F) -> String {
    let thread = thread::current();
    if let Some(name) = thread.name().filter(|name| *name != "main") {
        return name.to_owned();
    }
    let path = type_name_of_val(body).trim_end_matches("::{{closure}}");
    path.split_once("::").map_or(path, |(_crate, test)| test).to_owned()
}

#[expect(clippy::print_stderr, reason = "the harness captures and shows a test's standard error")]
fn say(text: &str) {
    eprintln!("{text}");
}

/// Set in the child, so that it does not try a third time.
const AGAIN: &str = "TWSCAN_LAB_IN_USER_NAMESPACE";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_knows_its_name_on_any_thread() {
        let name = "testing::tests::a_test_knows_its_name_on_any_thread";
        let body = || {};
        let by_type = thread::scope(|scope| {
            let main = thread::Builder::new().name("main".to_owned());
            main.spawn_scoped(scope, || test_name(&body)).unwrap().join().unwrap()
        });
        assert_eq!(by_type, name);
        assert_eq!(test_name(&body), name);
    }

    #[test]
    fn a_name_that_is_no_test_is_not_a_pass() {
        let outcome = run_again("no::such::test").unwrap();
        assert!(!matches!(outcome, Outcome::Passed));
    }

    #[test]
    fn a_namespace_is_at_hand() -> Result<(), Error> {
        test_in_netns(|net| assert!(net.inode().unwrap() > 0))
    }
}
