//! The commands that judge, in private network namespaces with known trouble, and with none.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says what it expects by failing")]

use std::net::SocketAddr;
use std::process::{Command, Output};
use std::time::Duration;

use serde_json::Value;
use twscan_lab::{Dial, First, Listener, Netns, connect_until_fails, raise_open_files, test_in_netns, time_waits};

type Outcome = Result<(), twscan_lab::Error>;

fn run(args: &[&str]) -> Output {
    Command::new(assert_cmd::cargo::cargo_bin("twscan")).args(args).output().unwrap()
}

fn text(args: &[&str], code: i32) -> String {
    let output = run(args);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(code), "{args:?}: {text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

fn json(args: &[&str]) -> Value {
    serde_json::from_str(&text(args, 0)).unwrap()
}

fn codes(diagnosis: &Value) -> Vec<&str> {
    let findings = diagnosis["findings"].as_array().unwrap().iter();
    // Other namespaces of the machine are none of these tests'.
    findings.map(|finding| finding["code"].as_str().unwrap()).filter(|code| *code != "netns-range-differs").collect()
}

fn close_first(to: &str, count: usize) -> Listener {
    let to: SocketAddr = to.parse().unwrap();
    let listener = Listener::bind(to).unwrap();
    assert_eq!(time_waits(&Dial::to(to), &listener, count, First::Client).unwrap().count, count);
    listener
}

fn exhausted(net: &Netns) -> Listener {
    net.set_sysctl("net.ipv4.tcp_tw_reuse", "0").unwrap();
    net.set_port_range(40_000, 40_199).unwrap();
    net.run(|| close_first("127.0.0.1:8080", 200)).unwrap()
}

#[test]
fn an_exhausted_destination_is_named_with_its_cures() -> Outcome {
    test_in_netns(|net| {
        let listener = exhausted(net);
        net.run(|| {
            let diagnosis = json(&["diagnose", "--json"]);
            assert_eq!(diagnosis["schema"], "twscan.diagnose/1");
            assert_eq!(diagnosis["verdict"]["severity"], "critical");
            assert!(diagnosis["verdict"]["headline"].as_str().unwrap().contains("127.0.0.1:8080"));
            assert_eq!(codes(&diagnosis), ["ports-exhausted", "reuse-off"]);
            let finding = &diagnosis["findings"][0];
            assert_eq!((&finding["evidence"]["ports_used"], &finding["evidence"]["free"]), (&200.into(), &0.into()));
            assert_eq!(finding["subject"]["destination"], "127.0.0.1");
            for key in ["title", "when", "gives", "enough", "precondition", "risk", "snippet"] {
                assert!(finding["remedies"][0].get(key).is_some(), "{key}");
            }
            assert_eq!(finding["fingerprint"], json(&["diagnose", "--json"])["findings"][0]["fingerprint"]);
            // The verdict is not the exit code, unless asked for.
            assert!(
                text(&["diagnose"], 0).starts_with("CRITICAL  no local port left from 127.0.0.1 to 127.0.0.1:8080\n")
            );
            assert!(text(&["diagnose", "--fail-on", "critical"], 1).lines().all(|line| line.len() <= 80));
            text(&["diagnose", "9999", "--fail-on", "critical"], 0);
            let checked = text(&["check"], 2);
            assert!(
                checked.starts_with("TWSCAN CRITICAL - 127.0.0.1 > 127.0.0.1:8080: 200 of 200 ports held"),
                "{checked}"
            );
            assert!(
                checked.contains(" | held=200;;;0;200 free=0 sure=0 ") && checked.lines().count() == 1,
                "{checked}"
            );
            assert!(text(&["check", "127.0.0.1:9"], 0).starts_with("TWSCAN OK - "));
            assert!(text(&["check", "localhost"], 3).starts_with("TWSCAN UNKNOWN - "));
            let waited = text(&["wait", "127.0.0.1:8080", "--free", "1", "--timeout", "500ms"], 1);
            assert!(waited.contains("0 ports free, not 1 after"), "{waited}");
            text(&["wait", "127.0.0.1:9", "--free", "200"], 0);
            assert_eq!(run(&["wait", "8080", "--free", "201"]).status.code(), Some(2), "more than there are");
        })
        .unwrap();
        drop(listener);
    })
}

#[test]
fn a_forecast_tells_what_comes_back() -> Outcome {
    test_in_netns(|net| {
        let listener = exhausted(net);
        net.run(|| {
            let forecast = json(&["forecast", "8080", "--json"]);
            assert_eq!(forecast["schema"], "twscan.forecast/1");
            let row = &forecast["forecasts"][0];
            let sum: u64 = row["releases"].as_array().unwrap().iter().map(|back| back.as_u64().unwrap()).sum();
            assert_eq!((sum, row["releases"].as_array().unwrap().len()), (200, 62));
            assert_eq!(row["arrivals_per_second"]["bound"], "exact");
            assert_eq!(row["seconds_to_full"]["earliest"], 0.0);
            assert!(row["seconds_to_half_free"].as_f64().unwrap() > 30.0);
            let twice = json(&["forecast", "--interval", "100ms", "--json"]);
            assert_eq!(twice["motion"]["closed_per_second"], 0.0);
            assert!(text(&["forecast"], 0).lines().all(|line| line.len() <= 80));
        })
        .unwrap();
        drop(listener);
    })
}

#[test]
fn twenty_thousand_time_waits_that_are_reused_are_no_finding() -> Outcome {
    test_in_netns(|net| {
        // Made without reuse, since connect() would take them over ahead of unused ports.
        net.set_sysctl("net.ipv4.tcp_tw_reuse", "0").unwrap();
        // Half of the range: up to there connect() is fast.
        net.set_port_range(25_536, 65_535).unwrap();
        let listener = net.run(|| close_first("127.0.0.1:8080", 20_000)).unwrap();
        net.run(|| assert_eq!(codes(&json(&["diagnose", "--json"])), ["ports-slow", "reuse-off"])).unwrap();
        net.set_sysctl("net.ipv4.tcp_tw_reuse", "2").unwrap();
        std::thread::sleep(Duration::from_millis(1200));
        net.run(|| {
            let diagnosis = json(&["diagnose", "--json"]);
            assert_eq!(diagnosis["verdict"]["severity"], "ok", "{diagnosis}");
            assert_eq!(codes(&diagnosis), [""; 0]);
            assert!(text(&["diagnose", "--fail-on", "warning"], 0).starts_with("OK "));
            assert!(text(&["check"], 0).starts_with("TWSCAN OK"));
        })
        .unwrap();
        drop(listener);
    })
}

#[test]
fn time_waits_that_the_server_has_are_harmless() -> Outcome {
    test_in_netns(|net| {
        net.run(|| {
            let to: SocketAddr = "127.0.0.1:8080".parse().unwrap();
            let listener = Listener::bind(to).unwrap();
            assert_eq!(time_waits(&Dial::to(to), &listener, 300, First::Server).unwrap().count, 300);
            let diagnosis = json(&["diagnose", "--json"]);
            assert_eq!(
                (&diagnosis["verdict"]["severity"], codes(&diagnosis)),
                (&"ok".into(), vec!["timewait-inbound"])
            );
            text(&["diagnose", "--fail-on", "info"], 1);
        })
        .unwrap();
    })
}

#[test]
fn a_leak_is_told_with_its_owner() -> Outcome {
    test_in_netns(|net| {
        net.run(|| {
            raise_open_files().unwrap();
            net.set_port_range(40_000, 40_149).unwrap();
            let to: SocketAddr = "127.0.0.1:8080".parse().unwrap();
            let listener = Listener::bind(to).unwrap();
            let granted = connect_until_fails(&Dial::to(to), &listener, 200).unwrap();
            // The clients close, this process keeps the other ends.
            let kept = granted.close_one(First::Client).unwrap();
            let diagnosis = json(&["diagnose", "--json"]);
            let leak = diagnosis["findings"].as_array().unwrap();
            let leak = leak.iter().find(|finding| finding["code"] == "close-wait-leak").unwrap();
            assert_eq!((&leak["evidence"]["sockets"], &leak["subject"]["port"]), (&150.into(), &8080.into()));
            let who = leak["notes"].as_array().unwrap().iter().find(|note| note["label"] == "who").unwrap();
            let own = format!("[{}]", std::process::id());
            assert!(who["text"].as_str().unwrap().ends_with(&own), "{who}");
            drop(kept);
        })
        .unwrap();
    })
}

/// Of a finding: the note of this label.
fn note<'d>(finding: &'d Value, label: &str) -> &'d str {
    let mut notes = finding["notes"].as_array().unwrap().iter();
    notes.find(|note| note["label"] == label).unwrap()["text"].as_str().unwrap()
}

