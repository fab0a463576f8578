//! What `twscan tune plan` says, held against `ports`, `diagnose` and the kernel, in namespaces of the tests' own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says what it expects by failing")]

mod support;

use std::fs;

use serde_json::Value;
use support::tune::{RANGE, REUSE, Tune, stderr, stdout};
use twscan_lab::{Dial, First, Listener, Options, bind_tcp, connect_until_fails, test_in_netns, time_waits};

type Outcome = Result<(), twscan_lab::Error>;

#[test]
fn a_plan_and_a_diagnosis_of_one_moment_agree_and_the_plan_holds() -> Outcome {
    test_in_netns(|net| {
        let tune = Tune::new(net);
        net.set_sysctl(REUSE, "0").unwrap();
        net.set_sysctl(RANGE, "40000 40199").unwrap();
        // Without timestamps there is no reuse at once, and the plan is a range, however fast this machine is.
        net.set_sysctl("net.ipv4.tcp_timestamps", "0").unwrap();
        let dial = Dial::to("127.0.0.1:8080".parse().unwrap());
        let listener = net.run(|| Listener::bind(dial.destination()).unwrap()).unwrap();
        let load = |count| net.run(|| time_waits(&dial, &listener, count, First::Client).unwrap().count).unwrap();
        assert_eq!(load(1000), 200, "every port is held");
        // Ages go on between two looks; a recording is one moment for both.
        let file = tune.file("full.twcap");
        assert!(tune.script("$twscan capture $dir/full.twcap").status.success());
        let diagnosed = tune.script("$twscan diagnose --from $dir/full.twcap --json");
        let diagnosis: Value = serde_json::from_str(&stdout(&diagnosed)).unwrap();
        let remedies = diagnosis["findings"][0]["remedies"].as_array().unwrap();
        let enough = |remedy: &&Value| {
            remedy["when"] == "now" && remedy["enough"] == true && !remedy["sets"].as_array().unwrap().is_empty()
        };
        let sets = remedies.iter().find(enough).map(|remedy| remedy["sets"].as_array().unwrap().clone()).unwrap();
        let advised: Vec<_> = sets.iter().map(|set| (set["name"].clone(), set["value"].clone())).collect();
        let plan = tune.json(&["plan", "--from", &file]);
        let changes = plan["changes"].as_array().unwrap();
        let planned: Vec<_> = changes.iter().map(|change| (change["key"].clone(), change["to"].clone())).collect();
        assert_eq!(planned, advised, "{plan}");
        assert_eq!(planned, [(RANGE.into(), "40000 65535".into())], "{plan}");
        assert_eq!((&plan["reached"], &plan["held_only"]), (&true.into(), &false.into()));
        // What was too much before comes again, and more.
        let saved = tune.file("plan.json");
        fs::write(&saved, plan.to_string()).unwrap();
        let applied = tune.run(&["apply", "--plan", &saved, "--yes"]);
        assert_eq!(applied.status.code(), Some(0), "{}", stderr(&applied));
        assert_eq!(load(1000), 1000);
        let check = tune.script("$twscan check");
        assert!(check.status.success(), "{}", stdout(&check));
    })
}

#[test]
fn plan_and_ports_have_one_model() -> Outcome {
    test_in_netns(|net| {
        let tune = Tune::new(net);
        net.set_sysctl(RANGE, "40000 49999").unwrap();
        net.add_address("lo", [10, 9, 0, 1], 32).unwrap();
        let idle = |port| bind_tcp(std::net::SocketAddr::from(([0, 0, 0, 0], port)), &Options::default()).unwrap();
        let (sockets, listener) = net
            .run(|| {
                let listener = Listener::bind("10.9.0.1:9101".parse().unwrap()).unwrap();
                let on_lo = Options { device: Some("lo".to_owned()), ..Options::default() };
                let dial = Dial::to(listener.address());
                let made = [dial.clone(), dial.with(on_lo)].map(|dial| listener.connection(&dial).unwrap().unwrap());
                ((made, (41_000..41_100).map(idle).collect::<Vec<_>>()), listener)
            })
            .unwrap();
        let budgets = tune.script("$twscan ports 10.9.0.1:9101 --json");
        let budgets: Value = serde_json::from_str(&stdout(&budgets)).unwrap();
        let plan = tune.json(&["plan", "--to", "10.9.0.1:9101"]);
        let of = |rows: &Value, device: &Value, keys: [&str; 2]| {
            let row = rows.as_array().unwrap().iter().find(|row| row["device"] == *device).unwrap();
            keys.map(|key| row[key].as_f64().unwrap().floor())
        };
        // The live connections last: of the one that is bound to no device both take note.
        for (device, expected) in [(Value::Null, [9900.0, 159.0]), (1.into(), [9900.0, 9898.0])] {
            assert_eq!(of(&budgets["budgets"], &device, ["capacity", "sustainable_per_second"]), expected, "{device}");
            assert_eq!(of(&plan["effects"], &device, ["capacity_before", "sustainable_before"]), expected, "{device}");
        }
        let shown = stdout(&tune.run(&["plan", "--to", "10.9.0.1:9101"]));
        assert!(shown.contains("10.9.0.1%1  10.9.0.1:9101  9900, no gain  9898, no gain with timestamps"), "{shown}");
        assert!(shown.contains("10.9.0.1    10.9.0.1:9101  9900, no gain  159, no gain"), "{shown}");
        drop((sockets, listener));
    })
}

#[test]
fn a_plan_that_falls_short_exits_1() -> Outcome {
    test_in_netns(|net| {
        let tune = Tune::new(net);
        let code = |args: &[&str]| tune.run(args).status.code();
        assert_eq!(code(&["plan", "--target-rate", "400"]), Some(0));
        assert_eq!(code(&["plan", "--target-rate", "4000000000"]), Some(1));
        assert_eq!(code(&["plan", "--tw-reuse", "1"]), Some(0));
        assert_eq!(code(&["plan", "--tw-reuse", "1", "--set", "tcp_tw_recycle=1"]), Some(1));
        assert_eq!(code(&["plan", "--tw-reuse", "7"]), Some(2));
    })
}

#[test]
fn a_plan_for_ports_that_live_connections_hold_says_what_it_is_for() -> Outcome {
    test_in_netns(|net| {
        let tune = Tune::new(net);
        net.set_sysctl(RANGE, "40000 40199").unwrap();
        let (listener, live) = net
            .run(|| {
                let listener = Listener::bind("127.0.0.1:8080".parse().unwrap()).unwrap();
                let live = connect_until_fails(&Dial::to(listener.address()), &listener, 120).unwrap();
                (listener, live)
            })
            .unwrap();
        let plan = tune.json(&["plan"]);
        assert_eq!((&plan["reached"], &plan["held_only"]), (&true.into(), &true.into()));
        assert_eq!(plan["effects"][0]["demand_per_second"], Value::Null);
        let shown = stdout(&tune.run(&["plan"]));
        let headline = "OK        1 change reaches the goal, for what is held now: the rate is unknown\n";
        assert!(shown.starts_with(headline), "{shown}");
        drop((listener, live));
    })
}
