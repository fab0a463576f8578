//! From cgroup ids to processes: the id that sock_diag gives is the inode of the cgroup's directory (kernel 5.8 and later).

use std::collections::VecDeque;
use std::fs;
use std::os::unix::fs::{DirEntryExt, MetadataExt};
use std::path::{Path, PathBuf};

use crate::procfs::ProcFs;

/// The processes that are in these cgroups now, sorted; `None` where the cgroups cannot all be found.
///
/// `ids` are sorted. A process may have left the cgroup that it made its sockets in: the caller has to see whether every
/// socket is found.
pub(super) fn processes_in(procfs: &ProcFs, ids: &[u64]) -> Option<Vec<u32>> {
    let mount = procfs.mounts().into_iter().find(|mount| mount.kind == "cgroup2")?.point;
    let mut pids = Vec::new();
    for directory in directories(&mount, ids)? {
        // A threaded cgroup refuses (EOPNOTSUPP), and the whole hint with it.
        let text = fs::read_to_string(directory.join("cgroup.procs")).ok()?;
        // A process of another pid namespace is shown as 0.
        pids.extend(text.lines().filter_map(|line| line.parse::<u32>().ok()).filter(|pid| *pid != 0));
    }
    pids.sort_unstable();
    pids.dedup();
    Some(pids)
}

/// The directories with these inodes; `None` where one is missing.
fn directories(mount: &Path, ids: &[u64]) -> Option<Vec<PathBuf>> {
    let mut missing: Vec<u64> = ids.to_vec();
    let mut found = Vec::new();
    let mut take = |inode: u64, path: &Path| {
        if let Ok(place) = missing.binary_search(&inode) {
            missing.remove(place);
            found.push(path.to_owned());
        }
        missing.is_empty()
    };
    if take(fs::metadata(mount).ok()?.ino(), mount) {
        return Some(found);
    }
    let mut queue = VecDeque::from([mount.to_owned()]);
    let mut visited = 0;
    while let Some(directory) = queue.pop_front() {
        visited += 1;
        if visited > MAX_DIRECTORIES {
            return None;
        }
        // A cgroup that is removed meanwhile is no loss, and neither is one that may not be listed.
        let Ok(entries) = fs::read_dir(&directory) else { continue };
        for entry in entries.filter_map(Result::ok) {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                let path = entry.path();
                if take(entry.ino(), &path) {
                    return Some(found);
                }
                queue.push_back(path);
            }
        }
    }
    None
}

/// Beyond this many cgroups the search costs more than reading every process.
const MAX_DIRECTORIES: usize = 5000;
