//! Captures and comparisons, as a user makes them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says what it expects by failing")]

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use twscan_lab::{Listener, test_in_netns};

mod support;

use support::{documents, ok, populated, settled, twscan};

type Outcome = Result<(), twscan_lab::Error>;

const COMMANDS: [&[&str]; 6] = [
    &["ports", "--format", "jsonl"],
    &["summary", "--format", "jsonl"],
    &["summary", "--quick", "--format", "jsonl"],
    &["by-dest", "--all", "--format", "jsonl"],
    &["by-dest", "9101", "--state", "time-wait", "--format", "jsonl"],
    &["list", "--format", "jsonl"],
];

#[test]
fn each_reading_command_says_of_a_capture_what_it_said_of_the_host() -> Outcome {
    test_in_netns(|net| {
        net.set_sysctl("net.ipv4.tcp_tw_reuse", "0").unwrap();
        net.run(|| {
            let listener = Listener::bind("127.0.0.1:9101".parse().unwrap()).unwrap();
            populated(&listener);
            let dir = tempfile::tempdir().unwrap();
            let file = dir.path().join("host.twcap").display().to_string();
            ok(&["capture", &file], b"");
            let capture = std::fs::read(&file).unwrap();
            for command in COMMANDS {
                let live = documents(command, b"");
                let with = |more: &[&'static str]| [command, more].concat();
                let from_file = documents(&[&with(&["--from"])[..], &[file.as_str()]].concat(), b"");
                let from_pipe = documents(&with(&["--from", "-"]), &capture);
                assert!(!live.is_empty(), "{command:?}");
                for (one, other) in from_file.iter().zip(&from_pipe) {
                    if one.get("schema").is_some() {
                        assert_eq!(one["replayed_from"], file.as_str(), "{command:?}");
                        assert_eq!(other["replayed_from"], "-", "{command:?}");
                    }
                    let but_for_the_name = |document: &Value| {
                        let mut document = document.clone();
                        document.as_object_mut().unwrap().remove("replayed_from");
                        document
                    };
                    assert_eq!(but_for_the_name(one), but_for_the_name(other), "{command:?}");
                }
                let settle = |documents: Vec<Value>| documents.into_iter().map(settled).collect::<Vec<_>>();
                assert_eq!(settle(live), settle(from_file), "{command:?}");
            }
            // In a pipe as in a file, and again from itself.
            let piped = ok(&["capture", "-"], b"");
            let again = ok(&["capture", "-", "--from", "-"], &piped);
            let [one, other] =
                [piped, again].map(|capture| documents(&["summary", "--format", "jsonl", "--from", "-"], &capture));
            assert_eq!(one, other);
        })
        .unwrap();
    })
}

#[test]
fn a_dump_for_ss_and_the_text_of_ss_are_read_alike() -> Outcome {
    test_in_netns(|net| {
        // A later connection of the population takes over no earlier one's port, however slow the machine is.
        net.set_sysctl("net.ipv4.tcp_tw_reuse", "0").unwrap();
        net.run(|| {
            let listener = Listener::bind("127.0.0.1:9101".parse().unwrap()).unwrap();
            populated(&listener);
            let dump = ok(&["capture", "--as", "ss-dump", "-"], b"");
            let from = ["by-dest", "--format", "jsonl", "--range", "32768-60999", "--from", "-"];
            let of_dump = documents(&from, &dump).remove(0);
            assert_eq!((&of_dump["source"], &of_dump["kernel"]), (&"ss-dump".into(), &Value::Null));
            let text = Command::new("ss").arg("-tano").output().unwrap().stdout;
            let of_text = documents(&from, &text).remove(0);
            assert_eq!(of_text["source"], "ss-text");
            assert_eq!(of_dump["destinations"], of_text["destinations"]);
            assert_eq!(of_dump["destinations"][0]["ports_used"], 300);
        })
        .unwrap();
    })
}

#[test]
fn compare_says_what_changed_since() -> Outcome {
    test_in_netns(|net| {
        net.set_sysctl("net.ipv4.tcp_tw_reuse", "0").unwrap();
        net.run(|| {
            let listener = Listener::bind("127.0.0.1:9101".parse().unwrap()).unwrap();
            let dir = tempfile::tempdir().unwrap();
            let file = dir.path().join("before").display().to_string();
            ok(&["capture", &file], b"");
            populated(&listener);
            let report = documents(&["compare", &file, "--format", "jsonl"], b"").remove(0);
            assert_eq!(report["schema"], "twscan.compare/1");
            assert_eq!(report["states"]["TIME_WAIT"], serde_json::json!({"before": 0, "after": 300}));
            assert_eq!(
                (&report["before"]["replayed_from"], &report["replayed_from"]),
                (&file.as_str().into(), &Value::Null)
            );
            let text = String::from_utf8(ok(&["compare", &file], b"")).unwrap();
            assert!(text.contains("TIME_WAIT went from 0 to 300") && text.contains("+300"), "{text}");
            assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
            assert!(report["sentence"].as_str().unwrap().len() > 80, "{report}");
            let same = documents(&["compare", &file, &file, "--format", "jsonl"], b"").remove(0);
            assert_eq!((&same["groups"], &same["elapsed_s"]), (&0.into(), &0.0.into()));
            let text = String::from_utf8(ok(&["compare", &file, &file], b"")).unwrap();
            assert!(!text.contains("+0") && !text.contains("CHANGE"), "only what changed has a row: {text}");
        })
        .unwrap();
    })
}

#[test]
fn a_signal_ends_a_series_with_a_whole_file() -> Outcome {
    test_in_netns(|net| {
        net.run(|| {
            for signal in ["INT", "TERM"] {
                let dir = tempfile::tempdir().unwrap();
                let file = dir.path().join("series").display().to_string();
                let mut child = Command::new(assert_cmd::cargo::cargo_bin("twscan"))
                    .args(["capture", "--for", "1h", "--interval", "50ms", &file])
                    .spawn()
                    .unwrap();
                // Until some samples are written; nobody sees them under the real name yet.
                let growing = || {
                    std::fs::read_dir(dir.path()).unwrap().next().map(|entry| entry.unwrap().metadata().unwrap().len())
                };
                while growing().is_none_or(|len| len < 20_000) {
                    assert_eq!(child.try_wait().unwrap(), None);
                    std::thread::sleep(Duration::from_millis(10));
                }
                assert!(!Path::new(&file).exists());
                let kill =
                    Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status().unwrap();
                assert!(kill.success());
                assert_eq!(child.wait().unwrap().code(), Some(0));
                assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "no temporary file is left");
                let output = twscan(&["summary", "--from", &file], b"");
                assert_eq!((output.status.code(), output.stderr), (Some(0), vec![]), "the file is whole");
            }
        })
        .unwrap();
    })
}

