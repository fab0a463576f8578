//! The command line as it is typed; nothing is resolved here.

mod examine;
pub(crate) mod logs;
mod recordings;
mod sockets;
mod tune;
mod value;

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Parser, Subcommand, ValueEnum};
use twscan_core::shell::Command;
use twscan_core::target::Target;

pub(crate) use examine::{CheckArgs, DiagnoseArgs, ExplainArgs, ForecastArgs, SeverityArg, WaitArgs};
pub(crate) use logs::LogsArgs;
pub(crate) use recordings::{CaptureArgs, CaptureForm, CompareArgs, SupplyArgs};
pub(crate) use sockets::{ByDestArgs, ListArgs, PortsArgs, SortKey, SummaryArgs};
pub(crate) use tune::*;

#[derive(Debug, Parser)]
#[command(
    name = "twscan",
    version = env!("TWSCAN_VERSION"),
    about = "Which destination uses up this host's local ports: TIME_WAIT read from the kernel in one pass",
    after_help = "Without a command: twscan summary. Reading needs no privilege.\n\n\
                  Exit codes: 0 done, 1 findings, 2 usage, failure or a partial result; check has its own.\n\n\
                  Examples:\n  \
                  twscan                                what is there, and what is fullest\n  \
                  twscan by-dest 8080                   who holds ports to port 8080\n  \
                  twscan ports 10.0.0.5:5432            how many more connections fit there\n  \
                  twscan diagnose                       what is wrong, and what cures it\n  \
                  twscan diagnose --from before.twcap   the same of a recording",
    disable_help_subcommand = true,
    // As wide as the other screens, also in a pipe.
    max_term_width = 80
)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
    #[command(subcommand)]
    pub(crate) command: Option<CommandArgs>,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct GlobalArgs {
    /// How to print
    #[arg(long, global = true, value_name = "FORMAT", default_value = "table")]
    pub(crate) format: Format,
    /// Short for --format json
    #[arg(long, global = true, conflicts_with = "format")]
    pub(crate) json: bool,
    /// IPv4 alone, v4-mapped IPv6 sockets included
    #[arg(short = '4', long, global = true, conflicts_with = "ipv6")]
    pub(crate) ipv4: bool,
    /// IPv6 alone
    #[arg(short = '6', long, global = true)]
    pub(crate) ipv6: bool,
    /// When to colour; NO_COLOR is honoured
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: clap::ColorChoice,
    /// Read the network namespace of a process (digits), of a file (a path), or by its name
    #[arg(short = 'N', long, global = true, value_name = "PID|PATH|NAME")]
    pub(crate) netns: Option<OsString>,
    /// Read every network namespace, of the host or of a recording: a row each, the worst first; for summary, by-dest,
    /// ports, diagnose and capture
    #[arg(long, global = true, conflicts_with = "netns")]
    pub(crate) all_netns: bool,
    /// Read sockets this way and no other
    #[arg(long, global = true, value_name = "WAY", hide_short_help = true, conflicts_with = "from")]
    pub(crate) via: Option<SourceArg>,
    /// Read a recording instead of the kernel; - is standard input
    ///
    /// A twscan capture, a dump of ss -D, or the text of ss -tan, netstat -nat or /proc/net/tcp, told by its content.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) from: Option<PathBuf>,
}

impl GlobalArgs {
    pub(crate) fn format(&self) -> Format {
        if self.json { Format::Json } else { self.format }
    }
}

