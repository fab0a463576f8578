//! Owners of sockets, as the commands show them of the host and of a recording.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says what it expects by failing")]

mod support;

use std::process::{Child, Command, Stdio};

use serde_json::Value;
use support::{documents, ok, one_at_a_time, populated, settled, twscan};
use twscan_lab::{Dial, First, Listener, test_in_netns, time_waits};

type Outcome = Result<(), twscan_lab::Error>;

fn json(args: &[&str]) -> Value {
    serde_json::from_slice(&ok(args, b"")).unwrap()
}

#[test]
fn owners_are_named_and_likely_ones_labelled() -> Outcome {
    let _turn = one_at_a_time();
    test_in_netns(|net| {
        net.set_sysctl("net.ipv4.tcp_tw_reuse", "0").unwrap();
        net.run(|| {
            let listener = Listener::bind("127.0.0.1:8080".parse().unwrap()).unwrap();
            let dial = Dial::to(listener.address());
            assert_eq!(time_waits(&dial, &listener, 30, First::Client).unwrap().count, 30);
            let _live = listener.connection(&dial).unwrap().unwrap();
            let document = json(&["by-dest", "8080", "-p", "--json"]);
            let outbound = &document["destinations"][0];
            assert_eq!((&outbound["role"], &outbound["sockets"]), (&"outbound".into(), &31.into()));
            let owners = outbound["owners"].as_array().unwrap();
            let pid = std::process::id();
            let shares: Vec<_> =
                owners.iter().map(|owner| (&owner["pid"], &owner["sockets"], &owner["likely"])).collect();
            assert_eq!(
                shares,
                [(&pid.into(), &1.into(), &false.into()), (&pid.into(), &30.into(), &true.into())],
                "{owners:?}"
            );
            let scan = &document["owner_scan"];
            assert!(scan["processes"].as_u64().unwrap() >= 1 && scan["unowned"] == 0, "{scan}");
            assert_eq!(json(&["by-dest", "--json"])["destinations"][0]["owners"], Value::Null);
            let summary = json(&["summary", "-p", "--json"]);
            assert_eq!(summary["destinations"][0]["owners"], outbound["owners"]);
            assert!(summary["owner_scan"]["processes"].as_u64().unwrap() >= 1);

            let rows = String::from_utf8(ok(&["list", "-p", "-H", "--format", "jsonl"], b"")).unwrap();
            for row in rows.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
                assert_eq!(row["owners"][0]["pid"], pid, "{row}");
                assert_eq!(row["owners"][0]["likely"], row["state"] == "TIME_WAIT", "{row}");
            }
            let table = String::from_utf8(ok(&["by-dest", "8080", "-p"], b"")).unwrap();
            assert!(table.contains(&format!("[{pid}], of 30 that have no owner any more")), "{table}");
        })
        .unwrap();
    })
}

/// The commands that name processes.
const OWNERS: [&[&str]; 5] = [
    &["summary", "-p", "--format", "jsonl"],
    &["by-dest", "--all", "-p", "--format", "jsonl"],
    &["by-dest", "9101", "--state", "time-wait", "-p", "--format", "jsonl"],
    &["list", "-p", "--format", "jsonl"],
    &["ports", "-p", "--format", "jsonl"],
];

/// Takes out what a later search for owners may see otherwise: other processes of the host.
fn settled_with_owners(document: Value) -> Value {
    let mut document = settled(document);
    if let Some(scan) = document.get_mut("owner_scan") {
        assert!(scan["processes"].as_u64().unwrap() > 0);
        *scan = scan["unowned"].take();
    }
    document
}

/// The owners that findings name.
fn whom(diagnosis: &Value) -> Vec<String> {
    let findings = diagnosis["findings"].as_array().unwrap();
    let notes = findings.iter().flat_map(|finding| finding["notes"].as_array().unwrap());
    notes.filter(|note| note["label"] == "who").map(Value::to_string).collect()
}

/// A child process that connects to this port twice and has bound one of the range for itself.
fn client(port: u16) -> Resident {
    let script = format!(
        "import socket, time
ends = [socket.create_connection(('127.0.0.1', {port})) for _ in range(2)]
bound = socket.socket(); bound.bind(('127.0.0.1', 0))
print('ready', flush=True)
time.sleep(600)"
    );
    let mut child = Command::new("python3").args(["-c", &script]).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(child.stdout.as_mut().unwrap()), &mut line).unwrap();
    assert_eq!(line, "ready\n");
    Resident(child)
}

/// A process that lives until the test is done.
struct Resident(Child);

