//! The name of a network namespace in a recording: its kind and its text.

use crate::netns::NetnsName;
use crate::procfs::owner::printable;

/// How it is called, and what.
pub(super) fn kind_and_name(name: &NetnsName) -> (&'static str, String) {
    match name {
        NetnsName::Host => ("host", String::new()),
        NetnsName::File(name) => ("file", printable(name)),
        NetnsName::Container(id) => ("container", printable(id)),
        NetnsName::Unit(name) => ("unit", printable(name)),
        NetnsName::Process { name, processes } => ("process", format!("{processes} {}", printable(name))),
        NetnsName::Inode(_) => ("inode", String::new()),
    }
}

/// The reverse; what a later version adds is told by the inode.
pub(super) fn netns_name(kind: &str, name: String, inode: Option<u64>) -> Option<NetnsName> {
    Some(match kind {
        "host" => NetnsName::Host,
        "file" => NetnsName::File(name),
        "container" => NetnsName::Container(name),
        "unit" => NetnsName::Unit(name),
        "process" => {
            let (processes, name) = name.split_once(' ')?;
            NetnsName::Process { name: name.to_owned(), processes: processes.parse().ok()? }
        }
        _ => NetnsName::Inode(inode),
    })
}
