use std::mem::MaybeUninit;
use std::path::PathBuf;

use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{Mode, OFlags, RawDir, openat, readlinkat_raw};
use rustix::io::Errno;

use super::{Coverage, Owners, Process, Users, Wanted, prune};
use crate::Error;
use crate::procfs::ProcFs;

/// Looks for the processes that have sockets open.
///
/// Where each socket's cgroup came with the dump, the processes of those cgroups are read first, and if every socket is
/// found there the others are not looked at. The scan never stops within a cgroup or within `/proc`, so that a socket
/// that a process and its child share gives both. What pruning can miss is a second owner in a cgroup other than the one
/// the socket was made in, while the first is still in it. The usual such case, a service manager that hands its sockets
/// on, is seen: a socket that only process 1 has makes the scan go on to the rest. For the other cases there is
/// [`every_process`](Self::every_process).
#[derive(Debug)]
pub struct OwnerScan<'p> {
    procfs: &'p ProcFs,
    passwd: PathBuf,
    every_process: bool,
}

impl<'p> OwnerScan<'p> {
    /// A scan of this `/proc`, with users named by `/etc/passwd`.
    #[must_use]
    pub fn new(procfs: &'p ProcFs) -> Self {
        Self { procfs, passwd: PathBuf::from("/etc/passwd"), every_process: false }
    }

    /// Names users by this file of the form of `/etc/passwd`.
    #[must_use]
    pub fn passwd(mut self, path: impl Into<PathBuf>) -> Self {
        self.passwd = path.into();
        self
    }

    /// Reads every process, whatever the cgroups say.
    #[must_use]
    pub fn every_process(mut self) -> Self {
        self.every_process = true;
        self
    }

    /// Finds the owners. Nothing is read where nothing is wanted.
    ///
    /// Processes that end meanwhile are left out; those that may not be read are counted in [`Coverage`].
    ///
    /// # Errors
    /// [`Error::ReadFile`] where `/proc` itself cannot be listed.
    pub fn find(&self, wanted: &Wanted) -> Result<Owners, Error> {
        if wanted.is_empty() {
            return Ok(Owners::default());
        }
        let root = self.procfs.path("");
        let cannot_read = |errno: Errno| Error::ReadFile { path: root.clone(), cause: errno.into() };
        let directory = rustix::fs::open(&root, DIRECTORY, Mode::empty()).map_err(cannot_read)?;
        let users = std::fs::read(&self.passwd).unwrap_or_default();
        let users = Users::parse(&String::from_utf8_lossy(&users));
        let mut pass = Pass::new(self.procfs, directory, wanted, &users);

        let mut first = Vec::new();
        if !self.every_process
            && let Some(pids) = wanted.cgroups().and_then(|cgroups| prune::processes_in(self.procfs, &cgroups))
        {
            pass.read(&pids);
            if pass.has_all() {
                pass.coverage.pruned = true;
                return Ok(pass.finish());
            }
            first = pids;
        }
        let mut pids = self.procfs.pids()?;
        pass.coverage.hidden = pids.first() != Some(&1);
        pids.retain(|pid| first.binary_search(pid).is_err());
        pass.read(&pids);
        Ok(pass.finish())
    }
}

/// One pass, with buffers that are used again for each process.
struct Pass<'a> {
    procfs: &'a ProcFs,
    directory: OwnedFd,
    wanted: &'a Wanted,
    users: &'a Users,
    entries: Vec<u8>,
    found: Vec<(Process, Vec<u32>)>,
    coverage: Coverage,
}

impl<'a> Pass<'a> {
    fn new(procfs: &'a ProcFs, directory: OwnedFd, wanted: &'a Wanted, users: &'a Users) -> Self {
        let entries = Vec::with_capacity(ENTRIES_LEN);
        Self { procfs, directory, wanted, users, entries, found: Vec::new(), coverage: Coverage::default() }
    }

    fn read(&mut self, pids: &[u32]) {
        for pid in pids {
            match self.read_process(*pid) {
                Ok(()) => self.coverage.read += 1,
                Err(Errno::ACCESS | Errno::PERM) if !self.procfs.is_kernel_thread(*pid) => {
                    self.coverage.unreadable += 1;
                }
                // It has ended, as processes do.
                Err(_) => {}
            }
        }
    }

