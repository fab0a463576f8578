use std::path::PathBuf;

use twscan_core::port::{PortRange, PortSet};
use twscan_core::target::Target;
use twscan_core::tuning::emit::{Options, Place};
use twscan_core::tuning::{Goal, Loader};

use crate::args::{
    ApplyArgs, ExportArgs, ExportPlace, GoalArgs, LoaderArg, PlanArgs, TuneArgs, TuneCommandArgs, UndoArgs, VerifyArgs,
};
use crate::failure::Failure;

/// What to do about parameters.
#[derive(Debug)]
pub(crate) enum TuneAction {
    Plan { goal: Goal },
    Apply { wanted: Wanted, how: Apply },
    Undo { yes: bool, force: bool },
    Export { place: Place, wanted: Wanted, options: Options, out: Option<PathBuf> },
    Verify { wanted: Option<Wanted>, loader: Option<Loader>, root: PathBuf },
}

/// How to write a plan.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Apply {
    /// Whether every boot is to write it too.
    pub(crate) persist: bool,
    /// Whether nobody is asked.
    pub(crate) yes: bool,
    /// Whether to write also what is refused for the harm that it does.
    pub(crate) force: bool,
}

/// Where a plan comes from.
#[derive(Debug)]
pub(crate) enum Wanted {
    Goal(Goal),
    File(PathBuf),
}

impl TuneAction {
    pub(super) fn resolve(args: TuneArgs, everywhere: bool, recorded: bool) -> Result<Self, Failure> {
        if everywhere {
            return Err(Failure::Usage("tune is for one network namespace; name it with --netns".to_owned()));
        }
        if recorded && matches!(args.command, TuneCommandArgs::Apply(_) | TuneCommandArgs::Undo(_)) {
            let text = "this changes the running kernel, and --from reads another: save what `tune plan --from FILE --json` \
                        prints, and give it with --plan";
            return Err(Failure::Usage(text.to_owned()));
        }
        Ok(match args.command {
            TuneCommandArgs::Plan(PlanArgs { goal }) => TuneAction::Plan { goal: resolve_goal(&goal)? },
            TuneCommandArgs::Apply(ApplyArgs { goal, plan, persist, yes, force }) => {
                TuneAction::Apply { wanted: wanted(&goal, plan)?, how: Apply { persist, yes, force } }
            }
            TuneCommandArgs::Undo(UndoArgs { yes, force }) => TuneAction::Undo { yes, force },
            TuneCommandArgs::Export(args) => export(args)?,
            TuneCommandArgs::Verify(VerifyArgs { goal, against, loader, root }) => TuneAction::Verify {
                wanted: if against.is_none() && is_empty(&goal) { None } else { Some(wanted(&goal, against)?) },
                loader: loader.map(|loader| match loader {
                    LoaderArg::Systemd => Loader::Systemd,
                    LoaderArg::Procps => Loader::Procps,
                }),
                root,
            },
        })
    }
}

fn export(args: ExportArgs) -> Result<TuneAction, Failure> {
    let mut options = Options::new();
    if let Some(version) = &args.kubernetes_version {
        let minor =
            version.trim_start_matches('v').strip_prefix("1.").and_then(|rest| rest.split('.').next()?.parse().ok());
        let wrong = || Failure::Usage(format!("'{version}' is no version of Kubernetes; write 1.29"));
        options = options.kubernetes(minor.ok_or_else(wrong)?);
    }
    let place = match args.to {
        ExportPlace::SysctlD => Place::SysctlD,
        ExportPlace::Ebextensions => Place::Ebextensions,
        ExportPlace::CloudInit => Place::CloudInit,
        ExportPlace::Ansible => Place::Ansible,
        ExportPlace::Docker => Place::Docker,
        ExportPlace::Compose => Place::Compose,
        ExportPlace::Kubernetes => Place::Kubernetes,
        ExportPlace::Systemd => Place::Systemd,
        ExportPlace::Shell => Place::Shell,
    };
    if args.with_nginx {
        if place != Place::Ebextensions {
            return Err(Failure::Usage("--with-nginx goes with --to ebextensions".to_owned()));
        }
        options = options.with_nginx(args.nginx_to);
    }
    Ok(TuneAction::Export { place, wanted: wanted(&args.goal.into(), args.plan)?, options, out: args.out })
}

fn wanted(goal: &GoalArgs, file: Option<PathBuf>) -> Result<Wanted, Failure> {
    match file {
        Some(file) => Ok(Wanted::File(file)),
        None => resolve_goal(goal).map(Wanted::Goal),
    }
}

fn is_empty(goal: &GoalArgs) -> bool {
    *goal == GoalArgs::default()
}

fn resolve_goal(args: &GoalArgs) -> Result<Goal, Failure> {
    let usage = |error: &dyn std::fmt::Display| Failure::Usage(error.to_string());
    let mut goal = Goal::new();
    if let Some(rate) = args.target_rate {
        goal = goal.target_rate(rate);
    }
    if let Some(to) = &args.to {
        goal = goal.to(to.parse::<Target>().map_err(|error| usage(&error))?);
    }
    if let Some(range) = &args.values.range {
        goal = goal.range(range.parse::<PortRange>().map_err(|error| usage(&error))?);
    }
    if let Some(mode) = &args.values.tw_reuse {
        goal = goal.set("tcp_tw_reuse", mode);
    }
    if let Some(ports) = &args.values.reserve {
        goal = goal.reserve(&ports.parse::<PortSet>().map_err(|error| usage(&error))?);
    }
    for pair in &args.values.set {
        let (key, value) =
            pair.split_once('=').ok_or_else(|| Failure::Usage(format!("'{pair}': write --set KEY=VALUE")))?;
        goal = goal.set(key.trim(), value.trim());
    }
    Ok(goal)
}
