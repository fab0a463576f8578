use super::anonymize::Anonymizer;
use super::container::Section;
use crate::procfs::owner::{Cgroup, Coverage, Owners, Process, Wanted, printable};
use crate::wire::NO_UID;

/// Which process had which socket open. It stays packed until somebody asks.
#[derive(Debug, Clone, Default)]
pub(super) struct StoredOwners {
    sections: Vec<Section>,
}

impl StoredOwners {
    pub(super) fn pack(owners: Owners, anonymizer: Option<&Anonymizer>) -> Self {
        let coverage = owners.coverage;
        let (mut raw, mut sections) = (head(&coverage), Vec::new());
        for (mut process, inodes) in owners.into_found() {
            if let Some(anonymizer) = anonymizer {
                anonymizer.process(&mut process);
            }
            for some in inodes.chunks(MOST_INODES) {
                let entry = encode(&process, some);
                if raw.len() + entry.len() > CHUNK {
                    sections.push(Section::pack(OWNERS, &raw));
                    raw = head(&coverage);
                }
                raw.extend_from_slice(&entry);
            }
        }
        sections.push(Section::pack(OWNERS, &raw));
        Self { sections }
    }

    /// Takes a section that was read, once it has proved whole.
    pub(super) fn add(&mut self, section: &Section) -> Result<(), &'static str> {
        let raw = section.unpack()?;
        decode(&raw, |_, _| ()).ok_or(BROKEN)?;
        self.sections.push(section.clone());
        Ok(())
    }

    /// The owners of these sockets. How many processes were read is told as it was when all were looked for.
    pub(super) fn find(&self, wanted: &Wanted) -> Owners {
        if wanted.is_empty() {
            return Owners::default();
        }
        let mut found: Vec<(Process, Vec<u32>)> = Vec::new();
        let mut coverage = Coverage::default();
        for raw in self.sections.iter().filter_map(|section| section.unpack().ok()) {
            let read = decode(&raw, |process, inodes| {
                let inodes = inodes.filter(|inode| wanted.contains(*inode)).collect::<Vec<_>>();
                match found.last_mut() {
                    _ if inodes.is_empty() => {}
                    // One with many sockets goes on in the next entry.
                    Some((last, more)) if *last == process => more.extend(inodes),
                    _ => found.push((process, inodes)),
                }
            });
            coverage = read.unwrap_or(coverage);
        }
        Owners::new(found, coverage)
    }

    pub(super) fn sections(&self) -> &[Section] {
        &self.sections
    }
}

/// Processes read, processes unreadable, then whether some are hidden (1) and whether cgroups led to all (2).
fn head(coverage: &Coverage) -> Vec<u8> {
    let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes();
    let flags = u8::from(coverage.hidden) | u8::from(coverage.pruned) << 1;
    [&count(coverage.read)[..], &count(coverage.unreadable), &[flags]].concat()
}

/// Numbers, then texts with their lengths (16 bits), then the inodes with their count.
fn encode(process: &Process, inodes: &[u32]) -> Vec<u8> {
    let mut bytes =
        [&process.pid.to_le_bytes()[..], &process.started.to_le_bytes(), &process.uid.unwrap_or(NO_UID).to_le_bytes()]
            .concat();
    let user = process.user.as_deref().unwrap_or_default();
    for text in [process.name.as_str(), user, process.cgroup.as_ref().map_or("", Cgroup::path)] {
        let text = text.as_bytes().get(..MOST_TEXT).unwrap_or(text.as_bytes());
        bytes.extend_from_slice(&u16::try_from(text.len()).unwrap_or_default().to_le_bytes());
        bytes.extend_from_slice(text);
    }
    bytes.extend_from_slice(&u32::try_from(inodes.len()).unwrap_or_default().to_le_bytes());
    bytes.extend(inodes.iter().flat_map(|inode| inode.to_le_bytes()));
    bytes
}

