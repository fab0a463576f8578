//! Captures of every network namespace, as a user makes and reads them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says what it expects by failing")]

mod support;

use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Output};

use serde_json::Value;
use twscan_lab::{Netns, test_in_netns};

use support::{one_at_a_time, run_unprivileged};

type Outcome = Result<(), twscan_lab::Error>;

fn twscan(args: &[&str]) -> Output {
    Command::new(assert_cmd::cargo::cargo_bin("twscan")).args(args).output().unwrap()
}

/// The documents printed. Namespaces of others may be refused, and then a result is partial.
fn documents(args: &[&str]) -> Vec<Value> {
    let output = twscan(args);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(matches!(output.status.code(), Some(0 | 2)) && !output.stdout.is_empty(), "{args:?}: {said}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn error(args: &[&str]) -> String {
    let output = twscan(args);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{args:?}");
    String::from_utf8(output.stderr).unwrap()
}

/// A namespace with a process in it, and so many connections that stay.
struct Populated {
    net: Netns,
    resident: Child,
    _open: Vec<TcpStream>,
    _listener: Option<TcpListener>,
}

impl Populated {
    fn new(connections: usize) -> Self {
        let net = Netns::new().unwrap();
        net.set_port_range(41_000, 41_999).unwrap();
        let resident = net.run(|| Command::new("sleep").arg("600").spawn().unwrap()).unwrap();
        let (open, listener) = if connections > 0 { net.run(|| connect(connections)).unwrap() } else { (vec![], None) };
        Self { net, resident, _open: open, _listener: listener }
    }

    fn inode(&self) -> u64 {
        self.net.inode().unwrap()
    }
}

impl Drop for Populated {
    fn drop(&mut self) {
        let _ = self.resident.kill();
        let _ = self.resident.wait();
    }
}

fn connect(connections: usize) -> (Vec<TcpStream>, Option<TcpListener>) {
    let listener = TcpListener::bind("127.0.0.1:9101").unwrap();
    let mut ends = Vec::new();
    for _ in 0..connections {
        ends.push(TcpStream::connect(listener.local_addr().unwrap()).unwrap());
        ends.push(listener.accept().unwrap().0);
    }
    (ends, Some(listener))
}

/// The documents of these namespaces: others of this machine come and go.
fn of_these(mut all: Value, inodes: &[u64]) -> Vec<Value> {
    let Value::Array(namespaces) = all["namespaces"].take() else { panic!("{all}") };
    let ours = |one: &Value| inodes.contains(&one["netns"]["inode"].as_u64().unwrap());
    let mut namespaces: Vec<_> = namespaces.into_iter().filter(ours).map(settled).collect();
    namespaces.sort_by_key(|one| one["netns"]["inode"].as_u64());
    namespaces
}

/// Takes out what differs between two looks at the same sockets.
fn settled(mut document: Value) -> Value {
    for key in ["captured_at", "dump", "replayed_from", "other_netns"] {
        document.as_object_mut().unwrap().remove(key);
    }
    if let Some(verdict) = document.get_mut("verdict").and_then(Value::as_object_mut) {
        // What to do next names the recording.
        verdict.remove("next");
    }
    if let Some(totals) = document.get_mut("totals") {
        // The capture has a netlink socket more of its own; orphans are of the whole host, where others are at work.
        (totals["sockets"], totals["tcp"]["orphaned"]) = (Value::Null, Value::Null);
    }
    // Of the whole host, where processes come and go.
    if let Some(scan) = document.get_mut("owner_scan").filter(|scan| !scan.is_null()) {
        *scan = scan["unowned"].take();
    }
    document
}

const COMMANDS: [&[&str]; 6] = [
    &["summary"],
    &["summary", "--quick"],
    &["by-dest", "--all"],
    &["by-dest", "9101", "-p"],
    &["ports", "--all", "-p"],
    &["ports", "9101", "--map"],
];

#[test]
fn every_namespace_is_told_of_a_capture_as_of_the_host() -> Outcome {
    let _turn = one_at_a_time();
    test_in_netns(|own| {
        own.run(|| {
            let _own = connect(2);
            let others = [3, 4, 0].map(Populated::new);
            let inodes = [own.inode().unwrap(), others[0].inode(), others[1].inode(), others[2].inode()];
            let dir = tempfile::tempdir().unwrap();
            let file = dir.path().join("all.twcap").display().to_string();
            twscan(&["capture", "-p", "--all-netns", &file]);
            let everywhere = ["--all-netns", "--format", "jsonl"];
            let from = ["--from", &file];
            for command in COMMANDS {
                let live = documents(&[command, &everywhere].concat()).remove(0);
                let replayed = documents(&[command, &everywhere, &from].concat()).remove(0);
                assert_eq!((&replayed["replayed_from"], &live["replayed_from"]), (&file.as_str().into(), &Value::Null));
                for document in replayed["namespaces"].as_array().unwrap() {
                    assert_eq!(document["replayed_from"], file.as_str(), "{command:?}");
                }
                assert!(live["idle"].as_u64().unwrap() > 0 && replayed["idle"].as_u64().unwrap() > 0, "{command:?}");
                let [live, replayed] = [live, replayed].map(|all| of_these(all, &inodes));
                assert_eq!(live.len(), 3, "the idle one is skipped: {command:?}");
                assert_eq!(live, replayed, "{command:?}");
            }
            let findings = |more: &[&str]| {
                let all = documents(&[&["diagnose"][..], &everywhere, more].concat()).remove(0);
                let of = |one: &Value| one["findings"].as_array().unwrap().clone();
                of_these(all, &inodes).iter().map(of).collect::<Vec<_>>()
            };
            let (mut live, mut replayed) = (findings(&[]), findings(&from));
            for findings in live.iter_mut().chain(&mut replayed) {
                // How many namespaces differ is of the whole host, where others come and go.
                let differs = |finding: &mut Value| finding["code"] == "netns-range-differs";
                // Of a host with very many namespaces none are compared.
                assert!(findings.extract_if(.., differs).count() <= 1);
            }
            assert_eq!(live, replayed);

            // Without it, the one that the recorder was in.
            let one = documents(&[&["summary", "--format", "jsonl"][..], &from].concat()).remove(0);
            assert_eq!(
                (&one["netns"]["inode"], &one["states"]["ESTABLISHED"]["total"]),
                (&inodes[0].into(), &4.into())
            );
            assert!(one["other_netns"]["found"].as_u64().unwrap() >= 3, "{one}");
            let list = twscan(&[&["list", "estab", "-p", "-H"][..], &from].concat()).stdout;
            assert_eq!(list.iter().filter(|byte| **byte == b'\n').count(), 4);

            // One of them, by what leads to it and by its inode.
            for name in [others[1].resident.id().to_string(), inodes[2].to_string(), format!("net:[{}]", inodes[2])] {
                let one = documents(&[&["summary", "--format", "jsonl", "-N", &name][..], &from].concat()).remove(0);
                assert_eq!(
                    (&one["netns"]["inode"], &one["states"]["ESTABLISHED"]["total"]),
                    (&inodes[2].into(), &8.into())
                );
                let live = documents(&["summary", "--format", "jsonl", "-N", &others[1].resident.id().to_string()]);
                assert_eq!(settled(live[0].clone()), settled(one));
            }
            // A comparison reads the same one of both, and of the host that one.
            let of = |args: &[&str]| documents(&[&["compare", "--format", "jsonl"], args].concat()).remove(0);
            let states = serde_json::json!({"before": 8, "after": 8});
            let inode = inodes[2].to_string();
            let resident = others[1].resident.id().to_string();
            for compared in [of(&["-N", &inode, &file, &file]), of(&["-N", &resident, &file])] {
                for inode in [&compared["before"]["netns"]["inode"], &compared["netns"]["inode"]] {
                    assert_eq!(inode, &Value::from(inodes[2]), "{compared}");
                }
                assert_eq!(
                    (&compared["states"]["ESTABLISHED"], &compared["caveats"]),
                    (&states, &serde_json::json!([]))
                );
            }
            let idle = inodes[3].to_string();
            for (name, part) in [("nowhere", "no network namespace \"nowhere\""), (&idle, "had no TCP socket")] {
                let said = error(&[&["summary", "-N", name][..], &from].concat());
                assert!(said.contains(part), "{said}");
            }
        })
        .unwrap();
    })
}

#[test]
fn a_series_holds_every_namespace_each_time() -> Outcome {
    let _turn = one_at_a_time();
    test_in_netns(|own| {
        own.run(|| {
            let _own = connect(1);
            let other = Populated::new(2);
            let dir = tempfile::tempdir().unwrap();
            let [file, hidden] = ["all", "hidden"].map(|name| dir.path().join(name).display().to_string());
            // Two behind each other are a series, however long the host's namespaces take.
            let record = || twscan(&["capture", "--all-netns", "-"]).stdout;
            let bytes = [record(), record()].concat();
            std::fs::write(&file, &bytes).unwrap();
            let count = |kind: &[u8]| bytes.windows(4).filter(|window| *window == kind).count();
            assert_eq!((count(b"SMPL"), count(b"NETS")), (2, 2));
            assert!(count(b"NETN") >= 2);
            let inodes = [own.inode().unwrap(), other.inode()];
            let read =
                |file: &str| documents(&["by-dest", "--all-netns", "--format", "jsonl", "--from", file]).remove(0);
            let all = read(&file);
            assert_eq!(of_these(all.clone(), &inodes).len(), 2);
            // A forecast reads two samples of the same namespace.
            let inode = inodes[1].to_string();
            let forecast = documents(&["forecast", "-N", &inode, "--format", "jsonl", "--from", &file]).remove(0);
            assert_eq!(forecast["netns"]["inode"], inodes[1]);
            assert!(forecast["motion"]["seconds"].as_f64().unwrap() > 0.0, "{forecast}");

            // A cut costs the last sample.
            std::fs::write(&file, &bytes[..bytes.len() - 10]).unwrap();
            let before = read(&file);
            assert!(before["captured_at"].as_str().unwrap() <= all["captured_at"].as_str().unwrap());
            assert_eq!(of_these(before, &inodes), of_these(all, &inodes));

            // For strangers' eyes, also later.
            std::fs::write(&file, &bytes).unwrap();
            twscan(&["capture", "--all-netns", "--anonymize", "--from", &file, &hidden]);
            let anonymous = read(&hidden);
            assert_eq!(anonymous["hostname"], "anonymous");
            for document in anonymous["namespaces"].as_array().unwrap() {
                let name = document["netns"]["name"].as_str().unwrap();
                assert!(name == "host" || name == format!("net:[{}]", document["netns"]["inode"]), "{name}");
            }
            assert_eq!(of_these(anonymous, &inodes).len(), 2);
        })
        .unwrap();
    })
}

#[test]
fn a_namespace_that_was_refused_or_is_damaged_is_said_to_be_missing() -> Outcome {
    let _turn = one_at_a_time();
    test_in_netns(|own| {
        own.run(|| {
            let _own = connect(1);
            let other = Populated::new(2);
            let dir = tempfile::tempdir().unwrap();
            let file = dir.path().join("all").display().to_string();
            let refused = || {
                let output = twscan(&["summary", "--all-netns", "--json", "--from", &file]);
                assert_eq!(output.status.code(), Some(2));
                let document: Value = serde_json::from_slice(&output.stdout).unwrap();
                assert_eq!(document["complete"], false);
                (document["refused"].to_string(), of_these(document, &[own.inode().unwrap(), other.inode()]).len())
            };
            let output = run_unprivileged(&["capture", "--all-netns", "-"]);
            let said = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(2));
            assert!(said.contains("warning: sample 1 is partial: netns ") && said.contains("CAP_SYS_ADMIN"), "{said}");
            std::fs::write(&file, output.stdout).unwrap();
            let (reasons, read) = refused();
            assert!(reasons.contains("CAP_SYS_ADMIN") && reasons.contains("sleep") && read == 1, "{reasons}");

            twscan(&["capture", "--all-netns", &file]);
            let mut bytes = std::fs::read(&file).unwrap();
            let parts: Vec<_> = (0..bytes.len() - 4).filter(|at| &bytes[*at..at + 4] == b"NETN").collect();
            parts.iter().for_each(|at| bytes[at + 6] ^= 1);
            std::fs::write(&file, bytes).unwrap();
            let (reasons, read) = refused();
            assert!(reasons.contains("damaged or cut off") && reasons.contains("sleep") && read == 1, "{reasons}");
        })
        .unwrap();
    })
}

#[test]
fn what_a_recording_of_one_namespace_cannot_tell_is_refused() -> Outcome {
    let _turn = one_at_a_time();
    test_in_netns(|own| {
        own.run(|| {
            let dir = tempfile::tempdir().unwrap();
            let file = dir.path().join("one").display().to_string();
            assert!(twscan(&["capture", &file]).status.success());
            for (args, part) in [
                (&["summary", "--all-netns"][..], "holds one network namespace"),
                (&["capture", "--all-netns", "-"], "holds one network namespace"),
                (&["summary", "-N", "blue"], "it holds one network namespace alone: leave out --netns"),
                (&["list", "--all-netns"], "this reads one network namespace"),
            ] {
                let said = error(&[args, &["--from", &file]].concat());
                assert!(said.contains(part), "{args:?}: {said}");
            }
            let said = error(&["capture", "--all-netns", "--as", "ss-dump", "-"]);
            assert!(said.contains("holds one network namespace"), "{said}");
            let said = error(&["compare", "--all-netns", &file]);
            assert!(said.contains("reads one network namespace"), "{said}");
        })
        .unwrap();
    })
}
