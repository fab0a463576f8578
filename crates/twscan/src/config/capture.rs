use std::path::PathBuf;
use std::time::Duration;

use crate::args::{CaptureArgs, CaptureForm};

/// What to record, and where to.
#[derive(Debug)]
pub(crate) struct Capture {
    pub(crate) file: PathBuf,
    pub(crate) series: Option<Series>,
    pub(crate) owners: bool,
    pub(crate) anonymize: bool,
    pub(crate) form: CaptureForm,
}

/// Samples one after the other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Series {
    pub(crate) duration: Duration,
    pub(crate) interval: Duration,
}

impl Series {
    /// How long to wait for the next sample when so many are there after this time; `None` where there is none. Counted
    /// from the start, so that slow samples do not add up.
    pub(crate) fn pause(self, count: u32, elapsed: Duration) -> Option<Duration> {
        let next = self.interval.saturating_mul(count);
        (next.max(elapsed) <= self.duration).then(|| next.saturating_sub(elapsed))
    }
}

impl Capture {
    pub(super) fn resolve(args: CaptureArgs) -> Self {
        let CaptureArgs { file, duration, interval, owners, anonymize, form } = args;
        let series = duration.map(|duration| Series { duration, interval });
        Self { file, series, owners, anonymize, form }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_has_a_sample_at_its_start_and_at_its_end() {
        let ms = Duration::from_millis;
        let series = Series { duration: ms(200), interval: ms(100) };
        assert_eq!(series.pause(1, ms(1)), Some(ms(99)));
        assert_eq!(series.pause(2, ms(150)), Some(ms(50)));
        assert_eq!(series.pause(3, ms(200)), None);
        // A sample that took long costs those after it, and not the end.
        assert_eq!(series.pause(1, ms(150)), Some(ms(0)));
        assert_eq!(series.pause(2, ms(201)), None);
    }
}
