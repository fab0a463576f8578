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
        (&["tune", "apply", "--tw-reuse", "2", "--from", "host.twcap"], "this changes the running kernel"),
        (&["summary", "--quick", "-p"], "cannot be used with"),
        (&["by-dest", "db.example.com"], "getent hosts"),
        (&["by-dest", "99999"], "a port is a number from 1 to 65535"),
        (&["list", "waiting"], "expected a state such as time-wait, a group (all, connected"),
        (&["list", "time-wait", "dport", "=", ":80", "garbage"], "column 23, \"garbage\": expected and, or, another"),
        (&["list", "dport", "=", ":99999"], "a port from 0 to 65535"),
        (&["list", "(dport = :80"], ") for the ( at column 1"),
        (&["list", "dev", "no-such-device"], "the name of an interface that exists"),
        (&["list", "cgroup", "/no/such/path"], "the path of a cgroup that exists"),
        (&["by-dest", "8080", "time-wiat"], "column 1, \"time-wiat\": expected a state"),
        (&["by-dest", "8080", "src", "localhost"], "column 5, \"localhost\": expected an address"),
        (&["by-dest", "dport", "80", ")"], "column 10, \")\""),
        (&["by-dest", "--state", "nope"], "'nope' is no state"),
        (&["by-dest", "--top", "x"], "invalid value 'x'"),
        (&["sumary"], "'summary'"),
        (&["summary", "-N", "0"], "digits are a process id"),
        (&["summary", "-N", "no-such-name"], "in /run/netns, /var/run/netns, /run/docker/netns"),
        (&["summary", "-N", "4194305"], "no process 4194305"),
        (&["summary", "-N", "/dev/null"], "/dev/null is no network namespace"),
        (&["summary", "-N", "blue", "--all-netns"], "cannot be used with"),
        (&["list", "--all-netns"], "reads one network namespace: give it with --netns; --all-netns is for summary, "),
        (&["wait", "8080", "--free", "1", "--format", "csv"], "check and wait print one line"),
        (&["tune", "undo", "--json"], "tune undo prints what it puts back"),
        (&["tune", "export", "--to", "sysctl.d", "--format", "jsonl"], "the place that --to names"),
        (&["capture", "-", "--json"], "capture writes a recording"),
        (&["explain", "myths", "--format", "csv"], "explain prints pages"),
        (&["explain", "--list", "--format", "csv"], "explain prints pages"),
        (&["selftest", "--from", "host.twcap"], "selftest asks the running kernel"),
        (&["diagnose", "--from", "host.twcap", "--interval", "1s"], "a recording's own samples give the rates"),
        (&["forecast", "--from", "host.twcap", "--interval", "2s"], "a recording's own samples give the rates"),
        (&["summary", "-4", "-6"], "cannot be used with"),
    ] {
        let output = twscan(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(text(&output.stderr).contains(part), "{args:?}: {}", text(&output.stderr));
        assert!(output.stdout.is_empty(), "{args:?}");
    }
}

#[test]
fn a_format_that_is_the_command_s_own_is_no_mistake() {
    for args in [&["explain", "myths", "--json"][..], &["explain", "--list", "--format", "table"]] {
        assert_eq!(twscan(args).status.code(), Some(0), "{args:?}");
    }
}

#[test]
fn a_mistake_in_a_filter_is_pointed_at() {
    let output = twscan(&["list", "time-wait", "dport = :80", "src", "10.0.0.0/33"]);
    assert_eq!(output.status.code(), Some(2));
    let expected = "error: cannot read the filter at column 36, \"33\": expected a prefix length from 0 to 32\n\
                    time-wait dport = :80 src 10.0.0.0/33\n                                   ^^\n";
    assert_eq!(text(&output.stderr), expected);
}

