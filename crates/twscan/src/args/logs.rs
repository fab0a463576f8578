use std::path::PathBuf;

use twscan_core::log::LogZone;

#[derive(Debug, clap::Args)]
pub(crate) struct LogsArgs {
    /// Log files, plain or compressed with gzip or zstd; - is standard input
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Only failures at this time or later: 15m (ago), 08:03, '2018-07-19 08:03', or as the log writes it
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,
    /// Only failures before this time
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,
    /// Only failures that this program or runtime wrote of: nginx, go, java, ..
    #[arg(long, value_name = "P")]
    pub(crate) program: Option<String>,
    /// Zone of times that name none: local, UTC, +02:00, Europe/Berlin
    #[arg(long, value_name = "ZONE", default_value = "local", value_parser = zone)]
    pub(crate) zone: LogZone,
    /// Go on as the logs grow, also through rotation
    #[arg(short = 'f', long)]
    pub(crate) follow: bool,
    /// Read the logs alone, for those of another host: not what is left to the destinations here
    #[arg(long)]
    pub(crate) no_host: bool,
    /// How many rows a table shows
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(crate) top: usize,
}

pub(crate) const EXAMPLES: &str = "\
    Counted is what failed for lack of a local port (EADDRNOTAVAIL at connect(), EADDRINUSE of a bind-first client). What only \
    looks like it is told apart: a bind to an address that is not here, a port in use by a listener, localhost without IPv6, \
    a pinned source port.\n\n\
    Examples:\n  \
    twscan logs /var/log/nginx/error.log        which destination ran out, since when\n  \
    twscan logs /var/log/nginx/error.log*       with the rotated ones, compressed or not\n  \
    journalctl -o short-iso | twscan logs -     every service's log\n  \
    twscan logs --since 15m --program nginx error.log\n  \
    twscan logs -f error.log                    a line whenever the count changes\n  \
    twscan logs --no-host --zone UTC web-7.log  a log from another host\n  \
    twscan logs --json error.log | jq .events";

fn zone(text: &str) -> Result<LogZone, String> {
    text.parse()
}
