//! The list of a host's network namespaces, as text.

use super::container::Section;
use super::namespaces::{Outcome, RecordedNamespaces, RecordedNetns};
use super::netns_name::{kind_and_name, netns_name};
use super::written::DIRECTORY;
use crate::netns::{Namespace, Others};
use crate::procfs::owner::printable;

/// `key=value` lines, then a line of fields between tabs for each namespace.
pub(super) fn pack(namespaces: &RecordedNamespaces) -> Vec<Section> {
    let Others { found, at_least, .. } = namespaces.others;
    let mut text = format!("unreadable={}\nothers={found}\nat_least={at_least}\n", namespaces.unreadable);
    let mut sections = Vec::new();
    for netns in &namespaces.list {
        let line = line(netns);
        if text.len() + line.len() > CHUNK {
            if sections.len() + 1 == MOST_SECTIONS {
                break;
            }
            sections.push(Section::pack(DIRECTORY, text.as_bytes()));
            text.clear();
        }
        text.push_str(&line);
    }
    sections.push(Section::pack(DIRECTORY, text.as_bytes()));
    sections
}

/// The namespaces, without their samples.
pub(super) fn unpack(sections: &[Section]) -> Result<RecordedNamespaces, &'static str> {
    let mut namespaces = RecordedNamespaces { list: Vec::new(), others: Others::new(0, true), unreadable: 0 };
    for section in sections {
        let raw = section.unpack()?;
        for line in std::str::from_utf8(&raw).map_err(|_| BROKEN)?.lines() {
            if line.contains('\t') {
                namespaces.list.push(netns(line).ok_or(BROKEN)?);
            } else if let Some((key, value)) = line.split_once('=') {
                match key {
                    "unreadable" => namespaces.unreadable = value.parse().map_err(|_| BROKEN)?,
                    "others" => namespaces.others.found = value.parse().map_err(|_| BROKEN)?,
                    "at_least" => namespaces.others.at_least = value != "false",
                    // What a later version adds.
                    _ => {}
                }
            }
        }
    }
    Ok(namespaces)
}

/// Whose it is, what came of it, inode, kind of name, name, reference, reason.
fn line(netns: &RecordedNetns) -> String {
    let Namespace { name, inode, reference, is_current } = &netns.namespace;
    let whose = if *is_current { "own" } else { "other" };
    let (outcome, reason) = match &netns.outcome {
        Outcome::Read => ("read", ""),
        Outcome::Idle => ("idle", ""),
        Outcome::Gone => ("gone", ""),
        Outcome::Refused(reason) => ("refused", reason.as_str()),
    };
    let inode = inode.map(|inode| inode.to_string()).unwrap_or_default();
    let (kind, name) = kind_and_name(name);
    let reference = printable(&reference.as_deref().unwrap_or_default().to_string_lossy());
    format!("{whose}\t{outcome}\t{inode}\t{kind}\t{name}\t{reference}\t{}\n", printable(reason))
}

fn netns(line: &str) -> Option<RecordedNetns> {
    let mut fields = line.split('\t').map(printable);
    let mut field = || fields.next();
    let (whose, outcome, inode, kind) = (field()?, field()?, field()?, field()?);
    let (name, reference, reason) = (field()?, field()?, field()?);
    let inode = if inode.is_empty() { None } else { Some(inode.parse().ok()?) };
    let namespace = Namespace {
        name: netns_name(&kind, name, inode)?,
        inode,
        reference: Some(reference).filter(|reference| !reference.is_empty()).map(Into::into),
        is_current: whose == "own",
    };
    Some(RecordedNetns {
        namespace,
        outcome: match outcome.as_str() {
            "read" => Outcome::Read,
            "idle" => Outcome::Idle,
            "gone" => Outcome::Gone,
            _ => Outcome::Refused(reason),
        },
        sample: None,
    })
}

const BROKEN: &str = "a list of network namespaces is broken";

/// A section is packed when it has grown this long; a line is shorter.
const CHUNK: usize = 512 * 1024;
/// Some ten thousand namespaces.
pub(super) const MOST_SECTIONS: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netns::NetnsName;

    fn recorded(name: NetnsName, inode: Option<u64>, outcome: Outcome) -> RecordedNetns {
        let reference = inode.map(|inode| format!("/run/netns/{inode}\n").into());
        let namespace = Namespace { name, inode, reference, is_current: inode == Some(1) };
        RecordedNetns { namespace, outcome, sample: None }
    }

    #[test]
    fn every_name_and_outcome_comes_back() {
        let container = "0123456789abcdef".repeat(4);
        let list = vec![
            recorded(NetnsName::Host, Some(1), Outcome::Idle),
            recorded(NetnsName::File("blue sky".to_owned()), Some(2), Outcome::Read),
            recorded(NetnsName::Container(container.clone()), Some(3), Outcome::Gone),
            recorded(NetnsName::Unit("a.service".to_owned()), None, Outcome::Refused("no\tright".to_owned())),
            recorded(NetnsName::Process { name: "a b".to_owned(), processes: 3 }, Some(5), Outcome::Read),
            recorded(NetnsName::Inode(Some(6)), Some(6), Outcome::Read),
        ];
        let namespaces = RecordedNamespaces { list, others: Others::new(5, false), unreadable: 4 };
        let read = unpack(&pack(&namespaces)).unwrap();
        assert_eq!((read.others, read.unreadable), (Others::new(5, false), 4));
        for (one, other) in namespaces.list.iter().zip(&read.list) {
            let known = |netns: &RecordedNetns| Namespace { reference: None, ..netns.namespace.clone() };
            assert_eq!(known(one), known(other));
        }
        assert_eq!(read.list[1].namespace.reference(), Some("/run/netns/2\u{fffd}".as_ref()));
        assert_eq!(read.list[3].outcome, Outcome::Refused("no\u{fffd}right".to_owned()));
        let place = |text| read.find(text).map(|netns| netns.namespace.inode.unwrap_or(0));
        let calls = ["host", "blue sky", &container, "0123456789ab", "net:[5]", "a b (+2)", "6", "a.service"];
        assert_eq!(calls.map(|text| place(text).unwrap()), [1, 2, 3, 3, 5, 5, 6, 0]);
        let error = place("red").unwrap_err();
        assert!(error.contains("no network namespace \"red\"; there are host, blue sky, 0123456789ab,"), "{error}");
    }

    #[test]
    fn a_long_list_is_split_and_a_broken_one_refused() {
        let netns = recorded(NetnsName::File("n".repeat(200)), Some(7), Outcome::Read);
        let mut namespaces =
            RecordedNamespaces { list: vec![netns; 5000], others: Others::new(4999, false), unreadable: 0 };
        let sections = pack(&namespaces);
        assert_eq!((sections.len(), unpack(&sections).unwrap().list.len()), (3, 5000));
        assert!(unpack(&[sections[0].clone(), Section::pack(DIRECTORY, b"own\tread\tx\n")]).is_err());
        namespaces.list.resize(50_000, namespaces.list[0].clone());
        assert_eq!(pack(&namespaces).len(), MOST_SECTIONS);
    }
}
