//! The pass that finds a host's network namespaces.
//!
//! `/proc/PID/ns/net` names a process's namespace by its inode, to those who may trace the process. To others the inode
//! of `/proc/PID/net/sockstat` tells namespaces apart as well: each has a `/proc/net` of its own, whose files are
//! numbered once (fs/proc/generic.c, `proc_alloc_inum`).

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::mem::MaybeUninit;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, readlinkat_raw};

use super::{NetnsName, NetnsRef, RUN_DIRECTORIES};
use crate::Error;
use crate::procfs::{ProcFs, has_ended};

/// Every namespace that was found, each once.
#[derive(Debug, Default)]
pub(super) struct Survey {
    pub(super) entries: Vec<Entry>,
    /// The reader's own.
    pub(super) current: Option<usize>,
    /// The one that the kernel booted with.
    pub(super) host: Option<usize>,
    /// Processes of which neither number could be read.
    pub(super) unreadable: usize,
    /// Whether a run directory is there and could not be listed.
    pub(super) unlisted: bool,
    /// Whether there may be processes that `/proc` does not show.
    pub(super) hidden: bool,
    by_inode: HashMap<u64, usize>,
    by_sockstat: HashMap<u64, usize>,
}

/// A namespace, by any of its numbers.
#[derive(Debug, Default, Clone)]
pub(crate) struct Entry {
    pub(super) inode: Option<u64>,
    pub(super) sockstat: Option<u64>,
    /// Some of the processes that live in it, the lowest ids first.
    pub(super) pids: Vec<u32>,
    pub(super) processes: usize,
    pub(super) files: Vec<NamedFile>,
}

/// A file that stands for a namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NamedFile {
    pub(super) path: PathBuf,
    pub(super) name: String,
    pub(super) made_up: bool,
}

impl Survey {
    pub(super) fn take(procfs: &ProcFs, run_directories: &[PathBuf]) -> Result<Self, Error> {
        let mut survey = Self::default();
        if let Ok(inode) = netns_inode(procfs, "thread-self") {
            let current = survey.place(Some(inode), sockstat_inode(procfs, "thread-self").ok());
            survey.current = Some(current);
            survey.host = procfs.is_initial_netns().then_some(current);
        }
        let pids = procfs.pids()?;
        // Process 1 is always there, and kthreadd is process 2 of the kernel's own pid namespace.
        survey.hidden = pids.first() != Some(&1) || !procfs.is_kernel_thread(2);
        for pid in pids {
            survey.add_process(procfs, pid);
        }
        survey.add_files(procfs, run_directories);
        Ok(survey)
    }

    fn add_process(&mut self, procfs: &ProcFs, pid: u32) {
        let task = pid.to_string();
        let place = match netns_inode(procfs, &task) {
            Ok(inode) => match self.by_inode.get(&inode) {
                Some(place) => *place,
                None => self.place(Some(inode), sockstat_inode(procfs, &task).ok()),
            },
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => match sockstat_inode(procfs, &task) {
                Ok(sockstat) => self.place(None, Some(sockstat)),
                Err(_) => {
                    self.unreadable += usize::from(!procfs.is_kernel_thread(pid));
                    return;
                }
            },
            Err(error) if has_ended(&error) => return,
            Err(_) => {
                self.unreadable += 1;
                return;
            }
        };
        if pid == 2 && self.host.is_none() && procfs.is_kernel_thread(pid) {
            self.host = Some(place);
        }
        if let Some(entry) = self.entries.get_mut(place) {
            entry.processes += 1;
            if entry.pids.len() < KEPT_PIDS {
                entry.pids.push(pid);
            }
        }
    }

    /// Files in the run directories, symbolic links among them, and what is mounted elsewhere.
    fn add_files(&mut self, procfs: &ProcFs, run_directories: &[PathBuf]) {
        let Ok(nsfs) = fs::metadata(procfs.path("thread-self/ns/net")).map(|metadata| metadata.dev()) else { return };
        let mut listed = Vec::new();
        for directory in run_directories {
            // /var/run is /run, on most hosts.
            let real = match fs::canonicalize(directory) {
                Ok(real) if listed.contains(&real) => continue,
                Ok(real) => real,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(_) => {
                    self.unlisted = true;
                    continue;
                }
            };
            match fs::read_dir(&real) {
                Ok(entries) => {
                    let mut paths: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
                    paths.sort_unstable();
                    for path in paths {
                        match fs::metadata(&path) {
                            Ok(metadata) if metadata.dev() == nsfs => self.add_file(metadata.ino(), path, true),
                            // What is left of a namespace that is no more, or no namespace at all.
                            _ => {}
                        }
                    }
                }
                Err(_) => self.unlisted = true,
            }
            listed.push(real);
        }
        for mount in procfs.mounts() {
            if let Some(inode) = inode_of_link(mount.root.as_bytes()).filter(|_| mount.kind == "nsfs") {
                let in_run_directory =
                    mount.point.parent().is_some_and(|parent| listed.iter().any(|dir| dir == parent));
                self.add_file(inode, mount.point, in_run_directory);
            }
        }
    }

    fn add_file(&mut self, inode: u64, path: PathBuf, in_run_directory: bool) {
        let place = self.place(Some(inode), None);
        let file = NamedFile::new(path, in_run_directory);
        if let Some(entry) = self.entries.get_mut(place)
            && !entry.files.iter().any(|known| known.path == file.path)
        {
            entry.files.push(file);
        }
    }

