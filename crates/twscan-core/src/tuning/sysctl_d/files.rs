use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::line::{self, BadLine, Line};
use crate::Error;

/// The contents of the sysctl.d directories and of `/etc/sysctl.conf`.
#[derive(Debug, Clone, Default)]
pub struct BootFiles {
    /// By file name: of files with the same name the directory that comes first has it.
    pub(super) named: BTreeMap<Vec<u8>, BootFile>,
    pub(super) sysctl_conf: Option<BootFile>,
}

#[derive(Debug, Clone)]
pub(super) struct BootFile {
    pub(super) path: PathBuf,
    pub(super) lines: Vec<Line>,
}

impl BootFiles {
    /// Reads the files below `root`, `/` for those of this host. The paths they are reported by are as below `/`.
    ///
    /// # Errors
    /// [`Error::ReadFile`] where a directory or file is there and cannot be read.
    pub fn read(root: &Path) -> Result<Self, Error> {
        let mut files = Self::default();
        for directory in DIRECTORIES {
            for name in names(&below(root, Path::new(directory)))? {
                let path = Path::new(directory).join(&name);
                let key = name.into_encoded_bytes();
                if !files.named.contains_key(&key)
                    && let Some(file) = read_file(root, path)?
                {
                    files.named.insert(key, file);
                }
            }
        }
        files.sysctl_conf = read_file(root, PathBuf::from(SYSCTL_CONF))?;
        Ok(files)
    }

    /// Lines that no loader understands.
    pub fn bad_lines(&self) -> impl Iterator<Item = BadLine> + '_ {
        let conf = self.sysctl_conf.iter().filter(|conf| !self.named.values().any(|file| file.lines == conf.lines));
        self.named.values().chain(conf).flat_map(|file| line::bad_lines(&file.path, &file.lines))
    }
}

/// The file names in a directory that end in `.conf`.
fn names(directory: &Path) -> Result<Vec<std::ffi::OsString>, Error> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(cause) => return Err(Error::ReadFile { path: directory.to_owned(), cause }),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|cause| Error::ReadFile { path: directory.to_owned(), cause })?;
        if entry.file_name().as_encoded_bytes().ends_with(b".conf") {
            names.push(entry.file_name());
        }
    }
    Ok(names)
}

/// A file's lines: none of a link to `/dev/null`; `None` where there is no such file, or a link leads nowhere.
fn read_file(root: &Path, path: PathBuf) -> Result<Option<BootFile>, Error> {
    let mut real = below(root, &path);
    // A link inside another root leads to what it will be there.
    if let Ok(target) = fs::read_link(&real)
        && target.is_absolute()
        && target != Path::new("/dev/null")
    {
        real = below(root, &target);
    }
    match fs::read(&real) {
        Ok(text) => Ok(Some(BootFile { path, lines: line::parse(&String::from_utf8_lossy(&text)) })),
        Err(cause) if matches!(cause.kind(), io::ErrorKind::NotFound | io::ErrorKind::IsADirectory) => Ok(None),
        Err(cause) => Err(Error::ReadFile { path: real, cause }),
    }
}

fn below(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

/// In the order of precedence of both loaders (sysctl.d(5), procps `PreloadSystem`). Where `/lib` is a link to
/// `/usr/lib`, the last has the same names as the one before.
const DIRECTORIES: [&str; 5] =
    ["/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d", "/lib/sysctl.d"];
const SYSCTL_CONF: &str = "/etc/sysctl.conf";
