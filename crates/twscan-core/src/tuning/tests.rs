use std::time::Duration;

use super::*;
use crate::port::PortSet;
use crate::procfs::{Settings, TwReuse};
use crate::tally::PortUse;

/// A host with the kernel's defaults.
fn defaults() -> Settings {
    Settings {
        range: "32768-60999".parse().ok(),
        reserved: Some(PortSet::new()),
        unprivileged_port_start: Some(1024),
        tw_reuse: Some(TwReuse::Loopback),
        tw_reuse_delay: Some(Duration::from_secs(1)),
        timestamps: Some(1),
        max_tw_buckets: Some(131_072),
        ..Settings::default()
    }
}

fn plan(settings: Settings, services: &str, goal: &Goal) -> Plan {
    Plan::new(&situation(settings, services), goal).unwrap()
}

fn situation(settings: Settings, services: &str) -> Situation {
    let services: PortSet = services.parse().unwrap();
    let mut situation = Situation::new(settings).with_services(&services);
    situation.blocked = services;
    situation
}

fn to(target: &str) -> Goal {
    Goal::new().to(target.parse().unwrap())
}

fn values(plan: &Plan) -> Vec<(&'static str, &str)> {
    plan.changes.iter().map(|change| (change.key.short_name(), change.to.as_str())).collect()
}

#[test]
fn given_values_are_planned_with_what_they_buy() {
    let goal = to("127.0.0.1:8080").range("10240-65535".parse().unwrap()).tw_reuse(TwReuse::On);
    let off = Settings { tw_reuse: Some(TwReuse::Off), ..defaults() };
    let plan = plan(off, "", &goal);
    assert_eq!(values(&plan), [("ip_local_port_range", "10240 65535"), ("tcp_tw_reuse", "1")]);
    let effect = plan.effects[0];
    assert_eq!((effect.before.capacity, effect.after.capacity), (28_232, 55_296));
    assert_eq!((effect.before.sustainable.round(), effect.after.sustainable), (455.0, 55_296.0));
    assert!(!effect.before.reuse && effect.after.reuse);
    assert!(plan.changes[1].acts_on_existing && !plan.changes[0].acts_on_existing);
}

#[test]
fn the_range_keeps_an_even_number_of_ports() {
    let plan = plan(defaults(), "", &Goal::new().range("10240-65534".parse().unwrap()));
    assert_eq!(values(&plan), [("ip_local_port_range", "10240 65533")]);
}

#[test]
fn the_range_stays_above_privileged_ports() {
    let high_floor = Settings { unprivileged_port_start: Some(2000), ..defaults() };
    for (settings, range) in [(defaults(), "1023-65535"), (high_floor, "1999-65535")] {
        let goal = Goal::new().range(range.parse().unwrap());
        let error = Plan::new(&situation(settings, ""), &goal).unwrap_err().to_string();
        assert!(error.contains("ip_unprivileged_port_start"), "{error}");
    }
}

#[test]
fn services_that_a_range_swallows_are_reserved_besides_what_is() {
    let reserved = Settings { reserved: "9000".parse().ok(), ..defaults() };
    let plan = plan(reserved, "80,11211,40000", &Goal::new().range("10240-65535".parse().unwrap()));
    assert_eq!(values(&plan), [("ip_local_reserved_ports", "9000,11211"), ("ip_local_port_range", "10240 65535")]);
    // 40000 listened before and is blocked before and after.
    assert_eq!((plan.effects[0].before.capacity, plan.effects[0].after.capacity), (28_231, 55_294));
}

#[test]
fn a_rate_is_reached_by_what_depends_on_least() {
    for (rate, expected) in [
        (200, vec![]),
        // 455 a second fit into the default range, and hold all of it: connect() would scan.
        (400, vec![("ip_local_port_range", "10240 65535")]),
        (890, vec![("tcp_tw_reuse", "1")]),
        (20_000, vec![("ip_local_port_range", "24576 65535"), ("tcp_tw_reuse", "1")]),
    ] {
        let plan = plan(defaults(), "", &to("10.0.0.5:5432").target_rate(rate));
        assert_eq!((values(&plan), plan.reached), (expected, Some(true)), "{rate}");
    }
}

#[test]
fn a_range_that_swallows_no_service_is_preferred() {
    let plan = plan(defaults(), "20000", &to("10.0.0.5:5432").target_rate(350));
    assert_eq!(values(&plan), [("ip_local_port_range", "20002 65535")]);
}

