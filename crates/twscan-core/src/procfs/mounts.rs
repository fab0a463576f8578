use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

/// A line of `/proc/PID/mountinfo` (fs/proc_namespace.c, `show_mountinfo`).
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mount {
    /// What of the file system is mounted: `net:[4026532205]` for a namespace.
    pub(crate) root: String,
    pub(crate) point: PathBuf,
    /// The file system's type.
    pub(crate) kind: String,
}

impl Mount {
    /// Lines of another form are left out.
    pub(crate) fn parse_all(text: &str) -> Vec<Self> {
        text.lines().filter_map(Self::parse).collect()
    }

    fn parse(line: &str) -> Option<Self> {
        // Optional fields end with a dash of their own; a dash in a path stands between no blanks.
        let (mount, kind) = line.split_once(" - ")?;
        let mut fields = mount.split(' ').skip(3);
        let (root, point) = (fields.next()?, fields.next()?);
        let kind = kind.split(' ').next()?.to_owned();
        Some(Self { root: root.to_owned(), point: PathBuf::from(unescape(point)), kind })
    }
}

/// Blanks, tabs, newlines and backslashes are written as three octal digits (`mangle`).
fn unescape(text: &str) -> OsString {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digits = if *first == b'\\' { after.get(..3).and_then(octal) } else { None };
        match digits {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(3..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    OsString::from_vec(bytes)
}

fn octal(digits: &[u8]) -> Option<u8> {
    u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounts_are_read_with_their_escapes() {
        let mounts = Mount::parse_all(
            "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n\
             77 40 0:4 net:[4026532205] /run/netns/blue\\040sky rw shared:5 master:1 - nsfs nsfs rw\n\
             nonsense\n78 40 0:4\n",
        );
        assert_eq!(mounts.len(), 2);
        assert_eq!((mounts[0].kind.as_str(), mounts[0].root.as_str()), ("cgroup2", "/"));
        assert_eq!(mounts[0].point, PathBuf::from("/sys/fs/cgroup/unified"));
        assert_eq!((mounts[1].kind.as_str(), mounts[1].root.as_str()), ("nsfs", "net:[4026532205]"));
        assert_eq!(mounts[1].point, PathBuf::from("/run/netns/blue sky"));
    }

    #[test]
    fn a_broken_escape_is_taken_as_it_stands() {
        assert_eq!(unescape("\\04"), "\\04");
        assert_eq!(unescape("a\\999\\134"), "a\\999\\");
    }
}
