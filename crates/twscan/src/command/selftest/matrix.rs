use std::time::Duration;

use twscan_lab::{First, Options};

use super::scenario::{
    DELAY, FIXED_DELAY, Fate, LONG, Probe, SHORT, Scenario, Step, at, connect, from_to, ip, on_lo, to,
};

/// Everything that decides about a port, a scenario each. Where nothing is hidden the prediction must be the very number.
pub(crate) fn matrix() -> Vec<Scenario> {
    [families_and_fill(), reuse(), reserved_and_ranges(), binders(), tuples(), minis_and_servers(), bind_first()]
        .concat()
}

/// The destination of most scenarios, in the three ways to say it.
const V4: &str = "127.0.0.1:9101";
const V6: &str = "[::1]:9101";
const MAPPED: &str = "[::ffff:127.0.0.1]:9101";

fn families_and_fill() -> Vec<Scenario> {
    let live = |count| Step::Live(to(V4), count);
    let closed = |count| Step::Closed(to(V4), count, First::Client);
    vec![
        Scenario::new("empty, IPv4"),
        Scenario::new("empty, IPv6").probe(connect("::1", V6)),
        Scenario::new("empty, v4-mapped").probe(connect("127.0.0.1", MAPPED)),
        Scenario::new("half live").step(live(10)),
        Scenario::new("full of live").step(live(20)),
        Scenario::new("half TIME_WAIT").step(closed(10)),
        Scenario::new("full of TIME_WAIT").step(closed(20)),
        Scenario::new("half live, half TIME_WAIT").step(live(10)).step(closed(10)),
        Scenario::new("AF_INET fills, v4-mapped asks").step(live(20)).probe(connect("127.0.0.1", MAPPED)),
        Scenario::new("v4-mapped fills, AF_INET asks").step(Step::Live(to(MAPPED), 20)),
        Scenario::new("v4-mapped TIME_WAITs, AF_INET asks").step(Step::Closed(to(MAPPED), 15, First::Client)),
        Scenario::new("IPv6 fills, IPv4 asks").step(Step::Live(to(V6), 20)),
        Scenario::new("IPv4 fills, IPv6 asks").step(live(20)).probe(connect("::1", V6)),
        Scenario::new("IPv6 half, IPv6 asks").step(Step::Live(to(V6), 10)).probe(connect("::1", V6)),
    ]
}

/// TIME_WAITs that a connect() takes over, and those that it does not.
fn reuse() -> Vec<Scenario> {
    // The mode is set after the population is made, which would reuse its own ports otherwise.
    let made = |name: &str, dial, mode| {
        Scenario::new(name).step(Step::Closed(dial, 20, First::Client)).step(Step::Set("tcp_tw_reuse", mode))
    };
    let mode = |name: &str, mode, to_whom: &str| {
        let from = at(to_whom).ip().to_canonical().to_string();
        made(name, to(to_whom), mode).probe(connect(&from, to_whom))
    };
    let young = |scenario: Scenario| scenario.set(DELAY, LONG);
    let aged = |scenario: Scenario| scenario.set(DELAY, SHORT).step(Step::Wait(MOMENT));
    let across = |name: &str, value, timestamps| {
        aged(made(name, to(FAR), value)).across(timestamps).probe(Probe::Connect {
            from: ip("10.77.0.1"),
            dial: to(FAR),
            interface: 0,
        })
    };
    let device = on_lo(to(LOCAL));
    vec![
        young(mode("reuse 2, 127/8, young", "2", V4)),
        aged(mode("reuse 2, 127/8, aged", "2", V4)),
        young(mode("reuse 2, ::1, young", "2", V6)),
        aged(mode("reuse 2, ::1, aged", "2", V6)),
        young(mode("reuse 2, v4-mapped, young", "2", MAPPED)),
        aged(mode("reuse 2, v4-mapped, aged", "2", MAPPED)),
        mode("reuse 2, default delay, after 1.1 s", "2", V4).step(Step::Wait(FIXED_DELAY)),
        // Younger than a delay that no machine is slow enough to outlast, and older than a short one.
        young(mode("reuse 2, delay 60000, 350 ms old", "2", V4)).step(Step::Wait(Duration::from_millis(350))),
        mode("reuse 2, delay 300, 350 ms old", "2", V4).set(DELAY, 300).step(Step::Wait(Duration::from_millis(350))),
        aged(mode("reuse 1, 127/8, aged", "1", V4)),
        aged(mode("reuse 0, 127/8, aged", "0", V4)),
        aged(mode("reuse 2, local address that is no loopback", "2", LOCAL)),
        aged(mode("reuse 1, local address that is no loopback", "1", LOCAL)),
        aged(made("reuse 2, one end is loopback", from_to("127.0.0.1", LOCAL), "2")).probe(connect("127.0.0.1", LOCAL)),
        aged(made("reuse 2, bound to lo", device.clone(), "2")).probe(Probe::Connect {
            from: ip("10.9.9.9"),
            dial: device,
            interface: 1,
        }),
        aged(mode("timestamps 2 are timestamps", "2", V4).set("tcp_timestamps", 2)),
        aged(mode("timestamps off here", "2", V4).set("tcp_timestamps", 0)),
        aged(Scenario::new("half live, half aged, reuse 2").step(Step::Live(to(V4), 10)))
            .step(Step::Closed(to(V4), 10, First::Client))
            .step(Step::Set("tcp_tw_reuse", "2"))
            .step(Step::Wait(MOMENT)),
        across("reuse 1, another host", "1", true),
        across("reuse 2, another host", "2", true),
        across("reuse 1, another host, timestamps off here", "1", true).set("tcp_timestamps", 0),
        across("reuse 1, another host, timestamps off there", "1", false).hidden("the old connection's timestamps"),
    ]
}

