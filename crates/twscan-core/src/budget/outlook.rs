use std::time::Duration;

use crate::socket::TIME_WAIT_LIFE;
use crate::tally::{PortRules, PortUse};

/// What parameters give connections to one destination: those that are set, or others that might be.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Outlook {
    /// Connections that fit at a time: the usable ports, one fewer where the range has an odd size.
    pub capacity: u32,
    /// Connections a second, each closed first by this side, that can go on for ever: each port once in the life of a
    /// TIME_WAIT, or in the delay where they are reused. Rounded down wherever it is shown.
    pub sustainable: f64,
    /// Whether a TIME_WAIT's port is taken again before its minute is over, provided that both ends send timestamps.
    pub reuse: bool,
    /// The usable ports of the parity that connect() tries first.
    low_parity_capacity: u32,
    /// How long a closed connection keeps its port.
    life: Duration,
}

impl Outlook {
    /// What these rules give connections on the loopback, or elsewhere.
    #[must_use]
    pub fn new(rules: &PortRules, loopback: bool) -> Self {
        let life = rules.reuse().port_life(loopback);
        let (capacity, low_parity_capacity) = (rules.capacity(), rules.low_parity_capacity());
        // Of whole numbers, so that a whole rate is one.
        let micros = u32::try_from(life.as_micros()).unwrap_or(u32::MAX).max(1);
        let sustainable = f64::from(capacity) * 1e6 / f64::from(micros);
        Self { capacity, sustainable, reuse: rules.reuse().applies(loopback), low_parity_capacity, life }
    }

    /// Whether connect() keeps finding a port of the low parity, and scans nothing: while these ports are held, and when
    /// so many connections a second have come for as long as a port is kept. `None` is a rate that is not known; then it
    /// is about the ports held alone.
    #[must_use]
    pub fn is_fast(&self, ports: PortUse, demand: Option<f64>) -> bool {
        let life = self.life.as_secs_f64();
        // Ages are spread over the minute, as far as is known: so many of the TIME_WAITs are young.
        let parked = f64::from(ports.time_wait) * life / TIME_WAIT_LIFE.as_secs_f64();
        let closed = parked.max(demand.unwrap_or(0.0) * life).ceil();
        f64::from(ports.live + ports.fin_wait2_mini) + closed <= f64::from(self.low_parity_capacity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::port::PortSet;
    use crate::procfs::{Settings, TwReuse};

    fn outlook(tw_reuse: TwReuse, loopback: bool) -> Outlook {
        let settings = Settings { range: "40000-49999".parse().ok(), tw_reuse: Some(tw_reuse), ..Settings::default() };
        Outlook::new(&PortRules::new(&settings, &PortSet::new()), loopback)
    }

    #[test]
    fn what_a_rate_holds_decides_and_not_only_what_is_held_now() {
        let held = PortUse { time_wait: 4000, ..PortUse::default() };
        let kept = outlook(TwReuse::Off, true);
        assert!(kept.is_fast(held, None) && kept.is_fast(held, Some(80.0)));
        assert!(!kept.is_fast(held, Some(82.0)), "82 a second hold 5002 of 5000 ports");
        let reused = outlook(TwReuse::Loopback, true);
        assert!(reused.is_fast(held, Some(5000.0)) && !reused.is_fast(held, Some(5001.0)));
        let live = PortUse { live: 1, ..held };
        assert!(!reused.is_fast(live, Some(5000.0)), "live ones hold ports besides");
    }

    #[test]
    fn the_mode_decides_with_the_loopback_how_long_a_port_is_kept() {
        let sustainable = |mode, loopback| outlook(mode, loopback).sustainable.floor();
        assert_eq!((sustainable(TwReuse::Loopback, true), sustainable(TwReuse::Loopback, false)), (10_000.0, 163.0));
        assert_eq!((sustainable(TwReuse::On, false), sustainable(TwReuse::Off, true)), (10_000.0, 163.0));
    }
}
