//! The arguments of the commands that judge: diagnose, explain, check, wait, forecast.

use std::time::Duration;

use clap::ValueEnum;

use super::SupplyArgs;
use super::value::{percent, time_ahead};

#[derive(Debug, clap::Args)]
pub(crate) struct DiagnoseArgs {
    /// Judge only the ports of this destination: a port, an address, a prefix, addr:port or `[v6]:port`
    pub(crate) target: Option<String>,
    /// Look again after this time: true rates, reuse at work, growth
    #[arg(long, value_name = "TIME", value_parser = time_ahead)]
    pub(crate) interval: Option<Duration>,
    /// How far ahead to look
    #[arg(long, value_name = "TIME", value_parser = time_ahead, default_value = "5m")]
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
    /// Warn where this share of a destination's ports is held, whatever the verdict
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    pub(crate) warn: Option<f64>,
    /// Critical where this share is held, whatever the verdict
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    pub(crate) crit: Option<f64>,
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
    #[arg(long, value_name = "TIME", value_parser = time_ahead, default_value = "90s")]
    pub(crate) timeout: Duration,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ForecastArgs {
    /// A port, an address, a prefix, addr:port or `[v6]:port`
    pub(crate) target: Option<String>,
    /// Look again after this time: true rates, growth
    #[arg(long, value_name = "TIME", value_parser = time_ahead)]
    pub(crate) interval: Option<Duration>,
    /// How far ahead to look
    #[arg(long, value_name = "TIME", value_parser = time_ahead, default_value = "5m")]
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
