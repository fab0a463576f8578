use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::calendar::{date_of, days_of};
use super::civil::Offset;
use super::{LogTime, Stamp};

/// The zone of timestamps that name none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum LogZone {
    /// This host's zone: right for a log that was written here.
    #[default]
    Local,
    /// UTC.
    Utc,
    /// Seconds east of UTC.
    Offset(i32),
    /// A name of the zone database, such as `Europe/Berlin`; an unknown one counts as UTC.
    Named(String),
}

impl LogZone {
    pub(super) fn time_zone(&self) -> TimeZone {
        match self {
            Self::Local => TimeZone::system(),
            Self::Utc => TimeZone::UTC,
            Self::Offset(seconds) => jiff::tz::Offset::from_seconds(*seconds).map_or(TimeZone::UTC, TimeZone::fixed),
            Self::Named(name) => TimeZone::get(name).unwrap_or(TimeZone::UTC),
        }
    }
}

/// Turns timestamps into moments. Keeps the last minute it resolved, since a log's lines come in order: the zone
/// database is then asked once a minute of the log and not once a line.
#[derive(Debug, Clone)]
pub(in crate::log) struct Clock {
    zone: TimeZone,
    /// Timestamps without a year lie within the year before this.
    reference: Option<LogTime>,
    minute: Option<(DateTime, i64)>,
}

impl Clock {
    pub(in crate::log) fn new(zone: &LogZone, reference: Option<LogTime>) -> Self {
        Self { zone: zone.time_zone(), reference, minute: None }
    }

    pub(in crate::log) fn moment(&mut self, stamp: Stamp<'_>) -> Option<LogTime> {
        match stamp {
            Stamp::Unix { seconds, nanos } => Some(LogTime::from_unix_seconds(seconds).with_nanos(nanos)),
            Stamp::Civil { year: Some(year), month, day, hour, minute, second, nanos, zone } => {
                let minute = [month, day, hour, minute];
                let start = self.minute_start(year, minute, zone)?;
                Some(LogTime::from_unix_seconds(start + i64::from(second)).with_nanos(nanos))
            }
            Stamp::Civil { year: None, .. } => self.latest_before_reference(stamp),
        }
    }

    fn minute_start(&mut self, year: i16, parts: [u8; 4], zone: Option<Offset<'_>>) -> Option<i64> {
        let [month, day, hour, minute] = parts;
        if let Some(Offset::Seconds(east)) = zone {
            let days = days_of(year.into(), month, day);
            (date_of(days) == (year.into(), month, day)).then_some(())?;
            return Some(days * 86_400 + i64::from(hour) * 3600 + i64::from(minute) * 60 - i64::from(east));
        }
        let small = |n: u8| i8::try_from(n).unwrap_or(-1);
        let civil = DateTime::new(year, small(month), small(day), small(hour), small(minute), 0, 0).ok()?;
        if let Some(Offset::Named(name)) = zone {
            let zone = TimeZone::get(name).unwrap_or_else(|_| self.zone.clone());
            return zone.to_timestamp(civil).ok().map(|at| at.as_second());
        }
        if let Some((_, start)) = self.minute.filter(|(known, _)| *known == civil) {
            return Some(start);
        }
        let start = self.zone.to_timestamp(civil).ok()?.as_second();
        self.minute = Some((civil, start));
        Some(start)
    }

