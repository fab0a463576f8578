//! What another tool's recording does not tell is unknown in every document and table, never zero.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says what it expects by failing")]

use std::path::PathBuf;

use assert_cmd::Command;
use serde_json::Value;

fn golden(name: &str) -> String {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/foreign").join(name).display().to_string()
}

/// What a command prints of a file of fixtures/foreign.
fn shown(name: &str, args: &[&str]) -> String {
    let output = Command::cargo_bin("twscan").unwrap().args(args).args(["--from", &golden(name)]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{args:?} of {name}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn document(name: &str, args: &[&str]) -> Value {
    serde_json::from_str(&shown(name, &[args, &["--json"]].concat())).unwrap()
}

const RANGE: [&str; 2] = ["--range", "41000-41019"];
const REUSE: [&str; 4] = ["--range", "41000-41019", "--tw-reuse", "2"];

#[test]
fn fields_of_sockets_are_null_empty_or_a_question_mark() {
    for (name, timer, owner, backlog) in [
        ("ss-tan.txt", false, false, true),
        ("ss-tano.txt", true, false, true),
        ("ss-tanoe.txt", true, true, true),
        ("netstat-nat.txt", false, false, false),
        ("netstat-natoe.txt", true, true, false),
        ("netstat-natpo.txt", true, false, false),
        ("proc-net-tcp-both.txt", true, true, false),
    ] {
        let rows = shown(name, &["list", "--format", "jsonl"]);
        for row in rows.lines().map(|row| serde_json::from_str::<Value>(row).unwrap()) {
            assert_eq!(row["timer"].is_string(), timer, "{name}: {row}");
            assert_eq!((row["uid"].is_u64(), row["inode"].is_u64()), (owner, owner), "{name}: {row}");
            let listens = row["state"] == "LISTEN";
            assert_eq!(row["send_q"].is_u64(), backlog || !listens, "{name}: {row}");
            assert!(row["expires_ms"].is_null() || timer, "{name}: {row}");
        }
        for row in shown(name, &["list", "--format", "csv"]).lines().skip(1) {
            let cells: Vec<_> = row.split(',').collect();
            assert_eq!(
                (!cells[6].is_empty(), !cells[8].is_empty(), !cells[9].is_empty()),
                (timer, owner, owner),
                "{row}"
            );
        }
        for row in shown(name, &["list"]).lines().skip(1) {
            let cells: Vec<_> = row.split_ascii_whitespace().collect();
            assert_eq!(cells[5] != "?", timer, "{row}");
            assert_eq!(cells[2] != "?", backlog || cells[0] != "LISTEN", "{row}");
        }
    }
}

#[test]
fn reuse_is_known_with_the_timers_and_the_mode_alone() {
    for (name, given, known) in [
        ("ss-tan.txt", &REUSE[..], false),
        ("netstat-nat.txt", &REUSE, false),
        ("netstat-nato.txt", &RANGE, false),
        ("netstat-nato.txt", &REUSE, true),
        ("ss-dump.bin", &REUSE, true),
    ] {
        let budgets = document(name, &[&["ports"], given].concat());
        let budget = &budgets["budgets"][0];
        assert_eq!(budget["reusable"].is_u64(), known, "{name}: {budget}");
        let (free, most) = (budget["free"].as_u64().unwrap(), budget["free_max"].as_u64().unwrap());
        assert!(known || (free < most && budget["certainty"] == "estimate"), "{name}: {budget}");
        for command in ["summary", "by-dest"] {
            let row = &document(name, &[&[command], given].concat())["destinations"][0];
            assert_eq!((row["role"].as_str(), row["reusable"].is_u64()), (Some("outbound"), known), "{command} {row}");
        }
        let line = shown(name, &[&["check"], given].concat());
        assert_eq!(line.contains(" reusable=U "), !known, "{line}");
        let table = shown(name, &[&["ports"], given].concat());
        assert_eq!(
            table.lines().any(|line| line.starts_with("127.0.0.1  ") && line.contains(" ? ")),
            !known,
            "{table}"
        );
    }
}

#[test]
fn without_ages_there_is_no_rate_and_no_mini_socket() {
    let forecast = document("ss-tan.txt", &[&["forecast"], &RANGE[..]].concat());
    assert_eq!((&forecast["forecasts"], &forecast["unknown"]), (&Value::Array(Vec::new()), &3.into()));
    assert!(shown("ss-tan.txt", &[&["forecast"], &RANGE[..]].concat()).contains("3 destinations have no forecast"));
    let known = document("ss-tano.txt", &[&["forecast"], &RANGE[..]].concat());
    assert_eq!((known["forecasts"].as_array().unwrap().len(), &known["unknown"]), (3, &0.into()));
    let ports = document("ss-tan.txt", &[&["ports", "127.0.0.1:9101"], &RANGE[..]].concat());
    assert_eq!(
        (&ports["budgets"][0]["forecast"], &ports["budgets"][0]["fin_wait2_mini"]),
        (&Value::Null, &Value::Null)
    );
    for (name, minis) in [("ss-tan.txt", Value::Null), ("ss-tano.txt", 1.into())] {
        assert_eq!(document(name, &["summary"])["time_wait"]["fin_wait2_mini"], minis, "{name}");
    }
    let diagnosis = shown("ss-tan.txt", &[&["diagnose"], &RANGE[..]].concat());
    assert!(diagnosis.contains("the rate is unknown"), "{diagnosis}");
}

#[test]
fn without_the_range_nothing_is_said_of_ports() {
    let summary = document("ss-tano.txt", &["summary"]);
    assert_eq!((&summary["time_wait"]["outbound"], &summary["time_wait"]["ambiguous"]), (&Value::Null, &5.into()));
    assert_eq!((&summary["dump"]["elapsed_us"], &summary["dump"]["bytes"]), (&Value::Null, &Value::Null));
    let rows = document("ss-tano.txt", &["by-dest"]);
    assert_eq!(
        (&rows["destinations"][0]["percent"], &rows["destinations"][0]["ports_used"]),
        (&Value::Null, &Value::Null)
    );
    let table = shown("ss-tano.txt", &["by-dest"]);
    assert!(table.starts_with("WARNING   the local port range is unknown"), "{table}");
    assert!(table.contains("\nOUTBOUND: unknown"), "{table}");
    assert!(table.contains("\n16 of 16 sockets match: 8 inbound, 8 inbound or outbound\n"), "{table}");
    let diagnosis = shown("ss-tano.txt", &["diagnose"]);
    assert!(
        diagnosis.starts_with("WARNING   the local port range is unknown")
            && diagnosis.contains("5 inbound or outbound"),
        "{diagnosis}"
    );
    for command in [&["ports"][..], &["forecast"], &["tune", "plan"]] {
        let output =
            Command::cargo_bin("twscan").unwrap().args(command).args(["--from", &golden("ss-tan.txt")]).output();
        let stderr = String::from_utf8(output.unwrap().stderr).unwrap();
        assert!(stderr.contains("does not tell the local port range"), "{command:?}: {stderr}");
    }
    let compared = Command::cargo_bin("twscan")
        .unwrap()
        .args(["compare", "--json", &golden("ss-tan.txt"), &golden("netstat-nato.txt")])
        .output()
        .unwrap();
    let compared: Value = serde_json::from_slice(&compared.stdout).unwrap();
    assert_eq!(compared["states"]["CLOSE"], Value::Null, "ss -a does not show bound-but-idle sockets");
}

#[test]
fn states_that_were_not_asked_for_are_unknown() {
    // As ss -tno prints it; which states the real tools show by which option is told in tests/foreign.rs of the core.
    let all = std::fs::read_to_string(golden("ss-tano.txt")).unwrap();
    let hidden = ["TIME-WAIT", "LISTEN", "SYN-RECV"];
    let connected: Vec<_> = all.lines().filter(|line| !hidden.iter().any(|state| line.starts_with(state))).collect();
    let connected = connected.join("\n") + "\n";
    let run = |args: &[&str]| {
        let mut command = Command::cargo_bin("twscan").unwrap();
        command.args(args).args(["--from", "-"]).write_stdin(connected.as_str());
        let output = command.output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
    };
    let json = |args: &[&str]| {
        let (code, text) = run(&[args, &["--json"]].concat());
        let document: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((code, &document["complete"]), (2, &false.into()), "{args:?}");
        assert!(document["partial"].as_str().unwrap().contains("(-a)"), "{document}");
        document
    };
    let summary = json(&["summary"]);
    for state in ["TIME_WAIT", "LISTEN", "SYN_RECV", "CLOSE"] {
        assert_eq!(summary["states"][state], Value::Null, "{state}");
    }
    assert_eq!(summary["states"]["ESTABLISHED"]["total"], 4);
    for count in ["total", "outbound", "inbound", "ambiguous"] {
        assert_eq!(summary["time_wait"][count], Value::Null, "{count}");
    }
    for (command, rows) in [("by-dest", "destinations"), ("ports", "budgets")] {
        let row = &json(&[&[command][..], &RANGE].concat())[rows][0];
        assert_eq!((&row["time_wait"], &row["reusable"]), (&Value::Null, &Value::Null), "{row}");
        assert_eq!(row["states"]["TIME_WAIT"], Value::Null);
    }
    let forecast = json(&[&["forecast"][..], &RANGE].concat());
    assert_eq!((forecast["forecasts"].as_array().unwrap().len(), &forecast["unknown"]), (0, &3.into()));
    let diagnosis = json(&[&["diagnose"][..], &RANGE].concat());
    assert_eq!(diagnosis["verdict"]["code"], "incomplete", "{diagnosis}");
    let (code, line) = run(&[&["check"][..], &RANGE].concat());
    assert!(code == 3 && line.starts_with("TWSCAN UNKNOWN - "), "{line}");
    let (_, table) = run(&["summary"]);
    assert!(table.lines().any(|line| line.starts_with("TIME_WAIT ") && line.contains(" ? ")), "{table}");
    assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
    let (_, table) = run(&["by-dest"]);
    let row = table.lines().find(|line| line.contains("127.0.0.1:9103")).unwrap();
    assert_eq!(
        row.split_ascii_whitespace().collect::<Vec<_>>()[2..],
        ["1", "1", "?", "?", "?"],
        "SYN_RECV is of OTHER"
    );
}

#[test]
fn the_source_of_a_destination_without_a_socket_is_not_asked_of_this_host() {
    let source = |name: &str, target: &str| {
        let ports = document(name, &[&["ports", target], &RANGE[..]].concat());
        let budget = &ports["budgets"][0];
        assert_eq!((&budget["used"], ports["budgets"].as_array().unwrap().len()), (&0.into(), 1), "{ports}");
        budget["source"].as_str().unwrap().to_owned()
    };
    assert_eq!(source("ss-tan.txt", "127.0.0.1:7"), "127.0.0.1");
    assert_eq!(source("ss-tan.txt", "127.0.0.9:7"), "127.0.0.1");
    assert_eq!(source("ss-tan.txt", "[::1]:7"), "::1");
    let run = |args: &[&str]| {
        let mut command = Command::cargo_bin("twscan").unwrap();
        command
            .args(args)
            .args(RANGE)
            .args(["--from", "-"])
            .write_stdin("ESTAB 0 0 192.0.2.1:41000 198.51.100.7:80\nLISTEN 0 128 *:22 *:*\n");
        let output = command.output().unwrap();
        (
            output.status.code().unwrap(),
            String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap(),
        )
    };
    let (code, table) = run(&["ports", "198.51.100.7:443"]);
    assert!(code == 0 && table.contains("192.0.2.1  198.51.100.7:443"), "{table}");
    let (code, said) = run(&["ports", "203.0.113.5:443"]);
    assert!(code == 2 && said.contains("--source says it"), "{said}");
    let (code, table) = run(&["ports", "203.0.113.5:443", "--source", "192.0.2.1"]);
    assert!(code == 0 && table.contains("192.0.2.1  203.0.113.5:443"), "{table}");
    let (code, line) = run(&["check", "203.0.113.5:443"]);
    assert!(code == 3 && line.starts_with("TWSCAN UNKNOWN - the recording does not tell"), "{line}");
}

#[test]
fn of_a_partial_text_nothing_is_said_to_be_left() {
    // Exhausted by TIME_WAITs that ss -tn does not show.
    let text = "State Recv-Q Send-Q Local Address:Port Peer Address:Port\nESTAB 0 0 127.0.0.1:41000 127.0.0.1:80\n";
    let run = |args: &[&str]| {
        let mut command = Command::cargo_bin("twscan").unwrap();
        command.args(args).args(REUSE).args(["--from", "-"]).write_stdin(text);
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    };
    let json = |command: &str| serde_json::from_str::<Value>(&run(&[command, "--json"])).unwrap();
    let budget = &json("ports")["budgets"][0];
    let told = ["free_min", "free_max", "percent", "zone", "live", "used"].map(|key| &budget[key]);
    assert_eq!(told, [&0.into(), &19.into(), &Value::Null, &Value::Null, &1.into(), &1.into()]);
    for command in ["summary", "by-dest"] {
        let row = &json(command)["destinations"][0];
        assert_eq!(["free", "percent", "zone"].map(|key| &row[key]), [&Value::Null; 3], "{row}");
    }
    for command in ["summary", "ports", "by-dest"] {
        let table = run(&[command]);
        assert!(!table.contains("OK ") && !table.contains("fast"), "{table}");
    }
    assert!(run(&["summary"]).contains("how many ports are left is unknown"));
    // Somebody's one state alone is no zero of any other.
    let parked = std::fs::read_to_string(golden("ss-tano-state-time-wait.txt")).unwrap();
    let mut command = Command::cargo_bin("twscan").unwrap();
    command.args(["ports", "--range", "41000-41019", "--json", "--from", "-"]).write_stdin(parked);
    let parked: Value = serde_json::from_slice(&command.output().unwrap().stdout).unwrap();
    assert_eq!(parked["budgets"][0]["live"], Value::Null);
}

#[test]
fn a_capture_and_a_text_compare_as_far_as_both_tell() {
    let run = |args: &[&str]| {
        let mut command = Command::cargo_bin("twscan").unwrap();
        let output = command.args(args).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
        // Where lines end depends on the sockets of the host.
        said.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("here.twcap").display().to_string();
    run(&["capture", &file]);
    let text = golden("ss-tan.txt");
    for pair in [[&file, &text], [&text, &file]] {
        let said = run(&["compare", pair[0], pair[1]]);
        let wrong = ["different hosts", "restarted", "Changed"];
        assert!(wrong.iter().all(|part| !said.contains(part)), "{said}");
        assert!(said.contains("one does not tell the local port range"), "{said}");
        let said = run(&["compare", pair[0], pair[1], "--range", "41000-41019"]);
        assert!(!said.contains("does not tell the local port range") && !said.contains("error"), "{said}");
    }
    assert!(
        run(&["compare", &file, &file, "--range", "1-2"])
            .contains("has its own ip_local_port_range, which is not overruled")
    );
    assert!(run(&["compare", &file, "/etc/passwd"]).starts_with("error: /etc/passwd: "));
}

#[test]
fn a_table_that_is_printed_again_is_counted_and_judged_once() {
    let run = |args: &[&str], input: &str| {
        let output = Command::cargo_bin("twscan").unwrap().args(args).args(["--from", "-"]).write_stdin(input).output();
        let output = output.unwrap();
        let said = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
        (output.status.code().unwrap(), said)
    };
    let once = std::fs::read_to_string(golden("ss-tano.txt")).unwrap();
    let check = [&["check"][..], &REUSE].concat();
    let (once, thrice) = (once.clone(), once.repeat(3));
    assert_eq!(run(&check, &thrice), run(&check, &once));
    let (code, table) = run(&[&["summary"][..], &REUSE].concat(), &thrice);
    assert!(code == 0 && table.ends_with("16 sockets, ss-text, 32 repeats dropped\n"), "{code} {table}");
    let summary: Value = serde_json::from_str(&run(&["summary", "--json"], &thrice).1).unwrap();
    assert_eq!([&summary["dump"]["duplicates"], &summary["complete"]], [&Value::from(32), &Value::from(true)]);

    // Rows of which none could be read leave no zero behind.
    let whole = std::fs::read_to_string(golden("netstat-nat.txt")).unwrap();
    let cut: String = whole.lines().map(|line| format!("{}\n", line.get(..60).unwrap_or(line))).collect();
    let (code, said) = run(&["summary", "--json"], &cut);
    let cut: Value = serde_json::Deserializer::from_str(&said).into_iter().next().unwrap().unwrap();
    let of_time_wait = ["total", "inbound", "ambiguous", "fin_wait2_mini"].map(|key| &cut["time_wait"][key]);
    assert_eq!((code, &cut["states"]["TIME_WAIT"], of_time_wait), (2, &Value::Null, [&Value::Null; 4]), "{said}");

    let (code, said) = run(&check, "");
    assert!(code == 3 && said.contains("it is empty"), "{said}");
}
