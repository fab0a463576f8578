//! `twscan tune`, in network and mount namespaces of the tests' own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says what it expects by failing")]

mod support;

use std::fs;
use std::path::Path;
use std::process::Command;

use support::tune::{RANGE, REUSE, Tune, stderr, stdout};
use twscan_lab::{Listener, Netns, test_in_netns};

type Outcome = Result<(), twscan_lab::Error>;

const RESERVED: &str = "net.ipv4.ip_local_reserved_ports";

#[test]
fn without_a_terminal_and_without_yes_nothing_is_written() -> Outcome {
    test_in_netns(|net| {
        let tune = Tune::new(net);
        let output = tune.run(&["apply", "--range", "10240-65535", "--tw-reuse", "1"]);
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains("nothing was written") && stderr(&output).contains("--yes"));
        assert!(stdout(&output).contains("10240 65535"), "the plan is shown: {}", stdout(&output));
        assert_eq!((tune.sysctl(RANGE).as_str(), tune.sysctl(REUSE).as_str()), ("32768 60999", "2"));
        assert_eq!(tune.run(&["undo"]).status.code(), Some(2));
    })
}

#[test]
fn on_a_terminal_it_asks() -> Outcome {
    test_in_netns(|net| {
        let tune = Tune::new(net);
        // script(1) gives the program a terminal.
        let answer = |answer: &str| {
            tune.script(&format!("echo {answer} | script -qec '$twscan tune apply --tw-reuse 1' /dev/null"))
        };
        let refused = answer("n");
        assert!(stdout(&refused).contains("Write this? [y/N]"), "{}", stdout(&refused));
        assert_eq!((refused.status.code(), tune.sysctl(REUSE).as_str()), (Some(2), "2"));
        assert_eq!((answer("y").status.code(), tune.sysctl(REUSE).as_str()), (Some(0), "1"));
    })
}

#[test]
fn a_saved_plan_is_applied_verified_and_undone() -> Outcome {
    test_in_netns(|net| {
        let tune = Tune::new(net);
        let saved = tune.file("plan.json");
        let goal = ["--range", "10240-65535", "--tw-reuse", "1"];
        let plan = tune.json(&[&["plan"], &goal[..]].concat());
        assert_eq!(plan["schema"], "twscan.plan/1");
        assert_eq!(plan["changes"][0]["key"], RANGE);
        assert_eq!(
            (&plan["changes"][0]["from"], &plan["changes"][0]["to"]),
            (&"32768 60999".into(), &"10240 65535".into())
        );
        assert_eq!(
            (&plan["effects"][0]["capacity_before"], &plan["effects"][0]["capacity_after"]),
            (&28_232.into(), &55_296.into())
        );
        assert_eq!(plan["effects"][0]["sustainable_before"], 455.3);
        fs::write(&saved, plan.to_string()).unwrap();

        let root = tune.file("root");
        fs::create_dir_all(Path::new(&root).join("etc/sysctl.d")).unwrap();
        let verify = ["verify", "--against", &saved, "--root", &root];
        let verified = tune.json(&verify);
        assert_eq!((&verified["schema"], &verified["drifted"]), (&"twscan.verify/1".into(), &true.into()));
        assert_eq!(verified["settings"][0]["status"], "drift-both");

        let applied = tune.run(&["apply", "--plan", &saved, "--yes"]);
        assert_eq!(applied.status.code(), Some(0), "{}", stderr(&applied));
        assert_eq!((tune.sysctl(RANGE).as_str(), tune.sysctl(REUSE).as_str()), ("10240 65535", "1"));
        assert_eq!(tune.run(&verify).status.code(), Some(1));
        assert_eq!(tune.json(&verify)["settings"][0]["status"], "lost-at-boot");

        let boot = Path::new(&root).join("etc/sysctl.d/99-twscan.conf");
        let export = ["export", "--to", "sysctl.d", "--plan", &saved, "--out", boot.to_str().unwrap()];
        assert_eq!(tune.run(&export).status.code(), Some(0));
        assert_eq!(tune.run(&verify).status.code(), Some(0));
        let winner = &tune.json(&verify)["settings"][0]["winner"];
        assert_eq!((&winner["file"], &winner["line"]), (&"/etc/sysctl.d/99-twscan.conf".into(), &2.into()));

        assert_eq!(tune.run(&["undo", "--yes"]).status.code(), Some(0));
        assert_eq!((tune.sysctl(RANGE).as_str(), tune.sysctl(REUSE).as_str()), ("32768 60999", "2"));
        assert_eq!(tune.json(&verify)["settings"][0]["status"], "drift-live");
    })
}