fn titles(finding: &Value) -> Vec<&str> {
    finding["remedies"].as_array().unwrap().iter().map(|remedy| remedy["title"].as_str().unwrap()).collect()
}

#[test]
fn ports_that_mini_sockets_hold_have_cures_of_their_own() -> Outcome {
    test_in_netns(|net| {
        net.set_sysctl("net.ipv4.tcp_tw_reuse", "0").unwrap();
        net.set_port_range(40_000, 40_199).unwrap();
        let to: SocketAddr = "127.0.0.1:8080".parse().unwrap();
        let (listener, kept) = net
            .run(|| {
                raise_open_files().unwrap();
                let listener = Listener::bind(to).unwrap();
                let granted = connect_until_fails(&Dial::to(to), &listener, 300).unwrap();
                assert_eq!(granted.count(), 200);
                (listener, granted.close_one(First::Client).unwrap())
            })
            .unwrap();
        for reuse in ["0", "2"] {
            net.set_sysctl("net.ipv4.tcp_tw_reuse", reuse).unwrap();
            // Longer than the delay after which a TIME_WAIT is taken over.
            std::thread::sleep(Duration::from_millis(1200));
            net.run(|| {
                let diagnosis = json(&["diagnose", "--json"]);
                let finding = &diagnosis["findings"][0];
                assert_eq!(finding["code"], "ports-exhausted");
                let evidence = &finding["evidence"];
                assert_eq!((&evidence["fin_wait2_mini"], &evidence["time_wait"]), (&200.into(), &0.into()));
                assert!(note(finding, "seen").contains("all FIN_WAIT2 mini-sockets"), "{finding}");
                assert!(note(finding, "ends").contains("as mini-sockets end"), "{finding}");
                let titles = titles(finding);
                assert!(titles.contains(&"tcp_fin_timeout=15 (for later closes)"), "{titles:?}");
                assert!(!titles.iter().any(|title| title.starts_with("tcp_tw_reuse")), "{titles:?}");
                let mut refused = finding["refused"].as_array().unwrap().iter();
                assert!(!refused.any(|refusal| refusal["advice"] == "tcp_fin_timeout"), "{finding}");
                assert!(text(&["diagnose"], 0).lines().all(|line| line.len() <= 80));
            })
            .unwrap();
        }
        // What the kernel says to it; before 6.12 it did take them over.
        if net.sysctl("net.ipv4.tcp_tw_reuse_delay").is_ok() {
            let granted = net.run(|| connect_until_fails(&Dial::to(to), &listener, 1).unwrap()).unwrap();
            assert_eq!(granted.count(), 0);
        }
        drop(kept);
    })
}

