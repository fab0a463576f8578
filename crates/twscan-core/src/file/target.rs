use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;

use rustix::fd::OwnedFd;
use rustix::fs::{CWD, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;
use rustix::process::geteuid;

use super::{Directory, Refusal};

/// Where a path leads.
#[derive(Debug)]
pub(super) enum Target {
    /// To what this process has open: a new file in its place would be read by nobody.
    Open(File),
    /// To a name in a directory, and what is known of the file that has it, where there is one.
    File { directory: Directory, name: OsString, old: Option<Stat> },
}

impl Target {
    /// Follows links one by one, each from the directory that it is in, so that what they lead to is replaced and not they.
    /// The kernel follows those above.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        let mut name = OsString::from(path);
        let mut directory = None;
        for _ in 0..MAX_LINKS {
            let path = Path::new(&name);
            let parent = path.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."));
            let from = directory.as_ref().map_or(CWD, Directory::handle);
            let above = Directory::open_at(from, parent.as_os_str(), OFlags::empty())?;
            let Some(last) = path.file_name().map(OsStr::to_owned) else {
                return Err(io::ErrorKind::IsADirectory.into());
            };
            if is_own_files(&above)? {
                return open_already(&above, &last).map(Self::Open);
            }
            let old = above.stat(&last)?;
            let is_link = old.is_some_and(|old| FileType::from_raw_mode(old.st_mode) == FileType::Symlink);
            if !is_link {
                return Ok(Self::File { directory: above, name: last, old });
            }
            name = read_link(&above, &last)?;
            directory = Some(above);
        }
        Err(Errno::LOOP.into())
    }
}

/// What a link holds. Who may write to a directory may have put it there, for whoever writes there next.
fn read_link(directory: &Directory, name: &OsStr) -> io::Result<OsString> {
    // Through a handle, so that the link that is judged is the one that is followed.
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let link: OwnedFd = rustix::fs::openat(directory.handle(), name, flags, Mode::empty())?;
    let stat = rustix::fs::fstat(&link)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::Symlink {
        // It has become something else, which the next look judges.
        return Ok(name.to_owned());
    }
    if stat.st_uid != geteuid().as_raw() && stat.st_uid != 0 {
        return Err(Refusal::ForeignLink.into());
    }
    Ok(OsString::from_vec(rustix::fs::readlinkat(&link, "", Vec::new())?.into_bytes()))
}

/// Whether it is the directory of what this process has open, whichever way that is called.
fn is_own_files(directory: &Directory) -> io::Result<bool> {
    let is = |stat: Stat| (stat.st_dev, stat.st_ino);
    let there = is(rustix::fs::fstat(directory.handle())?);
    let own = ["/proc/self/fd", "/proc/thread-self/fd"].map(|path| rustix::fs::stat(path).ok());
    Ok(own.into_iter().flatten().any(|own| is(own) == there))
}

/// The standard outputs go on where others have come to in them; any other file is opened anew, and what it holds is kept.
fn open_already(directory: &Directory, name: &OsStr) -> io::Result<File> {
    let output = match name.to_str() {
        Some("1") => io::stdout().as_fd().try_clone_to_owned()?,
        Some("2") => io::stderr().as_fd().try_clone_to_owned()?,
        _ => {
            let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::NOCTTY | OFlags::CLOEXEC;
            rustix::fs::openat(directory.handle(), name, flags, Mode::empty())?
        }
    };
    Ok(output.into())
}

/// As many as the kernel follows.
const MAX_LINKS: usize = 40;