#[test]
fn on_the_loopback_the_kernels_default_is_enough() {
    let off = Settings { tw_reuse: Some(TwReuse::Off), ..defaults() };
    let plan = plan(off, "", &to("127.0.0.1:8080").target_rate(5000));
    assert_eq!(values(&plan), [("tcp_tw_reuse", "2")]);
}

#[test]
fn reuse_without_timestamps_turns_them_on_first() {
    let without = Settings { timestamps: Some(0), ..defaults() };
    let plan = plan(without, "", &to("10.0.0.5:5432").target_rate(5000));
    assert_eq!(values(&plan), [("tcp_timestamps", "1"), ("tcp_tw_reuse", "1")]);
    assert!(plan.changes[1].precondition.as_ref().unwrap().contains("tcp_timestamps=0"));
}

#[test]
fn a_goal_beyond_every_parameter_is_the_applications() {
    let old = Settings { tw_reuse_delay: None, ..defaults() };
    let plan = plan(old, "", &to("10.0.0.5:5432").target_rate(200_000));
    assert_eq!(plan.reached, Some(false));
    assert!(plan.application[0].contains("application has to change"), "{:?}", plan.application);
    assert!(plan.application[1].contains("over 4 source addresses"), "{:?}", plan.application);
    assert_eq!(plan.effects[0].after.capacity, 64_512);
}

#[test]
fn a_destination_in_the_slow_zone_gets_out_of_it() {
    let off = busy("127.0.0.1", TwReuse::Off, None);
    assert_eq!((values(&off), off.reached), (vec![("tcp_tw_reuse", "2")], Some(true)));
    let elsewhere = busy("10.0.0.5", TwReuse::Off, None);
    assert_eq!((values(&elsewhere), elsewhere.reached), (vec![("ip_local_port_range", "24576 65535")], Some(true)));
    let reused = busy("127.0.0.1", TwReuse::Loopback, None);
    assert_eq!((reused.changes.len(), reused.reached), (0, Some(true)));
}

#[test]
fn the_rate_decides_where_it_is_known_and_else_the_plan_says_so() {
    for (demand, expected) in [
        (None, vec![("ip_local_port_range", "24576 65535")]),
        (Some(300.0), vec![("ip_local_port_range", "24576 65535")]),
        (Some(390.0), vec![("ip_local_port_range", "16384 65535")]),
        // 891 a second fit into the widest range, and hold all of it.
        (Some(890.0), vec![("tcp_tw_reuse", "1")]),
        (Some(4895.0), vec![("tcp_tw_reuse", "1")]),
        (Some(20_000.0), vec![("ip_local_port_range", "24576 65535"), ("tcp_tw_reuse", "1")]),
    ] {
        let plan = busy("10.0.0.5", TwReuse::Off, demand);
        assert_eq!((values(&plan), plan.reached), (expected, Some(true)), "{demand:?}");
        assert_eq!(plan.held_only, demand.is_none(), "{demand:?}");
    }
    let beyond = busy("10.0.0.5", TwReuse::Off, Some(50_000.0));
    assert_eq!((beyond.reached, beyond.held_only, beyond.falls_short()), (Some(false), false, true));
}

#[test]
fn sockets_bound_to_lo_are_on_the_loopback() {
    let mut situation = situation(defaults(), "");
    let destination = "10.0.0.5".parse().ok();
    situation.push_route(Route { destination, interface: 1, ..Route::default() });
    let effect = Plan::new(&situation, &Goal::new()).unwrap().effects[0];
    assert_eq!((effect.before.reuse, effect.before.sustainable), (true, 28_232.0));
}

/// The plan for a destination with 20000 TIME_WAITs.
fn busy(destination: &str, tw_reuse: TwReuse, demand: Option<f64>) -> Plan {
    let mut situation = situation(Settings { tw_reuse: Some(tw_reuse), ..defaults() }, "");
    let ports = PortUse { time_wait: 20_000, low_parity_held: 14_116, ..PortUse::default() };
    let destination = destination.parse().ok();
    situation.push_route(Route {
        destination,
        port: Some(8080),
        ports,
        demand: demand.map_or(Demand::default(), Demand::of),
        ..Route::default()
    });
    Plan::new(&situation, &Goal::new()).unwrap()
}

#[test]
fn timestamps_are_turned_on_where_the_mode_covers_already() {
    let without = Settings { timestamps: Some(0), tw_reuse: Some(TwReuse::On), ..defaults() };
    let plan = plan(without, "", &to("10.0.0.5:5432").target_rate(5000));
    assert_eq!((values(&plan), plan.reached), (vec![("tcp_timestamps", "1")], Some(true)));
}