#[test]
fn plans_and_verifications_keep_to_80_columns() -> Outcome {
    test_in_netns(|net| {
        let tune = Tune::new(net);
        net.set_sysctl(RESERVED, "40000-40010,40020-40030,40040,40042").unwrap();
        let plan = stdout(&tune.run(&["plan", "--reserve", "11211,20000-20010,30000,30002"]));
        let values =
            "ip_local_reserved_ports: 40000-40010,40020-40030,.. 2 more\n                         > 11211,20000-20010,";
        assert!(plan.contains(values) && plan.lines().all(|line| line.len() <= 80), "{plan}");
        let verified =
            stdout(&tune.run(&["verify", "--tw-reuse", "1", "--loader", "systemd", "--root", &tune.file("")]));
        assert!(verified.contains("\nboot files as systemd reads them\n"), "{verified}");
        assert!(verified.lines().all(|line| line.len() <= 80), "{verified}");
    })
}

#[test]
fn folklore_is_refused_and_keeps_apply_from_writing() -> Outcome {
    test_in_netns(|net| {
        let tune = Tune::new(net);
        let goal = ["--tw-reuse", "1", "--set", "net.ipv4.tcp_tw_recycle=1"];
        let plan = tune.json(&[&["plan"], &goal[..]].concat());
        assert_eq!(plan["refused"][0]["key"], "net.ipv4.tcp_tw_recycle");
        let output = tune.run(&[&["apply", "--yes"], &goal[..]].concat());
        assert_eq!((output.status.code(), tune.sysctl(REUSE).as_str()), (Some(2), "2"));
    })
}

#[test]
fn what_is_refused_is_the_headline() -> Outcome {
    test_in_netns(|net| {
        let tune = Tune::new(net);
        let recycle = ["--set", "net.ipv4.tcp_tw_recycle=1"];
        let headline = |args: &[&str]| stdout(&tune.run(args)).lines().next().unwrap_or_default().to_owned();
        let alone = "WARNING   refused: tcp_tw_recycle=1; no change";
        assert_eq!(headline(&[&["plan"], &recycle[..]].concat()), alone);
        assert_eq!(headline(&[&["apply", "--yes"], &recycle[..]].concat()), alone);
        let besides = "WARNING   refused: tcp_tw_recycle=1; 1 change as asked for";
        assert_eq!(headline(&[&["plan", "--tw-reuse", "1"], &recycle[..]].concat()), besides);
        assert_eq!(headline(&["plan", "--tw-reuse", "2"]), "OK        nothing to change: the values are there already");
    })
}

#[test]
fn a_saved_plan_is_shown_with_what_the_kernel_has_now() -> Outcome {
    test_in_netns(|net| {
        let tune = Tune::new(net);
        let saved = tune.file("plan.json");
        fs::write(&saved, tune.json(&["plan", "--tw-reuse", "1"]).to_string()).unwrap();
        let apply = ["apply", "--plan", &saved, "--yes"];
        assert!(stdout(&tune.run(&apply)).starts_with("OK        1 change as asked for\n"));
        let again = tune.run(&apply);
        assert_eq!(again.status.code(), Some(0), "{}", stderr(&again));
        assert!(stderr(&again).contains("every value is there already"), "{}", stderr(&again));
        assert!(stdout(&again).starts_with("OK        nothing to change"), "{}", stdout(&again));
        assert!(stdout(&again).contains("tcp_tw_reuse  1    no change"), "{}", stdout(&again));

        // What it would be from now is shown, and what it was made for still decides.
        net.set_sysctl(REUSE, "0").unwrap();
        let stale = tune.run(&apply);
        assert_eq!((stale.status.code(), tune.sysctl(REUSE).as_str()), (Some(2), "0"));
        assert!(stdout(&stale).contains("tcp_tw_reuse  0    1"), "{}", stdout(&stale));
        assert!(stderr(&stale).contains("the plan was made for '2'"), "{}", stderr(&stale));
    })
}