/// Shows each process with its sockets; `None` where the bytes contradict themselves.
fn decode(raw: &[u8], mut show: impl FnMut(Process, &mut dyn Iterator<Item = u32>)) -> Option<Coverage> {
    let mut rest = Bytes(raw);
    let (read, unreadable) = (rest.u32()? as usize, rest.u32()? as usize);
    let [flags] = rest.array()?;
    while !rest.0.is_empty() {
        let (pid, started, uid) = (rest.u32()?, u64::from_le_bytes(rest.array()?), rest.u32()?);
        let (name, user, cgroup) = (rest.text()?, rest.text()?, rest.text()?);
        let cgroup = (!cgroup.is_empty()).then(|| Cgroup::of_path(&cgroup));
        let count = rest.u32()? as usize;
        let inodes = rest.take(count.checked_mul(4)?)?;
        let uid = Some(uid).filter(|uid| *uid != NO_UID);
        let user = Some(user).filter(|user| !user.is_empty());
        let process = Process { pid, started, name, uid, user, cgroup };
        show(process, &mut inodes.chunks_exact(4).filter_map(|inode| Some(u32::from_le_bytes(*inode.first_chunk()?))));
    }
    Some(Coverage { read, unreadable, hidden: flags & 1 != 0, pruned: flags & 2 != 0 })
}

struct Bytes<'b>(&'b [u8]);

impl<'b> Bytes<'b> {
    fn take(&mut self, len: usize) -> Option<&'b [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.first_chunk().copied()
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    /// Names come from processes, and a terminal must not obey them.
    fn text(&mut self) -> Option<String> {
        let len = u16::from_le_bytes(self.array()?);
        Some(printable(&String::from_utf8_lossy(self.take(len.into())?)))
    }
}

/// Processes and their sockets.
pub(super) const OWNERS: [u8; 4] = *b"OWNR";

const BROKEN: &str = "a list of processes is broken";

/// A section is packed when it has grown this long; an entry is shorter.
const CHUNK: usize = 512 * 1024;
const MOST_INODES: usize = 64 * 1024;
/// PATH_MAX: no cgroup's path is longer.
const MOST_TEXT: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    fn process(pid: u32, cgroup: Option<&str>) -> Process {
        let cgroup = cgroup.map(Cgroup::of_path);
        Process {
            pid,
            started: u64::from(pid) * 7,
            name: format!("p{pid}"),
            uid: Some(33),
            user: Some("www-data".to_owned()),
            cgroup,
        }
    }

    fn read(stored: &StoredOwners) -> StoredOwners {
        let mut read = StoredOwners::default();
        stored.sections().iter().for_each(|section| read.add(section).unwrap());
        read
    }

    #[test]
    fn owners_come_back_whole_however_many_sockets_they_have() {
        let many: Vec<u32> = (1000..401_000).collect();
        let coverage = Coverage { read: 9, unreadable: 2, hidden: true, pruned: false };
        let found = [(process(7, Some("/system.slice/web.service")), many.clone()), (process(8, None), vec![1000, 5])];
        let stored = read(&StoredOwners::pack(Owners::new(found, coverage), None));
        assert!(stored.sections().len() > 2);
        let all: Wanted = many.iter().chain(&[5]).map(|inode| (*inode, None)).collect();
        let owners = stored.find(&all);
        assert_eq!(owners.processes(), [process(7, Some("/system.slice/web.service")), process(8, None)]);
        assert_eq!((*owners.coverage(), owners.unowned(&all)), (coverage, 0));
        assert_eq!(owners.of(1000).map(|process| process.pid).collect::<Vec<_>>(), [7, 8]);

        let one = stored.find(&[(5, None)].into_iter().collect());
        assert_eq!(
            (one.processes(), one.of(1000).count()),
            (&[process(8, None)][..], 0),
            "only who has what is wanted"
        );
        assert_eq!(stored.find(&Wanted::new()).coverage(), &Coverage::default());
    }

    #[test]
    fn no_owners_found_is_not_the_same_as_none_recorded() {
        let stored = read(&StoredOwners::pack(Owners::default(), None));
        assert_eq!(stored.sections().len(), 1);
        assert_eq!(stored.find(&[(5, None)].into_iter().collect()).processes(), []);
    }

    #[test]
    fn lists_cut_anywhere_are_broken_and_names_are_harmless() {
        let mut escape = process(7, Some("/a\u{1b}[2J"));
        escape.name = "x\u{1b}[2J".to_owned();
        let stored = StoredOwners::pack(Owners::new([(escape, vec![1, 2])], Coverage::default()), None);
        let owners = stored.find(&[(1, None)].into_iter().collect());
        assert_eq!(owners.processes()[0].name, "x\u{fffd}[2J");
        let raw = stored.sections()[0].unpack().unwrap();
        for cut in (0..raw.len()).filter(|cut| *cut != HEAD_LEN) {
            assert_eq!(StoredOwners::default().add(&Section::pack(OWNERS, &raw[..cut])), Err(BROKEN), "cut at {cut}");
        }
    }

    const HEAD_LEN: usize = 9;
}
