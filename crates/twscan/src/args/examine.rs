//! The arguments of the commands that judge: diagnose, explain, check, wait, forecast.

use std::time::Duration;

use clap::ValueEnum;

use super::SupplyArgs;

#[derive(Debug, clap::Args)]
pub(crate) struct DiagnoseArgs {
    /// Judge only the ports of this destination: a port, an address, a prefix, addr:port or `[v6]:port`
    pub(crate) target: Option<String>,
    /// Look again after this time: true rates, reuse at work, growth
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) interval: Option<Duration>,
    /// How far ahead to look
    #[arg(long, value_name = "TIME", value_parser = time, default_value = "5m")]
    pub(crate) horizon: Duration,
    /// Exit with 1 where a finding is at least as serious
    #[arg(long, value_name = "SEVERITY")]
    pub(crate) fail_on: Option<SeverityArg>,
    /// Take this log's failures into account; plain, gzip or zstd, may be given again
    #[arg(long = "log", value_name = "FILE")]
    pub(crate) logs: Vec<std::path::PathBuf>,
    /// Say whose the sockets are, as far as may be read
    #[arg(short = 'p', long = "owners")]
    pub(crate) owners: bool,
    #[command(flatten)]
    pub(crate) supply: SupplyArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SeverityArg {
    /// Any finding
    Info,
    /// It costs something, or soon will
    Warning,
    /// Connections fail
    Critical,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ExplainArgs {
    /// A finding's code, an errno's name or number, myths, keepalive, or words to look for
    #[arg(required_unless_present = "list")]
    pub(crate) words: Vec<String>,
    /// List the pages
    #[arg(long)]
    pub(crate) list: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct CheckArgs {
    /// A port, an address, a prefix, addr:port or `[v6]:port`; the fullest destination without one
    pub(crate) target: Option<String>,
    /// Warn where this share of a destination's ports is held
    #[arg(long, value_name = "PERCENT", value_parser = percent, default_value = "50%")]
    pub(crate) warn: f64,
    /// Critical where this share is held
    #[arg(long, value_name = "PERCENT", value_parser = percent, default_value = "90%")]
    pub(crate) crit: f64,
    #[command(flatten)]
    pub(crate) supply: SupplyArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct WaitArgs {
    /// A port, an address, a prefix, addr:port or `[v6]:port`
    pub(crate) target: String,
    /// Until so many ports are free, to each destination that is meant
    #[arg(long, value_name = "N")]
    pub(crate) free: u32,
    /// Give up after this time
    #[arg(long, value_name = "TIME", value_parser = time, default_value = "90s")]
    pub(crate) timeout: Duration,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ForecastArgs {
    /// A port, an address, a prefix, addr:port or `[v6]:port`
    pub(crate) target: Option<String>,
    /// Look again after this time: true rates, growth
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) interval: Option<Duration>,
    /// How far ahead to look
    #[arg(long, value_name = "TIME", value_parser = time, default_value = "5m")]
    pub(crate) horizon: Duration,
    /// How many destinations to show
    #[arg(long, value_name = "N", default_value_t = 5, conflicts_with = "all")]
    pub(crate) top: usize,
    /// Show every destination
    #[arg(long)]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) supply: SupplyArgs,
}

/// `2s`, `500ms`, `5m`, `1h`; a number alone is seconds.
fn time(text: &str) -> Result<Duration, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let milliseconds: u64 = match unit {
        "ms" => 1,
        "" | "s" => 1000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        _ => return Err("write a time as 500ms, 2s, 5m or 1h".to_owned()),
    };
    let number = number.parse::<u64>().ok().and_then(|number| number.checked_mul(milliseconds));
    match number.filter(|milliseconds| (1..=LONGEST).contains(milliseconds)) {
        Some(milliseconds) => Ok(Duration::from_millis(milliseconds)),
        None => Err("a time is 1ms to 24h".to_owned()),
    }
}

/// `50%` or `50`.
fn percent(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('%').unwrap_or(text).parse::<f64>().ok();
    number.filter(|number| (0.0..=100.0).contains(number)).ok_or_else(|| "a share is 0% to 100%".to_owned())
}

/// A day in milliseconds.
const LONGEST: u64 = 86_400_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_the_usual_units() {
        for (text, milliseconds) in [("2s", 2000), ("2", 2000), ("500ms", 500), ("5m", 300_000), ("1h", 3_600_000)] {
            assert_eq!(time(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
        for wrong in ["", "s", "0s", "2d", "-1s", "1.5s", "25h", "99999999999999999999h"] {
            assert!(time(wrong).is_err(), "{wrong}");
        }
        assert_eq!((percent("50%"), percent("0.5")), (Ok(50.0), Ok(0.5)));
        assert!(percent("101%").is_err() && percent("x").is_err() && percent("NaN").is_err());
    }
}
