use super::{NetnsName, Others};

/// The network namespace that a reader is in, or was in when it recorded, and what there is besides it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Surroundings {
    /// `host`, or a file's, a container's or a unit's name; `None` where there is none of them.
    pub name: Option<NetnsName>,
    /// How many other network namespaces there are.
    pub others: Others,
}

impl Surroundings {
    /// A name that was made up of a process or the inode is none.
    #[cfg_attr(not(any(feature = "live", feature = "capture")), allow(dead_code, reason = "nobody looks around"))]
    pub(crate) fn new(name: Option<NetnsName>, others: Others) -> Self {
        let name = name.filter(|name| !matches!(name, NetnsName::Process { .. } | NetnsName::Inode(_)));
        Self { name, others }
    }
}