    /// Syslog and klog leave the year out: it is the latest that does not lie more than a day after the reference.
    fn latest_before_reference(&mut self, stamp: Stamp<'_>) -> Option<LogTime> {
        let reference = self.reference?;
        let (this_year, ..) = date_of(reference.unix_seconds().div_euclid(86_400));
        let this_year = i16::try_from(this_year).ok()?;
        // A leap day may be eight years back (1896 to 1904).
        (0..=8).map(|back| this_year + 1 - back).find_map(|candidate| {
            let mut dated = stamp;
            if let Stamp::Civil { year, .. } = &mut dated {
                *year = Some(candidate);
            }
            let moment = self.moment(dated)?;
            (moment.unix_seconds() <= reference.unix_seconds() + 86_400).then_some(moment)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::find_stamp;
    use super::*;

    fn read(line: &str, zone: &LogZone) -> String {
        // 2018-08-01T00:00:00Z
        let mut clock = Clock::new(zone, Some(LogTime::from_unix_seconds(1_533_081_600)));
        let time = find_stamp(line.as_bytes()).and_then(|(stamp, _)| clock.moment(stamp));
        time.map_or_else(|| "-".to_owned(), |time| time.to_string())
    }

    #[test]
    fn every_programs_timestamp_is_read_with_its_zone() {
        for (line, expected) in [
            ("2018/07/19 08:03:23 [crit] 2872#0: *1 connect()", "2018-07-19T08:03:23Z"),
            ("2018-07-19T08:03:23Z go", "2018-07-19T08:03:23Z"),
            ("2018-07-19T08:03:23.250+02:00 host app: x", "2018-07-19T06:03:23.25Z"),
            ("2018-07-19T08:03:23-0730 host app[1]: x", "2018-07-19T15:33:23Z"),
            ("2018-07-19 08:03:23,123 ERROR python", "2018-07-19T08:03:23.123Z"),
            ("[2018-07-19 08:03:23,123: ERROR/MainProcess] celery", "2018-07-19T08:03:23.123Z"),
            ("2018-07-19 08:03:23.461 UTC [1] LOG pgbouncer", "2018-07-19T08:03:23.461Z"),
            ("[2018-07-19 08:03:23.461][7][debug][connection] envoy", "2018-07-19T08:03:23.461Z"),
            ("Jul 19 08:03:23 web-1 app[12]: x", "2018-07-19T08:03:23Z"),
            ("<27>Jul  9 08:03:23 web-1 app[12]: x", "2018-07-09T08:03:23Z"),
            ("<165>1 2018-07-19T08:03:23.003Z host app - - x", "2018-07-19T08:03:23.003Z"),
            ("Dec 31 23:59:59 web-1 app: last year", "2017-12-31T23:59:59Z"),
            ("Feb 29 00:00:00 web-1 app: the last leap year", "2016-02-29T00:00:00Z"),
            ("1.2.3.4 - - [19/Jul/2018:08:03:23 +0200] \"GET", "2018-07-19T06:03:23Z"),
            ("127.0.0.1:40000 [19/Jul/2018:08:03:23.941] app", "2018-07-19T08:03:23.941Z"),
            ("[19-Jul-2018 08:03:23 UTC] PHP Warning:", "2018-07-19T08:03:23Z"),
            ("[19-Jul-2018 08:03:23 Europe/Berlin] PHP Warning:", "2018-07-19T06:03:23Z"),
            ("19-Jul-2018 08:03:23.123 SEVERE [main] tomcat", "2018-07-19T08:03:23.123Z"),
            ("Jul 19, 2018 8:03:23 PM org.apache.x", "2018-07-19T20:03:23Z"),
            ("Jul 19, 2018 12:03:23 AM org.apache.x", "2018-07-19T00:03:23Z"),
            ("[Thu Jul 19 08:03:23.123456 2018] [proxy:error] httpd", "2018-07-19T08:03:23.123456Z"),
            ("14152:M 19 Jul 2018 08:03:23.461 # Redis", "2018-07-19T08:03:23.461Z"),
            ("I0719 08:03:23.123456       1 main.go:1] klog", "2018-07-19T08:03:23.123456Z"),
            ("=ERROR REPORT==== 19-Jul-2018::08:03:23 ===", "2018-07-19T08:03:23Z"),
            ("20180719T080323.615214 [1] {core} hitch", "2018-07-19T08:03:23.615214Z"),
            ("2018-07-19T08:03:23.123456789Z stderr F cri", "2018-07-19T08:03:23.123456789Z"),
            ("web-1  | 2018/07/19 08:03:23 [crit]", "2018-07-19T08:03:23Z"),
            ("{\"level\":\"error\",\"ts\":1531987403.5,\"msg\":\"x\"}", "2018-07-19T08:03:23.5Z"),
            ("{\"level\":50,\"time\":1531987403123,\"msg\":\"x\"}", "2018-07-19T08:03:23.123Z"),
            ("{\"log\":\"x\\n\",\"stream\":\"stderr\",\"time\":\"2018-07-19T08:03:23.5Z\"}", "2018-07-19T08:03:23.5Z"),
            ("\tat java.base/sun.nio.ch.Net.connect0(Native Method)", "-"),
            ("Connect() failed for backend app: no free ports.", "-"),
        ] {
            assert_eq!(read(line, &LogZone::Utc), expected, "{line}");
        }
    }

    #[test]
    fn a_timestamp_without_a_zone_is_read_in_the_zone_given() {
        let line = "2018/07/19 08:03:23 [crit]";
        assert_eq!(read(line, &LogZone::Offset(7200)), "2018-07-19T06:03:23Z");
        assert_eq!(read(line, &LogZone::Named("America/New_York".into())), "2018-07-19T12:03:23Z");
        assert_eq!(read("2018/01/19 08:03:23", &LogZone::Named("America/New_York".into())), "2018-01-19T13:03:23Z");
        assert_eq!(read(line, &LogZone::Named("No/Where".into())), "2018-07-19T08:03:23Z");
    }

    #[test]
    fn a_timestamp_without_a_year_needs_a_reference() {
        let (stamp, _) = find_stamp(b"Jul 19 08:03:23 host").unwrap();
        assert_eq!(Clock::new(&LogZone::Utc, None).moment(stamp), None);
    }

    #[test]
    fn a_day_that_the_calendar_lacks_is_no_time() {
        assert_eq!(read("2018-02-31T00:00:00Z x", &LogZone::Utc), "-");
        assert_eq!(read("2018-02-31 00:00:00 x", &LogZone::Utc), "-");
    }
}
