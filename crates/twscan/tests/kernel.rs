//! The commands, run in private network namespaces with known sockets.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says what it expects by failing")]

use std::net::SocketAddr;
use std::process::{Command, Output};

use serde_json::Value;
use twscan_lab::{Dial, First, Listener, Netns, test_in_netns, time_waits};

mod support;

use support::Copy;

type Outcome = Result<(), twscan_lab::Error>;

fn binary() -> Command {
    Command::new(assert_cmd::cargo::cargo_bin("twscan"))
}

fn run(args: &[&str]) -> Output {
    binary().args(args).output().unwrap()
}

fn json(args: &[&str]) -> Value {
    let output = run(args);
    assert_eq!(output.status.code(), Some(0), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn lines(args: &[&str]) -> Vec<String> {
    String::from_utf8(run(args).stdout).unwrap().lines().map(str::to_owned).collect()
}

/// 300 TIME_WAITs to 127.0.0.1:8080, 100 to [::1]:8080, 50 mapped to 127.0.0.1:9090, 20 that the server closed first.
fn populate(net: &Netns) -> Listener {
    net.set_sysctl("net.ipv4.tcp_tw_reuse", "0").unwrap();
    net.run(|| {
        let address = |text: &str| text.parse::<SocketAddr>().unwrap();
        let on_8080 = Listener::bind(address("[::]:8080")).unwrap();
        let made = |to: &str, listener: &Listener, count, first| {
            assert_eq!(time_waits(&Dial::to(address(to)), listener, count, first).unwrap().count, count);
        };
        made("127.0.0.1:8080", &on_8080, 300, First::Client);
        made("[::1]:8080", &on_8080, 100, First::Client);
        let on_9090 = Listener::bind(address("[::]:9090")).unwrap();
        made("[::ffff:127.0.0.1]:9090", &on_9090, 50, First::Client);
        let from_another = Dial::to(address("127.0.0.1:8080")).from_ip(std::net::IpAddr::from([127, 0, 0, 9]));
        assert_eq!(time_waits(&from_another, &on_8080, 20, First::Server).unwrap().count, 20);
        on_8080
    })
    .unwrap()
}

#[test]
fn summary_by_dest_and_list_agree_with_what_was_made() -> Outcome {
    test_in_netns(|net| {
        let listener = populate(net);
        net.run(|| {
            for source in ["one-walk", "two-walks", "procfs"] {
                let summary = json(&["summary", "--json", "--via", source]);
                assert_eq!(summary["schema"], "twscan.summary/1");
                assert_eq!(summary["complete"], true);
                assert_eq!(summary["time_wait"]["total"], 470);
                assert_eq!(summary["time_wait"]["outbound"], 450);
                assert_eq!(summary["time_wait"]["inbound"], 20);
                assert_eq!(summary["time_wait"]["sockstat_tw"], 470);
                let time_wait = &summary["states"]["TIME_WAIT"];
                assert_eq!(
                    (&time_wait["ipv4"], &time_wait["ipv6"], &time_wait["mapped"]),
                    (&370.into(), &100.into(), &70.into())
                );
                assert_eq!(summary["states"]["CLOSE"], Value::Null);
                assert_eq!(summary["destinations"][0]["destination"], "127.0.0.1");
                assert_eq!(summary["destinations"][0]["ports_used"], 300);

                let by_dest = json(&["by-dest", "8080", "--json", "--via", source]);
                assert_eq!(by_dest["matched"], 421, "outbound 400, inbound 20 and the listener");
                let rows = by_dest["destinations"].as_array().unwrap();
                assert_eq!(rows.len(), 3);
                assert_eq!((&rows[0]["role"], &rows[0]["time_wait"]), (&"outbound".into(), &300.into()));
                let percent = rows[0]["percent"].as_f64().unwrap();
                assert!((percent - 30_000.0 / 28_232.0).abs() < 1e-9);
                let inbound = rows.iter().find(|row| row["role"] == "inbound").unwrap();
                assert_eq!(
                    (&inbound["source"], &inbound["port"], &inbound["sockets"]),
                    (&Value::Null, &8080.into(), &21.into())
                );

                let rows = lines(&["list", "time-wait", "--format", "jsonl", "--via", source]);
                assert_eq!(rows.len(), 470);
                for row in rows {
                    let row: Value = serde_json::from_str(&row).unwrap();
                    assert_eq!((&row["state"], &row["timer"]), (&"TIME_WAIT".into(), &"timewait".into()));
                    assert!(row["expires_ms"].as_u64().unwrap() <= 62_000);
                }
            }
            assert_eq!(lines(&["list", "TIME_WAIT", "-H", "-tan"]).len(), 470);
            assert_eq!(lines(&["list", "time-wait", "-6", "-H"]).len(), 100);
            assert_eq!(lines(&["list", "time-wait", "-4", "-H"]).len(), 370);
            assert_eq!(lines(&["list", "listen", "-H"]).len(), 1);
            assert_eq!(lines(&["list", "time-wait", "--format", "csv"]).len(), 471);
            assert_eq!(json(&["by-dest", "127.0.0.1:9090", "--json"])["matched"], 50);
            assert_eq!(json(&["by-dest", "::1", "--json", "--state", "time-wait"])["matched"], 100);
            assert_eq!(json(&["by-dest", "7", "--json"])["matched"], 0);
            let totals = json(&["summary", "--quick", "--json"]);
            assert_eq!(totals["totals"]["tcp"]["timewait"], 470);
            assert_eq!(totals["totals"]["tcp"]["closed"], Value::Null, "host-wide figures are no use in a namespace");
        })
        .unwrap();
        drop(listener);
    })
}

#[test]
fn words_of_ss_choose_the_same_sockets_in_list_and_by_dest() -> Outcome {
    test_in_netns(|net| {
        let _listener = populate(net);
        net.run(|| {
            for (words, expected) in [
                (&["time-wait", "dport", "=", ":8080"][..], 400),
                (&["time-wait", "dport = :8080 and not dst [::1]"], 300),
                (&["bucket", "(dport = :9090 or", "dst [::1])"], 150),
                (&["exclude", "time-wait", "sport", ":8080"], 1),
                (&["sport", "8080", "src", "127.0.0.0/8"], 20),
                (&["state", "time-wait", "!dst 0.0.0.0/0"], 100),
                (&["time-wait", "dev", "0"], 470),
                (&["close"], 0),
            ] {
                assert_eq!(lines(&[&["list", "-H"], words].concat()).len(), expected, "{words:?}");
                let by_dest = json(&[&["by-dest", "--json"], words].concat());
                assert_eq!(by_dest["matched"], expected, "{words:?}");
            }
            let of_target = json(&["by-dest", "8080", "time-wait", "src", "127.0.0.0/8", "--json"]);
            assert_eq!((&of_target["matched"], &of_target["target"]), (&320.into(), &"port 8080".into()));
            assert_eq!(of_target["filter"], "src 127.0.0.0/8");
            let also = json(&["by-dest", "8080", "time-wait", "--state", "listen", "--json"]);
            assert_eq!((&also["matched"], &also["filter"]), (&421.into(), &Value::Null));
            for source in ["one-walk", "two-walks", "procfs"] {
                let rows = lines(&["list", "-H", "--via", source, "time-wait", "not dport = :8080"]);
                assert_eq!(rows.len(), 70, "{source}");
            }
        })
        .unwrap();
    })
}

#[test]
fn a_filter_that_the_source_cannot_judge_is_refused() -> Outcome {
    test_in_netns(|net| {
        net.run(|| {
            for args in [&["list", "--via", "procfs", "dev", "lo"][..], &["by-dest", "--via", "procfs", "dev", "1"]] {
                let output = run(args);
                assert_eq!(output.status.code(), Some(2));
                let said = String::from_utf8(output.stderr).unwrap();
                assert_eq!(said, "error: cannot filter by dev: /proc/net/tcp does not show it\n");
                assert!(output.stdout.is_empty(), "nothing is shown that was not judged");
            }
        })
        .unwrap();
    })
}

#[test]
fn rows_made_by_hand_are_the_documented_ones() -> Outcome {
    test_in_netns(|net| {
        let _listener = populate(net);
        net.run(|| {
            for line in lines(&["list", "--format", "jsonl"]) {
                let row: Value = serde_json::from_str(&line).unwrap();
                let keys: Vec<_> = row.as_object().unwrap().keys().map(String::as_str).collect();
                let mut expected = [
                    "family",
                    "state",
                    "local",
                    "remote",
                    "timer",
                    "expires_ms",
                    "uid",
                    "inode",
                    "recv_q",
                    "send_q",
                    "cookie",
                    "role",
                    "mapped",
                    "device",
                ];
                expected.sort_unstable();
                assert_eq!(keys, expected);
            }
        })
        .unwrap();
    })
}

#[test]
fn nobody_sees_the_same_numbers() -> Outcome {
    test_in_netns(|net| {
        let _listener = populate(net);
        net.run(|| {
            // Root outside a user namespace can become nobody; inside one there is no other user to become.
            let uid = std::fs::read_to_string("/proc/self/uid_map").unwrap();
            if !uid.contains("4294967295") {
                return;
            }
            let copy = Copy::new();
            let output = Command::new("setpriv")
                .args(["--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all"])
                .arg(copy.binary())
                .args(["summary", "--json"])
                .output()
                .unwrap();
            assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
            let seen: Value = serde_json::from_slice(&output.stdout).unwrap();
            assert_eq!((&seen["source"], &seen["time_wait"]["total"]), (&"netlink-one-walk".into(), &470.into()));
        })
        .unwrap();
    })
}

#[test]
fn a_sandbox_without_netlink_is_served_by_procfs() -> Outcome {
    use seccompiler::{
        BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
        TargetArch,
    };
    const AF_NETLINK: u64 = 16;
    const SYS_SOCKET: i64 = if cfg!(target_arch = "x86_64") { 41 } else { 198 };
    test_in_netns(|net| {
        let _listener = populate(net);
        net.run(|| {
            let arch = TargetArch::try_from(std::env::consts::ARCH).unwrap();
            let netlink = SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, AF_NETLINK).unwrap();
            let rules = [(SYS_SOCKET, vec![SeccompRule::new(vec![netlink]).unwrap()])].into_iter().collect();
            let filter = SeccompFilter::new(rules, SeccompAction::Allow, SeccompAction::Errno(13), arch).unwrap();
            let program: BpfProgram = filter.try_into().unwrap();
            // The filter stays on this thread and its children.
            let run_confined = || {
                seccompiler::apply_filter(&program).unwrap();
                // Nothing is connected to there, so that a route has to be looked up.
                (json(&["summary", "--json"]), json(&["ports", "127.0.0.77:9", "--json"]))
            };
            let (seen, ports) = std::thread::scope(|scope| scope.spawn(run_confined).join().unwrap());
            assert_eq!((&seen["source"], &seen["time_wait"]["total"]), (&"procfs".into(), &470.into()));
            assert_eq!(seen["time_wait"]["inbound"], 20);
            assert_eq!(ports["budgets"][0]["source"], "127.0.0.1");
        })
        .unwrap();
    })
}

#[test]
fn an_exhausted_destination_is_the_headline() -> Outcome {
    test_in_netns(|net| {
        net.set_sysctl("net.ipv4.tcp_tw_reuse", "0").unwrap();
        net.set_port_range(40_000, 40_019).unwrap();
        net.run(|| {
            let to: SocketAddr = "127.0.0.1:8080".parse().unwrap();
            let listener = Listener::bind(to).unwrap();
            let made = time_waits(&Dial::to(to), &listener, 30, First::Client).unwrap();
            assert_eq!(made.count, 20);
            let shown = lines(&["summary"]);
            assert_eq!(shown[0], "CRITICAL  127.0.0.1:8080 has no local port left: 20 of 20 held");
            let row = shown.iter().find(|line| line.contains("127.0.0.1  127.0.0.1:8080")).unwrap();
            assert!(row.ends_with("[#####|#####] 100%"), "{row}");
            assert!(shown.iter().all(|line| line.len() <= 80), "{shown:#?}");
        })
        .unwrap();
    })
}