fn reserved_and_ranges() -> Vec<Scenario> {
    let reserved = |name: &str, ports: &str| Scenario::new(name).set("ip_local_reserved_ports", ports);
    let mut scenarios = vec![
        reserved("reserved inside the range", "40003,40007-40009"),
        reserved("reserved at both ends", "40000,40019"),
        reserved("reserved outside the range", "39999,40020-40100"),
        reserved("reserved altogether", "40000-40019"),
        reserved("reserved, half live", "40000-40004").step(Step::Live(to(V4), 10)),
        Scenario::new("odd range").range(40_000, 40_020).hidden("where connect() starts"),
        reserved("odd range, both ends reserved", "40000,40020").range(40_000, 40_020),
        Scenario::new("odd range, both ends bound")
            .range(40_000, 40_020)
            .step(bound("127.0.0.5:40000"))
            .step(bound("127.0.0.5:40020")),
    ];
    let steps = Scenario::new("steps of a random width, half live").set("ip_local_port_step_width", 7);
    scenarios.push(steps.step(Step::Live(to(V4), 10)));
    for size in [1, 2, 3] {
        let range = |name: &str| Scenario::new(format!("range of {size}, {name}")).range(40_000, 39_999 + size);
        scenarios.push(range("empty"));
        scenarios.push(range("one live").step(Step::Live(to(V4), 1)));
    }
    scenarios
}

/// What holds a port for every destination, and what does not.
fn binders() -> Vec<Scenario> {
    let in_range = "127.0.0.1:40006";
    let listening = |address: &str| accepted(address, 0, Fate::Live, true);
    let explicit = |destination: &str| to(destination).from(at("127.0.0.1:40004"));
    let with = |set: fn(&mut Options)| {
        let mut options = Options::default();
        set(&mut options);
        Step::Bound(at("127.0.0.5:40004"), options)
    };
    let address = |options: &mut Options| options.reuse_addr = true;
    let port = |options: &mut Options| options.reuse_port = true;
    vec![
        Scenario::new("IPv4 listener in the range").step(listening(in_range)),
        Scenario::new("IPv6 listener in the range").step(listening("[::1]:40006")),
        Scenario::new("IPv4 listener, IPv6 asks").step(listening(in_range)).probe(connect("::1", V6)),
        Scenario::new("wildcard listener in the range").step(listening("[::]:40006")),
        Scenario::new("bound and idle").step(bound("127.0.0.1:40004")),
        Scenario::new("bound and idle, another address").step(bound("127.0.0.5:40004")),
        Scenario::new("bound and idle, IPv6").step(bound("[::1]:40004")),
        Scenario::new("bound and idle, SO_REUSEADDR").step(with(address)),
        Scenario::new("bound and idle, SO_REUSEPORT").step(with(port)),
        Scenario::new("two share a port, SO_REUSEPORT").step(with(port)).step(with(port)),
        Scenario::new("bound to a reserved port")
            .set("ip_local_reserved_ports", "40004")
            .step(bound("127.0.0.1:40004")),
        Scenario::new("bound beside a connection elsewhere, and closed")
            .step(Step::Live(to("127.0.0.2:9102"), 20))
            .step(bound("127.0.0.5:40004"))
            .step(Step::Release),
        Scenario::new("UDP binder").step(Step::BoundUdp(at("127.0.0.1:40004"))),
        Scenario::new("explicit bind, live, elsewhere").step(Step::Live(explicit("127.0.0.2:9102"), 1)),
        Scenario::new("explicit bind, live, same destination").step(Step::Live(explicit(V4), 1)),
        Scenario::new("explicit bind, TIME_WAIT, same destination").step(Step::Closed(explicit(V4), 1, First::Client)),
        Scenario::new("explicit bind, TIME_WAIT, elsewhere")
            .step(Step::Closed(explicit("127.0.0.2:9102"), 1, First::Client))
            .hidden("who chose the port"),
        Scenario::new("bind(ip, 0) first, live, elsewhere")
            .step(Step::Live(to("127.0.0.2:9102").from_ip(ip("127.0.0.4")), 5))
            .hidden("who chose the port"),
        Scenario::new("accepted, live, listener open").step(accepted(in_range, 5, Fate::Live, true)),
        Scenario::new("accepted, live, listener closed")
            .step(accepted(in_range, 5, Fate::Live, false))
            .hidden("that they were accepted"),
        Scenario::new("accepted, TIME_WAIT, listener open").step(accepted(in_range, 5, Fate::TimeWait, true)),
        Scenario::new("accepted, TIME_WAIT, listener closed")
            .step(accepted(in_range, 5, Fate::TimeWait, false))
            .hidden("that they were accepted"),
    ]
}