#[test]
fn a_series_is_as_long_as_asked_and_a_cut_one_says_so() -> Outcome {
    test_in_netns(|net| {
        net.run(|| {
            let series = ok(&["capture", "--for", "4s", "--interval", "2s", "-"], b"");
            let samples = series.windows(4).filter(|window| window == b"SMPL").count();
            // A slow machine may leave no time for the last.
            assert!((2..=3).contains(&samples), "{samples}");
            let output = twscan(&["summary", "--from", "-"], &series[..series.len() - 10]);
            assert_eq!(output.status.code(), Some(0));
            let said = String::from_utf8(output.stderr).unwrap();
            assert!(
                said.contains("the file ends") && said.contains(&format!("sample {samples} is incomplete")),
                "{said}"
            );
        })
        .unwrap();
    })
}

#[test]
fn a_full_disk_and_a_closed_pipe_leave_nothing_half_done() -> Outcome {
    test_in_netns(|net| {
        net.run(|| {
            let output = Command::new("sh")
                .args(["-c", "$0 capture - > /dev/full"])
                .arg(assert_cmd::cargo::cargo_bin("twscan"))
                .output()
                .unwrap();
            let said = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(2));
            assert!(said.starts_with("error: cannot write the recording: No space left"), "{said}");

            let dir = tempfile::tempdir().unwrap();
            let script = "mount -t tmpfs -o size=4k none $0 && ! $1 capture $0/file && test -z \"$(ls -A $0)\"";
            let binary = assert_cmd::cargo::cargo_bin("twscan");
            let full =
                Command::new("unshare").args(["--mount", "sh", "-c", script]).arg(dir.path()).arg(binary).output();
            let full = full.unwrap();
            assert!(full.status.success(), "{}", String::from_utf8_lossy(&full.stderr));

            let closed = Command::new("sh")
                .args(["-c", "$0 capture --for 1h --interval 10ms - | head -c 100000 | wc -c"])
                .arg(assert_cmd::cargo::cargo_bin("twscan"))
                .output()
                .unwrap();
            assert_eq!(String::from_utf8_lossy(&closed.stdout).trim(), "100000");
            assert!(closed.stderr.is_empty(), "{}", String::from_utf8_lossy(&closed.stderr));
        })
        .unwrap();
    })
}

#[test]
fn destinations_beyond_the_most_are_folded() {
    let mut text = String::from("Active Internet connections (servers and established)\n");
    for n in 0..20_000u32 {
        text.push_str(&format!("tcp 0 0 10.0.0.1:40000 11.{}.{}.{}:80 TIME_WAIT\n", n >> 16, (n >> 8) & 255, n & 255));
    }
    let args = ["by-dest", "--format", "jsonl", "--max-groups", "1000", "--range", "32768-60999", "--from", "-"];
    let report = documents(&args, text.as_bytes()).remove(0);
    assert_eq!((&report["groups"], &report["matched"]), (&1000.into(), &20_000.into()));
    assert_eq!(report["other"], serde_json::json!({"sockets": 19_000, "time_wait": 19_000}));
    let all = documents(&["by-dest", "--format", "jsonl", "--range", "32768-60999", "--from", "-"], text.as_bytes());
    assert_eq!((&all[0]["groups"], &all[0]["other"]), (&20_000.into(), &Value::Null));
}

#[test]
fn mistakes_are_named() {
    for (args, input, part) in [
        (&["summary", "--from", "/nonexistent"][..], &b""[..], "/nonexistent: No such file"),
        (&["summary", "--from", "-"], b"hello\n", "its content is none that is known"),
        (&["summary", "--range", "1-2"], b"", "--from"),
        (&["summary", "--from", "-", "--range", "9-2"], b"", "9-2"),
        (&["summary", "--from", "-", "--tw-reuse", "7"], b"LISTEN 0 0 *:1 *:*\n", "write 0, 1 or 2"),
        (&["capture", "-", "--for", "soon"], b"", "write a time as 500ms, 90s, 5m or 1h"),
        (&["capture", "/nonexistent/dir/file"], b"", "/nonexistent/dir/file: No such file"),
    ] {
        let output = twscan(args, input);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {said}");
        assert!(said.contains(part), "{args:?}: {said}");
    }
}
