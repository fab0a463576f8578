use std::ffi::{OsStr, OsString};
use std::fs::{File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::SystemTime;

use rustix::fs::{AtFlags, FileType, Gid, Mode, OFlags, Stat};
use rustix::io::Errno;
use rustix::process::geteuid;

use super::target::Target;
use super::{Directory, Refusal};

/// A file under a temporary name, which [`keep`](Self::keep) changes to the real one and anything else removes: a reader
/// sees the old file or the new one, also after a power cut.
#[derive(Debug)]
pub struct Draft {
    file: File,
    place: Option<Place>,
}

/// Where the file is to be, and is until then.
#[derive(Debug)]
struct Place {
    directory: Directory,
    name: OsString,
    temporary: OsString,
    has_old: bool,
}

impl Draft {
    /// Begins a file at this path. A link is followed where this user or root made it. An output that the process has open
    /// already, such as `/dev/stdout`, is written as it is.
    ///
    /// The new file has the mode of the old one, where that was this user's, without the bits that let it run as another
    /// user; the owner is whoever writes.
    ///
    /// # Errors
    /// [`Refusal`] of what is no place for a file; what the operating system answers.
    pub fn begin(path: &Path) -> io::Result<Self> {
        match Target::of(path)? {
            Target::Open(file) => Ok(Self { file, place: None }),
            Target::File { directory, name, old } => Self::new(directory, name, old),
        }
    }

    /// Begins a file of this name in this directory. A link is not followed.
    ///
    /// # Errors
    /// As for [`begin`](Self::begin), and [`Refusal::Link`].
    pub fn begin_in(directory: &Directory, name: &OsStr) -> io::Result<Self> {
        let old = directory.stat(name)?;
        if old.is_some_and(|old| FileType::from_raw_mode(old.st_mode) == FileType::Symlink) {
            return Err(Refusal::Link.into());
        }
        Self::new(directory.again()?, name.to_owned(), old)
    }

    /// As [`begin_in`](Self::begin_in), for a file that only this user may read.
    ///
    /// # Errors
    /// As for [`begin_in`](Self::begin_in).
    pub fn begin_private_in(directory: &Directory, name: &OsStr) -> io::Result<Self> {
        let draft = Self::begin_in(directory, name)?;
        draft.set_mode(Mode::RUSR | Mode::WUSR)?;
        Ok(draft)
    }

    fn new(directory: Directory, name: OsString, old: Option<Stat>) -> io::Result<Self> {
        let old = old.map(|old| Old::of(&old, &directory)).transpose()?;
        // Nobody may read the new one who could not read the old one, not even before its mode is set.
        let mode = old.as_ref().and_then(|old| old.mode).map_or(0o666, |mode| mode & 0o600);
        let (file, temporary) = create(&directory, Mode::from_raw_mode(mode))?;
        let draft = Self { file, place: Some(Place { directory, name, temporary, has_old: old.is_some() }) };
        if let Some(Old { mode: Some(mode), group }) = old {
            let kept = rustix::fs::fchown(&draft.file, None, Some(Gid::from_raw(group))).is_ok();
            // Another group is not to have what that one had.
            draft.set_mode(Mode::from_raw_mode(if kept { mode } else { mode & 0o707 }))?;
        }
        Ok(draft)
    }

    /// Whether nobody sees it before it is kept.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        self.place.is_some()
    }

    /// Opens the file whose place it takes, if there is one.
    ///
    /// # Errors
    /// As for [`Directory::open_file`].
    pub fn old(&self) -> io::Result<Option<File>> {
        self.place
            .as_ref()
            .filter(|place| place.has_old)
            .map_or(Ok(None), |place| place.directory.open_file(&place.name))
    }

    /// Lets those read it who may read this file, and no others.
    ///
    /// # Errors
    /// What the operating system answers.
    pub fn take_mode_of(&self, file: &File) -> io::Result<()> {
        self.set_mode(Mode::from_raw_mode(file.metadata()?.permissions().mode() & 0o777))
    }

    /// Cuts off what comes behind this many bytes, where that can still be done.
    ///
    /// # Errors
    /// What the operating system answers.
    pub fn cut(&mut self, len: u64) -> io::Result<()> {
        if self.is_temporary() { self.file.set_len(len) } else { Ok(()) }
    }

    /// Puts the file in its place, on the disk before its name.
    ///
    /// # Errors
    /// What the operating system answers; the old file is there then.
    pub fn keep(mut self) -> io::Result<()> {
        let Some(place) = &self.place else { return Ok(()) };
        self.file.sync_all()?;
        let handle = place.directory.handle();
        rustix::fs::renameat(handle, &place.temporary, handle, &place.name)?;
        let place = self.place.take();
        place.map_or(Ok(()), |place| place.directory.sync())
    }

    fn set_mode(&self, mode: Mode) -> io::Result<()> {
        self.file.set_permissions(Permissions::from_mode(mode.as_raw_mode()))
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
        if let Some(place) = &self.place {
            // There is nothing to be done about a file that cannot be removed either.
            let _ = rustix::fs::unlinkat(place.directory.handle(), &place.temporary, AtFlags::empty());
        }
    }
}

/// What is known of the file whose place is taken.
struct Old {
    /// The bits for reading, writing and executing, where the file was this user's.
    mode: Option<u32>,
    group: u32,
}

impl Old {
    fn of(old: &Stat, directory: &Directory) -> io::Result<Self> {
        match FileType::from_raw_mode(old.st_mode) {
            FileType::RegularFile => {}
            FileType::Directory => return Err(io::ErrorKind::IsADirectory.into()),
            _ => return Err(Refusal::NoFile.into()),
        }
        let is_own = old.st_uid == geteuid().as_raw();
        let above = Mode::from_raw_mode(rustix::fs::fstat(directory.handle())?.st_mode);
        if !is_own && above.contains(Mode::WOTH) {
            return Err(Refusal::ForeignFile.into());
        }
        let mode = Mode::from_raw_mode(old.st_mode) & (Mode::RWXU | Mode::RWXG | Mode::RWXO);
        Ok(Self { mode: is_own.then(|| mode.as_raw_mode()), group: old.st_gid })
    }
}

/// Creates a file that was not there. What others may have left behind, or put there on purpose, is in nobody's way: a
/// process id alone would be the same again and again in a container.
fn create(directory: &Directory, mode: Mode) -> io::Result<(File, OsString)> {
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::WRONLY | OFlags::CLOEXEC;
    let mut last = Errno::EXIST;
    for attempt in 0..ATTEMPTS {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |time| time.as_nanos());
        // No loader of boot files reads a name that ends so, if this is left behind.
        let name = OsString::from(format!(".twscan-{:x}-{:x}.tmp", std::process::id(), now + attempt));
        match rustix::fs::openat(directory.handle(), &name, flags, mode) {
            Ok(file) => return Ok((file.into(), name)),
            Err(Errno::EXIST) => {}
            Err(errno) => {
                last = errno;
                break;
            }
        }
    }
    Err(last.into())
}

const ATTEMPTS: u128 = 64;
