use std::str::FromStr;

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;

use super::zone::Clock;
use super::{LogTime, LogZone, find_stamp};

impl LogTime {
    /// The moment that somebody means who writes `15m` (ago; also `s`, `h`, `d`), `08:03` or `08:03:23` (today),
    /// `2018-07-19` (its start), `2018-07-19 08:03` or a timestamp as it stands in a log; `None` for anything else.
    ///
    /// `zone` is that of a time which names none, `now` what it counts from.
    #[must_use]
    pub fn from_words(words: &str, zone: &LogZone, now: Self) -> Option<Self> {
        let words = words.trim();
        if let Some(seconds) = ago(words) {
            return Some(Self::from_unix_seconds(now.seconds.saturating_sub(seconds)));
        }
        let time_of_day = words.parse::<Time>().ok().filter(|_| words.find(':').is_some_and(|colon| colon <= 2));
        if let Some(time) = time_of_day {
            let today = jiff::Timestamp::from_second(now.seconds).ok()?.to_zoned(zone.time_zone()).date();
            return civil(today, time, zone);
        }
        if let Some((stamp, _)) = find_stamp(words.as_bytes()).filter(|(_, end)| *end == words.len()) {
            return Clock::new(zone, Some(now)).moment(stamp);
        }
        let (date, time) = words.split_once([' ', 'T']).unwrap_or((words, "00:00"));
        civil(date.parse().ok()?, time.parse().ok()?, zone)
    }
}

impl FromStr for LogZone {
    type Err = String;

    /// `local`, `UTC`, `+02:00` or a name of the zone database.
    fn from_str(text: &str) -> Result<Self, String> {
        let offset = |text: &str| {
            let (sign, digits) =
                text.strip_prefix('+').map(|d| (1, d)).or_else(|| text.strip_prefix('-').map(|d| (-1, d)))?;
            let (hours, minutes) = digits.split_once(':').or_else(|| digits.split_at_checked(2))?;
            let number = |text: &str| if text.is_empty() { Some(0) } else { text.parse::<u8>().ok() };
            let (hours, minutes) = (number(hours)?, number(minutes)?);
            (hours < 26 && minutes < 60).then_some(sign * (i32::from(hours) * 3600 + i32::from(minutes) * 60))
        };
        match text {
            _ if text.eq_ignore_ascii_case("local") => Ok(Self::Local),
            _ if text.eq_ignore_ascii_case("utc") || text == "Z" => Ok(Self::Utc),
            _ => match offset(text) {
                Some(seconds) => Ok(Self::Offset(seconds)),
                None if TimeZone::get(text).is_ok() => Ok(Self::Named(text.to_owned())),
                None => Err(format!(
                    "'{text}' is no time zone; say local, UTC, +02:00 or a name of the zone database such as Europe/Berlin"
                )),
            },
        }
    }
}

fn ago(words: &str) -> Option<i64> {
    let unit = match words.chars().next_back()? {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return None,
    };
    let digits = words.get(..words.len() - 1).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
    digits.parse::<i64>().ok()?.checked_mul(unit)
}

fn civil(date: Date, time: Time, zone: &LogZone) -> Option<LogTime> {
    let zoned = date.to_datetime(time).to_zoned(zone.time_zone()).ok()?;
    Some(LogTime::from_unix_seconds(zoned.timestamp().as_second()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &str, zone: &str) -> String {
        // 2018-07-19T10:00:00Z
        let now = LogTime::from_unix_seconds(1_531_994_400);
        let time = LogTime::from_words(words, &zone.parse().unwrap(), now);
        time.map_or_else(|| "-".to_owned(), |time| time.to_string())
    }

    #[test]
    fn times_are_read_as_people_write_them() {
        for (words, expected) in [
            ("15m", "2018-07-19T09:45:00Z"),
            ("90s", "2018-07-19T09:58:30Z"),
            ("2d", "2018-07-17T10:00:00Z"),
            ("08:03", "2018-07-19T08:03:00Z"),
            ("08:03:23", "2018-07-19T08:03:23Z"),
            ("2018-07-18", "2018-07-18T00:00:00Z"),
            ("2018-07-18 08:03", "2018-07-18T08:03:00Z"),
            ("2018-07-18T08:03", "2018-07-18T08:03:00Z"),
            ("2018-07-18T08:03:23+02:00", "2018-07-18T06:03:23Z"),
            ("2018/07/18 08:03:23", "2018-07-18T08:03:23Z"),
            ("Jul 18 08:03:23", "2018-07-18T08:03:23Z"),
            ("18/Jul/2018:08:03:23 +0200", "2018-07-18T06:03:23Z"),
            ("", "-"),
            ("m", "-"),
            ("-5m", "-"),
            ("9999999999999999999d", "-"),
            ("yesterday", "-"),
            ("2018-02-31", "-"),
            ("25:00", "-"),
            ("2018", "-"),
            ("2018-07-18 08:03:23 and more", "-"),
        ] {
            assert_eq!(read(words, "UTC"), expected, "{words:?}");
        }
    }

    #[test]
    fn a_time_without_a_zone_is_in_the_zone_given() {
        assert_eq!(read("08:03", "+02:00"), "2018-07-19T06:03:00Z");
        assert_eq!(read("2018-01-19", "Europe/Berlin"), "2018-01-18T23:00:00Z");
        assert_eq!(read("2018-07-18T08:03:23Z", "-0730"), "2018-07-18T08:03:23Z");
    }

    #[test]
    fn a_zone_that_nobody_knows_is_refused() {
        for text in ["Mars/Olympus", "", "+", "+26:00", "2", "+1:2:3", "\u{e9}\u{e9}"] {
            assert!(text.parse::<LogZone>().is_err(), "{text}");
        }
    }
}