#[test]
fn what_a_program_keeps_in_fin_wait2_is_for_it_to_close() -> Outcome {
    test_in_netns(|net| {
        net.run(|| {
            raise_open_files().unwrap();
            let to: SocketAddr = "127.0.0.1:8080".parse().unwrap();
            let listener = Listener::bind(to).unwrap();
            let granted = connect_until_fails(&Dial::to(to), &listener, 1100).unwrap();
            for connection in &granted.connections {
                connection.shut_down(First::Client).unwrap();
            }
            let diagnosis = json(&["diagnose", "--json"]);
            let mut findings = diagnosis["findings"].as_array().unwrap().iter();
            let pile = findings.find(|finding| finding["code"] == "fin-wait2-pileup").unwrap();
            let evidence = &pile["evidence"];
            assert_eq!((&evidence["sockets"], &evidence["mini_sockets_among_them"]), (&1100.into(), &0.into()));
            assert!(note(pile, "who").ends_with(&format!("[{}]", std::process::id())), "{pile}");
            let titles = titles(pile);
            assert!(!titles.iter().any(|title| title.starts_with("tcp_fin_timeout")), "{titles:?}");
            assert_eq!(titles[0], "restart the program here that has them");
        })
        .unwrap();
    })
}

#[test]
fn a_log_is_taken_into_account() -> Outcome {
    test_in_netns(|net| {
        let listener = exhausted(net);
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("error.log");
        let line = "2018/07/19 08:03:23 [crit] 2872#0: *338613 connect() to 127.0.0.1:8080 failed (99: Cannot assign \
                    requested address) while connecting to upstream\n";
        std::fs::write(&log, line.repeat(3)).unwrap();
        net.run(|| {
            let diagnosis = json(&["diagnose", "--json", "--log", log.to_str().unwrap()]);
            assert_eq!(diagnosis["findings"][0]["evidence"]["failed_connects"], 3);
            assert!(text(&["diagnose", "--log", log.to_str().unwrap()], 0).contains("nginx, by its log"));
            assert_eq!(run(&["diagnose", "--log", "/no/such/log"]).status.code(), Some(2));
        })
        .unwrap();
        drop(listener);
    })
}

#[test]
fn pages_are_found_by_code_errno_and_word() {
    for words in [&["ports-exhausted"][..], &["EADDRNOTAVAIL"], &["99"]] {
        let page = text(&[&["explain"], words].concat(), 0);
        assert!(page.starts_with("# ports-exhausted: "), "{words:?}");
    }
    assert!(text(&["explain", "myths"], 0).contains("tcp_tw_recycle"));
    assert!(text(&["explain", "--list"], 0).lines().any(|line| line.starts_with("localhost-ipv6")));
    assert!(text(&["explain", "keepalive"], 0).contains("## HAProxy"));
    assert!(text(&["explain", "tcp_fin_timeout"], 0).lines().count() > 1);
    text(&["explain", "nothing-speaks-of-this"], 2);
    text(&["explain"], 2);
}
