use std::time::Duration;

use crate::args::{CaptureArgs, CaptureForm};
use crate::failure::Failure;

/// What to record, and where to.
#[derive(Debug)]
pub(crate) struct Capture {
    pub(crate) file: String,
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

impl Capture {
    pub(super) fn resolve(args: CaptureArgs) -> Result<Self, Failure> {
        let CaptureArgs { file, duration, interval, owners, anonymize, form } = args;
        let series = match duration {
            None => None,
            Some(duration) => Some(Series { duration: time(&duration)?, interval: time(&interval)? }),
        };
        Ok(Self { file, series, owners, anonymize, form })
    }
}

/// Reads `500ms`, `90s`, `5m`, `1h`.
fn time(text: &str) -> Result<Duration, Failure> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let milliseconds = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        _ => 0,
    };
    let time = number.parse::<u64>().ok().and_then(|number| number.checked_mul(milliseconds)).filter(|time| *time > 0);
    let usage = || Failure::Usage(format!("'{text}' is no time; write 500ms, 90s, 5m or 1h"));
    time.map(Duration::from_millis).ok_or_else(usage)
}
