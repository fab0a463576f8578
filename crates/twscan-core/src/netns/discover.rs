use std::path::{Path, PathBuf};

use super::survey::{Entry, NamedFile, Survey};
use super::{NetnsName, NetnsRef, Others, RUN_DIRECTORIES, Surroundings};
use crate::Error;
use crate::procfs::ProcFs;
use crate::procfs::owner::{Cgroup, Stat};

/// Looks for the network namespaces of a host.
#[derive(Debug)]
pub struct Discovery<'p> {
    procfs: &'p ProcFs,
    run_directories: Vec<PathBuf>,
}

impl<'p> Discovery<'p> {
    /// A search through this `/proc` and the usual [run directories](RUN_DIRECTORIES).
    #[must_use]
    pub fn new(procfs: &'p ProcFs) -> Self {
        Self { procfs, run_directories: RUN_DIRECTORIES.map(PathBuf::from).to_vec() }
    }

    /// Looks for files in these directories instead.
    #[must_use]
    pub fn run_directories(mut self, directories: impl IntoIterator<Item = PathBuf>) -> Self {
        self.run_directories = directories.into_iter().collect();
        self
    }

    /// Finds the namespaces: those that a process lives in by its main thread, and those that a file in a run directory
    /// or a mount stands for. One that is only held open by a process, or that only a thread lives in, is not found.
    ///
    /// # Errors
    /// [`Error::ReadFile`] where `/proc` cannot be listed.
    pub fn find(&self) -> Result<Namespaces, Error> {
        let survey = Survey::take(self.procfs, &self.run_directories)?;
        let others = others_of(&survey);
        let name = |place, entry: &Entry| name_of(self.procfs, entry, survey.host == Some(place));
        let mut list: Vec<_> = (survey.entries.iter().enumerate())
            .map(|(place, entry)| Namespace {
                name: name(place, entry),
                entry: entry.clone(),
                current: survey.current == Some(place),
            })
            .collect();
        if list.is_empty() {
            // A /proc that shows nobody does not show the reader either, who is in one all the same.
            list.push(Namespace { name: NetnsName::Inode(None), entry: Entry::default(), current: true });
        }
        list.sort_by_key(|namespace| (!namespace.current, namespace.entry.inode, namespace.pid()));
        Ok(Namespaces {
            procfs: self.procfs.clone(),
            list,
            others,
            unreadable: survey.unreadable,
            unlisted: survey.unlisted,
        })
    }
}

/// The network namespaces of a host, each once: the reader's own first.
#[derive(Debug, Clone)]
pub struct Namespaces {
    pub(super) procfs: ProcFs,
    pub(super) list: Vec<Namespace>,
    others: Others,
    unreadable: usize,
    unlisted: Vec<PathBuf>,
}

impl Namespaces {
    /// Finds them, as [`Discovery`] does with its usual directories.
    ///
    /// # Errors
    /// As for [`Discovery::find`].
    pub fn discover(procfs: &ProcFs) -> Result<Self, Error> {
        Discovery::new(procfs).find()
    }

    /// The namespaces.
    ///
    /// Without the privilege to trace every process, a namespace may be listed twice: by its file and by its processes.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Namespace> {
        self.list.iter()
    }

    /// How many are listed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there is none: never, since the reader is in one, whatever `/proc` shows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// How many there are besides the reader's own.
    #[must_use]
    pub fn others(&self) -> Others {
        self.others
    }

    /// Processes whose namespace could not be looked at. The kernel's own threads are not counted.
    #[must_use]
    pub fn unreadable(&self) -> usize {
        self.unreadable
    }

    /// Run directories that are there and could not be listed.
    #[must_use]
    pub fn unlisted(&self) -> &[PathBuf] {
        &self.unlisted
    }
}

/// A network namespace of the host.
#[derive(Debug, Clone)]
pub struct Namespace {
    name: NetnsName,
    pub(super) entry: Entry,
    current: bool,
}

impl Namespace {
    /// The best name there is.
    #[must_use]
    pub fn name(&self) -> &NetnsName {
        &self.name
    }

    /// The inode of `/proc/PID/ns/net`; `None` where the reader may not see it.
    #[must_use]
    pub fn inode(&self) -> Option<u64> {
        self.entry.inode
    }

    /// How many processes live in it, as far as the reader sees.
    #[must_use]
    pub fn processes(&self) -> usize {
        self.entry.processes
    }

    /// A process that lives in it, to name it by.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.entry.pids.first().copied()
    }

    /// A file that stands for it.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        self.entry.files.first().map(|file| file.path.as_path())
    }

    /// What [`NetnsRef::parse`] takes for it: the name or path of a file, else a process id.
    #[must_use]
    pub fn reference(&self) -> Option<String> {
        let name = |file: &NamedFile| match NetnsRef::parse(&file.name) {
            Ok(NetnsRef::Name(name)) if RUN_DIRECTORIES.iter().any(|directory| file.path.starts_with(directory)) => {
                name
            }
            _ => file.path.display().to_string(),
        };
        let file = self.entry.files.first().map(name);
        file.or_else(|| self.pid().map(|pid| pid.to_string()))
    }

    /// Whether the reader was in it.
    #[must_use]
    pub fn is_current(&self) -> bool {
        self.current
    }
}

impl Surroundings {
    /// Of this thread. It takes a link read for each process of the host.
    ///
    /// # Errors
    /// As for [`Discovery::find`].
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
    Others::new(survey.others(), survey.hidden || survey.unreadable > 0 || !survey.unlisted.is_empty())
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
