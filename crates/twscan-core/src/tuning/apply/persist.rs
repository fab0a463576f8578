use std::ffi::OsStr;
use std::io::{self, Write};
use std::path::Path;

use crate::file::{Directory, Draft};
use crate::tuning::Key;

/// The file that `--persist` writes, below the root.
pub const PERSISTED: &str = "/etc/sysctl.d/99-twscan.conf";

/// The text of the boot file: these values, and of the file that was there the parameters that are not among them.
#[must_use]
pub fn persisted_text(values: &[(Key, String)], before: Option<&str>) -> String {
    let mut text = String::from("# Written by twscan tune apply --persist; twscan tune undo takes it back.\n");
    let mut kept: Vec<(Key, String)> = Vec::new();
    for line in before.into_iter().flat_map(str::lines) {
        let Some((key, value)) = line.split_once('=') else { continue };
        let known = Key::from_name(key.trim()).filter(|key| values.iter().all(|(other, _)| other != key));
        kept.extend(known.map(|key| (key, value.trim().to_owned())));
    }
    kept.extend(values.iter().cloned());
    kept.sort_by_key(|(key, _)| *key);
    for (key, value) in kept {
        text.push_str(&format!("{key} = {value}\n"));
    }
    text
}

/// The boot file's text, if there is one.
///
/// # Errors
/// [`Refusal`](crate::file::Refusal) of what is no file; what the operating system answers.
pub fn read_boot_file(path: &Path) -> io::Result<Option<String>> {
    let (parent, name) = parts(path)?;
    match Directory::open(parent) {
        Ok(directory) => directory.read(name, MAX_BOOT_FILE),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(cause),
    }
}

/// Whether [`persisted_text`] made this text, line for line: what else stands in a file of its name is somebody else's.
#[must_use]
pub fn is_persisted_text(text: &str) -> bool {
    persisted_text(&[], Some(text)) == text
}

pub(super) fn write_boot_file(path: &Path, text: &str) -> io::Result<()> {
    let (parent, name) = parts(path)?;
    let mut draft = Draft::begin_in(&Directory::make(parent)?, name)?;
    draft.write_all(text.as_bytes())?;
    draft.keep()
}

/// Puts an old text back; where there was none the file is removed.
pub(super) fn put_back_boot_file(path: &Path, text: Option<&str>) -> io::Result<()> {
    let (parent, name) = parts(path)?;
    match text {
        Some(text) => write_boot_file(path, text),
        None => Directory::open(parent)?.remove(name),
    }
}

fn parts(path: &Path) -> io::Result<(&Path, &OsStr)> {
    path.parent().zip(path.file_name()).ok_or_else(|| io::ErrorKind::InvalidInput.into())
}

/// Longer than what anybody writes there.
const MAX_BOOT_FILE: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_it_writes_itself_is_its_own() {
        let values = [(Key::TwReuse, "1".to_owned()), (Key::ReservedPorts, String::new())];
        let text = persisted_text(&values, Some("net.ipv4.ip_local_port_range = 1024 65535\n"));
        assert!(is_persisted_text(&text), "{text}");
        for other in
            ["", "net.ipv4.tcp_tw_reuse = 1\n", &format!("{text}vm.swappiness = 1\n"), &format!("{text}# by hand\n")]
        {
            assert!(!is_persisted_text(other), "{other}");
        }
    }
}