/// Which connections compete.
fn tuples() -> Vec<Scenario> {
    let plain = to(V4);
    let device = on_lo(to(V4));
    let device_asks = Probe::Connect { from: ip("127.0.0.1"), dial: device.clone(), interface: 1 };
    vec![
        Scenario::new("another source is full").step(Step::Live(from_to("127.0.0.2", V4), 20)),
        Scenario::new("another destination is full").step(Step::Live(from_to("127.0.0.1", "127.0.0.2:9101"), 20)),
        Scenario::new("another destination port is full").step(Step::Live(to("127.0.0.1:9102"), 20)),
        Scenario::new("another destination, TIME_WAIT").step(Step::Closed(to("127.0.0.1:9102"), 20, First::Client)),
        Scenario::new("the source is chosen by the client")
            .step(Step::Live(from_to("127.0.0.2", V4), 7))
            .probe(connect("127.0.0.2", V4)),
        Scenario::new("bound to lo fills, unbound asks").step(Step::Live(device.clone(), 20)),
        Scenario::new("unbound fills, bound to lo asks").step(Step::Live(plain.clone(), 20)).probe(device_asks.clone()),
        Scenario::new("bound to lo half, bound to lo asks")
            .step(Step::Live(device.clone(), 10))
            .probe(device_asks.clone()),
        Scenario::new("both half, bound to lo asks")
            .step(Step::Live(device.clone(), 5))
            .step(Step::Live(plain, 5))
            .probe(device_asks.clone()),
        Scenario::new("bound to lo, TIME_WAIT, bound to lo asks")
            .step(Step::Closed(device, 8, First::Client))
            .probe(device_asks),
    ]
}

fn minis_and_servers() -> Vec<Scenario> {
    let half_closed = |name: &str| {
        Scenario::new(name).set(DELAY, SHORT).step(Step::HalfClosed(to(V4), 20)).step(Step::Set("tcp_tw_reuse", "1"))
    };
    vec![
        half_closed("FIN_WAIT2 minis, reuse 1").step(Step::Wait(MOMENT)),
        half_closed("FIN_WAIT2 minis that became TIME_WAITs, reuse 1")
            .step(Step::CloseServers)
            .step(Step::Wait(MOMENT)),
        Scenario::new("FIN_WAIT2 minis, half").step(Step::HalfClosed(to(V4), 10)),
        Scenario::new("the server closes first").step(Step::Closed(to(V4), 15, First::Server)),
    ]
}

/// Clients that bind to an address first: over all destinations, and bind() is what fails.
fn bind_first() -> Vec<Scenario> {
    let probe = |from: &str| Probe::BindFirst { from: ip(from), dial: to(V4).from_ip(ip(from)) };
    let first = |name: &str| Scenario::new(format!("bind first: {name}")).probe(probe("127.0.0.4"));
    let from = |source: &str, destination: &str| to(destination).from_ip(ip(source));
    vec![
        first("empty"),
        first("half, other destination").step(Step::Live(from("127.0.0.4", "127.0.0.2:9102"), 10)),
        first("half TIME_WAIT").step(Step::Closed(from("127.0.0.4", V4), 10, First::Client)),
        first("another address is full").step(Step::Live(from("127.0.0.5", V4), 20)),
        first("connect() half, same address").step(Step::Live(from_to("127.0.0.4", V4), 10)),
        first("connect() full, another address").step(Step::Live(to(V4), 20)),
        first("listener at the address").step(accepted("127.0.0.4:40006", 0, Fate::Live, true)),
        first("listener at another address").step(accepted("127.0.0.5:40006", 0, Fate::Live, true)),
        first("wildcard listener").step(accepted("[::]:40006", 0, Fate::Live, true)),
        first("listener at another address, connections at this one")
            .range(40_000, 40_001)
            .step(Step::Live(from_to("127.0.0.4", V4), 2))
            .step(accepted("127.0.0.5:40000", 0, Fate::Live, true)),
        first("reserved").set("ip_local_reserved_ports", "40001-40004"),
        first("IPv6")
            .step(bound("[::1]:40003"))
            .probe(Probe::BindFirst { from: ip("::1"), dial: to(V6).from_ip(ip("::1")) }),
    ]
}

fn bound(address: &str) -> Step {
    Step::Bound(at(address), Options::default())
}

fn accepted(listener: &str, count: usize, fate: Fate, listener_stays: bool) -> Step {
    Step::Accepted { listener: at(listener), count, fate, listener_stays }
}

/// The other side of the virtual Ethernet pair.
const FAR: &str = "10.77.0.2:9101";
/// An address of this namespace outside 127/8.
const LOCAL: &str = "10.9.9.9:9101";
/// Longer than a delay of 1 ms, whatever the clock's tick.
const MOMENT: Duration = Duration::from_millis(25);
