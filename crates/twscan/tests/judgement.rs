//! Every question, of the library and of the command, has the numbers that the kernel grants, where bind() holds ports.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says what it expects by failing")]

use std::net::SocketAddr;
use std::process::Command;

use serde_json::{Value, json, to_value};
use twscan_core::host::Host;
use twscan_core::question::{ByDest, Check, Diagnose, Ports, Question, Summary};
use twscan_lab::{Dial, First, Listener, Options, bind_tcp, connect_until_fails, test_in_netns, time_waits};

type Outcome = Result<(), twscan_lab::Error>;

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn printed(args: &[&str]) -> Value {
    let output = Command::new(assert_cmd::cargo::cargo_bin("twscan")).args(args).arg("--json").output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)))
}

/// The documents of the library and of the command, by name.
fn documents() -> Vec<(&'static str, Value)> {
    let host = Host::live();
    let mut documents = vec![
        ("Summary", to_value(Summary::default().ask(&host).unwrap()).unwrap()),
        ("ByDest", to_value(ByDest::default().ask(&host).unwrap()).unwrap()),
        ("Ports", to_value(Ports::default().ask(&host).unwrap()).unwrap()),
        ("Diagnose", to_value(Diagnose::default().ask(&host).unwrap()).unwrap()),
        ("Check", to_value(Check::default().ask(&host).unwrap()).unwrap()),
    ];
    documents.extend(["summary", "by-dest", "ports", "diagnose", "check"].map(|name| (name, printed(&[name]))));
    documents
}

/// What a document says of the one outbound destination: connections that fit in all, and those that are held.
fn capacity_and_held(name: &str, document: &Value) -> (u64, u64) {
    let number = |row: &Value, key: &str| row[key].as_u64().unwrap_or_else(|| panic!("{name}: {key} in {row}"));
    match name.to_lowercase().as_str() {
        "summary" | "bydest" | "by-dest" => {
            let rows = document["destinations"].as_array().unwrap();
            let row = rows.iter().find(|row| row["role"] == "outbound").unwrap();
            (number(row, "capacity"), number(row, "capacity") - number(row, "free"))
        }
        "ports" => {
            let row = &document["budgets"][0];
            (number(row, "capacity"), number(row, "capacity") - number(row, "free"))
        }
        "diagnose" => {
            let row = &document["vitals"]["fullest"];
            (number(row, "capacity"), number(row, "held"))
        }
        _ => (number(&document["worst"], "capacity"), number(&document["worst"], "held")),
    }
}

#[test]
fn every_question_has_the_numbers_that_the_kernel_grants() -> Outcome {
    test_in_netns(|net| {
        net.set_port_range(40_000, 40_019).unwrap();
        net.set_sysctl("net.ipv4.tcp_tw_reuse", "0").unwrap();
        net.run(|| {
            let listener = Listener::bind(at("127.0.0.1:8080")).unwrap();
            let bound = (40_000..40_011)
                .map(|port| bind_tcp(SocketAddr::new([127, 0, 0, 9].into(), port), &Options::default()));
            let bound: Vec<_> = bound.collect::<Result<_, _>>().unwrap();
            let dial = Dial::to(at("127.0.0.1:8080"));
            assert_eq!(time_waits(&dial, &listener, 4, First::Client).unwrap().count, 4);
            let told = documents();
            // The kernel is asked last: what it grants is held then.
            let granted = u64::try_from(time_waits(&dial, &listener, 100, First::Client).unwrap().count).unwrap();
            assert_eq!(granted, 5, "of 20 ports 11 are bound and 4 held");
            for (name, document) in &told {
                assert_eq!(capacity_and_held(name, document), (4 + granted, 4), "{name}");
            }
            let severities = |told: &[(&'static str, Value)]| {
                let of = |(name, document): &(&'static str, Value)| (*name, document["verdict"]["severity"].clone());
                told.iter().map(of).collect::<Vec<_>>()
            };
            let full = documents();
            for (name, severity) in severities(&full) {
                assert_eq!(severity, json!("critical"), "{name}");
            }
            for (name, document) in &full {
                assert_eq!(capacity_and_held(name, document), (9, 9), "{name}");
            }
            drop(bound);
            assert!(time_waits(&dial, &listener, 100, First::Client).unwrap().count > 0);
        })
        .unwrap();
    })
}

/// Of clients that bind an address first one pool is used up, though each destination has ports to spare.
#[test]
fn a_full_pool_of_clients_that_bind_first_is_critical_in_every_question() -> Outcome {
    test_in_netns(|net| {
        net.set_port_range(40_000, 40_039).unwrap();
        net.set_sysctl("net.ipv4.tcp_tw_reuse", "0").unwrap();
        net.run(|| {
            let first = Listener::bind(at("127.0.0.1:8080")).unwrap();
            let second = Listener::bind(at("127.0.0.1:8081")).unwrap();
            let bound = |to: &str| Dial::to(at(to)).from_ip([127, 0, 0, 1]);
            assert_eq!(time_waits(&bound("127.0.0.1:8080"), &first, 20, First::Client).unwrap().count, 20);
            assert_eq!(time_waits(&bound("127.0.0.1:8081"), &second, 100, First::Client).unwrap().count, 20, "all");
            for (name, document) in documents() {
                assert_eq!(document["verdict"]["severity"], json!("critical"), "{name}: {}", document["verdict"]);
                assert_eq!(document["verdict"]["code"], json!("bind-pool-full"), "{name}");
            }
        })
        .unwrap();
    })
}

/// Connections to an address that is no loopback, with TCP timestamps or without: of the TIME_WAITs that the parameter
/// covers the kernel takes over those alone that had them. A live connection to the same destination tells.
#[test]
fn whether_reuse_works_is_asked_of_a_live_connection() -> Outcome {
    for (timestamps, severity) in [("1", "ok"), ("0", "critical")] {
        test_in_netns(|net| {
            net.set_port_range(40_000, 40_019).unwrap();
            net.set_sysctl("net.ipv4.tcp_tw_reuse", "1").unwrap();
            net.set_sysctl("net.ipv4.tcp_timestamps", timestamps).unwrap();
            net.add_address("lo", [10, 9, 9, 9], 32).unwrap();
            net.run(|| {
                let listener = Listener::bind(at("10.9.9.9:8080")).unwrap();
                let dial = Dial::to(at("10.9.9.9:8080"));
                assert_eq!(time_waits(&dial, &listener, 19, First::Client).unwrap().count, 19);
                // What is set now is not what those connections agreed on.
                std::fs::write("/proc/sys/net/ipv4/tcp_timestamps", "1").unwrap();
                std::thread::sleep(std::time::Duration::from_millis(1100));
                let severities = || documents().into_iter().map(|(name, document)| (name, document["verdict"].clone()));
                for (name, verdict) in severities() {
                    assert_eq!(verdict["severity"], json!("info"), "{name}: nothing tells yet: {verdict}");
                }
                std::fs::write("/proc/sys/net/ipv4/tcp_timestamps", timestamps).unwrap();
                let live = connect_until_fails(&dial, &listener, 1).unwrap();
                std::fs::write("/proc/sys/net/ipv4/tcp_timestamps", "1").unwrap();
                for (name, verdict) in severities() {
                    assert_eq!(verdict["severity"], json!(severity), "{name}: {verdict}");
                }
                let granted = connect_until_fails(&dial, &listener, 5).unwrap().count();
                assert_eq!(granted > 0, severity == "ok", "what the kernel grants");
                drop(live);
            })
            .unwrap();
        })?;
    }
    Ok(())
}
