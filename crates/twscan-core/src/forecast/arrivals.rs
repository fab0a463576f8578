use crate::budget::PortBudget;
use crate::sample::Sample;
use crate::socket::TcpState;
use crate::tally::Remaining;

/// How fast connections of a tuple are opened and closed, read from the ages of its TIME_WAITs.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Arrivals {
    /// Closed in the last 5 s, a second.
    pub last_5s: f64,
    /// Closed in the last 60 s, a second.
    pub last_60s: f64,
    /// Closed in the busiest second of the last 60.
    pub peak: u32,
    /// Which way the rate goes.
    pub trend: Trend,
    /// Whether it is the rate, or the part of it that is still to be seen.
    pub bound: Bound,
    /// The present rate: its least, likeliest and greatest value, a second.
    rates: [f64; 3],
    /// By how much it changes in a second, be it chance or not: the least and the greatest rate go on with it.
    slope: f64,
}

/// Which way a rate goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Trend {
    /// Upward.
    Rising,
    /// Nowhere, or nothing happens.
    Steady,
    /// Downward.
    Falling,
}

impl Trend {
    /// The name in lower case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rising => "rising",
            Self::Steady => "steady",
            Self::Falling => "falling",
        }
    }
}

/// What a rate is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Bound {
    /// Every closed connection is still there to be counted.
    Exact,
    /// Where TIME_WAITs are taken over before their time, the old ones are gone.
    AtLeast,
}

impl Bound {
    /// The name in the documents: `at_least`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::AtLeast => "at_least",
        }
    }
}

impl Arrivals {
    /// From how many were closed in each second before, the last one first.
    #[must_use]
    pub fn new(closings: &[u32], bound: Bound) -> Self {
        let minute = closings.get(..60).unwrap_or(closings);
        let run = busy_run(minute);
        let (slope, trend) = slope(run);
        let windows = [2, 5, 10].map(|length| mean(run, length));
        // The last seconds say most about the next ones; five are enough to be sure of a steady rate.
        let likeliest = mean(run, 5);
        let counted = likeliest * run.len().min(5).try_into().map_or(5.0, |seconds: u8| f64::from(seconds));
        // A rate read from n events is known to one part in the square root of n.
        let noise = if counted > 0.0 { counted.sqrt().recip() } else { 0.0 };
        let least = windows.into_iter().fold(f64::INFINITY, f64::min) * (1.0 - noise).max(0.0);
        let greatest = windows.into_iter().fold(0.0, f64::max) * (1.0 + noise);
        Self {
            last_5s: sum(minute, 5) / 5.0,
            last_60s: sum(minute, 60) / 60.0,
            peak: minute.iter().copied().max().unwrap_or(0),
            trend,
            bound,
            rates: [least, likeliest, greatest],
            slope,
        }
    }

    /// Those to a budget's tuple; `None` where the source does not tell the TIME_WAITs or how old they are.
    #[must_use]
    pub fn of(sample: &Sample, budget: &PortBudget) -> Option<Self> {
        let none = Remaining::default();
        let remaining = sample.holders.as_ref().and_then(|holders| holders.remaining(&budget.tuple())).unwrap_or(&none);
        if remaining.unknown() > 0 || !sample.knows(TcpState::TimeWait) {
            return None;
        }
        let bound = if budget.reuse_applies() { Bound::AtLeast } else { Bound::Exact };
        Some(Self::new(&remaining.closings(), bound))
    }

    /// The connections a second that a cure must bear: what is opened now, or, where at least half of the ports are held and
    /// hold the callers back, what was opened in the busiest second of the last minute.
    #[must_use]
    pub fn demand(&self, held: u32, capacity: u32) -> f64 {
        let throttled = u64::from(held) * 2 >= u64::from(capacity);
        if throttled { f64::from(self.peak).max(self.present()) } else { self.present() }
    }

    /// The likeliest rate at present, a second. It is that of the last five seconds, or of those since the load began.
    #[must_use]
    pub fn present(&self) -> f64 {
        self.rates[1]
    }

