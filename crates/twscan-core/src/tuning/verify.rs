use super::sysctl_d::{BadLine, Boot, BootFiles, Loader};
use super::{Key, Plan};
use crate::procfs::Settings;

/// Live values against what is wanted and against what a boot would set. Pure.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Verification {
    /// The loader that the host boots with; it decides.
    pub loader: Loader,
    /// Each parameter.
    pub settings: Vec<Checked>,
    /// Lines that no loader understands.
    pub bad_lines: Vec<BadLine>,
}

impl Verification {
    /// Compares. With a plan its parameters are looked at, without one all that this kernel has.
    #[must_use]
    pub fn new(live: &Settings, files: &BootFiles, loader: Loader, plan: Option<&Plan>) -> Self {
        let keys: Vec<(Key, Option<String>)> = match plan {
            Some(plan) => plan.values().into_iter().map(|(key, value)| (key, Some(value))).collect(),
            None => Key::ALL.into_iter().filter(|key| key.value_in(live).is_some()).map(|key| (key, None)).collect(),
        };
        let floor = live.unprivileged_port_start.unwrap_or(1024);
        let settings = keys.into_iter().map(|(key, wanted)| Checked::new(key, live, wanted, files, loader, floor));
        Self { loader, settings: settings.collect(), bad_lines: files.bad_lines().collect() }
    }

    /// Whether any parameter is not as it should be.
    #[must_use]
    pub fn drifted(&self) -> bool {
        self.settings.iter().any(|setting| setting.status != Status::Ok)
    }
}

/// A parameter, live and after a boot.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Checked {
    /// The parameter.
    pub key: Key,
    /// Its value now; `None` where this kernel has no such parameter.
    pub live: Option<String>,
    /// The value wanted; `None` where nothing was asked for.
    pub wanted: Option<String>,
    /// What the host's loader makes of it at boot.
    pub boot: Boot,
    /// What the other loader would make of it.
    pub other: (Loader, Boot),
    /// How it stands.
    pub status: Status,
}

/// How a parameter stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Status {
    /// As wanted, now and after a boot; where nothing is wanted, the same now as after a boot.
    Ok,
    /// This kernel or namespace has no such parameter.
    Absent,
    /// Not as wanted now, and as wanted after a boot.
    Live,
    /// As wanted now, but no file sets it: the next boot loses it.
    LostAtBoot,
    /// As wanted now, but a file sets something else at the next boot.
    Boot,
    /// Wanted neither now nor after a boot.
    Both,
}

impl Status {
    /// The name in the documents: `lost-at-boot`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Absent => "absent",
            Self::Live => "drift-live",
            Self::LostAtBoot => "lost-at-boot",
            Self::Boot => "drift-boot",
            Self::Both => "drift-both",
        }
    }
}

impl Checked {
    fn new(key: Key, live: &Settings, wanted: Option<String>, files: &BootFiles, loader: Loader, floor: u16) -> Self {
        let other = if loader == Loader::Systemd { Loader::Procps } else { Loader::Systemd };
        let boot = files.boot(loader, key, floor);
        let live = key.value_in(live);
        let status = status(live.as_ref(), wanted.as_ref(), &boot);
        Self { key, live, wanted, boot, other: (other, files.boot(other, key, floor)), status }
    }

    /// Whether the two loaders make different values of it.
    #[must_use]
    pub fn loaders_differ(&self) -> bool {
        self.boot.value != self.other.1.value
    }
}

fn status(live: Option<&String>, wanted: Option<&String>, boot: &Boot) -> Status {
    let Some(live) = live else { return Status::Absent };
    // Where the default is the machine's and no file sets it, a boot brings what is there now.
    let after = boot.value.as_ref();
    match wanted {
        None if after.is_none_or(|after| after == live) => Status::Ok,
        None if boot.winner.is_none() => Status::LostAtBoot,
        None => Status::Live,
        Some(wanted) => match (live == wanted, after == Some(wanted)) {
            (true, true) => Status::Ok,
            (false, true) => Status::Live,
            (true, false) if boot.winner.is_none() => Status::LostAtBoot,
            (true, false) => Status::Boot,
            (false, false) => Status::Both,
        },
    }
}
