use std::ffi::OsString;
use std::path::PathBuf;

use super::survey::{Entry, NamedFile, Survey};
use super::{Namespace, NetnsName, Others, RUN_DIRECTORIES, Surroundings};
use crate::Error;
use crate::procfs::ProcFs;
use crate::procfs::owner::{Cgroup, Stat};

/// The network namespaces of a running host, each once: the reader's own first, then by their inodes.
#[derive(Debug)]
pub(crate) struct Discovery {
    pub(crate) list: Vec<(Namespace, Entry)>,
    pub(crate) others: Others,
    /// Processes whose namespace could not be looked at. The kernel's own threads are not counted.
    pub(crate) unreadable: usize,
}

impl Discovery {
    /// Finds those that a process lives in by its main thread, and those that a file in a run directory or a mount stands
    /// for. One that is only held open by a process, or that only a thread lives in, is not found.
    pub(crate) fn new(procfs: &ProcFs, run_directories: &[PathBuf]) -> Result<Self, Error> {
        let survey = Survey::take(procfs, run_directories)?;
        let others = others_of(&survey);
        let namespace = |(place, entry): (usize, &Entry)| Namespace {
            name: name_of(procfs, entry, survey.host == Some(place)),
            inode: entry.inode,
            reference: reference_of(entry),
            is_current: survey.current == Some(place),
        };
        let mut list: Vec<_> = survey.entries.iter().enumerate().map(|one| (namespace(one), one.1.clone())).collect();
        if list.is_empty() {
            // A /proc that shows nobody does not show the reader either, who is in one all the same.
            let own = Namespace { name: NetnsName::Inode(None), inode: None, reference: None, is_current: true };
            list.push((own, Entry::default()));
        }
        list.sort_by_key(|(namespace, entry)| (!namespace.is_current, namespace.inode, entry.pids.first().copied()));
        Ok(Self { list, others, unreadable: survey.unreadable })
    }
}

impl Surroundings {
    /// Of this thread. It takes a link read for each process of the host.
    ///
    /// # Errors
    /// [`Error::ReadFile`] where `/proc` cannot be listed.
    pub fn of_thread(procfs: &ProcFs) -> Result<Self, Error> {
        let survey = Survey::take(procfs, &RUN_DIRECTORIES.map(PathBuf::from))?;
        let name = if procfs.is_initial_netns() {
            Some(NetnsName::Host)
        } else {
            let own = survey.current.and_then(|place| survey.entries.get(place));
            own.map(|entry| name_of(procfs, entry, false))
        };
        Ok(Self::new(name, others_of(&survey)))
    }
}

fn others_of(survey: &Survey) -> Others {
    Others::new(survey.others(), survey.hidden || survey.unreadable > 0 || survey.unlisted)
}

/// The name or path of a file, else a process id.
fn reference_of(entry: &Entry) -> Option<OsString> {
    let process = || entry.pids.first().map(|pid| pid.to_string().into());
    entry.files.first().map(NamedFile::reference).or_else(process)
}

/// A name that somebody gave goes first, then what lives there, then a made-up name.
fn name_of(procfs: &ProcFs, entry: &Entry, is_host: bool) -> NetnsName {
    let file = |made_up| {
        let named = |file: &&NamedFile| file.made_up == made_up;
        entry.files.iter().find(named).map(|file| NetnsName::File(file.name.clone()))
    };
    if is_host {
        return NetnsName::Host;
    }
    file(false).or_else(|| resident(procfs, entry)).or_else(|| file(true)).unwrap_or(NetnsName::Inode(entry.inode))
}

fn resident(procfs: &ProcFs, entry: &Entry) -> Option<NetnsName> {
    let processes: Vec<_> = (entry.pids.iter())
        .filter_map(|pid| Some((*pid, Stat::parse(&procfs.read(&format!("{pid}/stat")).ok()??)?.name)))
        .collect();
    // The process that only keeps a pod's namespaces tells less than the pod's own.
    let (pid, name) = processes.iter().find(|(_, name)| name != "pause").or(processes.first())?;
    let cgroup = procfs.read(&format!("{pid}/cgroup")).ok().flatten().and_then(|text| Cgroup::parse(&text));
    let by_cgroup = cgroup.and_then(|cgroup| NetnsName::of_cgroup(&cgroup));
    Some(by_cgroup.unwrap_or_else(|| NetnsName::Process { name: name.clone(), processes: entry.processes }))
}