    /// The rate in so many seconds, at the least, the likeliest, the greatest.
    pub(super) fn rate(&self, case: Case, seconds: f64) -> f64 {
        let [least, likeliest, greatest] = self.rates;
        match case {
            Case::Least => (least + self.slope.min(0.0) * (seconds + LAG)).max(0.0),
            Case::Likeliest => likeliest,
            Case::Greatest => greatest + self.slope.max(0.0) * (seconds + LAG),
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Case {
    Least,
    Likeliest,
    Greatest,
}

/// The seconds since the present load began, the last one first: until one with less than a fifth of the rate. The one it
/// began in is left out where there are others, for it was not busy throughout.
fn busy_run(closings: &[u32]) -> &[u32] {
    let rate = sum(closings, 2).max(sum(closings, 5)) / 5.0;
    let quiet = closings.iter().position(|closed| f64::from(*closed) < rate / 5.0);
    let length = match quiet {
        // Nothing in the last second: whatever came before is no run of it.
        Some(0) | None => closings.len(),
        Some(1) => 1,
        Some(length) => length - 1,
    };
    closings.get(..length).unwrap_or(closings)
}

/// By how much the rate changes in a second: the newer half of the last ten against the older.
fn slope(run: &[u32]) -> (f64, Trend) {
    let half = run.len().min(10) / 2;
    let (Some(newer), Some(older)) = (run.get(..half), run.get(half..2 * half)) else { return (0.0, Trend::Steady) };
    if half == 0 {
        return (0.0, Trend::Steady);
    }
    let (newer, older) = (sum(newer, half), sum(older, half));
    // Twice what chance alone would do to two counts, and an eighth besides.
    let chance = (newer - older).abs() <= 2.0 * (newer + older).sqrt();
    let trend = match newer - older {
        difference if chance || difference.abs() * 8.0 <= newer.max(older) => Trend::Steady,
        difference if difference > 0.0 => Trend::Rising,
        _ => Trend::Falling,
    };
    let half = u8::try_from(half).map_or(5.0, f64::from);
    ((newer - older) / (half * half), trend)
}

fn mean(run: &[u32], length: usize) -> f64 {
    let length = length.min(run.len());
    match u8::try_from(length) {
        Ok(0) | Err(_) => 0.0,
        Ok(seconds) => sum(run, length) / f64::from(seconds),
    }
}

fn sum(closings: &[u32], length: usize) -> f64 {
    closings.iter().take(length).copied().map(f64::from).sum()
}

/// A mean of the last seconds is what the rate was in the middle of them.
const LAG: f64 = 2.5;

#[cfg(test)]
mod tests {
    use super::*;

    fn arrivals(closings: &[u32]) -> Arrivals {
        let mut minute = closings.to_vec();
        minute.resize(61, 0);
        Arrivals::new(&minute, Bound::Exact)
    }

    #[test]
    fn a_load_that_has_just_begun_is_not_thinned_by_the_time_before_it() {
        let new = arrivals(&[100, 100, 100, 60]);
        assert_eq!((new.last_5s, new.last_60s), (72.0, 6.0));
        assert_eq!((new.present(), new.trend), (100.0, Trend::Steady));
    }

    #[test]
    fn trends_are_told_from_chance() {
        assert_eq!(arrivals(&[100; 60]).trend, Trend::Steady);
        assert_eq!(arrivals(&[3, 2, 1, 2, 1, 1, 1, 2, 1, 1]).trend, Trend::Steady);
        let rising: Vec<u32> = (0..20).map(|age| 400 - 20 * age).collect();
        assert_eq!(arrivals(&rising).trend, Trend::Rising);
        assert!((arrivals(&rising).slope - 20.0).abs() < 1.0);
        let falling: Vec<u32> = (0..20).map(|age| 100 + 20 * age).collect();
        assert_eq!(arrivals(&falling).trend, Trend::Falling);
    }

    #[test]
    fn the_busiest_second_is_remembered() {
        let mut closings = [140; 30];
        closings[29] = 14_116;
        let slowed = arrivals(&closings);
        assert_eq!((slowed.peak, slowed.present()), (14_116, 140.0));
    }

    #[test]
    fn nothing_closed_is_no_rate() {
        let idle = arrivals(&[]);
        assert_eq!((idle.present(), idle.peak, idle.trend), (0.0, 0, Trend::Steady));
        assert_eq!(idle.rate(Case::Greatest, 60.0), 0.0);
        let over = arrivals(&[0, 0, 0, 0, 0, 0, 500, 500]);
        assert_eq!((over.present(), over.last_5s), (0.0, 0.0));
    }
}
