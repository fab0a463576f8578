use std::fmt;
use std::path::{Path, PathBuf};

use super::files::{BootFile, BootFiles};
use super::glob::{is_pattern, matches};
use super::line::Says;
use crate::tuning::Key;

/// What sets parameters at boot. Both take the files by name, the later one winning, and differ in the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Loader {
    /// `systemd-sysctl`: does not read `/etc/sysctl.conf` (unless something in a directory is a link to it); writes only
    /// the last value of a key, so that a value that the kernel refuses leaves the default; `-key` takes a key out that was
    /// set before it; names beginning with a dot are left out.
    Systemd,
    /// `sysctl --system` of procps: reads `/etc/sysctl.conf` last; writes every value in turn, so that the last one that
    /// the kernel takes stands.
    Procps,
}

impl Loader {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Systemd, Self::Procps];

    /// The name: `systemd`, `procps`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Systemd => "systemd",
            Self::Procps => "procps",
        }
    }

    /// The one that the host below `root` boots with: systemd-sysctl where systemd is.
    #[must_use]
    pub fn of_host(root: &Path) -> Self {
        let systemd = ["run/systemd/system", "usr/lib/systemd/systemd", "lib/systemd/systemd"];
        if systemd.iter().any(|path| root.join(path).exists()) { Self::Systemd } else { Self::Procps }
    }
}

/// A line that sets a parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Place {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// The value as it stands there.
    pub value: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.line)
    }
}

/// What a boot makes of a parameter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Boot {
    /// The value; the kernel's default where no file sets it; `None` where that is unknown.
    pub value: Option<String>,
    /// The line that sets it; `None` where the default stands.
    pub winner: Option<Place>,
    /// Lines that set it to no effect, because another wins.
    pub overridden: Vec<Place>,
    /// Lines whose value the kernel refuses, and why.
    pub rejected: Vec<(Place, String)>,
}

impl BootFiles {
    /// What this loader makes of a parameter at boot. `floor` is `ip_unprivileged_port_start`.
    #[must_use]
    pub fn boot(&self, loader: Loader, key: Key, floor: u16) -> Boot {
        let path = key.path();
        let entries = self.entries(loader);
        let named = entries.iter().any(|entry| entry.key == path);
        let touching =
            |entry: &&Entry| if is_pattern(&entry.key) { matches(&entry.key, &path) } else { entry.key == path };
        let mut boot = Boot { value: key.kernel_default().map(str::to_owned), ..Boot::default() };
        let touching: Vec<&Entry> = entries.iter().filter(touching).collect();
        // systemd keeps the last of equal keys, at its place; a pattern yields to an explicit key wherever that stands.
        let dropped = |at: usize, entry: &Entry| {
            let later = touching.iter().skip(at + 1).any(|later| later.key == entry.key);
            (loader == Loader::Systemd && later) || (named && is_pattern(&entry.key))
        };
        for (at, entry) in touching.iter().enumerate() {
            let Some(place) = &entry.place else { continue };
            if dropped(at, entry) {
                boot.overridden.push(place.clone());
                continue;
            }
            match key.accept(&place.value, boot.value.as_deref(), floor) {
                Ok(value) => {
                    boot.overridden.extend(boot.winner.replace(place.clone()));
                    boot.value = Some(value);
                }
                Err(_) if place.value.starts_with(['"', '\'']) => {
                    boot.rejected.push((place.clone(), "quotes are part of the value, leave them out".to_owned()));
                }
                Err(refused) => boot.rejected.push((place.clone(), refused.to_string())),
            }
        }
        boot
    }

    /// Every assignment and exclusion in the order of reading.
    fn entries(&self, loader: Loader) -> Vec<Entry> {
        let hidden = |name: &[u8]| loader == Loader::Systemd && name.starts_with(b".");
        let named = self.named.iter().filter(|(name, _)| !hidden(name)).map(|(_, file)| file);
        let conf = self.sysctl_conf.iter().filter(|_| loader == Loader::Procps);
        let mut entries: Vec<Entry> = Vec::new();
        for file in named.chain(conf) {
            for entry in of_file(file) {
                // systemd leaves the same value of the same key where it was first.
                let last = entries.iter().rev().find(|earlier| earlier.key == entry.key);
                let repeated = last.is_some_and(|last| last.value() == entry.value());
                if !(loader == Loader::Systemd && repeated) {
                    entries.push(entry);
                }
            }
        }
        entries
    }
}

/// A key and where it is set; no place where it is excluded.
struct Entry {
    key: String,
    place: Option<Place>,
}

impl Entry {
    fn value(&self) -> Option<&str> {
        self.place.as_ref().map(|place| place.value.as_str())
    }
}

fn of_file(file: &BootFile) -> impl Iterator<Item = Entry> + '_ {
    file.lines.iter().filter_map(|line| match &line.text {
        Says::Set { key, value } => {
            let place = Place { file: file.path.clone(), line: line.number, value: value.clone() };
            Some(Entry { key: key.clone(), place: Some(place) })
        }
        Says::Exclude { key } => Some(Entry { key: key.clone(), place: None }),
        Says::Nothing { .. } => None,
    })
}