impl Drop for Resident {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn owners_are_told_of_a_capture_as_of_the_host() -> Outcome {
    let _turn = one_at_a_time();
    test_in_netns(|net| {
        net.set_sysctl("net.ipv4.tcp_tw_reuse", "0").unwrap();
        // So few that the diagnosis has something to name an owner for.
        net.set_port_range(40_000, 40_399).unwrap();
        net.run(|| {
            let listener = Listener::bind("127.0.0.1:9101".parse().unwrap()).unwrap();
            populated(&listener);
            let client = client(9101);
            let with = ok(&["capture", "-p", "-"], b"");
            for command in OWNERS {
                let live = documents(command, b"");
                assert!(live.iter().any(|document| document.to_string().contains("python")), "{command:?}");
                let replayed = documents(&[command, &["--from", "-"]].concat(), &with);
                let settle = |documents: Vec<Value>| documents.into_iter().map(settled_with_owners).collect::<Vec<_>>();
                assert_eq!(settle(live), settle(replayed), "{command:?}");
            }
            // Its rates are those of the moment; who is named is the same.
            let diagnose = &["diagnose", "-p", "--format", "jsonl"][..];
            let [live, replayed] = [(diagnose, &b""[..]), (&[diagnose, &["--from", "-"]].concat(), &with)]
                .map(|(command, input)| whom(&documents(command, input)[0]));
            assert!(!live.is_empty() && live == replayed, "{live:?} {replayed:?}");
            let table = ok(&["list", "-p", "estab", "--from", "-"], &with);
            assert!(String::from_utf8(table).unwrap().contains(&format!("[{}]", client.0.id())));
            // Recorded again, they are still there.
            let again = ok(&["capture", "-p", "-", "--from", "-"], &with);
            let [one, other] =
                [&with, &again].map(|capture| documents(&["list", "-p", "--format", "jsonl", "--from", "-"], capture));
            assert_eq!(one, other);

            let without = ok(&["capture", "-"], b"");
            for command in [&OWNERS[..], &[diagnose]].concat() {
                let output = twscan(&[command, &["--from", "-"]].concat(), &without);
                let said = String::from_utf8(output.stderr).unwrap();
                assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{command:?}: {said}");
                assert!(
                    said.contains("does not tell which processes had the sockets; capture -p records them"),
                    "{said}"
                );
            }

            let hidden = ok(&["capture", "-p", "--anonymize", "-"], b"");
            let rows = documents(&["list", "-p", "estab", "--format", "jsonl", "--from", "-"], &hidden);
            let owners: Vec<_> = rows.iter().flat_map(|row| row["owners"].as_array().unwrap()).collect();
            assert!(owners.iter().any(|owner| owner["pid"] == client.0.id() && owner["name"] != Value::Null));
            for owner in owners {
                assert!(owner["user"].as_str().unwrap().bytes().all(|byte| byte.is_ascii_digit()), "{owner}");
                assert_eq!((&owner["cgroup"], &owner["container"]), (&Value::Null, &Value::Null));
            }
        })
        .unwrap();
    })
}

#[test]
fn who_blocks_a_port_is_named() -> Outcome {
    let _turn = one_at_a_time();
    test_in_netns(|net| {
        net.set_port_range(40_000, 40_019).unwrap();
        net.run(|| {
            let _listener = Listener::bind("127.0.0.1:40007".parse().unwrap()).unwrap();
            let report = &json(&["ports", "-p", "--json"]);
            assert_eq!(report["blocked"]["ports"], serde_json::json!([40007]));
            let owners = report["blocked"]["owners"].as_array().unwrap();
            assert_eq!(owners.len(), 1, "{owners:?}");
            assert_eq!((&owners[0]["port"], &owners[0]["pid"]), (&40007.into(), &std::process::id().into()));
            assert_eq!(json(&["ports", "--json"])["blocked"]["owners"], Value::Null);
        })
        .unwrap();
    })
}

#[test]
fn the_texts_of_ss_and_netstat_name_the_same_processes() -> Outcome {
    let _turn = one_at_a_time();
    test_in_netns(|net| {
        net.set_sysctl("net.ipv4.tcp_tw_reuse", "0").unwrap();
        net.run(|| {
            let listener = Listener::bind("127.0.0.1:9101".parse().unwrap()).unwrap();
            populated(&listener);
            let _client = client(9101);
            let owners = |args: &[&str], input: &[u8]| {
                let mut document = documents(&[args, &["--format", "jsonl"]].concat(), input).remove(0);
                let rows = document["destinations"].take();
                let shares = |row: &Value| {
                    let of = |owner: &Value| {
                        (owner["pid"].to_string(), owner["sockets"].to_string(), owner["likely"].to_string())
                    };
                    row["owners"].as_array().unwrap().iter().map(of).collect::<Vec<_>>()
                };
                let rows: Vec<_> =
                    rows.as_array().unwrap().iter().map(|row| (row["port"].to_string(), shares(row))).collect();
                (rows, document["owner_scan"]["unowned"].take())
            };
            let live = owners(&["by-dest", "-p"], b"");
            assert_eq!(live.1, 0);
            assert!(live.0.iter().flat_map(|(_, shares)| shares).any(|(_, _, likely)| likely == "true"), "{live:?}");
            // Two wait for accept() and have no file yet, which only their inodes tell (-e).
            for (tool, unowned) in [
                (&["ss", "-tanp"][..], 2),
                (&["ss", "-tanoep"], 0),
                (&["netstat", "-natp"], 2),
                (&["netstat", "-natoep"], 0),
            ] {
                let text = Command::new(tool[0]).args(&tool[1..]).output().unwrap().stdout;
                let told = owners(&["by-dest", "-p", "--range", "32768-60999", "--from", "-"], &text);
                assert_eq!(told, (live.0.clone(), unowned.into()), "{tool:?}");
            }
        })
        .unwrap();
    })
}
