use crate::tuning::Key;

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

pub(super) type Values = [(Key, String)];

pub(super) const SYSCTL_D: &str = "/etc/sysctl.d/99-twscan.conf";
pub(super) const MADE_BY: &str = "# Made by twscan tune export";
/// Containers do not inherit the host's values.
pub(super) const CONTAINER_NOTE: &str =
    "a container's namespace starts from the kernel's defaults, not from the host's values";

/// Every line of a text, indented.
pub(super) fn indented(text: &str, by: usize) -> String {
    let pad = " ".repeat(by);
    text.lines().map(|line| if line.is_empty() { "\n".to_owned() } else { format!("{pad}{line}\n") }).collect()
}