impl CommandArgs {
    /// What this command's line supplies to a recording; `None` where it reads none.
    pub(crate) fn supply(&self) -> Option<&SupplyArgs> {
        Some(match self {
            Self::Summary(args) => &args.supply,
            Self::ByDest(args) => &args.supply,
            Self::List(args) => &args.supply,
            Self::Ports(args) => &args.supply,
            Self::Forecast(args) => &args.supply,
            Self::Diagnose(args) => &args.supply,
            Self::Check(args) => &args.supply,
            Self::Compare(args) => &args.supply,
            _ => return None,
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Table,
    /// One document; for `list` the same as jsonl
    Json,
    /// One line a document
    Jsonl,
    /// Rows under a heading
    Csv,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SourceArg {
    /// sock_diag, both families in one walk
    OneWalk,
    /// sock_diag, a walk for each family
    TwoWalks,
    /// /proc/net/tcp and tcp6
    Procfs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CommandArgs {
    /// States, TIME_WAIT by role, and the fullest destinations
    #[command(after_help = "Examples:\n  \
        twscan summary             everything at a glance\n  \
        twscan summary --quick     counters alone, without walking the socket table\n  \
        twscan summary -p          and which processes have the sockets\n  \
        twscan summary --json | jq .time_wait.outbound")]
    Summary(SummaryArgs),
    /// Sockets by destination; say a port, an address, a prefix or addr:port
    #[command(
        override_usage = "twscan by-dest [OPTIONS] [TARGET] [STATE]... [FILTER]...",
        after_help = "\
        TARGET is the remote side of outbound sockets and the listening side of inbound ones:\n  \
        8080  :8080  10.0.0.5  10.0.0.0/8  10.0.0.5:5432  [fd00::5]:5432\n\
        STATE and FILTER are as in `twscan list`.\n\n\
        Examples:\n  \
        twscan by-dest 8080                    who goes to port 8080, who comes to it\n  \
        twscan by-dest --sort ports --top 5    the five destinations that hold most ports\n  \
        twscan by-dest 8080 src 10.0.0.0/8     those that come from one network\n  \
        twscan by-dest time-wait not dst 127.0.0.0/8\n  \
        twscan by-dest 8080 -p                 whose sockets they are\n  \
        twscan by-dest 8080 --all-netns        in which network namespace\n  \
        twscan by-dest 10.0.0.0/8 --state time-wait --json"
    )]
    ByDest(ByDestArgs),
    /// A row a socket, streamed
    #[command(
        override_usage = "twscan list [OPTIONS] [STATE]... [FILTER]...",
        after_help = "\
        STATE is a name or group as in ss or the kernel: time-wait, TIME_WAIT, estab, connected, synchronized, bucket, \
        big, all; `exclude STATE` takes away.\n\n\
        FILTER is an expression as in ss:\n  \
        sport, dport   = != < > <= >=  (eq ne lt gt le ge)  and a port: :443, 443, :https\n  \
        src, dst       an address, a prefix or addr:port: 10.0.0.0/8, [::1]:443, *:443\n  \
        dev, cgroup    an interface or its index; a path or an id\n  \
        fwmark         a mark, or mark/mask\n  \
        and, or, not   && || !  and parentheses, quoted from the shell\n\n\
        Examples:\n  \
        twscan list time-wait                 each TIME_WAIT and the time it has left\n  \
        twscan list estab close-wait -H       without the heading\n  \
        twscan list time-wait dport = :8080\n  \
        twscan list connected '(dport = :443 or dport = :80)' and not dst 10.0.0.0/8\n  \
        twscan list --format jsonl | jq -r 'select(.role==\"outbound\") | .remote.addr'"
    )]
    List(ListArgs),
    /// How many more connections fit, for each source and destination
    #[command(after_help = "TARGET is the remote side: 8080  10.0.0.5  10.0.0.0/8  10.0.0.5:5432  [fd00::5]:5432\n\
        With address and port, a destination without a socket is answered too.\n\n\
        Examples:\n  \
        twscan ports                           the range, what blocks it, and the fullest destinations\n  \
        twscan ports 10.0.0.5:5432             what the database has left, and how sure that is\n  \
        twscan ports 10.0.0.5:5432 --map       which ports are taken: one half of the range fills first\n  \
        twscan ports --json | jq '.budgets[] | select(.zone != \"fast\")'")]
    Ports(PortsArgs),
    /// How fast ports are used up, when they come back, when they run out
    #[command(after_help = "Examples:\n  \
        twscan forecast                    the fullest destinations\n  \
        twscan forecast 127.0.0.1:8080 --interval 2s\n  \
        twscan forecast --json | jq .forecasts[0].seconds_to_full")]
    Forecast(ForecastArgs),
    /// What is wrong, how long until it breaks, and what cures it
    #[command(after_help = "Examples:\n  \
        twscan diagnose                          this network namespace\n  \
        twscan diagnose 127.0.0.1:8080           one destination\n  \
        twscan diagnose --interval 2s            look twice: true rates, reuse at work\n  \
        twscan diagnose --fail-on warning --json exit 1 where something is wrong\n\n\
        A finding's code leads to its page: twscan explain CODE")]
    Diagnose(DiagnoseArgs),
    /// A page about a finding, an errno, or a word
    #[command(after_help = "Examples:\n  \
        twscan explain ports-exhausted     a finding's code\n  \
        twscan explain EADDRNOTAVAIL       or 99\n  \
        twscan explain myths               what tutorials say, and the truth\n  \
        twscan explain keepalive           pools, for each kind of client\n  \
        twscan explain tcp_tw_reuse        the pages that speak of it")]
    Explain(ExplainArgs),
    /// Failures for lack of a local port in other programs' logs, and what is left to their destinations now
    #[command(after_help = logs::EXAMPLES)]
    Logs(LogsArgs),
    /// Plan, apply, keep, check and undo changes of kernel parameters
    #[command(after_help = tune::HELP)]
    Tune(TuneArgs),
    /// Record this host, for later or for somebody else: read it with --from
    #[command(after_help = "Examples:\n  \
        twscan capture before.twcap                       one sample\n  \
        twscan capture --for 60s --interval 5s run.twcap  a series; ctrl-C ends it and keeps what there is\n  \
        twscan capture -p --all-netns node.twcap          whose sockets they are, in every network namespace\n  \
        twscan capture --anonymize ticket.twcap           for strangers' eyes\n  \
        kubectl exec POD -- twscan capture - | twscan by-dest --from -")]
    Capture(CaptureArgs),
    /// What changed between two recordings, or between a recording and now
    #[command(after_help = "Examples:\n  \
        twscan compare before.twcap              against the running kernel\n  \
        twscan compare before.twcap after.twcap --json | jq -r .sentence")]
    Compare(CompareArgs),
    /// A monitoring plugin: one line, performance data, exit 0, 1, 2 or 3
    #[command(after_help = "Examples:\n  \
        twscan check                                the fullest destination\n  \
        twscan check 127.0.0.1:8080 --warn 40% --crit 80%")]
    Check(CheckArgs),
    /// Wait until a destination has ports free: for benchmarks and build jobs
    #[command(after_help = "Exit codes: 0 they are free, 1 not in time, 2 usage or failure.\n\n\
        Examples:\n  \
        twscan wait 127.0.0.1:8080 --free 20000\n  \
        twscan wait 5432 --free 25000 --timeout 70s")]
    Wait(WaitArgs),
    /// Hold the predictions of `twscan ports` against this kernel, in a private network namespace
    #[command(after_help = "Exits with 1 where the kernel grants another number of connections than predicted.\n\
        Nothing of the host's is read or touched; it takes seconds.\n\n\
        Examples:\n  \
        twscan selftest                        every scenario\n  \
        twscan selftest --mixtures 300         and 300 random mixtures\n  \
        unshare --map-root-user --net twscan selftest")]
    Selftest(SelftestArgs),
    /// Print a completion script for a shell
    #[command(hide = true)]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    #[command(hide = true)]
    Man,
}

#[derive(Debug, clap::Args)]
pub(crate) struct SelftestArgs {
    /// Random mixtures to try besides
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub(crate) mixtures: u32,
    /// The first mixture's seed; the next have the next numbers
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
}

/// Whether these are the arguments of `check`, which says in a monitoring plugin's way what is wrong with them.
pub(crate) fn are_for_a_plugin() -> bool {
    let is_option = |arg: &OsString| arg.as_encoded_bytes().starts_with(b"-");
    std::env::args_os().skip(1).find(|arg| !is_option(arg)).is_some_and(|command| command == "check")
}

/// Prints clap's message, and more where a word that is no command looks like a target.
pub(crate) fn explain(error: &clap::Error) -> ExitCode {
    let word = match error.get(ContextKind::InvalidSubcommand) {
        Some(ContextValue::String(word)) if error.kind() == ErrorKind::InvalidSubcommand => Some(word),
        _ => None,
    };
    match word {
        Some(word) if word.parse::<Target>().is_ok() => {
            // Where even this cannot be written there is nobody to tell.
            let meant = std::env::args_os().skip(1).fold(Command::of_twscan(), |command, arg| {
                match arg.to_str() == Some(word) {
                    true => command.word("by-dest").word(arg),
                    false => command.word(arg),
                }
            });
            let _ = writeln!(std::io::stderr(), "error: '{word}' is no command; did you mean `{meant}`?");
        }
        _ => {
            let _ = error.print();
        }
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}
