//! Plans as text for the places that configure hosts and containers. Pure.

mod beanstalk;
mod container;
mod host;
mod nginx;

use super::{Key, Plan};

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

/// What the text depends on besides the plan.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Options {
    /// The minor version of Kubernetes 1: decides which parameters a pod may set; `None` for the present list.
    pub kubernetes_minor: Option<u16>,
    /// For Elastic Beanstalk: nginx with a keepalive pool to this port of the application as well.
    pub nginx_to: Option<u16>,
}

impl Options {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// For Kubernetes 1.`minor`.
    #[must_use]
    pub fn kubernetes(self, minor: u16) -> Self {
        Self { kubernetes_minor: Some(minor), ..self }
    }

    /// With nginx's keepalive pool to the application's port.
    #[must_use]
    pub fn with_nginx(self, port: u16) -> Self {
        Self { nginx_to: Some(port), ..self }
    }
}

/// A file of an export.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExportFile {
    /// Where it belongs, from the project's or the host's root.
    pub path: String,
    /// What is in it.
    pub text: String,
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

type Values = [(Key, String)];

const SYSCTL_D: &str = "/etc/sysctl.d/99-twscan.conf";
const MADE_BY: &str = "# Made by twscan tune export";
/// Containers do not inherit the host's values.
const CONTAINER_NOTE: &str = "a container's namespace starts from the kernel's defaults, not from the host's values";

/// Every line of a text, indented.
fn indented(text: &str, by: usize) -> String {
    let pad = " ".repeat(by);
    text.lines().map(|line| if line.is_empty() { "\n".to_owned() } else { format!("{pad}{line}\n") }).collect()
}
