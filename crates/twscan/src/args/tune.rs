//! `twscan tune` as it is typed.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};

#[derive(Debug, clap::Args)]
pub(crate) struct TuneArgs {
    #[command(subcommand)]
    pub(crate) command: TuneCommandArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TuneCommandArgs {
    /// Show what to change, what it buys, and the budgets after; writes nothing
    #[command(after_help = "Examples:\n  \
        twscan tune plan                                      no destination in the slow zone\n  \
        twscan tune plan --target-rate 2000 --to 10.0.0.5:5432\n  \
        twscan tune plan --range 10240-65535 --tw-reuse 1 --json > plan.json\n\n\
        Exit codes: 0 the goal is reached, or the values are as asked for; 1 the goal is not reached, or\n\
        something is refused; 2 failure.")]
    Plan(PlanArgs),
    /// Write a plan's values, each read back; put everything back at the first failure
    #[command(after_help = "Examples:\n  \
        sudo twscan tune apply --tw-reuse 2                   shows the plan and asks\n  \
        sudo twscan tune apply --range 10240-65535 --tw-reuse 1 --persist --yes\n  \
        sudo twscan tune apply --plan plan.json --yes\n\n\
        Without a terminal and without --yes nothing is written and the exit code is 2.\n\
        The old values are kept in /var/lib/twscan, for others than root in $XDG_STATE_HOME/twscan;\n\
        TWSCAN_STATE_DIR names another directory.")]
    Apply(ApplyArgs),
    /// Put back the values from before the last apply
    #[command(after_help = "Examples:\n  \
        sudo twscan tune undo               shows what will be put back and asks\n  \
        sudo twscan tune undo --yes --force also where somebody else changed a value since")]
    Undo(UndoArgs),
    /// Print a plan as text for the place that configures hosts or containers
    #[command(after_help = "Examples:\n  \
        twscan tune export --to sysctl.d --range 10240-65535 --tw-reuse 1\n  \
        twscan tune export --to ebextensions --with-nginx --out . --tw-reuse 1\n  \
        twscan tune export --to kubernetes --kubernetes-version 1.26 --plan plan.json")]
    Export(ExportArgs),
    /// Compare live values with a plan, and with what the next boot sets; exit 1 on drift
    #[command(after_help = "Examples:\n  \
        twscan tune verify                                    now against the next boot\n  \
        twscan tune verify --range 10240-65535 --tw-reuse 1   now and at boot against these\n  \
        twscan tune verify --against plan.json --json\n\n\
        Exit codes: 0 as wanted, 1 drift, 2 failure.")]
    Verify(VerifyArgs),
}

/// What to reach.
#[derive(Debug, Default, PartialEq, Eq, clap::Args)]
#[command(next_help_heading = "Goal")]
pub(crate) struct GoalArgs {
    /// Connections a second to sustain
    #[arg(long, value_name = "N")]
    pub(crate) target_rate: Option<u32>,
    /// The destination that matters: a port, an address, a prefix or addr:port
    #[arg(long, value_name = "TARGET")]
    pub(crate) to: Option<String>,
    #[command(flatten)]
    pub(crate) values: ValueArgs,
}

/// Values to set.
#[derive(Debug, Default, PartialEq, Eq, clap::Args)]
pub(crate) struct ValueArgs {
    /// The local port range, ip_local_port_range
    #[arg(long, value_name = "LOW-HIGH")]
    pub(crate) range: Option<String>,
    /// tcp_tw_reuse: 0 off, 1 on, 2 on the loopback
    #[arg(long, value_name = "MODE")]
    pub(crate) tw_reuse: Option<String>,
    /// Ports to reserve besides those that are: 8080,9000-9010
    #[arg(long, value_name = "PORTS")]
    pub(crate) reserve: Option<String>,
    /// Any other parameter; may be given again
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    pub(crate) goal: GoalArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ApplyArgs {
    /// A plan saved with --json, in place of a goal
    #[arg(long, value_name = "FILE", conflicts_with_all = GOAL)]
    pub(crate) plan: Option<PathBuf>,
    /// Write /etc/sysctl.d/99-twscan.conf too, so that every boot sets the values
    #[arg(long)]
    pub(crate) persist: bool,
    /// Do not ask
    #[arg(long, short)]
    pub(crate) yes: bool,
    /// Replace a boot file that somebody else wrote
    #[arg(long)]
    pub(crate) force: bool,
    // Last, since what follows stands under its heading.
    #[command(flatten)]
    pub(crate) goal: GoalArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct UndoArgs {
    /// Do not ask
    #[arg(long, short)]
    pub(crate) yes: bool,
    /// Put back also what somebody else has changed since
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ExportArgs {
    /// The place to write for
    #[arg(long, value_name = "PLACE", required = true)]
    pub(crate) to: ExportPlace,
    /// A plan saved with --json, in place of a goal
    #[arg(long, value_name = "FILE", conflicts_with_all = EXPORT_GOAL)]
    pub(crate) plan: Option<PathBuf>,
    /// Write here in one step, keeping what was there; a directory where there are several files
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// For ebextensions: nginx with a keepalive pool too, the better cure
    #[arg(long)]
    pub(crate) with_nginx: bool,
    /// The application's port behind nginx
    #[arg(long, value_name = "PORT", default_value_t = 8080)]
    pub(crate) nginx_to: u16,
    /// For kubernetes: decides what a pod may set without leave
    #[arg(long, value_name = "1.N")]
    pub(crate) kubernetes_version: Option<String>,
    // Last, since what follows stands under its heading.
    #[command(flatten)]
    pub(crate) goal: ExportGoalArgs,
}

/// As [`GoalArgs`]; the target has another name, since --to is the place.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Goal")]
pub(crate) struct ExportGoalArgs {
    /// Connections a second to sustain
    #[arg(long, value_name = "N")]
    pub(crate) target_rate: Option<u32>,
    /// The destination that matters: a port, an address, a prefix or addr:port
    #[arg(long, value_name = "TARGET")]
    pub(crate) target: Option<String>,
    #[command(flatten)]
    pub(crate) values: ValueArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct VerifyArgs {
    /// A plan saved with --json, in place of a goal
    #[arg(long, value_name = "PLAN", conflicts_with_all = GOAL)]
    pub(crate) against: Option<PathBuf>,
    /// What sets parameters at boot; found out without it
    #[arg(long, value_name = "LOADER")]
    pub(crate) loader: Option<LoaderArg>,
    /// Read the boot files below this directory, such as an image's root
    #[arg(long, value_name = "DIR", default_value = "/")]
    pub(crate) root: PathBuf,
    // Last, since what follows stands under its heading.
    #[command(flatten)]
    pub(crate) goal: GoalArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportPlace {
    /// A file of /etc/sysctl.d
    #[value(name = "sysctl.d")]
    SysctlD,
    /// Elastic Beanstalk
    Ebextensions,
    /// User data
    CloudInit,
    /// A playbook; ansible-core is enough
    Ansible,
    /// Options of docker run
    Docker,
    /// A part of a compose file
    Compose,
    /// A pod
    Kubernetes,
    /// A unit
    Systemd,
    /// A script
    Shell,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LoaderArg {
    /// systemd-sysctl
    Systemd,
    /// sysctl --system
    Procps,
}

impl From<ExportGoalArgs> for GoalArgs {
    fn from(args: ExportGoalArgs) -> Self {
        Self { target_rate: args.target_rate, to: args.target, values: args.values }
    }
}

pub(crate) const HELP: &str = "Examples:\n  \
    twscan tune plan                                   what to do, and what each step buys\n  \
    sudo twscan tune apply --range 10240-65535 --tw-reuse 1\n  \
    sudo twscan tune undo\n\n\
    Changed are ip_local_port_range, ip_local_reserved_ports, tcp_tw_reuse, tcp_tw_reuse_delay, tcp_timestamps and\n\
    tcp_max_tw_buckets (upwards). Refused, with the reason: tcp_tw_recycle, tcp_fin_timeout, a lower tcp_max_tw_buckets.\n\
    Parameters are of one network namespace; a new one starts from the kernel's defaults, not from the host's values.";

const GOAL: [&str; 6] = ["target_rate", "to", "range", "tw_reuse", "reserve", "set"];
const EXPORT_GOAL: [&str; 6] = ["target_rate", "target", "range", "tw_reuse", "reserve", "set"];
