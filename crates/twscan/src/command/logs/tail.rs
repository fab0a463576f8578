use std::fs::{self, File};
use std::io::{self, Read, Seek};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// A log that is still being written.
///
/// Its end is only the end for now: read again, it gives what was added. A file that was truncated is read from its
/// start; where another file has taken its name, that one is read once this one is at its end. A read never waits.
pub(super) struct Tail {
    /// The name, for a file that can be replaced.
    path: Option<PathBuf>,
    file: File,
    is_regular: bool,
    /// Bytes of the file read so far.
    at: u64,
    in_line: bool,
    ended: Arc<AtomicBool>,
}

impl Tail {
    pub(super) fn open(path: &Path, ended: Arc<AtomicBool>) -> io::Result<Self> {
        let tail = Self::of_open(File::open(path)?, ended)?;
        Ok(Self { path: tail.is_regular.then(|| path.to_owned()), ..tail })
    }

    /// Follows what is open already; a pipe says in `ended` that nothing more will come.
    pub(super) fn of_open(file: File, ended: Arc<AtomicBool>) -> io::Result<Self> {
        let is_regular = file.metadata()?.is_file();
        Ok(Self { path: None, file, is_regular, at: 0, in_line: false, ended })
    }

    /// Whether there is a file to go on with: this one from its start, or its successor.
    fn starts_over(&mut self) -> io::Result<bool> {
        let now = self.file.metadata()?;
        if now.len() < self.at {
            self.file.rewind()?;
            return Ok(true);
        }
        // Between the two steps of a rotation there is no file of that name.
        let Some(path) = &self.path else { return Ok(false) };
        let is_same = |named: fs::Metadata| (named.dev(), named.ino()) == (now.dev(), now.ino());
        if fs::metadata(path).is_ok_and(|named| !is_same(named))
            && let Ok(successor) = File::open(path)
        {
            self.file = successor;
            return Ok(true);
        }
        Ok(false)
    }
}

impl Read for Tail {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let is_ready = self.is_regular || is_ready(&self.file)?;
            let read = if is_ready { self.file.read(buffer)? } else { return Ok(0) };
            if let Some(last) = buffer.get(..read).and_then(<[u8]>::last) {
                self.at += u64::try_from(read).unwrap_or(u64::MAX);
                self.in_line = *last != b'\n';
                return Ok(read);
            }
            if self.is_regular {
                if !self.starts_over()? {
                    return Ok(0);
                }
                self.at = 0;
            } else {
                self.ended.store(true, Ordering::Relaxed);
            }
            // A line that was left without its end is one all the same.
            if std::mem::take(&mut self.in_line)
                && let Some(first) = buffer.first_mut()
            {
                *first = b'\n';
                return Ok(1);
            }
            if !self.is_regular {
                return Ok(0);
            }
        }
    }
}

fn is_ready(file: &File) -> io::Result<bool> {
    let mut wanted = [PollFd::new(file, PollFlags::IN)];
    Ok(poll(&mut wanted, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }))? > 0)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn read(tail: &mut Tail) -> String {
        let mut text = String::new();
        tail.read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn what_is_added_is_read_and_a_rotated_log_is_read_to_its_end_first() {
        let dir = tempfile::tempdir().unwrap();
        let (path, rotated) = (dir.path().join("log"), dir.path().join("log.1"));
        fs::write(&path, "1\n").unwrap();
        let mut tail = Tail::open(&path, Arc::default()).unwrap();
        assert_eq!((read(&mut tail), read(&mut tail)), ("1\n".to_owned(), String::new()));
        let mut writer = File::options().append(true).open(&path).unwrap();
        writer.write_all(b"2\n3").unwrap();
        assert_eq!(read(&mut tail), "2\n3");
        fs::rename(&path, &rotated).unwrap();
        writer.write_all(b"3").unwrap();
        assert_eq!(read(&mut tail), "3", "there is no successor yet");
        writer.write_all(b"4").unwrap();
        fs::write(&path, "5\n").unwrap();
        assert_eq!(read(&mut tail), "4\n5\n", "the line without an end gets one");
    }

    #[test]
    fn a_truncated_log_is_read_from_its_start() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        fs::write(&path, "a long line\n").unwrap();
        let mut tail = Tail::open(&path, Arc::default()).unwrap();
        assert_eq!(read(&mut tail), "a long line\n");
        fs::write(&path, "short\n").unwrap();
        assert_eq!(read(&mut tail), "short\n");
    }

    #[test]
    fn a_pipe_is_not_waited_for_and_its_end_is_told() {
        let (reader, mut writer) = std::io::pipe().unwrap();
        let ended = Arc::new(AtomicBool::new(false));
        let mut tail = Tail::of_open(File::from(std::os::fd::OwnedFd::from(reader)), Arc::clone(&ended)).unwrap();
        assert_eq!(read(&mut tail), "");
        writer.write_all(b"1").unwrap();
        assert_eq!((read(&mut tail), ended.load(Ordering::Relaxed)), ("1".to_owned(), false));
        drop(writer);
        assert_eq!((read(&mut tail), ended.load(Ordering::Relaxed)), ("\n".to_owned(), true));
    }
}