    /// The entry with one of these numbers, new where there is none.
    fn place(&mut self, inode: Option<u64>, sockstat: Option<u64>) -> usize {
        let by_inode = inode.and_then(|inode| self.by_inode.get(&inode));
        let known = by_inode.or_else(|| sockstat.and_then(|sockstat| self.by_sockstat.get(&sockstat))).copied();
        let place = known.unwrap_or_else(|| {
            self.entries.push(Entry::default());
            self.entries.len() - 1
        });
        if let Some(entry) = self.entries.get_mut(place) {
            entry.inode = entry.inode.or(inode);
            entry.sockstat = entry.sockstat.or(sockstat);
        }
        self.by_inode.extend(inode.map(|inode| (inode, place)));
        self.by_sockstat.extend(sockstat.map(|sockstat| (sockstat, place)));
        place
    }

    /// How many namespaces there are besides the reader's own, at the least.
    ///
    /// A namespace known by a file alone and one known by a process alone, whose link may not be read, may be the same.
    pub(super) fn others(&self) -> usize {
        let others = self.entries.iter().enumerate().filter(|(place, _)| Some(*place) != self.current);
        let (mut sure, mut by_file, mut by_process) = (0, 0, 0);
        for (_, entry) in others {
            match (entry.inode, entry.sockstat) {
                (None, _) => by_process += 1,
                (Some(_), None) => by_file += 1,
                _ => sure += 1,
            }
        }
        sure + by_file.max(by_process)
    }
}

impl NamedFile {
    fn new(path: PathBuf, in_run_directory: bool) -> Self {
        let file_name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        match file_name.filter(|_| in_run_directory) {
            Some(name) => Self { made_up: NetnsName::is_made_up(&name), path, name },
            None => Self { name: path.display().to_string(), path, made_up: false },
        }
    }

    /// What leads there: its name in a run directory, unless another file of that name is found first, else its path.
    pub(super) fn reference(&self) -> OsString {
        let leads_here = |name: &OsString| {
            let mut called = RUN_DIRECTORIES.iter().map(|directory| Path::new(directory).join(name));
            called.find(|path| *path == self.path || path.exists()).is_some_and(|path| path == self.path)
        };
        match self.path.file_name().map(NetnsRef::parse) {
            Some(Ok(NetnsRef::Name(name))) if leads_here(&name) => name,
            _ => self.path.clone().into(),
        }
    }
}

/// The number in `net:[4026532205]`.
fn inode_of_link(link: &[u8]) -> Option<u64> {
    std::str::from_utf8(link.strip_prefix(b"net:[")?.strip_suffix(b"]")?).ok()?.parse().ok()
}

fn netns_inode(procfs: &ProcFs, task: &str) -> io::Result<u64> {
    // Once for each process of the host: the standard library would allocate three times for it.
    let mut buffer = [MaybeUninit::uninit(); 64];
    let (link, _) = readlinkat_raw(CWD, procfs.path(&format!("{task}/ns/net")), &mut buffer)?;
    inode_of_link(link).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

pub(super) fn sockstat_inode(procfs: &ProcFs, task: &str) -> io::Result<u64> {
    fs::metadata(procfs.path(task).join(Path::new("net/sockstat"))).map(|metadata| metadata.ino())
}

/// The first one is to enter by, the others where it has ended meanwhile or has little to tell.
const KEPT_PIDS: usize = 4;

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;

    use super::*;

    /// Processes with their namespaces, in a tree of the shape of `/proc`.
    fn tree(processes: &[(u32, &str)]) -> tempfile::TempDir {
        let tree = tempfile::tempdir().unwrap();
        for (pid, link) in processes {
            let ns = tree.path().join(pid.to_string()).join("ns");
            fs::create_dir_all(&ns).unwrap();
            symlink(link, ns.join("net")).unwrap();
        }
        tree
    }

    #[test]
    fn namespaces_are_told_apart_by_their_inodes() {
        let tree = tree(&[(1, "net:[10]"), (5, "net:[10]"), (6, "net:[11]"), (7, "nonsense"), (8, "net:[11]")]);
        fs::create_dir(tree.path().join("9")).unwrap();
        let survey = Survey::take(&ProcFs::new(tree.path()), &[]).unwrap();
        let seen: Vec<_> = survey.entries.iter().map(|entry| (entry.inode, entry.pids.clone())).collect();
        assert_eq!(seen, [(Some(10), vec![1, 5]), (Some(11), vec![6, 8])]);
        assert_eq!((survey.unreadable, survey.current), (1, None), "nonsense tells nothing");
    }

    #[test]
    fn a_name_leads_to_its_file_and_a_path_where_it_would_not() {
        let reference = |path: &[u8]| NamedFile::new(OsStr::from_bytes(path).into(), true).reference();
        for name in [&b"blue sky"[..], b"--all", b"new\nline\x1b[31m", b"\xff"] {
            assert_eq!(reference(&[b"/run/netns/", name].concat()).as_bytes(), name);
        }
        for path in [&b"/run/netns/4711"[..], b"/elsewhere/blue"] {
            assert_eq!(reference(path).as_bytes(), path, "a name of digits is a process");
        }
    }

    #[test]
    fn one_number_completes_the_other() {
        let mut survey = Survey::default();
        let unreadable = survey.place(None, Some(70));
        assert_eq!(survey.place(Some(10), Some(70)), unreadable);
        assert_eq!(survey.place(Some(10), None), unreadable);
        assert_ne!(survey.place(None, Some(71)), unreadable);
        assert_eq!(survey.entries[unreadable].inode, Some(10));
    }

    #[test]
    fn what_may_be_the_same_namespace_counts_once() {
        let mut survey = Survey::default();
        survey.current = Some(survey.place(Some(10), Some(70)));
        survey.place(Some(11), Some(71));
        assert_eq!(survey.others(), 1);
        for file in [12, 13] {
            survey.place(Some(file), None);
        }
        survey.place(None, Some(72));
        assert_eq!(survey.others(), 3, "the third process may live in either of the two");
    }
}
