use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Component, Path};

use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;
use rustix::process::geteuid;

use super::Refusal;

/// A handle of a directory: what is done through it is done there, whatever becomes of the directory's name.
#[derive(Debug)]
pub struct Directory {
    handle: OwnedFd,
}

impl Directory {
    /// Opens a directory. Its path is followed as the kernel does.
    ///
    /// # Errors
    /// What the operating system answers.
    pub fn open(path: &Path) -> io::Result<Self> {
        Self::open_at(CWD, path.as_os_str(), OFlags::empty())
    }

    /// Opens a directory, making it and those above it where they are missing.
    ///
    /// # Errors
    /// What the operating system answers.
    pub fn make(path: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(path)?;
        Self::open(path)
    }

    /// Opens a directory that only this user may look into and change, and makes it where it is missing.
    ///
    /// # Errors
    /// [`Refusal::NotPrivate`] of one that is another user's, or that others may write to; what the operating system
    /// answers.
    pub fn make_private(path: &Path) -> io::Result<Self> {
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        match rustix::fs::mkdir(path, Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(errno) => return Err(errno.into()),
        }
        Self::open_private(path)
    }

    /// Opens a directory that only this user may look into and change.
    ///
    /// # Errors
    /// As for [`make_private`](Self::make_private); [`io::ErrorKind::NotFound`] where there is none.
    pub fn open_private(path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let handle = rustix::fs::open(path, flags, Mode::empty())?;
        let stat = rustix::fs::fstat(&handle)?;
        require_own(&stat)?;
        if Mode::from_raw_mode(stat.st_mode).intersects(Mode::RWXG | Mode::RWXO) {
            rustix::fs::fchmod(&handle, Mode::RWXU)?;
        }
        Ok(Self { handle })
    }

    /// Opens a directory below this one, making it and those between where they are missing. Links are refused.
    ///
    /// # Errors
    /// [`Refusal::Link`]; what the operating system answers.
    pub fn make_below(&self, path: &Path) -> io::Result<Self> {
        let mut directory = self.again()?;
        for part in path.components() {
            let name = match part {
                Component::Normal(name) => name,
                Component::CurDir => continue,
                _ => return Err(io::ErrorKind::InvalidInput.into()),
            };
            match rustix::fs::mkdirat(&directory.handle, name, Mode::from_raw_mode(0o777)) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(errno) => return Err(errno.into()),
            }
            directory = Self::open_at(directory.handle.as_fd(), name, OFlags::NOFOLLOW)?;
        }
        Ok(directory)
    }

    /// Opens a file, if there is one. Opening waits for nobody, as it would at a pipe.
    ///
    /// # Errors
    /// [`Refusal::NoFile`], [`Refusal::Link`]; what the operating system answers.
    pub fn open_file(&self, name: &OsStr) -> io::Result<Option<File>> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = match rustix::fs::openat(&self.handle, name, flags, Mode::empty()) {
            Ok(file) => file,
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::LOOP) => return Err(Refusal::Link.into()),
            Err(Errno::NXIO) => return Err(Refusal::NoFile.into()),
            Err(errno) => return Err(errno.into()),
        };
        match FileType::from_raw_mode(rustix::fs::fstat(&file)?.st_mode) {
            FileType::RegularFile => Ok(Some(file.into())),
            FileType::Directory => Err(io::ErrorKind::IsADirectory.into()),
            _ => Err(Refusal::NoFile.into()),
        }
    }

    /// Reads a text of at most so many bytes, if there is one.
    ///
    /// # Errors
    /// As for [`open_file`](Self::open_file); [`Refusal::TooLong`].
    pub fn read(&self, name: &OsStr, max: usize) -> io::Result<Option<String>> {
        self.open_file(name)?.map(|file| read_text(file, max)).transpose()
    }

    /// As [`read`](Self::read), of a file that nobody else can have written.
    ///
    /// # Errors
    /// As for [`read`](Self::read); [`Refusal::NotPrivate`].
    pub fn read_own(&self, name: &OsStr, max: usize) -> io::Result<Option<String>> {
        let Some(file) = self.open_file(name)? else { return Ok(None) };
        let stat = rustix::fs::fstat(&file)?;
        require_own(&stat)?;
        // Another name of it may be in a directory of somebody else's.
        if stat.st_nlink > 1 {
            return Err(Refusal::NotPrivate.into());
        }
        read_text(file, max).map(Some)
    }

    /// Opens a lock file, making it where it is missing.
    #[cfg_attr(not(feature = "tuning"), allow(dead_code, reason = "only what changes parameters locks"))]
    pub(crate) fn lock_file(&self, name: &str) -> io::Result<OwnedFd> {
        let flags = OFlags::CREATE | OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        Ok(rustix::fs::openat(&self.handle, name, flags, Mode::RUSR | Mode::WUSR)?)
    }

    /// Removes a file and lets the disk know.
    ///
    /// # Errors
    /// What the operating system answers.
    pub fn remove(&self, name: &OsStr) -> io::Result<()> {
        rustix::fs::unlinkat(&self.handle, name, AtFlags::empty())?;
        self.sync()
    }

    /// The names of what is in it, in no order.
    ///
    /// # Errors
    /// What the operating system answers.
    pub fn names(&self) -> io::Result<Vec<OsString>> {
        let mut names = Vec::new();
        for entry in Dir::read_from(self.readable()?)? {
            names.push(OsString::from_vec(entry?.file_name().to_bytes().to_vec()));
        }
        names.retain(|name| name != "." && name != "..");
        Ok(names)
    }

    pub(super) fn open_at(parent: BorrowedFd<'_>, path: &OsStr, more: OFlags) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC | more;
        match rustix::fs::openat(parent, path.as_bytes(), flags, Mode::empty()) {
            Ok(handle) => Ok(Self { handle }),
            // What a link gives here that is not followed, as a file does.
            Err(Errno::NOTDIR) if more.contains(OFlags::NOFOLLOW) => Err(Refusal::Link.into()),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Another handle of the same directory.
    pub(super) fn again(&self) -> io::Result<Self> {
        Ok(Self { handle: self.handle.try_clone()? })
    }

    pub(super) fn handle(&self) -> BorrowedFd<'_> {
        self.handle.as_fd()
    }

    /// What is there, not what a link leads to.
    pub(super) fn stat(&self, name: &OsStr) -> io::Result<Option<Stat>> {
        match rustix::fs::statat(&self.handle, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat)),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Lets a new or removed name outlive a power cut. Who may write to a directory may still not read it: then there is no
    /// way to.
    pub(super) fn sync(&self) -> io::Result<()> {
        match self.readable() {
            Ok(directory) => Ok(rustix::fs::fsync(directory)?),
            Err(Errno::ACCESS) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    fn readable(&self) -> Result<OwnedFd, Errno> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        rustix::fs::openat(&self.handle, ".", flags, Mode::empty())
    }
}

/// This user's, and nobody else may write to it.
fn require_own(stat: &Stat) -> io::Result<()> {
    let others_write = Mode::from_raw_mode(stat.st_mode).intersects(Mode::WGRP | Mode::WOTH);
    if stat.st_uid != geteuid().as_raw() || others_write { Err(Refusal::NotPrivate.into()) } else { Ok(()) }
}

fn read_text(file: File, max: usize) -> io::Result<String> {
    let mut text = String::new();
    let limit = u64::try_from(max).unwrap_or(u64::MAX);
    file.take(limit.saturating_add(1)).read_to_string(&mut text)?;
    if text.len() > max { Err(Refusal::TooLong.into()) } else { Ok(text) }
}
