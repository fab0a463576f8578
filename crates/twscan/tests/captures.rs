//! Where captures are written, and what of them survives.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says what it expects by failing")]

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use twscan_lab::{Listener, test_in_netns};

mod support;

use support::{documents, ok, run_unprivileged, settled, twscan};

type Outcome = Result<(), twscan_lab::Error>;

fn binary() -> std::path::PathBuf {
    assert_cmd::cargo::cargo_bin("twscan")
}

fn error(args: &[&str], input: &[u8]) -> String {
    let output = twscan(args, input);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{args:?}");
    String::from_utf8(output.stderr).unwrap()
}

/// How many samples a recording holds.
fn samples(file: &Path) -> usize {
    fs::read(file).unwrap().windows(4).filter(|window| *window == b"SMPL").count()
}

#[test]
fn a_link_is_followed_and_a_mode_is_kept() -> Outcome {
    test_in_netns(|net| {
        net.run(|| {
            let dir = tempfile::tempdir().unwrap();
            let [real, link, chain, dangling] = ["real", "link", "chain", "dangling"].map(|name| dir.path().join(name));
            fs::write(&real, "old").unwrap();
            fs::set_permissions(&real, Permissions::from_mode(0o600)).unwrap();
            // Relative to the directory of the link, which is not that of the process.
            symlink("real", &link).unwrap();
            symlink(&link, &chain).unwrap();
            symlink("new", &dangling).unwrap();
            for (place, target) in [(&link, "real"), (&chain, "real"), (&dangling, "new")] {
                ok(&["capture", place.to_str().unwrap()], b"");
                assert!(place.is_symlink());
                assert_eq!(samples(&dir.path().join(target)), 1);
            }
            assert_eq!(fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o600);
            assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 5);

            let circle = dir.path().join("circle");
            symlink("circle", &circle).unwrap();
            let said = error(&["capture", circle.to_str().unwrap()], b"");
            assert!(said.contains("circle: Too many levels of symbolic links"), "{said}");
        })
        .unwrap();
    })
}

#[test]
fn an_output_that_is_open_already_is_written_and_stays() -> Outcome {
    test_in_netns(|net| {
        net.run(|| {
            let dir = tempfile::tempdir().unwrap();
            // What /dev/stdout is.
            let stdout = dir.path().join("stdout");
            symlink("/proc/self/fd/1", &stdout).unwrap();
            let run = |script: &str| {
                let command = format!("{script} && rm -f none");
                let status =
                    Command::new("sh").args(["-c", &command, "sh"]).arg(binary()).current_dir(dir.path()).status();
                assert!(status.unwrap().success(), "{script}");
                assert!(stdout.is_symlink(), "{script}");
            };
            run("$1 capture stdout > once && $1 capture stdout >> once && $1 summary --from once > text");
            assert_eq!(samples(&dir.path().join("once")), 2);
            run("{ echo before; $1 capture stdout; echo behind; } > between");
            let between = fs::read(dir.path().join("between")).unwrap();
            assert!(between.starts_with(b"before\n") && between.ends_with(b"behind\n"));
            run("$1 capture stdout | $1 summary --from - > text");
            // Another open file, by its number.
            run("$1 capture /proc/self/fd/3 3> three && $1 summary --from three > text");
        })
        .unwrap();
    })
}

#[test]
fn a_full_disk_costs_the_sample_that_it_hits() -> Outcome {
    test_in_netns(|net| {
        net.run(|| {
            let dir = tempfile::tempdir().unwrap();
            let script = "mount -t tmpfs -o size=64k none $0 && ! $1 capture --for 1h --interval 10ms $0/file && \
                          ls -A $0 && $1 summary --from $0/file && $1 capture --from $0/file -";
            let output = Command::new("unshare")
                .args(["--mount", "sh", "-c", script])
                .arg(dir.path())
                .arg(binary())
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{said}");
            for part in
                ["file holds the ", " samples that were whole by then", "file: cannot write the recording: No space"]
            {
                assert!(said.contains(part), "{said}");
            }
            assert!(!said.contains("the file ends"), "it is whole: {said}");
            assert!(output.stdout.starts_with(b"file\n"), "no temporary file is left");
            assert!(output.stdout.windows(4).filter(|window| *window == b"SMPL").count() > 1);
        })
        .unwrap();
    })
}