#[test]
fn folklore_is_refused_with_the_reason() {
    let goal = Goal::new()
        .set("net.ipv4.tcp_tw_recycle", "1")
        .set("tcp_fin_timeout", "10")
        .set("tcp_max_tw_buckets", "5000")
        .set("net.core.somaxconn", "1024");
    let plan = plan(defaults(), "", &goal);
    assert!(plan.changes.is_empty());
    for (key, part) in [
        ("net.ipv4.tcp_tw_recycle", "removed in kernel 4.12"),
        ("tcp_fin_timeout", "FIN_WAIT2, not TIME_WAIT"),
        ("net.ipv4.tcp_max_tw_buckets", "protect"),
        ("net.core.somaxconn", "decides nothing"),
    ] {
        let refusal = plan.refused.iter().find(|refusal| refusal.key == key).unwrap();
        assert!(refusal.why.contains(part), "{key}: {}", refusal.why);
    }
    let raised = self::plan(defaults(), "", &Goal::new().set("tcp_max_tw_buckets", "500000"));
    assert_eq!(values(&raised), [("tcp_max_tw_buckets", "500000")]);
}

#[test]
fn a_parameter_that_the_kernel_lacks_is_refused() {
    let old = Settings { tw_reuse_delay: None, ..defaults() };
    let plan = plan(old, "", &Goal::new().set("tcp_tw_reuse_delay", "500"));
    assert!(plan.changes.is_empty() && plan.refused[0].why.contains("6.14"));
}

#[test]
fn values_that_the_kernel_would_refuse_are_no_plan() {
    for (key, value) in [("tcp_tw_reuse", "3"), ("tcp_tw_reuse_delay", "0"), ("ip_local_reserved_ports", "a")] {
        assert!(Plan::new(&situation(defaults(), ""), &Goal::new().set(key, value)).is_err(), "{key}={value}");
    }
}

#[test]
fn what_changes_nothing_is_said_to() {
    let plan = plan(defaults(), "", &to("127.0.0.1:8080").tw_reuse(TwReuse::Loopback));
    assert!(plan.changes[0].is_noop() && !plan.changes_anything());
    let (before, after) = plan.changes[0].gain.unwrap();
    assert_eq!(before, after);
    let more = self::plan(defaults(), "", &to("127.0.0.1:8080").tw_reuse(TwReuse::On));
    assert!(more.changes[0].why.contains("no gain"), "{}", more.changes[0].why);
}

#[test]
fn what_advice_calls_enough_is_what_a_plan_finds_nothing_to_add_to() {
    let mut seen = [0; 3];
    let ports = |live, time_wait, fin_wait2_mini| PortUse { live, time_wait, fin_wait2_mini, ..PortUse::default() };
    for ports in [ports(0, 28_232, 0), ports(13_000, 5000, 0), ports(3000, 12_000, 2000), ports(20_000, 6000, 0)] {
        for (destination, tw_reuse) in [("127.0.0.1", TwReuse::Off), ("10.0.0.5", TwReuse::Loopback)] {
            for (rate, known) in [(0.0, false), (100.0, true), (400.0, true), (880.0, true), (2000.0, false)] {
                let mut demand = Demand::of(rate);
                demand.known = known;
                let destination = destination.parse().ok();
                let route = Route { destination, port: Some(80), ports, demand, ..Route::default() };
                let before = situation(Settings { tw_reuse: Some(tw_reuse), ..defaults() }, "20000");
                let remedies = before.advise(&route).remedies;
                for remedy in remedies.iter().filter(|remedy| !remedy.sets.is_empty()) {
                    let Some(sets) =
                        remedy.sets.iter().map(|set| Some((Key::from_name(set.name)?, &set.value))).collect()
                    else {
                        continue;
                    };
                    let sets: Vec<(Key, &String)> = sets;
                    let mut after = before.clone();
                    sets.iter().for_each(|(key, value)| key.set_in(&mut after.settings, value));
                    after.push_route(route);
                    let plan = Plan::new(&after, &Goal::new()).unwrap();
                    let reached = plan.reached == Some(true) && !plan.changes_anything();
                    let expected = (remedy.enough != Some(false), remedy.enough.is_none());
                    assert_eq!((reached, reached && plan.held_only), expected, "{} for {route:?}", remedy.title);
                    seen[remedy.enough.map_or(2, usize::from)] += 1;
                }
            }
        }
    }
    assert!(seen.iter().all(|count| *count >= 5), "no, yes, unknown: {seen:?}");
}
