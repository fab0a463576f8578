//! `twscan ports` in private network namespaces with known sockets.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says what it expects by failing")]

use std::net::{IpAddr, SocketAddr};
use std::process::{Command, Output};

use serde_json::{Value, json};
use twscan_core::Scan;
use twscan_core::report::SummaryReport;
use twscan_lab::{Dial, First, Listener, Netns, Options, bind_tcp, every_state, test_in_netns, time_waits};

type Outcome = Result<(), twscan_lab::Error>;

fn run(args: &[&str]) -> Output {
    Command::new(assert_cmd::cargo::cargo_bin("twscan")).arg("ports").args(args).output().unwrap()
}

fn text(args: &[&str]) -> String {
    let output = run(args);
    assert_eq!(output.status.code(), Some(0), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn document(args: &[&str]) -> Value {
    let mut args = args.to_vec();
    args.push("--json");
    serde_json::from_str(&text(&args)).unwrap()
}

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// 40000 to 40019 with one port reserved and one bound; nine TIME_WAITs to 127.0.0.1:8080, which is half, and no reuse.
fn populate(net: &Netns, body: impl FnOnce() + Send) {
    net.set_port_range(40_000, 40_019).unwrap();
    net.set_sysctl("net.ipv4.tcp_tw_reuse", "0").unwrap();
    net.set_sysctl("net.ipv4.ip_local_reserved_ports", "40019,50000").unwrap();
    net.run(|| {
        let listener = Listener::bind(at("[::]:8080")).unwrap();
        let _bound = bind_tcp(at("127.0.0.9:40018"), &Options::default()).unwrap();
        let made = time_waits(&Dial::to(at("127.0.0.1:8080")), &listener, 9, First::Client).unwrap();
        assert_eq!(made.count, 9);
        body();
    })
    .unwrap();
}

#[test]
fn the_document_has_the_fields_of_its_schema() -> Outcome {
    test_in_netns(|net| {
        populate(net, || {
            let seen = document(&[]);
            assert_eq!((&seen["schema"], &seen["complete"]), (&json!("twscan.ports/1"), &json!(true)));
            assert_eq!(seen["range"], json!({"low": 40000, "high": 40019, "size": 20, "parity_penalty": 0}));
            assert_eq!(seen["reserved"], json!({"count": 1, "ranges": [[40019, 40019]]}));
            assert_eq!(seen["blocked"], json!({"count": 1, "ports": [40018], "certainty": "at_least", "owners": null}));
            assert_eq!(seen["tw_reuse"]["mode"], 0);
            let expected = json!([{
                "source": "127.0.0.1", "destination": "127.0.0.1", "port": 8080, "device": null,
                "capacity": 18, "used": 9, "live": 0, "time_wait": 9, "fin_wait2_mini": 0, "reusable": 0,
                "unsure_ports": 0, "free": 9, "free_min": 9, "free_max": 9, "percent": 50.0, "zone": "slow",
                "sustainable_per_second": 0, "certainty": "exact", "reasons": [], "forecast": null, "map": null,
            }]);
            assert_eq!(seen["budgets"], expected);
            assert_eq!(seen["bind_first"], json!([{"source": "127.0.0.1", "capacity": 19, "held": 9, "free": 10}]));
        });
    })
}

#[test]
fn a_destination_that_nobody_went_to_is_answered_too() -> Outcome {
    test_in_netns(|net| {
        populate(net, || {
            let fresh = &document(&["127.0.0.2:5432"])["budgets"];
            assert_eq!(
                (&fresh[0]["source"], &fresh[0]["free"], &fresh[1]),
                (&json!("127.0.0.1"), &json!(18), &Value::Null)
            );
            assert_eq!((&fresh[0]["unsure_ports"], &fresh[0]["certainty"]), (&json!(9), &json!("estimate")));
            let named = &document(&["127.0.0.1:8080", "--source", "127.0.0.7"])["budgets"];
            assert_eq!((&named[0]["source"], &named[1]), (&json!("127.0.0.7"), &Value::Null));
            let mapped = document(&["[::ffff:127.0.0.1]:8080"]);
            assert_eq!((&mapped["target"], &mapped["budgets"][0]["used"]), (&json!("127.0.0.1:8080"), &json!(9)));
            assert_eq!(document(&["5432"])["budgets"], json!([]));
            assert_eq!(document(&["-6"])["budgets"], json!([]));
            let lost = run(&["192.0.2.1:80"]);
            assert_eq!(lost.status.code(), Some(2));
            assert!(String::from_utf8_lossy(&lost.stderr).contains("--source names one"));
            assert_eq!(document(&["192.0.2.1:80", "--source", "10.0.0.1"])["budgets"][0]["free"], 18);
        });
    })
}

#[test]
fn the_table_says_what_the_document_says() -> Outcome {
    test_in_netns(|net| {
        populate(net, || {
            let table = text(&["127.0.0.1:8080", "--map"]);
            let lines: Vec<_> = table.lines().collect();
            let expected = [
                "WARNING   127.0.0.1:8080 holds 9 of 18 local ports: each connect() scans",
                "          About 300 times slower than below half of the range.",
                "          Next: twscan diagnose 127.0.0.1:8080",
                "",
                "RANGE     40000-40019  20 ports for each (source, destination, port)",
                "RESERVED  1            40019",
                "BLOCKED   1            at least: 40018",
                "REUSE     off          tcp_tw_reuse=0: a TIME_WAIT keeps its port 60 to 62 s",
                "",
                "SOURCE     DESTINATION     USED  LIVE  TIME_WAIT  REUSABLE  FREE  ZONE",
                "127.0.0.1  127.0.0.1:8080     9     0          9         0     9  slow",
                "",
                "127.0.0.1:8080  sustains less than a connect() a second, closed first by this",
                "  side",
                "Clients that bind(127.0.0.1, 0) first have 10 left over all destinations.",
                "FREE is exact.",
                "",
                "127.0.0.1 > 127.0.0.1:8080",
                "even  [#########x]  9 of 10 held",
                "odd   [.........x]  0 of 10 held",
            ];
            assert_eq!(lines[..expected.len()], expected, "{table}");
            assert!(table.lines().all(|line| line.len() <= 80), "{table}");
        });
    })
}

#[test]
fn owners_of_blocked_ports_stand_below_them_and_no_line_is_long() -> Outcome {
    test_in_netns(|net| {
        populate(net, || {
            net.set_sysctl("net.ipv4.tcp_tw_reuse", "2").unwrap();
            let table = text(&["127.0.0.1:8080", "-p"]);
            let mut lines = table.lines().skip_while(|line| !line.starts_with("BLOCKED")).peekable();
            assert_eq!(lines.next(), Some("BLOCKED   1            at least: 40018"), "{table}");
            // A child that another test has just forked has the socket too, until it becomes another program.
            let mut owners = Vec::new();
            while let Some(owner) = lines.next_if(|line| line.starts_with("          40018: ")) {
                owners.push(owner);
            }
            assert!(owners.iter().any(|owner| owner.contains(&format!("(pid {}, ", std::process::id()))), "{table}");
            assert_eq!(
                lines.take(2).collect::<Vec<_>>(),
                [
                    "REUSE     loopback     tcp_tw_reuse=2: TIME_WAITs of 127/8 and ::1 are reused",
                    "                       when 1000 ms old",
                ]
            );
            for words in [&["127.0.0.1:8080", "--map", "-p"][..], &["127.0.0.2:5432"]] {
                let table = text(words);
                assert!(table.lines().all(|line| line.len() <= 80), "{table}");
            }
        });
    })
}

#[test]
fn rows_come_as_csv_and_as_one_line() -> Outcome {
    test_in_netns(|net| {
        populate(net, || {
            let rows = text(&["--format", "csv"]);
            let row = rows.lines().nth(1).unwrap();
            assert_eq!(row, "127.0.0.1,127.0.0.1,8080,,18,9,0,9,0,0,0,9,9,9,50.000,slow,0,exact");
            assert_eq!(text(&["--format", "jsonl"]).lines().count(), 1);
        });
    })
}

/// 1000 ports, of which 200 are bound and idle; TIME_WAITs to 127.0.0.1:8080 until connect() fails.
#[test]
fn what_bind_alone_holds_is_no_room_in_any_command() -> Outcome {
    test_in_netns(|net| {
        net.set_port_range(40_000, 40_999).unwrap();
        net.set_sysctl("net.ipv4.tcp_tw_reuse", "0").unwrap();
        net.run(|| {
            let listener = Listener::bind(at("127.0.0.1:8080")).unwrap();
            let idle: Vec<_> = (40_000..40_200)
                .map(|port| bind_tcp(SocketAddr::new([127, 0, 0, 9].into(), port), &Options::default()).unwrap())
                .collect();
            let made = time_waits(&Dial::to(at("127.0.0.1:8080")), &listener, 1000, First::Client).unwrap();
            assert_eq!(made.count, 800, "what connect() granted");
            let of = |args: &[&str]| -> Value {
                let output = Command::new(assert_cmd::cargo::cargo_bin("twscan")).args(args).output().unwrap();
                serde_json::from_slice(&output.stdout).unwrap()
            };
            // What examples/json_report.rs prints.
            let embedded = SummaryReport::new(&Scan::new().sample().unwrap(), 5);
            let embedded = ("json_report", serde_json::to_value(&embedded).unwrap());
            let commands = ["summary", "by-dest"].map(|command| (command, of(&[command, "--json"])));
            for (command, document) in commands.into_iter().chain([embedded]) {
                let row = &document["destinations"].as_array().unwrap().iter().find(|row| row["role"] == "outbound");
                let row = row.unwrap();
                assert_eq!((&row["capacity"], &row["free"], &row["zone"]), (&json!(800), &json!(0), &json!("full")));
                assert_eq!((&row["ports_used"], &row["range_size"]), (&json!(800), &json!(1000)), "{command}");
            }
            assert_eq!(of(&["summary", "--json"])["states"]["CLOSE"], Value::Null, "nobody asked for it");
            let target = of(&["by-dest", "127.0.0.1:8080", "--json"]);
            assert_eq!(target["destinations"][0]["zone"], "full");
            let output = Command::new(assert_cmd::cargo::cargo_bin("twscan")).arg("summary").output().unwrap();
            let text = String::from_utf8(output.stdout).unwrap();
            assert!(text.starts_with("CRITICAL  127.0.0.1:8080 has no local port left: 800 of 800 held\n"), "{text}");
            drop(idle);
            let after = of(&["summary", "--json"]);
            assert_eq!(
                (&after["destinations"][0]["free"], &after["destinations"][0]["capacity"]),
                (&json!(200), &json!(1000))
            );
        })
        .unwrap();
    })
}

/// The column stands where there is something to show.
#[test]
fn mini_sockets_are_not_counted_as_live() -> Outcome {
    test_in_netns(|net| {
        net.run(|| {
            let made = every_state(IpAddr::from([127, 0, 0, 1]), 3).unwrap();
            let minis = u64::try_from(made.fin_wait2_minis()).unwrap();
            let document = document(&[]);
            let budgets = document["budgets"].as_array().unwrap();
            let of_minis = budgets.iter().position(|budget| budget["fin_wait2_mini"] == minis).unwrap();
            let text = text(&[]);
            let mut table = text.lines().skip_while(|line| !line.starts_with("SOURCE"));
            assert!(table.next().unwrap().contains("TIME_WAIT  FIN_WAIT2  REUSABLE"), "{text}");
            let shown: Vec<_> = table.nth(of_minis).unwrap().split_whitespace().collect();
            let expected = ["used", "live", "time_wait", "fin_wait2_mini"];
            let expected = expected.map(|name| budgets[of_minis][name].to_string());
            assert_eq!(shown[2..6], expected);
        })
        .unwrap();
    })
}
