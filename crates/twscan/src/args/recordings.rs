//! The arguments of the commands that make and compare recordings, and what a recording may need to be read.

use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;
use twscan_core::port::{PortRange, PortSet};

use super::value::time;

#[derive(Debug, clap::Args)]
pub(crate) struct CaptureArgs {
    /// Where to write; - is standard output
    pub(crate) file: PathBuf,
    /// Go on taking samples for so long: 90s, 5m
    #[arg(long = "for", value_name = "TIME", value_parser = time)]
    pub(crate) duration: Option<Duration>,
    /// How long from one sample to the next: 500ms, 5s
    #[arg(long, value_name = "TIME", value_parser = time, default_value = "1s", requires = "duration")]
    pub(crate) interval: Duration,
    /// Record which processes have the sockets too
    #[arg(short = 'p', long)]
    pub(crate) owners: bool,
    /// Replace addresses, the same one always by the same, and the host's name; ports stay
    #[arg(long)]
    pub(crate) anonymize: bool,
    /// In which form
    #[arg(long = "as", value_name = "FORM", default_value = "twscan", conflicts_with_all = ["duration", "anonymize", "owners"])]
    pub(crate) form: CaptureForm,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CaptureForm {
    /// Sockets, parameters, counters and times; compressed
    Twscan,
    /// Sockets alone, for TCPDIAG_FILE=FILE ss -tan
    SsDump,
}

#[derive(Debug, clap::Args)]
pub(crate) struct CompareArgs {
    /// The first recording
    pub(crate) before: PathBuf,
    /// The second recording; the running kernel without one
    pub(crate) after: Option<PathBuf>,
    /// How many destinations to show
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(crate) top: usize,
    #[command(flatten)]
    pub(crate) supply: SupplyArgs,
}

/// What a recording does not tell.
#[derive(Debug, Clone, Default, PartialEq, Eq, clap::Args)]
#[command(next_help_heading = "For recordings that lack them")]
pub(crate) struct SupplyArgs {
    /// The local port range: 32768-60999
    #[arg(long, value_name = "LOW-HIGH")]
    pub(crate) range: Option<PortRange>,
    /// The reserved ports: 8080,9000-9100
    #[arg(long, value_name = "PORTS", hide_short_help = true)]
    pub(crate) reserved: Option<PortSet>,
    /// tcp_tw_reuse
    #[arg(long, value_name = "0|1|2", hide_short_help = true)]
    pub(crate) tw_reuse: Option<u8>,
}