    fn read_process(&mut self, pid: u32) -> Result<(), Errno> {
        let files = openat(&self.directory, format!("{pid}/fd"), DIRECTORY, Mode::empty())?;
        let mut inodes = Vec::new();
        let mut refused = false;
        let mut entries = RawDir::new(&files, self.entries.spare_capacity_mut());
        while let Some(entry) = entries.next() {
            match socket_inode(files.as_fd(), entry?.file_name()) {
                Ok(Some(inode)) if self.wanted.contains(inode) => inodes.push(inode),
                // Of a process with more rights the list may be read, and yet not what is in it.
                Err(Errno::ACCESS | Errno::PERM) => refused = true,
                // Another file, or one that was closed meanwhile.
                _ => {}
            }
        }
        if !inodes.is_empty() {
            inodes.sort_unstable();
            inodes.dedup();
            // Through the open directory, so that it is the same process even if the id is given to another.
            let text = |name: &str| read_at(files.as_fd(), &format!("../{name}"));
            let (stat, status) = (text("stat")?, text("status")?);
            let cgroup = text("cgroup").unwrap_or_default();
            if let Some(process) = Process::parse(pid, &stat, &status, &cgroup, self.users) {
                self.found.push((process, inodes));
            }
        }
        if refused { Err(Errno::ACCESS) } else { Ok(()) }
    }

    /// Whether each wanted socket has an owner that may be the only one.
    fn has_all(&self) -> bool {
        let mut found: Vec<u32> =
            self.found.iter().filter(|(process, _)| process.pid != 1).flat_map(|(_, inodes)| inodes).copied().collect();
        found.sort_unstable();
        found.dedup();
        found.len() == self.wanted.len()
    }

    fn finish(mut self) -> Owners {
        self.found.sort_unstable_by_key(|(process, _)| process.pid);
        Owners::new(self.found, self.coverage)
    }
}

/// The inode of the socket that this entry of `/proc/PID/fd` is a link to; `None` where it is another file.
fn socket_inode(directory: BorrowedFd<'_>, name: &std::ffi::CStr) -> Result<Option<u32>, Errno> {
    let mut buffer = [MaybeUninit::<u8>::uninit(); LINK_LEN];
    let link = match readlinkat_raw(directory, name, &mut buffer) {
        Ok((link, _)) => link,
        // `.` and `..` are no links.
        Err(Errno::INVAL) => return Ok(None),
        Err(errno) => return Err(errno),
    };
    let digits = link.strip_prefix(b"socket:[").and_then(|rest| rest.strip_suffix(b"]"));
    Ok(digits.and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok()))
}

