use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

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

/// Replaces a file in one step: a reader sees the old content or the new, also after a power cut.
///
/// # Errors
/// What the operating system answered; the old content is there then.
pub fn write_atomically(path: &Path, content: &str) -> io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_string_lossy();
    // No loader reads a name that ends so, if this is left behind.
    let draft = directory.join(format!(".{name}.{}.tmp", std::process::id()));
    let written = || {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o644).open(&draft)?;
        file.write_all(content.as_bytes())?;
        if let Ok(before) = fs::metadata(path) {
            file.set_permissions(before.permissions())?;
        }
        file.sync_all()?;
        fs::rename(&draft, path)?;
        File::open(directory)?.sync_all()
    };
    written().inspect_err(|_| drop(fs::remove_file(&draft)))
}
