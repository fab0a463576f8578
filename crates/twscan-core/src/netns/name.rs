use std::fmt;

use crate::procfs::owner::Cgroup;

/// What a network namespace is called, by what is known of it: the best there is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NetnsName {
    /// The one that the kernel booted with.
    Host,
    /// Somebody's name for it: that of its file in a [run directory](super::RUN_DIRECTORIES), or the path of another
    /// file that stands for it.
    File(String),
    /// The container whose processes live in it, by its whole id.
    Container(String),
    /// The systemd unit whose processes live in it.
    Unit(String),
    /// A process that lives in it, and how many do.
    Process {
        /// The process's name.
        name: String,
        /// How many processes live in it.
        processes: usize,
    },
    /// Nothing is known but its inode, if that.
    Inode(Option<u64>),
}

impl NetnsName {
    /// The container's id, where it is called by one.
    #[must_use]
    pub fn container(&self) -> Option<&str> {
        match self {
            Self::Container(id) => Some(id),
            _ => None,
        }
    }

    /// By the cgroup of a process in it: the container, else the unit. A login session is neither.
    #[cfg_attr(not(feature = "live"), allow(dead_code, reason = "only a live host has namespaces to name"))]
    pub(super) fn of_cgroup(cgroup: &Cgroup) -> Option<Self> {
        if let Some(id) = cgroup.container() {
            return Some(Self::Container(id.to_owned()));
        }
        let of_a_person = |unit: &str| unit.starts_with("session-") || unit.starts_with("user@");
        cgroup.unit().filter(|unit| !of_a_person(unit)).map(|unit| Self::Unit(unit.to_owned()))
    }

    /// Whether a program made up this file's name: then what lives in the namespace tells more.
    #[cfg_attr(not(feature = "live"), allow(dead_code, reason = "only a live host has namespaces to name"))]
    pub(super) fn is_made_up(file_name: &str) -> bool {
        // The container network interface, Podman, CRI-O, Docker: a prefix or nothing, then a UUID or hexadecimal digits.
        let id = ["cni-", "netns-"].iter().find_map(|prefix| file_name.strip_prefix(prefix)).unwrap_or(file_name);
        id.len() >= 12 && id.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
    }
}

impl fmt::Display for NetnsName {
    /// A container's id is cut to 12 digits, as its engine's tools do.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host => f.write_str("host"),
            Self::File(name) | Self::Unit(name) => f.write_str(name),
            Self::Container(id) => f.write_str(id.get(..12).unwrap_or(id)),
            Self::Process { name, processes: 0 | 1 } => f.write_str(name),
            Self::Process { name, processes } => write!(f, "{name} (+{})", processes - 1),
            Self::Inode(Some(inode)) => write!(f, "net:[{inode}]"),
            Self::Inode(None) => f.write_str("unknown"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    #[test]
    fn containers_go_before_units_and_sessions_are_nothing() {
        let name = |path: &str| NetnsName::of_cgroup(&Cgroup::parse(&format!("0::{path}\n")).unwrap());
        let docker = name(&format!("/system.slice/docker-{ID}.scope")).unwrap();
        assert_eq!((docker.container(), docker.to_string().as_str()), (Some(ID), "0123456789ab"));
        assert_eq!(name("/system.slice/vpn.service").unwrap().to_string(), "vpn.service");
        assert_eq!(name("/user.slice/user-7.slice/session-3.scope"), None);
        assert_eq!(name("/user.slice/user-7.slice/user@7.service/app.slice"), None);
    }

    #[test]
    fn a_given_name_is_told_from_a_made_up_one() {
        for name in [
            "cni-2f1c0d3e-5a6b-4c7d-8e9f-0a1b2c3d4e5f",
            "netns-2f1c0d3e-5a6b-4c7d-8e9f-0a1b2c3d4e5f",
            "2f1c0d3e-5a6b-4c7d-8e9f-0a1b2c3d4e5f",
            "9d4c3b2a1f0e",
        ] {
            assert!(NetnsName::is_made_up(name), "{name}");
        }
        for name in ["blue", "default", "cni-blue", "qrouter-2f1c0d3e-5a6b-4c7d-8e9f-0a1b2c3d4e5f", "1-ab", "feed"] {
            assert!(!NetnsName::is_made_up(name), "{name}");
        }
    }

    #[test]
    fn processes_are_counted_in_the_name() {
        let name = |processes| NetnsName::Process { name: "nginx".to_owned(), processes }.to_string();
        assert_eq!((name(1).as_str(), name(5).as_str()), ("nginx", "nginx (+4)"));
    }
}
