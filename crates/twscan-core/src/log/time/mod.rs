//! When a line was written: the timestamp formats of the programs that write logs.

mod calendar;
mod civil;
mod zone;

use std::fmt;
use std::time::{Duration, SystemTime};

pub(super) use civil::{Stamp, find_stamp};
pub(super) use zone::Clock;
pub use zone::LogZone;

/// A moment in a log, in Unix time; shown as RFC 3339 in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LogTime {
    seconds: i64,
    nanos: u32,
}

impl LogTime {
    /// The moment that many seconds after 1970-01-01T00:00:00Z, within the years 1 to 9998.
    #[must_use]
    pub fn from_unix_seconds(seconds: i64) -> Self {
        Self { seconds: seconds.clamp(EARLIEST, LATEST), nanos: 0 }
    }

    pub(super) fn with_nanos(self, nanos: u32) -> Self {
        Self { nanos: nanos.min(999_999_999), ..self }
    }

    /// Whole seconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn unix_seconds(self) -> i64 {
        self.seconds
    }

    /// The nanoseconds beside the whole seconds.
    #[must_use]
    pub const fn subsec_nanos(self) -> u32 {
        self.nanos
    }

    /// The start of the minute that it lies in.
    #[must_use]
    pub const fn minute(self) -> Self {
        Self { seconds: self.seconds - self.seconds.rem_euclid(60), nanos: 0 }
    }
}

impl From<SystemTime> for LogTime {
    fn from(time: SystemTime) -> Self {
        match time.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(after) => Self::from_unix_seconds(i64::try_from(after.as_secs()).unwrap_or(LATEST))
                .with_nanos(after.subsec_nanos()),
            Err(before) => {
                let whole = i64::try_from(before.duration().as_secs()).unwrap_or(LATEST);
                Self::from_unix_seconds(whole.saturating_neg())
            }
        }
    }
}

impl From<LogTime> for SystemTime {
    fn from(time: LogTime) -> Self {
        let whole = Duration::from_secs(time.seconds.unsigned_abs());
        let base = Self::UNIX_EPOCH;
        let moment = if time.seconds < 0 { base.checked_sub(whole) } else { base.checked_add(whole) };
        moment.and_then(|moment| moment.checked_add(Duration::from_nanos(time.nanos.into()))).unwrap_or(base)
    }
}

impl fmt::Display for LogTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = calendar::date_of(self.seconds.div_euclid(86_400));
        let second = self.seconds.rem_euclid(86_400);
        write!(f, "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)?;
        if self.nanos != 0 {
            let digits = format!("{:09}", self.nanos);
            write!(f, ".{}", digits.trim_end_matches('0'))?;
        }
        f.write_str("Z")
    }
}

/// 0001-01-01 and the end of 9998: what every calendar library can hold, in any zone.
const EARLIEST: i64 = -62_135_596_800;
const LATEST: i64 = 253_370_764_799;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_shows_as_rfc_3339_in_utc() {
        assert_eq!(LogTime::from_unix_seconds(1_531_987_403).to_string(), "2018-07-19T08:03:23Z");
        assert_eq!(LogTime::from_unix_seconds(-1).with_nanos(500_000_000).to_string(), "1969-12-31T23:59:59.5Z");
        assert_eq!(LogTime::from_unix_seconds(i64::MAX).to_string(), "9998-12-31T23:59:59Z");
        assert_eq!(LogTime::from_unix_seconds(1_531_987_403).minute().to_string(), "2018-07-19T08:03:00Z");
    }

    #[test]
    fn a_time_survives_the_way_through_the_systems_clock_type() {
        for seconds in [-62_135_596_800, -1, 0, 1_531_987_403, LATEST] {
            let time = LogTime::from_unix_seconds(seconds);
            assert_eq!(LogTime::from(SystemTime::from(time)), time);
        }
    }
}