/// A series that has written some samples by now.
fn series(hangup: &str, args: &[&str], dir: &Path) -> Child {
    // Whatever the shell that runs the tests ignores.
    let mut child = Command::new("env")
        .args(["--default-signal=INT,TERM", hangup])
        .arg(binary())
        .args(args)
        .args(["capture", "--for", "1h", "--interval", "50ms"])
        .arg(dir.join("series"))
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    wait_for(&mut child, dir, 20_000);
    child
}

fn wait_for(child: &mut Child, dir: &Path, len: u64) {
    let size = || fs::read_dir(dir).unwrap().next().map_or(0, |entry| entry.unwrap().metadata().unwrap().len());
    while size() < len {
        assert_eq!(child.try_wait().unwrap(), None);
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn signal(child: &Child, signal: &str) {
    assert!(Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status().unwrap().success());
}

#[test]
fn a_signal_ends_a_series_in_any_namespace() -> Outcome {
    test_in_netns(|net| {
        net.run(|| {
            let netns = net.path().display().to_string();
            for (args, name) in [
                (&[][..], "HUP"),
                (&["--netns", &netns], "HUP"),
                (&["--netns", &netns], "INT"),
                (&["--netns", &netns], "TERM"),
            ] {
                let dir = tempfile::tempdir().unwrap();
                let mut child = series("--default-signal=HUP", args, dir.path());
                signal(&child, name);
                assert_eq!(child.wait().unwrap().code(), Some(0), "{args:?} {name}");
                assert!(samples(&dir.path().join("series")) > 1, "{args:?} {name}");
                assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "no temporary file is left");
            }
            // As nohup has it.
            let dir = tempfile::tempdir().unwrap();
            let mut child = series("--ignore-signal=HUP", &[], dir.path());
            signal(&child, "HUP");
            wait_for(&mut child, dir.path(), 60_000);
            signal(&child, "TERM");
            assert_eq!(child.wait().unwrap().code(), Some(0));
        })
        .unwrap();
    })
}

#[test]
fn a_series_stays_one_when_it_is_recorded_again() -> Outcome {
    test_in_netns(|net| {
        net.run(|| {
            let dir = tempfile::tempdir().unwrap();
            let [one, all, hidden] = ["one", "all", "hidden"].map(|name| dir.path().join(name));
            let text = |path: &Path| path.to_str().unwrap().to_owned();
            ok(&["capture", "--for", "4s", "--interval", "1s", &text(&one)], b"");
            ok(&["capture", "--anonymize", "--from", &text(&one), &text(&hidden)], b"");
            assert_eq!(samples(&one), samples(&hidden));
            assert!(samples(&one) > 1);
            let motion =
                |file: &Path| documents(&["forecast", "--format", "jsonl", "--from", &text(file)], b"").remove(0);
            assert_eq!(motion(&one)["motion"]["seconds"], motion(&hidden)["motion"]["seconds"]);

            // Two behind each other are a series, however long the host's namespaces take.
            let record = || twscan(&["capture", "--all-netns", "-"], b"").stdout;
            fs::write(&all, [record(), record()].concat()).unwrap();
            twscan(&["capture", "--all-netns", "--anonymize", "--from", &text(&all), &text(&hidden)], b"");
            assert_eq!(samples(&all), samples(&hidden));
            assert_eq!(samples(&all), 2);
        })
        .unwrap();
    })
}

#[test]
fn a_capture_knows_how_its_namespace_is_called() -> Outcome {
    test_in_netns(|net| {
        net.run(|| {
            let dir = tempfile::tempdir().unwrap();
            // A file stands for the namespace, and no other mount namespace has it.
            let script = "cd $0 && touch blue && mount --bind /proc/self/ns/net blue && $1 summary --format jsonl > live && \
                          $1 capture plain && $1 capture --anonymize hidden && $1 capture --from plain again";
            let status = Command::new("unshare").args(["--mount", "sh", "-c", script]).arg(dir.path()).arg(binary()).status();
            assert!(status.unwrap().success());
            let live: Value = serde_json::from_slice(&fs::read(dir.path().join("live")).unwrap()).unwrap();
            let blue = dir.path().join("blue").display().to_string();
            assert_eq!(live["netns"]["name"], blue.as_str());
            let replayed = |name: &str| {
                let file = dir.path().join(name).display().to_string();
                documents(&["summary", "--format", "jsonl", "--from", &file], b"").remove(0)
            };
            for name in ["plain", "again"] {
                let replayed = replayed(name);
                assert!(replayed["other_netns"]["found"].is_u64(), "{replayed}");
                assert_eq!(settled(replayed), settled(live.clone()), "{name}");
            }
            assert_eq!(replayed("hidden")["netns"]["name"], Value::Null);
        })
        .unwrap();
    })
}

#[test]
fn names_and_marks_of_another_host_are_not_looked_up_here() -> Outcome {
    test_in_netns(|net| {
        net.run(|| {
            let _listener = Listener::bind("127.0.0.1:9101".parse().unwrap()).unwrap();
            let capture = ok(&["capture", "-"], b"");
            for (condition, part) in [
                (["dev", "lo"], "a recording does not hold their names"),
                (["cgroup", "/"], "a recording does not hold their paths"),
            ] {
                for command in ["list", "by-dest"] {
                    let said = error(&[command, condition[0], condition[1], "--from", "-"], &capture);
                    assert!(said.contains(part), "{said}");
                }
            }
            let rows = |condition: &[&str], capture: &[u8]| {
                ok(&[&["list", "-H", "--from", "-"], condition].concat(), capture).split(|byte| *byte == b'\n').count()
                    - 1
            };
            assert_eq!((rows(&["dev", "7"], &capture), rows(&["not", "dev", "7"], &capture)), (0, 1));
            assert_eq!(rows(&["fwmark", "!=", "5"], &capture), 1, "whoever could enter a namespace is told marks");

            let unprivileged = run_unprivileged(&["capture", "-"]).stdout;
            assert_eq!(rows(&["sport", "=", ":9101"], &unprivileged), 1);
            let dump = run_unprivileged(&["capture", "--as", "ss-dump", "-"]).stdout;
            for capture in [&unprivileged, &dump] {
                let said = error(&["list", "fwmark", "!=", "5", "--from", "-"], capture);
                assert!(said.contains("cannot filter by fwmark: it was not recorded"), "{said}");
            }
        })
        .unwrap();
    })
}

#[test]
fn what_could_only_be_ignored_is_refused() -> Outcome {
    test_in_netns(|net| {
        net.run(|| {
            let dir = tempfile::tempdir().unwrap();
            let file = dir.path().join("one").display().to_string();
            ok(&["capture", &file], b"");
            for (args, part) in [
                (&["capture", "-4", "-"][..], "a capture holds the sockets of both families"),
                (&["capture", "-6", "--as", "ss-dump", "-"], "a capture holds the sockets of both families"),
                (&["capture", "--for", "1s", "--from", &file, "-"], "leave out --for"),
                (&["compare", "--from", &file, &file, &file], "without --from: twscan compare BEFORE AFTER"),
                (&["compare", "-", "-"], "standard input holds one recording"),
                (&["compare", "--netns", "blue", &file, &file], "leave out --netns"),
            ] {
                let said = error(args, b"");
                assert!(said.contains(part), "{args:?}: {said}");
            }
        })
        .unwrap();
    })
}