#[test]
fn every_malformed_filter_exits_2_and_names_the_column() {
    for (words, place) in [
        ("sport", "end, column 6"),
        ("sport =", "end, column 8"),
        ("sport = = 1", "column 9, \"=\""),
        ("sport = :http-but-not", "column 9, \":http-but-not\""),
        ("sport >= *", "column 10, \"*\""),
        ("dport = 1 and", "end, column 14"),
        ("dport = 1 or or dport = 2", "column 14, \"or\""),
        ("dport = 1 )", "column 11, \")\""),
        ("( dport = 1", "end, column 12"),
        ("dport = 1 time-wait", "column 11, \"time-wait\""),
        ("and dport = 1", "column 1, \"and\""),
        ("state", "end, column 6"),
        ("exclude dport", "column 9, \"dport\""),
        ("src > 10.0.0.1", "column 5, \">\""),
        ("src 10", "column 5, \"10\""),
        ("src 300.0.0.1", "column 5, \"300.0.0.1\""),
        ("src ::/129", "column 8, \"129\""),
        ("src 10.0.0.1:70000", "column 14, \"70000\""),
        ("src fd00::1:80", "column 5, \"fd00::1:80\""),
        ("src [::1", "column 5, \"[::1\""),
        ("dev < 3", "column 5, \"<\""),
        ("fwmark 1/", "column 8, \"1/\""),
        ("autobound", "column 1, \"autobound\""),
    ] {
        let output = twscan(&["list", words]);
        assert_eq!(output.status.code(), Some(2), "{words}");
        let said = text(&output.stderr);
        assert!(said.starts_with("error: cannot read the filter at ") && said.contains(place), "{words}: {said}");
        assert!(output.stdout.is_empty(), "{words}");
    }
}

#[test]
fn every_command_shows_examples_in_its_help() {
    let commands = [
        "summary", "by-dest", "list", "ports", "forecast", "diagnose", "explain", "logs", "tune", "check", "wait",
        "selftest", "capture", "compare",
    ];
    let commands = commands.iter().map(|command| vec![*command, "--help"]).chain([vec!["--help"]]);
    for command in commands {
        let output = twscan(&command);
        assert_eq!(output.status.code(), Some(0));
        assert!(text(&output.stdout).contains("Examples:\n"), "{command:?}");
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

#[test]
fn a_pasted_line_of_a_log_leads_to_its_page() {
    let line = "2018/07/19 08:03:23 [crit] 2872#0: *1 connect() to 127.0.0.1:8080 failed (99: Cannot assign requested \
                address) while connecting to upstream";
    let shown = text(&twscan(&["explain", line]).stdout);
    assert!(shown.starts_with("nginx: connect() found no free local port, to 127.0.0.1:8080\n"), "{shown}");
    assert!(shown.contains("# ports-exhausted:"), "{shown}");
    let shown = text(&twscan(&["explain", "listen tcp 1.2.3.4:443: bind: cannot assign requested address"]).stdout);
    assert!(shown.starts_with("go: no lack of ports"), "{shown}");
    let line = "listen tcp 1.2.3.4:443: bind: cannot assign requested address";
    let document = text(&twscan(&["explain", line, "--format", "jsonl"]).stdout);
    assert_eq!(document, "{\"schema\":\"twscan.explain/1\",\"pages\":[]}\n");
}

#[test]
fn a_monitor_is_told_unknown_whatever_is_wrong() {
    for (args, part) in [
        (&["check", "--from", "/nonexistent"][..], "/nonexistent: No such file"),
        (&["check", "--from", "/etc/passwd"], "/etc/passwd: cannot read the recording"),
        (&["check", "-N", "/nonexistent"], "/nonexistent"),
        (&["check", "--warn", "abc"], "invalid value 'abc' for '--warn <PERCENT>'"),
        (&["check", "--warn", "95", "--crit", "90"], "--warn 95% is above --crit 90%"),
        (&["check", "--all-netns"], "one network namespace"),
        (&["check", "--format", "csv"], "check and wait print one line"),
        (&["check", "--nonsense"], "unexpected argument '--nonsense'"),
        (&["check", "nonsense"], "nonsense"),
    ] {
        let output = twscan(args);
        let line = text(&output.stdout);
        assert_eq!((output.status.code(), line.lines().count()), (Some(3), 1), "{args:?}: {line}");
        assert!(line.starts_with("TWSCAN UNKNOWN - ") && line.contains(part), "{args:?}: {line}");
    }
    assert_eq!(twscan(&["check", "--help"]).status.code(), Some(0));
}