#[test]
fn a_file_that_is_no_plan_is_named() -> Outcome {
    test_in_netns(|net| {
        let tune = Tune::new(net);
        let file = tune.file("no-plan");
        for content in [&b"root:x:0:0"[..], b"\x89TWSC\xff", b"{}", br#"{"schema":"twscan.summary/1","changes":[]}"#] {
            fs::write(&file, content).unwrap();
            for args in [&["verify", "--against", &file][..], &["apply", "--yes", "--plan", &file]] {
                let output = tune.run(args);
                let said = stderr(&output);
                assert_eq!(output.status.code(), Some(2), "{args:?}: {said}");
                assert!(said.starts_with(&format!("error: {file} is no plan: ")), "{args:?}: {said}");
                assert!(said.ends_with("; twscan tune plan --json writes one\n"), "{args:?}: {said}");
            }
        }
    })
}

#[test]
fn verify_fails_where_there_is_nothing_to_compare() -> Outcome {
    test_in_netns(|net| {
        let tune = Tune::new(net);
        let text = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/foreign/ss-tan.txt");
        for (args, part) in [
            (&["verify", "--from", text][..], "ss-tan.txt does not tell the kernel's parameters"),
            (&["verify", "--from", text, "--tw-reuse", "1"], "ss-tan.txt does not tell the kernel's parameters"),
            (&["verify", "--root", "/nosuch"], "/nosuch: No such file or directory"),
            (&["verify", "--root", text], "ss-tan.txt is no directory"),
        ] {
            let output = tune.run(args);
            assert_eq!((output.status.code(), stdout(&output).as_str()), (Some(2), ""), "{args:?}");
            assert!(stderr(&output).contains(part), "{args:?}: {}", stderr(&output));
        }
    })
}

#[test]
fn verify_of_a_recording_says_what_it_compares() -> Outcome {
    test_in_netns(|net| {
        let tune = Tune::new(net);
        let (root, file) = (tune.file("root"), tune.file("host.twcap"));
        fs::create_dir(&root).unwrap();
        let captured = tune.script("$twscan capture $dir/host.twcap");
        assert!(captured.status.success(), "{}", stderr(&captured));
        net.set_sysctl(REUSE, "1").unwrap();
        let verify = ["verify", "--root", &root, "--from", &file];
        let shown = stdout(&tune.run(&verify));
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let compared = format!("running values of {file}, boot files of this machine's {root}");
        assert!(words(&shown).contains(&compared), "{shown}");
        let document = tune.json(&verify);
        assert_eq!(document["replayed_from"], file.as_str());
        let reuse = document["settings"].as_array().unwrap().iter().find(|setting| setting["key"] == REUSE).unwrap();
        assert_eq!(reuse["live"], "2", "the recording's: {document}");
        assert!(!stdout(&tune.run(&["verify", "--root", &root])).contains("running values"));
    })
}

#[test]
fn a_namespace_is_named_by_path() -> Outcome {
    test_in_netns(|net| {
        let tune = Tune::new(net);
        let other = Netns::new().unwrap();
        other.set_port_range(40_000, 40_019).unwrap();
        let path = other.path().display().to_string();
        let applied = tune.run(&["apply", "--netns", &path, "--range", "40000-40039", "--yes"]);
        assert_eq!(applied.status.code(), Some(0), "{}", stderr(&applied));
        assert_eq!(other.sysctl(RANGE).unwrap(), "40000\t40039");
        assert_eq!(tune.sysctl(RANGE), "32768 60999");
        assert_eq!(tune.run(&["undo", "--yes"]).status.code(), Some(2), "the journal is the other namespace's");
        assert_eq!(tune.run(&["undo", "--yes", "--netns", &path]).status.code(), Some(0));
        assert_eq!(other.sysctl(RANGE).unwrap(), "40000\t40019");
        assert_eq!(tune.run(&["plan", "--all-netns"]).status.code(), Some(2));
    })
}

