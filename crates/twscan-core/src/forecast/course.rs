use std::collections::VecDeque;
use std::time::Duration;

use super::arrivals::{Arrivals, Case};

/// The ports of a tuple as they will be held, step by step.
pub(super) struct Course<'r> {
    pub(super) held: u32,
    pub(super) low_parity_held: u32,
    pub(super) capacity: u32,
    pub(super) low_parity_capacity: u32,
    pub(super) releases: &'r [u32],
    /// How long a port is kept after its connection is closed, on average.
    pub(super) life: Duration,
    pub(super) reuse: bool,
    /// Live connections more, a second.
    pub(super) growth: f64,
    pub(super) horizon: Duration,
}

/// Ports held: of the low parity, and of both.
#[derive(Debug, Clone, Copy)]
pub(super) struct Level {
    low_parity: f64,
    all: f64,
}

/// When something will happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Window {
    /// Not before.
    pub earliest: Duration,
    /// By the rate as it is.
    pub expected: Option<Duration>,
    /// Not after; `None` where it may never come.
    pub latest: Option<Duration>,
}

impl Course<'_> {
    /// Whether a connect() finds no port of the parity that it tries first.
    pub(super) fn is_slow(&self, level: Level) -> bool {
        self.low_parity_capacity > 0 && level.low_parity >= f64::from(self.low_parity_capacity) || self.is_full(level)
    }

    /// Whether a connect() finds no port.
    pub(super) fn is_full(&self, level: Level) -> bool {
        level.all >= f64::from(self.capacity)
    }

    /// When this comes true.
    pub(super) fn window(&self, arrivals: &Arrivals, when: impl Fn(&Self, Level) -> bool) -> Option<Window> {
        let reached = |case, life| self.reach(|seconds| arrivals.rate(case, seconds), life, |level| when(self, level));
        let (shortest, longest) = if self.reuse { (self.life, self.life) } else { LIVES };
        let earliest = reached(Case::Greatest, longest)?;
        let expected = reached(Case::Likeliest, self.life);
        let latest = reached(Case::Least, shortest);
        Some(Window { earliest, expected, latest })
    }

    fn reach(&self, rate: impl Fn(f64) -> f64, life: Duration, when: impl Fn(Level) -> bool) -> Option<Duration> {
        let mut level = Level { low_parity: f64::from(self.low_parity_held), all: f64::from(self.held) };
        if when(level) {
            return Some(Duration::ZERO);
        }
        let step = (self.horizon / STEPS).clamp(SHORTEST_STEP, LONGEST_STEP);
        let width = step.as_secs_f64();
        let mut opened: VecDeque<(Duration, f64)> = VecDeque::new();
        let mut now = Duration::ZERO;
        while now < self.horizon {
            let new = rate(now.as_secs_f64()) * width;
            let second = usize::try_from(now.as_secs()).unwrap_or(usize::MAX);
            let mut back = self.releases.get(second).copied().map_or(0.0, f64::from) * width;
            while let Some((closed, count)) = opened.front().copied()
                && closed + life <= now
            {
                back += count;
                opened.pop_front();
            }
            opened.push_back((now, new));
            self.advance(&mut level, new + self.growth * width, back);
            now += step;
            if when(level) {
                return Some(now);
            }
        }
        None
    }

    /// Ports come back by their share; connect() takes those of the low parity first.
    fn advance(&self, level: &mut Level, new: f64, back: f64) {
        let share = if level.all > 0.0 { level.low_parity / level.all } else { 0.0 };
        level.low_parity = (level.low_parity - back * share).max(0.0);
        let room = (f64::from(self.low_parity_capacity) - level.low_parity).max(0.0);
        level.low_parity = (level.low_parity + new.min(room)).max(0.0);
        level.all = (level.all - back + new).max(0.0);
    }
}

/// The shortest and the longest life of a TIME_WAIT: what the timer wheel adds is at most 5.1 s, at 100 ticks a second.
const LIVES: (Duration, Duration) = (Duration::from_secs(60), Duration::from_millis(65_100));
const STEPS: u32 = 3000;
const SHORTEST_STEP: Duration = Duration::from_millis(20);
const LONGEST_STEP: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forecast::Bound;

    fn course(held: u32, releases: &[u32]) -> Course<'_> {
        Course {
            held,
            low_parity_held: held.min(1000),
            capacity: 2000,
            low_parity_capacity: 1000,
            releases,
            life: Duration::from_secs(61),
            reuse: false,
            growth: 0.0,
            horizon: Duration::from_secs(300),
        }
    }

    fn steady(rate: u32, seconds: usize) -> Arrivals {
        let mut closings = vec![rate; seconds];
        closings.resize(61, 0);
        Arrivals::new(&closings, Bound::Exact)
    }

    fn seconds(window: Option<Window>) -> Option<(u64, Option<u64>, Option<u64>)> {
        let round = |time: Duration| (time + Duration::from_millis(500)).as_secs().max(u64::from(!time.is_zero()));
        window.map(|window| (round(window.earliest), window.expected.map(round), window.latest.map(round)))
    }

    #[test]
    fn a_steady_rate_fills_in_the_time_that_the_sum_says() {
        let releases: Vec<u32> = (0..62).map(|second| if second > 50 { 100 } else { 0 }).collect();
        let course = course(1000, &releases);
        let arrivals = steady(100, 10);
        assert_eq!(seconds(course.window(&arrivals, Course::is_slow)), Some((0, Some(0), Some(0))));
        let (earliest, expected, latest) = seconds(course.window(&arrivals, Course::is_full)).unwrap();
        assert_eq!(expected, Some(10));
        assert!((9..=10).contains(&earliest) && latest.unwrap() <= 11);
    }

    #[test]
    fn below_what_is_sustained_it_never_fills() {
        let releases = [20; 62];
        assert_eq!(course(1240, &releases).window(&steady(20, 60), Course::is_full), None);
        // A little more than a port in 61 seconds, a little less than full: nobody knows.
        let close = course(1950, &[31; 62]).window(&steady(32, 60), Course::is_full).unwrap();
        assert_eq!(close.latest, None);
    }

    #[test]
    fn live_connections_that_grow_fill_it_too() {
        let mut leak = course(500, &[0; 62]);
        leak.growth = 10.0;
        let idle = Arrivals::new(&[0; 61], Bound::Exact);
        assert_eq!(seconds(leak.window(&idle, Course::is_full)), Some((150, Some(150), Some(150))));
    }

    #[test]
    fn a_rising_load_may_fill_earlier_than_its_present_rate_says() {
        let rising: Vec<u32> = (0..20).map(|age| 100 - 5 * age).collect();
        let mut closings = rising;
        closings.resize(61, 0);
        let arrivals = Arrivals::new(&closings, Bound::Exact);
        let course = course(1000, &[0; 62]);
        let window = course.window(&arrivals, Course::is_full).unwrap();
        assert!(window.earliest < window.expected.unwrap());
        assert!(window.latest.unwrap() > window.expected.unwrap());
    }
}
