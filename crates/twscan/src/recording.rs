//! Opening recordings, and writing them so that there is a whole file or none.

use std::ffi::OsStr;
use std::fs::{File, Metadata};
use std::io::{self, BufReader, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use twscan_core::capture::{Absent, Recording};
use twscan_core::procfs::TwReuse;

use crate::args::SupplyArgs;
use crate::failure::Failure;

/// Reads a recording, and says on standard error what of it cannot be read.
pub(crate) fn open(name: &str, args: &SupplyArgs) -> Result<Recording, Failure> {
    supply(read(name)?, args)
}

/// Reads recordings to compare: what is supplied is for those that lack it.
pub(crate) fn open_all(names: &[&str], args: &SupplyArgs) -> Result<Vec<Recording>, Failure> {
    let recordings = names.iter().map(|name| read(name)).collect::<Result<Vec<_>, _>>()?;
    let all_have = recordings.iter().all(Recording::has_parameters);
    let supplied = recordings
        .into_iter()
        .map(|recording| if all_have || !recording.has_parameters() { supply(recording, args) } else { Ok(recording) });
    supplied.collect()
}

/// One network namespace of a recording.
pub(crate) fn of_netns(recording: Recording, netns: &str) -> Result<Recording, Failure> {
    let name = recording.name().to_owned();
    recording.of_netns(netns).map_err(|error| Failure::Recording(name, error))
}

fn read(name: &str) -> Result<Recording, Failure> {
    let failed = |error| Failure::Recording(name.to_owned(), error);
    let recording = if name == "-" {
        Recording::read(io::stdin().lock(), name).map_err(failed)?
    } else {
        let no_file = |error| Failure::File(name.to_owned(), error);
        let file = File::open(name).map_err(no_file)?;
        match file.metadata().and_then(|metadata| metadata.modified()) {
            Ok(written) => Recording::read_written(BufReader::new(file), name, written).map_err(failed)?,
            Err(_) => Recording::read(BufReader::new(file), name).map_err(failed)?,
        }
    };
    if let Some(missing) = recording.missing() {
        writeln!(io::stderr(), "warning: {name}: {missing}")?;
    }
    Ok(recording)
}

fn supply(recording: Recording, args: &SupplyArgs) -> Result<Recording, Failure> {
    let tw_reuse = match args.tw_reuse {
        None => None,
        Some(value) => Some(
            TwReuse::from_value(&value.to_string())
                .ok_or_else(|| Failure::Usage(format!("'{value}' is no tcp_tw_reuse; write 0, 1 or 2")))?,
        ),
    };
    let mut absent = Absent::default();
    (absent.range, absent.reserved, absent.tw_reuse) = (args.range, args.reserved.clone(), tw_reuse);
    let name = recording.name().to_owned();
    recording.supply(&absent).map_err(|error| Failure::Recording(name, error))
}

/// A file under a temporary name, which [`keep`](Self::keep) changes to the real one and anything else removes.
#[derive(Debug)]
pub(crate) struct Draft {
    file: File,
    temporary: Option<PathBuf>,
    target: PathBuf,
}

impl Draft {
    pub(crate) fn new(target: &str) -> Result<Self, Failure> {
        let failed = |error| Failure::File(target.to_owned(), error);
        let (path, old) = match destination(Path::new(target)).map_err(failed)? {
            Destination::AsItIs(file) => return Ok(Self { file, temporary: None, target: target.into() }),
            Destination::Replaced(path, old) => (path, old),
        };
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.twcap.tmp", std::process::id()));
        let temporary = path.with_file_name(name);
        let mut options = File::options();
        options.write(true).create_new(true);
        if let Some(old) = &old {
            // Nobody may read the new one who could not read the old one, not even before its mode is set.
            options.mode(old.mode() & 0o600);
        }
        let file = options.open(&temporary).map_err(failed)?;
        let draft = Self { file, temporary: Some(temporary), target: path };
        if let Some(old) = old {
            // Only root may give a file away, and to anybody else it is his own.
            let _ = std::os::unix::fs::fchown(&draft.file, Some(old.uid()), Some(old.gid()));
            draft.file.set_permissions(old.permissions()).map_err(failed)?;
        }
        Ok(draft)
    }

    /// Whether nobody sees it before it is kept.
    pub(crate) fn is_temporary(&self) -> bool {
        self.temporary.is_some()
    }

    /// Cuts off what comes behind this many bytes, where that can still be done.
    pub(crate) fn cut(&mut self, len: u64) -> Result<(), Failure> {
        let failed = |error| Failure::File(self.target.display().to_string(), error);
        if self.is_temporary() { self.file.set_len(len).map_err(failed) } else { Ok(()) }
    }

    pub(crate) fn keep(mut self) -> Result<(), Failure> {
        let failed = |error| Failure::File(self.target.display().to_string(), error);
        if let Some(temporary) = &self.temporary {
            self.file.sync_all().map_err(failed)?;
            std::fs::rename(temporary, &self.target).map_err(failed)?;
        }
        self.temporary = None;
        Ok(())
    }
}

impl Write for Draft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if let Some(temporary) = &self.temporary {
            // There is nothing to be done about a file that cannot be removed either.
            let _ = std::fs::remove_file(temporary);
        }
    }
}

/// Where a path leads.
enum Destination {
    /// To a device, a pipe, or a file that is open already: a new file in its place would be read by nobody.
    AsItIs(File),
    /// To a file that a new one may replace, and what is known of the old one, where there is one.
    Replaced(PathBuf, Option<Metadata>),
}

/// Follows symbolic links, so that what they lead to is replaced and not they.
fn destination(path: &Path) -> io::Result<Destination> {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        let directory = match path.parent() {
            Some(parent) if parent != Path::new("") => parent.canonicalize()?,
            _ => Path::new(".").canonicalize()?,
        };
        let Some(name) = path.file_name() else { break };
        // What /dev/stdout and its likes lead to: links to what a process has open, whatever has become of its name.
        if directory.starts_with("/proc") {
            return open_as_it_is(&directory, name).map(Destination::AsItIs);
        }
        path = directory.join(name);
        match path.symlink_metadata() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Destination::Replaced(path, None)),
            Err(error) => return Err(error),
            Ok(metadata) if metadata.is_symlink() => path = directory.join(path.read_link()?),
            Ok(metadata) if metadata.is_file() => return Ok(Destination::Replaced(path, Some(metadata))),
            Ok(_) => break,
        }
    }
    // A directory, or links without an end: opening says what is wrong with it.
    File::options().write(true).open(&path).map(Destination::AsItIs)
}

/// A file below `/proc`. The output of this process goes on where others have come to in it; any other file is opened
/// anew, and what it holds is kept.
fn open_as_it_is(directory: &Path, name: &OsStr) -> io::Result<File> {
    let is_own = directory == Path::new("/proc").join(std::process::id().to_string()).join("fd");
    let output = match name.to_str().filter(|_| is_own) {
        Some("1") => Some(io::stdout().as_fd().try_clone_to_owned()?),
        Some("2") => Some(io::stderr().as_fd().try_clone_to_owned()?),
        _ => None,
    };
    output.map_or_else(|| File::options().append(true).open(directory.join(name)), |output| Ok(output.into()))
}

/// As many as the kernel follows.
const MOST_LINKS: usize = 40;
