//! The arguments of the commands that show sockets and ports: summary, by-dest, list, ports.

use std::net::IpAddr;

use clap::ValueEnum;

use super::SupplyArgs;

#[derive(Debug, clap::Args)]
pub(crate) struct SummaryArgs {
    /// Counters alone, without walking the socket table
    #[arg(long)]
    pub(crate) quick: bool,
    /// How many destinations to show
    #[arg(long, value_name = "N", default_value_t = DEFAULT_SUMMARY_ROWS)]
    pub(crate) top: usize,
    /// Say which processes have the sockets of the destinations shown, and likely had those in TIME_WAIT
    #[arg(short = 'p', long, conflicts_with = "quick")]
    pub(crate) owners: bool,
    #[command(flatten)]
    pub(crate) supply: SupplyArgs,
}

/// What `twscan` alone means.
impl Default for SummaryArgs {
    fn default() -> Self {
        Self { quick: false, top: DEFAULT_SUMMARY_ROWS, owners: false, supply: SupplyArgs::default() }
    }
}

#[derive(Debug, clap::Args)]
pub(crate) struct ByDestArgs {
    /// A port, an address, a prefix, addr:port or `[v6]:port`; then states and a filter
    #[arg(value_name = "TARGET STATE FILTER")]
    pub(crate) words: Vec<String>,
    /// Only sockets in this state or group; may be given again
    #[arg(long = "state", value_name = "STATE")]
    pub(crate) states: Vec<String>,
    /// What to order by, most first
    #[arg(long, value_name = "KEY", default_value = "sockets")]
    pub(crate) sort: SortKey,
    /// How many rows to show
    #[arg(long, value_name = "N", default_value_t = 20, conflicts_with = "all")]
    pub(crate) top: usize,
    /// Show every row
    #[arg(long)]
    pub(crate) all: bool,
    /// How many destinations to keep apart; sockets of further ones are counted together
    #[arg(long, value_name = "N", default_value_t = 1_000_000, hide_short_help = true)]
    pub(crate) max_groups: usize,
    /// Say which processes have the sockets, and likely had those in TIME_WAIT
    #[arg(short = 'p', long)]
    pub(crate) owners: bool,
    #[command(flatten)]
    pub(crate) supply: SupplyArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SortKey {
    /// Sockets in all states
    Sockets,
    /// Sockets in TIME_WAIT
    TimeWait,
    /// Ports held, by their share of the range
    Ports,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    /// States or groups, all without one; then a filter
    #[arg(value_name = "STATE FILTER")]
    pub(crate) words: Vec<String>,
    /// Say which processes have each socket, or likely had it
    #[arg(short = 'p', long)]
    pub(crate) owners: bool,
    /// Leave out the heading
    #[arg(short = 'H', long)]
    pub(crate) no_header: bool,
    /// As in ss; always so here: TCP
    #[arg(short = 't', hide_short_help = true)]
    pub(crate) tcp: bool,
    /// As in ss; always so here: listening ones too
    #[arg(short = 'a', hide_short_help = true)]
    pub(crate) all: bool,
    /// As in ss; always so here: numeric
    #[arg(short = 'n', hide_short_help = true)]
    pub(crate) numeric: bool,
    /// As in ss; always so here: timers
    #[arg(short = 'o', hide_short_help = true)]
    pub(crate) options: bool,
    #[command(flatten)]
    pub(crate) supply: SupplyArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct PortsArgs {
    /// A port, an address, a prefix, addr:port or `[v6]:port`
    pub(crate) target: Option<String>,
    /// Only connections from this local address
    #[arg(long, value_name = "ADDR")]
    pub(crate) source: Option<IpAddr>,
    /// Show which ports are taken
    #[arg(long)]
    pub(crate) map: bool,
    /// How many rows to show
    #[arg(long, value_name = "N", default_value_t = 20, conflicts_with = "all")]
    pub(crate) top: usize,
    /// Show every row
    #[arg(long)]
    pub(crate) all: bool,
    /// Say which processes hold the blocked ports
    #[arg(short = 'p', long)]
    pub(crate) owners: bool,
    #[command(flatten)]
    pub(crate) supply: SupplyArgs,
}

const DEFAULT_SUMMARY_ROWS: usize = 5;