/// The text of a small file.
fn read_at(directory: BorrowedFd<'_>, name: &str) -> Result<String, Errno> {
    let file = openat(directory, name, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    let mut text = Vec::with_capacity(TEXT_LEN);
    while rustix::io::read(&file, rustix::buffer::spare_capacity(&mut text))? > 0 {
        text.reserve(TEXT_LEN);
    }
    Ok(String::from_utf8_lossy(&text).into_owned())
}

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// Some 1300 entries of `/proc/PID/fd` (24 bytes each) in one call.
const ENTRIES_LEN: usize = 32 * 1024;

/// `socket:[4294967295]` and some; what is longer is cut, and is no socket.
const LINK_LEN: usize = 32;

/// `stat` and `status` are shorter.
const TEXT_LEN: usize = 2048;

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt, symlink};
    use std::path::Path;

    use super::*;

    const PID_STAT: &str = "S 1 7 7 0 -1 0 9 0 0 0 1 2 0 0 20 0 1 0 4711 1 2";

    /// A tree of the shape of `/proc`.
    struct Tree {
        dir: tempfile::TempDir,
    }

    impl Tree {
        fn new() -> Self {
            Self { dir: tempfile::tempdir().unwrap() }
        }

        fn process(&self, pid: u32, name: &str, links: &[&str]) {
            let process = self.dir.path().join(pid.to_string());
            fs::create_dir_all(process.join("fd")).unwrap();
            for (fd, link) in links.iter().enumerate() {
                symlink(link, process.join("fd").join(fd.to_string())).unwrap();
            }
            fs::write(process.join("stat"), format!("{pid} ({name}) {PID_STAT}")).unwrap();
            fs::write(process.join("status"), "Name:\tx\nUid:\t33\t33\t33\t33\n").unwrap();
            fs::write(process.join("cgroup"), format!("0::/{name}\n")).unwrap();
        }

        /// Cgroups with their processes; gives the ids of the cgroups.
        fn cgroups(&self, cgroups: &[(&str, &str)]) -> Vec<u64> {
            let mount = self.dir.path().join("cgroup mount");
            let inode = |path: &Path| fs::metadata(path).unwrap().ino();
            let mut ids = Vec::new();
            for (path, pids) in cgroups {
                fs::create_dir_all(mount.join(path)).unwrap();
                fs::write(mount.join(path).join("cgroup.procs"), pids).unwrap();
                ids.push(inode(&mount.join(path)));
            }
            let point = mount.to_str().unwrap().replace(' ', "\\040");
            fs::create_dir_all(self.dir.path().join("thread-self")).unwrap();
            fs::write(
                self.dir.path().join("thread-self/mountinfo"),
                format!("41 31 0:38 / {point} rw - cgroup2 cgroup2 rw\n"),
            )
            .unwrap();
            ids
        }

        fn find(&self, wanted: &[(u32, Option<u64>)]) -> Owners {
            let procfs = ProcFs::new(self.dir.path());
            OwnerScan::new(&procfs).passwd("/nonexistent").find(&wanted.iter().copied().collect()).unwrap()
        }
    }

    fn pids(owners: &Owners, inode: u32) -> Vec<u32> {
        owners.of(inode).map(|process| process.pid).collect()
    }

    #[test]
    fn every_process_with_a_wanted_socket_is_an_owner() {
        let tree = Tree::new();
        tree.process(7, "parent", &["/dev/null", "socket:[123]", "pipe:[124]"]);
        tree.process(
            8,
            "child",
            &["socket:[123]", "socket:[123]", "socket:[125]", "socket:[x]", "socket:[99999999999]"],
        );
        tree.process(9, "other", &["anon_inode:[eventpoll]"]);
        let owners = tree.find(&[(123, None), (124, None), (125, Some(4)), (126, None)]);
        assert_eq!((pids(&owners, 123), pids(&owners, 125)), (vec![7, 8], vec![8]));
        assert_eq!((pids(&owners, 124), pids(&owners, 126)), (vec![], vec![]));
        let child = &owners.processes()[1];
        assert_eq!((child.name.as_str(), child.started, child.user.as_deref()), ("child", 4711, Some("33")));
        assert_eq!(child.cgroup.as_ref().unwrap().path(), "/child");
        assert_eq!((owners.coverage().read, owners.coverage().unreadable), (3, 0));
        assert!(owners.coverage().hidden, "this tree has no process 1");
    }

    #[test]
    fn nothing_is_read_where_nothing_is_wanted() {
        let owners = OwnerScan::new(&ProcFs::new("/nonexistent")).find(&Wanted::new()).unwrap();
        assert!(owners.processes().is_empty());
    }

    #[test]
    fn a_process_that_ends_meanwhile_is_left_out() {
        let tree = Tree::new();
        tree.process(7, "web", &["socket:[123]"]);
        tree.process(8, "gone", &["socket:[123]", "socket:[124]"]);
        fs::remove_file(tree.dir.path().join("8/stat")).unwrap();
        fs::create_dir(tree.dir.path().join("9")).unwrap();
        let owners = tree.find(&[(123, None), (124, None)]);
        assert_eq!((pids(&owners, 123), pids(&owners, 124)), (vec![7], vec![]));
        assert_eq!((owners.coverage().read, owners.coverage().unreadable), (1, 0));
    }

    #[test]
    fn the_cgroups_of_the_sockets_narrow_the_processes() {
        let tree = Tree::new();
        tree.process(1, "init", &[]);
        tree.process(7, "web", &["socket:[123]"]);
        tree.process(8, "worker", &["socket:[123]", "socket:[124]"]);
        tree.process(9, "elsewhere", &["socket:[125]"]);
        let ids = tree.cgroups(&[("a.slice/web.service", "7\n8\n0\n"), ("b.slice", "9\n")]);
        let owners = tree.find(&[(123, Some(ids[0])), (124, Some(ids[0]))]);
        assert_eq!((pids(&owners, 123), pids(&owners, 124)), (vec![7, 8], vec![8]));
        assert_eq!((owners.coverage().read, owners.coverage().pruned), (2, true));

        let moved = tree.find(&[(123, Some(ids[0])), (125, Some(ids[0]))]);
        assert_eq!((pids(&moved, 125), moved.coverage().read), (vec![9], 4), "found though it left its cgroup");
        let unknown = tree.find(&[(123, Some(ids[0])), (124, None)]);
        assert_eq!((unknown.coverage().read, unknown.coverage().pruned), (4, false));
        let removed = tree.find(&[(123, Some(u64::MAX))]);
        assert_eq!((pids(&removed, 123), removed.coverage().read), (vec![7, 8], 4));
    }

    #[test]
    fn what_only_the_service_manager_has_may_have_been_handed_on() {
        let tree = Tree::new();
        tree.process(1, "systemd", &["socket:[123]"]);
        tree.process(7, "activated", &["socket:[123]"]);
        let ids = tree.cgroups(&[("init.scope", "1\n"), ("web.service", "7\n")]);
        let owners = tree.find(&[(123, Some(ids[0]))]);
        assert_eq!((pids(&owners, 123), owners.coverage().pruned), (vec![1, 7], false));
    }
}