#[test]
fn a_read_only_parameter_leaves_the_old_values() -> Outcome {
    test_in_netns(|net| {
        let tune = Tune::new(net);
        let output = tune.script(
            "mount --bind /proc/sys/net/ipv4/tcp_tw_reuse /proc/sys/net/ipv4/tcp_tw_reuse
             mount -o remount,ro,bind /proc/sys/net/ipv4/tcp_tw_reuse
             $twscan tune apply --range 10240-65535 --tw-reuse 1 --yes",
        );
        let text = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{text}");
        for part in ["tcp_tw_reuse", "'1'", "Read-only file system", "old values"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert_eq!((tune.sysctl(RANGE).as_str(), tune.sysctl(REUSE).as_str()), ("32768 60999", "2"));
    })
}

#[test]
fn what_is_persisted_is_told_where_something_overrides_it() -> Outcome {
    test_in_netns(|net| {
        let tune = Tune::new(net);
        let output = tune.script(
            "mount -t tmpfs tmpfs /etc/sysctl.d
             echo 'net.ipv4.tcp_tw_reuse = 0' > /etc/sysctl.d/99-zz.conf
             $twscan tune apply --range 10240-65535 --tw-reuse 1 --persist --yes >/dev/null
             cat /etc/sysctl.d/99-twscan.conf
             $twscan tune verify --tw-reuse 1 && exit 9
             $twscan tune undo --yes
             ls /etc/sysctl.d",
        );
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        let warning = "warning: the next boot sets net.ipv4.tcp_tw_reuse to 0 (/etc/sysctl.d/99-zz.conf:1)";
        assert!(stderr(&output).contains(warning), "{}", stderr(&output));
        let text = stdout(&output);
        assert!(text.contains("net.ipv4.ip_local_port_range = 10240 65535\n"), "{text}");
        assert!(text.contains("drift-boot") && text.contains("by /etc/sysctl.d/99-zz.conf:1"), "{text}");
        assert!(text.ends_with("99-zz.conf\n") && !text.ends_with("99-twscan.conf\n99-zz.conf\n"), "{text}");
    })
}

#[test]
fn a_service_in_the_new_range_is_reserved() -> Outcome {
    test_in_netns(|net| {
        let tune = Tune::new(net);
        let _services = net
            .run(|| {
                let tcp = Listener::bind("127.0.0.1:11211".parse().unwrap()).unwrap();
                (tcp, std::net::UdpSocket::bind("127.0.0.1:14789").unwrap())
            })
            .unwrap();
        let plan = tune.json(&["plan", "--range", "10240-65535"]);
        assert_eq!(plan["changes"][0]["to"], "11211,14789");
        // What is reserved goes into an export of the range, also when it is reserved already.
        tune.run(&["apply", "--range", "10240-65535", "--yes"]);
        let text = stdout(&tune.run(&["export", "--to", "sysctl.d", "--range", "10240-65535"]));
        assert!(text.contains("ip_local_reserved_ports = 11211,14789"), "{text}");
    })
}

#[test]
fn what_an_export_replaces_is_kept_and_not_among_boot_files() -> Outcome {
    test_in_netns(|net| {
        let tune = Tune::new(net);
        let directory = tune.state.path().join("etc/sysctl.d");
        fs::create_dir_all(&directory).unwrap();
        let out = directory.join("99-twscan.conf");
        fs::write(&out, "old\n").unwrap();
        let export = |reuse: &str| {
            let out = out.to_str().unwrap();
            assert_eq!(
                tune.run(&["export", "--to", "sysctl.d", "--tw-reuse", reuse, "--out", out]).status.code(),
                Some(0)
            );
        };
        export("1");
        assert_eq!(fs::read_to_string(tune.state.path().join("etc/99-twscan.conf.bak")).unwrap(), "old\n");
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 1);
        assert!(fs::read_to_string(&out).unwrap().ends_with("net.ipv4.tcp_tw_reuse = 1\n"));
    })
}

#[test]
fn every_step_shows_examples_in_its_help() {
    for step in ["plan", "apply", "undo", "export", "verify"] {
        let output =
            Command::new(assert_cmd::cargo::cargo_bin("twscan")).args(["tune", step, "--help"]).output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        assert!(stdout(&output).contains("Examples:\n"), "{step}");
    }
}
