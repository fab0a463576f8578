//! Plans as text for the places that configure hosts and containers. Pure.

mod beanstalk;
mod container;
mod host;
mod nginx;
mod text;

pub use text::{ExportFile, Options};

use super::Plan;
use text::SYSCTL_D;

/// A place that a plan is written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Place {
    /// A file of `/etc/sysctl.d`.
    SysctlD,
    /// A configuration file of Elastic Beanstalk.
    Ebextensions,
    /// User data of cloud-init.
    CloudInit,
    /// A playbook of Ansible; modules of ansible-core alone.
    Ansible,
    /// Options of `docker run`.
    Docker,
    /// A part of a compose file.
    Compose,
    /// A pod.
    Kubernetes,
    /// A unit of systemd that sets the values after systemd-sysctl.
    Systemd,
    /// A script.
    Shell,
}

/// The plan for a place: a file, or several that belong together.
#[must_use]
pub fn export(plan: &Plan, place: Place, options: &Options) -> Vec<ExportFile> {
    let values = plan.values();
    let one = |path: &str, text: String| vec![ExportFile { path: path.to_owned(), text }];
    match place {
        Place::SysctlD => one(SYSCTL_D, host::sysctl_d(&values)),
        Place::Ebextensions => beanstalk::ebextensions(&values, options),
        Place::CloudInit => one("user-data", host::cloud_init(&values)),
        Place::Ansible => one("twscan-tune.yml", host::ansible(&values)),
        Place::Docker => one("docker-run.sh", container::docker(&values)),
        Place::Compose => one("compose.override.yaml", container::compose(&values)),
        Place::Kubernetes => one("pod.yaml", container::kubernetes(&values, options)),
        Place::Systemd => one("/etc/systemd/system/twscan-tune.service", host::systemd(&values)),
        Place::Shell => one("twscan-tune.sh", host::shell(&values)),
    }
}
