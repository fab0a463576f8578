use std::time::Duration;

use super::holder::Holder;
use crate::tally::{PortRules, PortUse};

/// What parameters give connections to one destination: those that are set, or others that might be.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Outlook {
    /// Connections that fit at a time: the usable ports, one fewer where the range has an odd size.
    pub capacity: u32,
    /// Connections a second, each closed first by this side, that can go on for ever beside what holds its port for longer
    /// ([`lasting`](Self::lasting)): each port that is left, once in the longest life of a closed connection. Rounded down
    /// wherever it is shown.
    pub sustainable: f64,
    /// Whether a TIME_WAIT's port is taken again before its minute is over, provided that both ends send timestamps.
    pub reuse: bool,
    /// Ports that come back at no rate: those of live connections, and of FIN_WAIT2 without a socket; where these hold
    /// most of the ports they are what comes and goes, and TIME_WAITs last.
    pub lasting: u32,
    /// The usable ports of the parity that connect() tries first.
    low_parity_capacity: u32,
    /// The ports of what comes and goes, as far as it is kept.
    closed: u32,
    /// How long a closed connection keeps its port at most.
    life: Duration,
}

impl Outlook {
    /// What these rules give connections on the loopback, or elsewhere, of a destination that holds these ports.
    #[must_use]
    pub fn new(rules: &PortRules, loopback: bool, ports: PortUse) -> Self {
        Self::turned_over_by(Holder::most(ports), rules, loopback, ports)
    }

    /// The same where connections of this kind are what comes and goes.
    pub(crate) fn turned_over_by(kind: Holder, rules: &PortRules, loopback: bool, ports: PortUse) -> Self {
        let reuse = rules.reuse();
        let life = reuse.port_life(loopback);
        // Ages are spread over the minute, as far as is known: so many of the TIME_WAITs are young.
        let time_waits = share(ports.time_wait, life, reuse.time_wait_life());
        let (closed, lasting, life) = match kind {
            Holder::Mini if reuse.applies(loopback) && reuse.keeps_fin_wait2 != Some(true) => {
                (share(ports.fin_wait2_mini, life, reuse.fin_wait2_life), time_waits, life)
            }
            Holder::Mini => (ports.fin_wait2_mini, time_waits, reuse.fin_wait2_life),
            Holder::TimeWait | Holder::Live => (time_waits, ports.fin_wait2_mini, life),
        };
        let outlook = Self {
            capacity: rules.capacity(),
            sustainable: 0.0,
            reuse: reuse.applies(loopback),
            lasting: ports.live + lasting,
            low_parity_capacity: rules.low_parity_capacity(),
            closed,
            life,
        };
        Self { sustainable: outlook.rate(), ..outlook }
    }

    /// The same with a second source address, over which connections spread.
    pub(crate) fn twice(self) -> Self {
        let (capacity, low_parity_capacity) = (self.capacity * 2, self.low_parity_capacity * 2);
        let outlook = Self { capacity, low_parity_capacity, ..self };
        Self { sustainable: outlook.rate(), ..outlook }
    }

    /// Whether it bears so many connections a second with connect() finding a port at once, and scanning nothing: beside the
    /// ports held now, and when they have come for as long as a port is kept.
    #[must_use]
    pub fn bears(&self, per_second: f64) -> bool {
        let closed = f64::from(self.closed).max((per_second * self.life.as_secs_f64()).ceil());
        let fast = f64::from(self.lasting) + closed <= f64::from(self.low_parity_capacity);
        fast && per_second <= self.sustainable
    }

    fn rate(&self) -> f64 {
        // Of whole numbers, so that a whole rate is one.
        let micros = u32::try_from(self.life.as_micros()).unwrap_or(u32::MAX).max(1);
        f64::from(self.capacity.saturating_sub(self.lasting)) * 1e6 / f64::from(micros)
    }
}

/// How many of these a shorter life leaves.
pub(crate) fn share(count: u32, life: Duration, before: Duration) -> u32 {
    let share = (life.as_secs_f64() / before.as_secs_f64()).min(1.0);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most the count")]
    let left = (f64::from(count) * share).ceil() as u32;
    left
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::port::PortSet;
    use crate::procfs::{Settings, TwReuse};

    fn outlook(tw_reuse: TwReuse, loopback: bool, ports: PortUse) -> Outlook {
        let settings = Settings {
            range: "40000-49999".parse().ok(),
            tw_reuse: Some(tw_reuse),
            tw_reuse_delay: Some(Duration::from_secs(1)),
            ..Settings::default()
        };
        Outlook::new(&PortRules::new(&settings, &PortSet::new()), loopback, ports)
    }

    #[test]
    fn what_a_rate_holds_decides_and_not_only_what_is_held_now() {
        let held = PortUse { time_wait: 4000, ..PortUse::default() };
        let kept = outlook(TwReuse::Off, true, held);
        assert!(kept.bears(0.0) && kept.bears(80.0));
        assert!(!kept.bears(81.0), "81 a second hold 5022 of 5000 ports");
        let reused = outlook(TwReuse::Loopback, true, held);
        assert!(reused.bears(5000.0) && !reused.bears(5001.0));
        let live = outlook(TwReuse::Loopback, true, PortUse { live: 1, ..held });
        assert!(!live.bears(5000.0), "live ones hold ports besides");
    }

    #[test]
    fn the_mode_decides_with_the_loopback_how_long_a_port_is_kept() {
        let sustainable = |mode, loopback| outlook(mode, loopback, PortUse::default()).sustainable.floor();
        assert_eq!((sustainable(TwReuse::Loopback, true), sustainable(TwReuse::Loopback, false)), (10_000.0, 161.0));
        assert_eq!((sustainable(TwReuse::On, false), sustainable(TwReuse::Off, true)), (10_000.0, 161.0));
    }

    #[test]
    fn what_lasts_is_no_port_for_a_rate() {
        let of = |mode, ports| outlook(mode, true, ports).sustainable.floor();
        let live = PortUse { live: 7500, time_wait: 100, ..PortUse::default() };
        assert_eq!((of(TwReuse::Off, live), of(TwReuse::On, live)), (40.0, 2500.0));
        let few_minis = PortUse { fin_wait2_mini: 100, time_wait: 900, ..PortUse::default() };
        assert_eq!((of(TwReuse::Off, few_minis), of(TwReuse::On, few_minis)), (159.0, 9900.0));
        // Where they are what comes, tcp_fin_timeout is what counts, and reuse gives back the TIME_WAITs alone.
        let minis = PortUse { fin_wait2_mini: 900, time_wait: 620, ..PortUse::default() };
        assert_eq!((of(TwReuse::Off, minis), of(TwReuse::On, minis)), (151.0, 161.0));
        assert_eq!(of(TwReuse::Off, PortUse { live: 10_000, ..PortUse::default() }), 0.0);
    }
}
