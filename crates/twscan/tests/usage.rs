//! What the command says to wrong and right usage, without needing any socket.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says what it expects by failing")]

use assert_cmd::Command;

fn twscan(args: &[&str]) -> std::process::Output {
    Command::cargo_bin("twscan").unwrap().args(args).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn a_target_in_the_place_of_a_command_is_understood() {
    for target in ["8080", ":8080", "10.0.0.5:5432", "10.0.0.0/8"] {
        let output = twscan(&[target]);
        assert_eq!(output.status.code(), Some(2));
        assert_eq!(
            text(&output.stderr),
            format!("error: '{target}' is no command; did you mean `twscan by-dest {target}`?\n")
        );
    }
}

#[test]
fn wrong_usage_exits_2_and_says_what_would_be_right() {
    for (args, part) in [
        (&["by-dest", "localhost"][..], "both loopbacks"),
        (&["by-dest", "localhost:8080"], "127.0.0.1:8080"),
        (&["by-dest", "db.example.com"], "getent hosts"),
        (&["by-dest", "99999"], "a port is a number from 1 to 65535"),
        (&["list", "waiting"], "groups are all, connected"),
        (&["by-dest", "--state", "nope"], "'nope' is no state"),
        (&["by-dest", "--top", "x"], "invalid value 'x'"),
        (&["sumary"], "'summary'"),
        (&["summary", "-4", "-6"], "cannot be used with"),
    ] {
        let output = twscan(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(text(&output.stderr).contains(part), "{args:?}: {}", text(&output.stderr));
        assert!(output.stdout.is_empty(), "{args:?}");
    }
}

#[test]
fn every_command_shows_examples_in_its_help() {
    for command in ["summary", "by-dest", "list", "ports", "selftest"] {
        let output = twscan(&[command, "--help"]);
        assert_eq!(output.status.code(), Some(0));
        assert!(text(&output.stdout).contains("Examples:\n"), "{command}");
    }
}

#[test]
fn generated_pages_are_made_from_the_same_definition() {
    for shell in ["bash", "zsh", "fish"] {
        assert!(text(&twscan(&["completions", shell]).stdout).contains("by-dest"), "{shell}");
    }
    assert!(text(&twscan(&["man"]).stdout).contains(".TH twscan 1"));
    let help = text(&twscan(&["-h"]).stdout);
    assert!(!help.contains("completions") && help.contains("by-dest"));
}

#[test]
fn the_version_is_told() {
    assert!(text(&twscan(&["--version"]).stdout).starts_with(concat!("twscan ", env!("CARGO_PKG_VERSION"))));
}

#[test]
fn a_closed_pipe_is_success() {
    let binary = assert_cmd::cargo::cargo_bin("twscan");
    let script = format!("{} summary --json | true; echo ${{PIPESTATUS[0]}}", binary.display());
    let output = std::process::Command::new("bash").args(["-c", &script]).output().unwrap();
    assert_eq!(text(&output.stdout).trim(), "0");
    assert_eq!(text(&output.stderr), "");
}
