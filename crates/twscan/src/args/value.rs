//! Values that more than one option takes.

use std::time::Duration;

use jiff::SignedDuration;

/// `500ms`, `90s`, `5m`, `1h 30m`; a number alone is seconds.
pub(super) fn time(text: &str) -> Result<Duration, String> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let text = if is_number { format!("{text}s") } else { text.to_owned() };
    let time = text.parse::<SignedDuration>().ok().and_then(|time| Duration::try_from(time).ok());
    time.filter(|time| *time >= SHORTEST).ok_or_else(|| "write a time as 500ms, 90s, 5m or 1h".to_owned())
}

/// A time to look ahead or to wait: no longer than a day, which no forecast outlives.
pub(super) fn time_ahead(text: &str) -> Result<Duration, String> {
    let time = time(text)?;
    if time <= DAY { Ok(time) } else { Err("a time is at most 24h here".to_owned()) }
}

/// `50%` or `50`.
pub(super) fn percent(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('%').unwrap_or(text).parse::<f64>().ok();
    number.filter(|number| (0.0..=100.0).contains(number)).ok_or_else(|| "a share is 0% to 100%".to_owned())
}

/// What a clock of milliseconds can tell.
const SHORTEST: Duration = Duration::from_millis(1);
const DAY: Duration = Duration::from_secs(86_400);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_the_usual_units() {
        for (text, milliseconds) in [
            ("2s", 2000),
            ("2", 2000),
            ("500ms", 500),
            ("1.5s", 1500),
            ("5m", 300_000),
            ("5min", 300_000),
            ("1h", 3_600_000),
            ("1h 30m", 5_400_000),
            ("100h", 360_000_000),
        ] {
            assert_eq!(time(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
        for wrong in
            ["", "s", "0s", "1ns", "999us", "2d", "-1s", "1 fortnight", "99999999999999999999", "99999999999999999999h"]
        {
            assert!(time(wrong).is_err(), "{wrong}");
        }
        assert!(time_ahead("24h").is_ok() && time_ahead("25h").is_err());
        assert_eq!((percent("50%"), percent("0.5")), (Ok(50.0), Ok(0.5)));
        assert!(percent("101%").is_err() && percent("x").is_err() && percent("NaN").is_err());
    }
}
