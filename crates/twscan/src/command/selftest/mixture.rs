use std::time::Duration;

use twscan_lab::{Dial, First, Options};

use super::scenario::{DELAY, Fate, LONG, Probe, SHORT, Scenario, Step, from_to, ip, on_lo, to};

/// A random mixture of what the matrix has, the same for the same seed. Only its bounds are to hold.
pub(crate) fn mixture(seed: u64) -> Scenario {
    let mut random = Random::new(seed);
    let low = 40_000 + random.below(2);
    let size = 1 + random.below(24);
    let mut scenario = Scenario::new(format!("mixture {seed}"))
        .range(low, low + size - 1)
        .set(DELAY, if random.one_in(2) { SHORT } else { LONG })
        .set("tcp_timestamps", u32::from(!random.one_in(5)))
        .hidden("anything");
    if random.one_in(4) {
        let first = low + random.below(size);
        scenario = scenario.set("ip_local_reserved_ports", format!("{first}-{}", first + random.below(4)));
    }
    for _ in 0..random.below(6) {
        scenario = scenario.step(step(&mut random, low, size));
    }
    if random.one_in(6) {
        scenario = scenario.step(Step::CloseServers);
    }
    scenario = scenario.step(Step::Set("tcp_tw_reuse", random.of(&["0", "1", "2"])));
    scenario = scenario.step(Step::Wait(Duration::from_millis(15)));
    scenario.probe(probe(&mut random))
}

fn step(random: &mut Random, low: u16, size: u16) -> Step {
    let count = usize::from(1 + random.below(size));
    let port = low + random.below(size);
    let near_port = |random: &mut Random| -> std::net::SocketAddr {
        (ip(random.of(&["127.0.0.1", "127.0.0.2", "0.0.0.0", "::1", "::"])), port).into()
    };
    match random.below(9) {
        0 | 1 => Step::Live(dial(random, port), count),
        2 | 3 => Step::Closed(dial(random, port), count, First::Client),
        4 => Step::HalfClosed(dial(random, port), count),
        5 => Step::Bound(near_port(random), Options { reuse_addr: random.one_in(2), ..Options::default() }),
        6 => Step::BoundUdp(near_port(random)),
        7 => Step::Closed(to("127.0.0.1:9101"), count.min(5), First::Server),
        _ => Step::Accepted {
            listener: (ip(random.of(&["127.0.0.1", "127.0.0.2", "::1"])), port).into(),
            count: usize::from(random.below(4)),
            fate: if random.one_in(2) { Fate::Live } else { Fate::TimeWait },
            listener_stays: random.one_in(2),
        },
    }
}

/// A client in one of the ways to connect: plain, from an address, by bind() first, from a port of its own, bound to `lo`.
fn dial(random: &mut Random, port: u16) -> Dial {
    let destination = random.of(&DESTINATIONS);
    let source = if destination.starts_with("[::1]") { "::1" } else { random.of(&["127.0.0.1", "127.0.0.2"]) };
    match random.below(8) {
        0 => to(destination).from_ip(ip(source)),
        1 => to(destination).from((ip(source), port).into()),
        2 => on_lo(to(destination)),
        3 | 4 if !destination.starts_with('[') => from_to(source, destination),
        _ => to(destination),
    }
}

fn probe(random: &mut Random) -> Probe {
    let destination = random.of(&DESTINATIONS);
    // The route to 127.0.0.2 has 127.0.0.1 as its source, too.
    let own = if destination.starts_with("[::1]") { "::1" } else { "127.0.0.1" };
    match random.below(6) {
        0 => Probe::BindFirst { from: ip(own), dial: to(destination).from_ip(mapped_like(own, destination)) },
        1 => Probe::Connect { from: ip(own), dial: on_lo(to(destination)), interface: 1 },
        2 if !destination.starts_with('[') => {
            Probe::Connect { from: ip("127.0.0.2"), dial: from_to("127.0.0.2", destination), interface: 0 }
        }
        _ => Probe::Connect { from: ip(own), dial: to(destination), interface: 0 },
    }
}

/// The address in the family of the destination's socket.
fn mapped_like(address: &str, destination: &str) -> std::net::IpAddr {
    if destination.starts_with("[::ffff:") { ip(&format!("::ffff:{address}")) } else { ip(address) }
}

const DESTINATIONS: [&str; 5] =
    ["127.0.0.1:9101", "127.0.0.1:9102", "127.0.0.2:9101", "[::1]:9101", "[::ffff:127.0.0.1]:9101"];

/// Marsaglia's xorshift of 64 bits: a sequence that a seed repeats anywhere.
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        // Neighbouring seeds must not begin alike, and the state must not be 0.
        let mut random = Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        for _ in 0..8 {
            random.next();
        }
        random
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: u16) -> u16 {
        let draw = (self.next() >> 16) % u64::from(end.max(1));
        u16::try_from(draw).unwrap_or(0)
    }

    fn one_in(&mut self, n: u16) -> bool {
        self.below(n) == 0
    }

    fn of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        let index = usize::from(self.below(u16::try_from(choices.len()).unwrap_or(1)));
        choices.get(index).copied().unwrap_or("")
    }
}
