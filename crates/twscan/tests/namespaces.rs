//! Other network namespaces and owners, as the commands show them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says what it expects by failing")]

mod support;

use std::collections::HashMap;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use twscan_lab::{Netns, test_in_netns};

use support::run_unprivileged;

type Outcome = Result<(), twscan_lab::Error>;

fn binary() -> std::path::PathBuf {
    assert_cmd::cargo::cargo_bin("twscan")
}

fn run(args: &[&str]) -> Output {
    Command::new(binary()).args(args).output().unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
}

/// A process that lives in a namespace until the test is done.
struct Resident(Child);

impl Resident {
    fn of(net: &Netns) -> Self {
        Self(net.run(|| Command::new("sleep").arg("600").spawn().unwrap()).unwrap())
    }
}

impl Drop for Resident {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn connect(connections: usize) -> (TcpListener, Vec<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut ends = Vec::new();
    for _ in 0..connections {
        ends.push(TcpStream::connect(listener.local_addr().unwrap()).unwrap());
        ends.push(listener.accept().unwrap().0);
    }
    (listener, ends)
}

#[test]
fn all_netns_finds_and_counts_sixty_namespaces() -> Outcome {
    test_in_netns(|_| {
        let mut expected = HashMap::new();
        let mut kept = Vec::new();
        for number in 0..60_usize {
            let net = Netns::new().unwrap();
            let connections = number % 4;
            // Every fourth has no socket at all.
            let open = net.run(|| (connections > 0).then(|| connect(connections))).unwrap();
            expected.insert(net.inode().unwrap(), connections as u64);
            kept.push((Resident::of(&net), net, open));
        }
        let document = json(&run(&["summary", "--all-netns", "--json"]));
        assert_eq!(document["schema"], "twscan.namespaces/1");
        let namespaces = document["namespaces"].as_array().unwrap();
        let mut seen = 0;
        for one in namespaces {
            assert_eq!(one["schema"], "twscan.summary/1");
            let Some(connections) = expected.get(&one["netns"]["inode"].as_u64().unwrap()) else { continue };
            assert_eq!(one["states"]["ESTABLISHED"]["total"], 2 * connections);
            assert_eq!(one["states"]["LISTEN"]["total"], 1);
            assert_eq!(one["netns"]["name"], "sleep");
            seen += 1;
        }
        assert_eq!(seen, 45);
        assert!(document["idle"].as_u64().unwrap() >= 15);
        let percents: Vec<_> =
            namespaces.iter().map(|one| one["destinations"][0]["percent"].as_f64().unwrap_or(0.0)).collect();
        assert!(percents.is_sorted_by(|one, other| one >= other), "the worst first: {percents:?}");

        let table = String::from_utf8(run(&["by-dest", "--all-netns"]).stdout).unwrap();
        assert!(table.lines().filter(|line| line.starts_with("sleep ")).count() >= 45, "{table}");
        let others = &json(&run(&["summary", "--json"]))["other_netns"];
        assert!(others["found"].as_u64().unwrap() >= 60, "{others}");
    })
}

#[test]
fn what_could_not_be_entered_is_named_and_the_result_partial() -> Outcome {
    test_in_netns(|own| {
        let other = Netns::new().unwrap();
        let _open = other.run(|| connect(1)).unwrap();
        let _resident = Resident::of(&other);
        own.run(|| {
            let _open = connect(1);
            let output = run_unprivileged(&["summary", "--all-netns", "--json"]);
            assert_eq!(output.status.code(), Some(2));
            let document = json(&output);
            assert_eq!(document["complete"], false);
            assert_eq!(document["namespaces"].as_array().unwrap().len(), 1, "its own is read");
            let refused = document["refused"].as_array().unwrap();
            let sleep = refused.iter().find(|one| one["name"] == "sleep").unwrap();
            assert!(sleep["reason"].as_str().unwrap().contains("CAP_SYS_ADMIN"), "{sleep}");
            let table = String::from_utf8(run_unprivileged(&["summary", "--all-netns"]).stdout).unwrap();
            // Of very many the first few are named.
            assert!(table.contains(" not read: ") && table.contains("CAP_SYS_ADMIN"), "{table}");
        })
        .unwrap();
    })
}

#[test]
fn netns_is_given_by_a_process_or_a_path() -> Outcome {
    test_in_netns(|_| {
        let other = Netns::new().unwrap();
        let _open = other.run(|| connect(2)).unwrap();
        let resident = Resident::of(&other);
        let path = other.path();
        for reference in [resident.0.id().to_string().as_str(), path.to_str().unwrap()] {
            let document = json(&run(&["summary", "-N", reference, "--json"]));
            assert_eq!(document["netns"]["inode"], other.inode().unwrap());
            assert_eq!(document["states"]["ESTABLISHED"]["total"], 4);
            let rows = run(&["list", "--netns", reference, "estab", "-H"]).stdout;
            assert_eq!(rows.iter().filter(|byte| **byte == b'\n').count(), 4);
        }
    })
}

#[test]
fn processes_that_may_not_be_read_are_counted() -> Outcome {
    test_in_netns(|net| {
        net.run(|| {
            let mut holder = Command::new("python3");
            holder.args(["-c", HOLDER]).stdout(Stdio::piped());
            let mut holder = Resident(holder.spawn().unwrap());
            let mut line = String::new();
            std::io::BufRead::read_line(&mut std::io::BufReader::new(holder.0.stdout.as_mut().unwrap()), &mut line)
                .unwrap();
            assert!(Path::new("/proc").join(holder.0.id().to_string()).exists());
            let document = json(&run_unprivileged(&["by-dest", "9101", "-p", "--json"]));
            assert!(document["owner_scan"]["unreadable"].as_u64().unwrap() >= 1);
            assert_eq!(document["owner_scan"]["unowned"], 1);
            assert_eq!(document["destinations"][0]["owners"], Value::Array(Vec::new()));
        })
        .unwrap();
    })
}

const HOLDER: &str = "
import socket, time
s = socket.create_server(('127.0.0.1', 9101))
print('ready', flush=True)
time.sleep(600)
";

#[test]
fn an_empty_proc_does_not_hide_the_reader_own() -> Outcome {
    test_in_netns(|net| {
        net.run(|| {
            let _listener = std::net::TcpListener::bind("127.0.0.1:9101").unwrap();
            let script = "mount -t tmpfs none /proc && exec $0 summary --all-netns --json";
            let binary = assert_cmd::cargo::cargo_bin("twscan");
            let output = Command::new("unshare").args(["--mount", "sh", "-c", script]).arg(binary).output().unwrap();
            let report: Value = serde_json::from_slice(&output.stdout).unwrap();
            let listening: Vec<_> =
                report["namespaces"].as_array().unwrap().iter().map(|one| &one["states"]["LISTEN"]["total"]).collect();
            assert_eq!((output.status.code(), listening), (Some(0), vec![&Value::from(1)]), "{report}");
        })
        .unwrap();
    })
}
