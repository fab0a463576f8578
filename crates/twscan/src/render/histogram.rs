use twscan_core::log::LogTime;
use twscan_core::report::LogsMinute;

/// Events over time in a few steps of equal length, empty ones included.
pub(crate) struct Histogram {
    /// What a step is, in UTC.
    pub(crate) heading: &'static str,
    /// Where each step begins, and its events.
    pub(crate) steps: Vec<(LogTime, u64)>,
}

impl Histogram {
    /// `None` where no event has a time. The minutes are in order.
    pub(crate) fn of(minutes: &[LogsMinute]) -> Option<Self> {
        let (first, last) = (minutes.first()?.minute.unix_seconds(), minutes.last()?.minute.unix_seconds());
        let count = |length: i64| last.div_euclid(length) - first.div_euclid(length) + 1;
        let (length, heading) = LENGTHS
            .into_iter()
            .find(|(length, _)| count(*length) <= MOST_STEPS)
            .unwrap_or(((last - first) / (MOST_STEPS - 1) + 1, "FROM (UTC)"));
        let start = first.div_euclid(length);
        let begin = |step: i64| LogTime::from_unix_seconds((start + step) * length);
        let mut steps: Vec<_> = (0..count(length)).map(|step| (begin(step), 0)).collect();
        for minute in minutes {
            let step = usize::try_from(minute.minute.unix_seconds().div_euclid(length) - start).unwrap_or(usize::MAX);
            if let Some((_, events)) = steps.get_mut(step) {
                *events += minute.events;
            }
        }
        Some(Self { heading, steps })
    }

    /// A bar of at most `width` cells: the fullest step has all of them, any event at least one.
    pub(crate) fn bar(&self, events: u64, width: u16) -> String {
        let most = self.steps.iter().map(|(_, events)| *events).max().unwrap_or(0).max(1);
        let cells = (u128::from(events) * u128::from(width)).div_ceil(u128::from(most));
        "#".repeat(usize::try_from(cells).unwrap_or(0))
    }
}

const MOST_STEPS: i64 = 12;

const LENGTHS: [(i64, &str); 12] = [
    (60, "MINUTE (UTC)"),
    (120, "2 MINUTES (UTC)"),
    (300, "5 MINUTES (UTC)"),
    (600, "10 MINUTES (UTC)"),
    (1_800, "HALF HOUR (UTC)"),
    (3_600, "HOUR (UTC)"),
    (7_200, "2 HOURS (UTC)"),
    (21_600, "6 HOURS (UTC)"),
    (43_200, "12 HOURS (UTC)"),
    (86_400, "DAY (UTC)"),
    (604_800, "7 DAYS (UTC)"),
    (2_419_200, "28 DAYS (UTC)"),
];

#[cfg(test)]
mod tests {
    use twscan_core::log::tally_bytes;
    use twscan_core::report::LogsReport;

    use super::*;
    use crate::render::scene::nowhere;

    fn steps(times: &[&str]) -> (&'static str, Vec<(String, u64, String)>) {
        let log: String = times
            .iter()
            .map(|time| format!("{time} connect() to 127.0.0.1:80 failed (99: Cannot assign requested address)\n"))
            .collect();
        let report = LogsReport::new(&tally_bytes(log.as_bytes()), Vec::new(), &nowhere(), None);
        let histogram = Histogram::of(&report.by_minute).unwrap();
        let shown = |(at, events): &(LogTime, u64)| (at.to_string(), *events, histogram.bar(*events, 4));
        (histogram.heading, histogram.steps.iter().map(shown).collect())
    }

    #[test]
    fn steps_are_as_long_as_they_must_be_and_none_is_left_out() {
        let step = |at: &str, events: u64, bar: &str| (at.to_owned(), events, bar.to_owned());
        assert_eq!(
            steps(&["2018-07-19 08:03:23", "2018-07-19 08:03:59", "2018-07-19 08:05:00"]),
            (
                "MINUTE (UTC)",
                vec![
                    step("2018-07-19T08:03:00Z", 2, "####"),
                    step("2018-07-19T08:04:00Z", 0, ""),
                    step("2018-07-19T08:05:00Z", 1, "##"),
                ]
            )
        );
        let (heading, over_an_hour) = steps(&["2018-07-19 08:03:23", "2018-07-19 09:03:00"]);
        assert_eq!((heading, over_an_hour.len()), ("10 MINUTES (UTC)", 7));
        let (heading, over_ages) = steps(&["1970-01-01 00:00:00", "9998-12-31 23:59:59"]);
        assert_eq!((heading, over_ages.len() <= 13), ("FROM (UTC)", true));
        assert_eq!(over_ages.iter().map(|(_, events, _)| events).sum::<u64>(), 2);
    }

    #[test]
    fn without_a_time_there_is_none() {
        assert!(Histogram::of(&[]).is_none());
    }
}
