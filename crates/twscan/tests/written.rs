//! What an earlier version wrote is read and undone as that version meant it: fixtures/written.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says what it expects by failing")]

mod support;

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};
use support::tune::{RANGE, REUSE, Tune, stderr};
use support::{documents, ok};
use twscan_lab::test_in_netns;

fn written(name: &str) -> String {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/written").join(name).display().to_string()
}

fn document(args: &[&str], name: &str) -> Value {
    documents(&[args, &["--format", "jsonl", "--from", &written(name)]].concat(), b"").remove(0)
}

#[test]
fn a_capture_tells_the_same_sockets_as_ever() {
    for name in ["plain.twcap", "owners.twcap"] {
        let summary = document(&["summary"], name);
        let total = |state: &str| summary["states"][state]["total"].as_u64().unwrap();
        let totals = ["LISTEN", "ESTABLISHED", "TIME_WAIT", "FIN_WAIT2", "CLOSE_WAIT", "SYN_SENT"].map(total);
        assert_eq!(totals, [2, 10, 37, 1, 1, 0], "{name}");
        let full = &summary["destinations"][0];
        let ports = ["ports_used", "time_wait", "reusable", "free", "capacity", "range_size"].map(|key| &full[key]);
        assert_eq!(ports, [36, 30, 0, 58, 94, 100].map(Value::from).each_ref(), "{name}");
        assert_eq!((&summary["hostname"], &summary["complete"]), (&"vm".into(), &true.into()));
        let rows = ok(&["list", "-H", "--from", &written(name)], b"");
        assert_eq!(rows.iter().filter(|byte| **byte == b'\n').count(), 51, "{name}");
    }
    let ports = document(&["ports", "--all"], "plain.twcap");
    assert_eq!(ports["reserved"], json!({"count": 5, "ranges": [[42050, 42054]]}));
    assert_eq!(ports["blocked"]["ports"], json!([42077]));
    let budgets = ports["budgets"].as_array().unwrap();
    let budgets: Vec<_> =
        budgets.iter().map(|row| ["port", "used", "free", "time_wait"].map(|key| &row[key])).collect();
    let expected = [[9101, 36, 58, 30], [9102, 7, 87, 7]].map(|row| row.map(Value::from));
    assert_eq!(budgets, expected.each_ref().map(|row| row.each_ref()));
}

#[test]
fn a_capture_tells_the_same_owners_as_ever() {
    let report = document(&["by-dest", "-p", "--all"], "owners.twcap");
    let owner = |sockets: u64, likely: bool| json!({"name": "python3", "sockets": sockets, "likely": likely});
    let owners = |row: &Value| -> Vec<Value> {
        let owners = row["owners"].as_array().unwrap().iter();
        owners.map(|one| json!({"name": one["name"], "sockets": one["sockets"], "likely": one["likely"]})).collect()
    };
    let rows = report["destinations"].as_array().unwrap();
    let rows: Vec<_> = rows.iter().map(|row| (row["port"].as_u64().unwrap(), owners(row))).collect();
    let expected = [
        (9101, vec![owner(6, false), owner(30, true)]),
        (9102, vec![]),
        (9101, vec![owner(6, false), owner(1, true)]),
        (9102, vec![owner(1, false)]),
    ];
    assert_eq!(rows, expected);
    assert_eq!(report["owner_scan"]["unowned"], 0);
}

#[test]
fn a_capture_tells_the_same_namespaces_as_ever() {
    let series = ["4026532179 sh (+2)", "4026532317 python3"];
    let anonymous = ["4026532179 net:[4026532179]", "4026532317 net:[4026532317]"];
    for (name, names) in [("all-netns-series.twcap", series), ("anonymous.twcap", anonymous)] {
        let report = document(&["summary", "--all-netns"], name);
        assert_eq!((&report["complete"], &report["idle"]), (&true.into(), &1.into()), "{name}");
        let row = |one: &Value| {
            let called = format!("{} {}", one["netns"]["inode"], one["netns"]["name"].as_str().unwrap());
            let of = |state: &str| one["states"][state]["total"].as_u64().unwrap();
            (called, of("ESTABLISHED"), of("TIME_WAIT"), one["range_size"].as_u64().unwrap())
        };
        let rows: Vec<_> = report["namespaces"].as_array().unwrap().iter().map(row).collect();
        assert_eq!(rows, [(names[0].to_owned(), 10, 37, 100), (names[1].to_owned(), 6, 0, 10)], "{name}");
    }
    // Two samples, of one namespace too; and written again they are read as before.
    let motion = |args: &[&str]| document(&[&["forecast"], args].concat(), "all-netns-series.twcap")["motion"].clone();
    assert_eq!(motion(&[])["seconds"], 2.106_478_719);
    assert!(motion(&["-N", "4026532317"])["seconds"].as_f64().unwrap() > 2.0);
    let again = ok(&["capture", "--all-netns", "--from", &written("all-netns-series.twcap"), "-"], b"");
    let of_again = documents(&["summary", "--all-netns", "--format", "jsonl", "--from", "-"], &again).remove(0);
    let before = document(&["summary", "--all-netns"], "all-netns-series.twcap");
    let states = |report: &Value| [0, 1].map(|place| report["namespaces"][place]["states"].clone());
    assert_eq!(states(&of_again), states(&before));
    assert_eq!(document(&["summary"], "anonymous.twcap")["hostname"], "anonymous");
}

#[test]
fn an_undo_journal_is_undone() -> Result<(), twscan_lab::Error> {
    test_in_netns(|net| {
        let tune = Tune::new(net);
        let reserved = "net.ipv4.ip_local_reserved_ports";
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
        let boot: String = boot.chars().filter(char::is_ascii_hexdigit).take(12).collect();
        let journal = tune.file(&format!("tune-net{}-{boot}-1.journal", net.inode().unwrap()));
        fs::copy(written("tune.journal"), &journal).unwrap();
        for (key, value) in [(RANGE, "10240 65535"), (REUSE, "1"), (reserved, "11211,20000-20010")] {
            net.set_sysctl(key, value).unwrap();
        }
        let undone = tune.run(&["undo", "--yes"]);
        assert_eq!(undone.status.code(), Some(0), "{}", stderr(&undone));
        assert_eq!([RANGE, REUSE, reserved].map(|key| tune.sysctl(key)), ["32768 60999", "2", ""]);
        assert!(!fs::exists(&journal).unwrap(), "it is undone once");
    })
}
