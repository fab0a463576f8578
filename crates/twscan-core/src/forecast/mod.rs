//! What is to come: how fast connections are closed, when their ports come back, and when a destination has none left.
//!
//! A TIME_WAIT tells the time it still has, so one walk shows the last minute second by second, and the next one. Where
//! TIME_WAITs are taken over before their time, the old ones are gone and the rate is a lower bound. A second sample adds
//! the kernel's counters and the growth of what is live. Pure arithmetic: no clock, no I/O.
//!
//! A TIME_WAIT lasts 60 s and what the timer wheel adds: 0.1 to 2 s at 250 ticks a second, 4 at 1000, 5 at 100
//! (kernel/time/timer.c). With a constant rate a destination therefore fills within a minute or never.

mod arrivals;
mod course;
mod motion;

pub use arrivals::{Arrivals, Bound, Trend};
pub use course::Window;
pub use motion::Motion;

use std::time::Duration;

use crate::budget::{LocalPorts, PortBudget};
use crate::sample::Sample;
use crate::tally::{Remaining, SECONDS, Tuple};
use course::Course;

/// What is to come for the ports of one tuple.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Forecast {
    /// Between which addresses.
    pub tuple: Tuple,
    /// Connections that fit in all.
    pub capacity: u32,
    /// Ports held that no connect() may take over.
    pub held: u32,
    /// How fast connections are opened and closed.
    pub arrivals: Arrivals,
    /// How much the live connections grow, in connections a second; `None` with one sample.
    pub live_growth: Option<f64>,
    /// The ports that will be held when the present rate has lasted for as long as a port is kept.
    pub steady_state_ports: u32,
    /// When every connect() begins to scan half of the range; `None` for never, as far as the horizon.
    pub to_slow: Option<Window>,
    /// When connect() fails; `None` for never, as far as the horizon.
    pub to_full: Option<Window>,
    /// When half of the ports are free, if nothing more were opened; `None` where live connections hold more than that.
    pub drain_to_half: Option<Duration>,
    /// When the first port comes back, if nothing more were opened; `None` where none is due.
    pub first_back: Option<Duration>,
    /// How many ports come back in each second from now.
    pub releases: [u32; SECONDS],
    /// How many connections were closed in each second before, the last one first.
    pub closings: [u32; SECONDS - 1],
}

/// The ports as an earlier sample of the same namespace has them.
#[derive(Debug, Clone)]
pub struct Past<'s> {
    ports: LocalPorts<'s>,
    seconds: f64,
}

impl<'s> Past<'s> {
    /// `None` where the samples are not of one namespace and in this order, or were not taken for ports.
    #[must_use]
    pub fn of(earlier: &'s Sample, later: &Sample) -> Option<Self> {
        let seconds = motion::seconds_between(earlier, later)?;
        Some(Self { ports: LocalPorts::of(earlier)?, seconds })
    }

    /// A tuple's budget, as it was.
    #[must_use]
    pub fn budget(&self, tuple: &Tuple) -> PortBudget {
        self.ports.budget(tuple)
    }

    fn live_growth(&self, budget: &PortBudget) -> f64 {
        let before = self.budget(&budget.tuple()).ports().live;
        (f64::from(budget.ports().live) - f64::from(before)) / self.seconds
    }
}

impl Forecast {
    /// The forecast of a budget, over this horizon; with what was before, the growth of live connections is counted in.
    /// `None` where the source does not tell the TIME_WAITs or how old they are.
    #[must_use]
    pub fn new(sample: &Sample, past: Option<&Past<'_>>, budget: &PortBudget, horizon: Duration) -> Option<Self> {
        let tuple = budget.tuple();
        let arrivals = Arrivals::of(sample, budget)?;
        let none = Remaining::default();
        let remaining = sample.holders.as_ref().and_then(|holders| holders.remaining(&tuple)).unwrap_or(&none);
        let reuse = budget.reuse_applies();
        let policy = sample.destinations.rules().reuse();
        let life = policy.port_life(tuple.is_loopback()).min(policy.mean_time_wait_life());
        let releases = if reuse { remaining.releases_by_reuse(life) } else { remaining.releases() };
        let live_growth = past.map(|past| past.live_growth(budget));
        let held = budget.ports().held();
        let course = Course {
            held,
            low_parity_held: budget.ports().low_parity_held,
            capacity: held + budget.free(),
            low_parity_capacity: budget.low_parity_capacity(),
            releases: &releases,
            life,
            reuse,
            growth: live_growth.unwrap_or(0.0),
            horizon,
        };
        let live = f64::from(budget.ports().live);
        let steady = (live + arrivals.present() * life.as_secs_f64()).round();
        Some(Self {
            tuple,
            capacity: budget.capacity(),
            held,
            arrivals,
            live_growth,
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float saturates")]
            steady_state_ports: steady as u32,
            to_slow: course.window(&arrivals, Course::is_slow),
            to_full: course.window(&arrivals, Course::is_full),
            drain_to_half: drain(held, budget.capacity() / 2, &releases),
            first_back: drain(held, held.saturating_sub(1), &releases).filter(|_| held > 0),
            releases,
            closings: remaining.closings(),
        })
    }

