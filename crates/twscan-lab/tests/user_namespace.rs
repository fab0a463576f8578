//! An ordinary user's way to a namespace. It has a main function of its own because the kernel lets
//! only a process with a single thread enter a user namespace, and a test harness has several.

use std::env;
use std::process::{Command, ExitCode};

use twscan_lab::{Dial, Error, First, Listener, Netns, enter_user_namespace, time_waits};

const INSIDE: &str = "TWSCAN_LAB_TEST_INSIDE";

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "a test reports")]
fn main() -> ExitCode {
    if env::var_os(INSIDE).is_some() {
        return match populated() {
            Ok(count) => {
                println!("{count}");
                ExitCode::SUCCESS
            }
            Err(error) if error.is_permission_denied() => {
                eprintln!("{error}");
                ExitCode::from(DENIED)
            }
            Err(error) => {
                eprintln!("{error}");
                ExitCode::FAILURE
            }
        };
    }
    let required = ["CI", "TWSCAN_REQUIRE_PRIVILEGES"].iter().any(|key| env::var_os(key).is_some());
    match again() {
        Ok((Some(0), said)) if said.trim() == "100" => {
            println!("test a_user_namespace_of_ones_own_can_be_populated ... ok");
            ExitCode::SUCCESS
        }
        Ok((Some(code), said)) if code == i32::from(DENIED) && !required => {
            println!("user namespaces are forbidden here, skipped: {said}");
            ExitCode::SUCCESS
        }
        other => {
            eprintln!("test a_user_namespace_of_ones_own_can_be_populated ... FAILED: {other:?}");
            ExitCode::FAILURE
        }
    }
}

fn populated() -> Result<usize, Error> {
    enter_user_namespace()?;
    Netns::new()?.run(|| {
        let listener = Listener::bind(([127, 0, 0, 1], 9101).into())?;
        let made = time_waits(&Dial::to(listener.address()), &listener, 100, First::Client)?;
        Ok(made.count)
    })?
}

fn again() -> std::io::Result<(Option<i32>, String)> {
    let output = Command::new(env::current_exe()?).env(INSIDE, "1").output()?;
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    Ok((output.status.code(), said.into_owned()))
}

const DENIED: u8 = 77;