    /// The forecasts of the tuples that hold most ports, the fullest first, at most [`MOST_FORECASTS`]; empty where the
    /// sample was not taken for it ([`Sampler::ports`](crate::sample::Sampler::ports)). Without those that nothing can be
    /// said of.
    #[must_use]
    pub fn all(sample: &Sample, earlier: Option<&Sample>, horizon: Duration) -> Vec<Self> {
        let Some(ports) = LocalPorts::of(sample) else { return Vec::new() };
        let past = earlier.and_then(|earlier| Past::of(earlier, sample));
        let mut budgets: Vec<_> = ports.budgets().collect();
        budgets.sort_by_key(|budget| (std::cmp::Reverse(budget.ports().held()), budget.tuple()));
        let fullest = budgets.iter().take(MOST_FORECASTS);
        let mut forecasts: Vec<Self> =
            fullest.filter_map(|budget| Self::new(sample, past.as_ref(), budget, horizon)).collect();
        forecasts.sort_by_key(|one| (std::cmp::Reverse((one.held, one.steady_state_ports)), one.tuple));
        forecasts
    }

    /// Whether connect() will begin to fail, or to scan, by the rate as it is.
    #[must_use]
    pub fn is_filling(&self) -> bool {
        let expected = |window: Option<Window>| window.and_then(|window| window.expected);
        expected(self.to_full).or(expected(self.to_slow)).is_some()
    }
}

/// How many tuples a diagnosis or a forecast of all looks ahead for: one takes some 0.3 ms, and a host has up to some
/// 100,000 that hold a port or two.
pub const MOST_FORECASTS: usize = 1000;

/// How far ahead to look where nothing else is asked for: with a constant rate a minute decides.
pub const HORIZON: Duration = Duration::from_secs(300);

/// Seconds until at most `wanted` ports are held, if nothing more were opened.
fn drain(held: u32, wanted: u32, releases: &[u32]) -> Option<Duration> {
    if held <= wanted {
        return Some(Duration::ZERO);
    }
    let mut left = held;
    for (second, back) in (1..).zip(releases) {
        left = left.saturating_sub(*back);
        if left <= wanted {
            return Some(Duration::from_secs(second));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddrV4};

    use super::*;
    use crate::diagnosis::{Examination, Unseen};
    use crate::port::PortRange;
    use crate::procfs::{Settings, TwReuse};
    use crate::sample::test_sample;
    use crate::wire::{AF_INET, InetDiagMsgBuilder};

    /// TIME_WAITs to so many destinations: two to the last one, one to each of the others.
    fn sample_of(destinations: u32) -> Sample {
        let range = PortRange::new(40_000, 40_999);
        let settings = Settings { range, tw_reuse: Some(TwReuse::Off), ..Settings::default() };
        let socket = |destination: u32, port| {
            InetDiagMsgBuilder::new(6)
                .family(AF_INET)
                .local(SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, 1), port).into())
                .remote(SocketAddrV4::new(Ipv4Addr::from(0x0a01_0000 + destination), 80).into())
                .timer(3, 30_000)
        };
        let mut sockets: Vec<_> = (0..destinations).map(|destination| socket(destination, 40_000)).collect();
        sockets.push(socket(destinations - 1, 40_001));
        test_sample(&settings, &sockets)
    }

    #[test]
    fn of_very_many_destinations_the_fullest_are_looked_ahead_for_and_it_is_said() {
        let minute = Duration::from_secs(60);
        let most = u32::try_from(MOST_FORECASTS).unwrap();
        for (destinations, told) in [(most, false), (most + 1, true)] {
            let sample = sample_of(destinations);
            let forecasts = Forecast::all(&sample, None, minute);
            assert_eq!((forecasts.len(), forecasts[0].held), (MOST_FORECASTS, 2));
            let diagnosis = Examination::new(&sample).horizon(minute).diagnose();
            let seen = |wanted: fn(&Unseen) -> bool| diagnosis.unseen.iter().any(wanted);
            assert_eq!(seen(|unseen| matches!(unseen, Unseen::Others)), told, "{destinations}");
            assert!(!seen(|unseen| matches!(unseen, Unseen::Ages)));
        }
    }
}
