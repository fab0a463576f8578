use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, lchown, symlink};
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};
use rustix::process::geteuid;

use super::*;

fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut draft = Draft::begin(path)?;
    draft.write_all(text.as_bytes())?;
    draft.keep()
}

fn refusal(outcome: io::Result<impl Sized>) -> Option<Refusal> {
    outcome.err()?.into_inner()?.downcast_ref().copied()
}

fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort_unstable();
    names
}

/// Only root may give a file to somebody else, and there has to be somebody.
fn is_root_of_all() -> bool {
    geteuid().is_root() && fs::read_to_string("/proc/self/uid_map").unwrap().trim_end().ends_with(" 4294967295")
}

#[test]
fn a_file_is_there_when_it_is_kept_and_not_before() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    fs::write(&path, "old").unwrap();
    let mut draft = Draft::begin(&path).unwrap();
    draft.write_all(b"new, and more").unwrap();
    draft.cut(3).unwrap();
    assert_eq!((fs::read_to_string(&path).unwrap().as_str(), names(dir.path()).len()), ("old", 2));
    assert!(draft.old().unwrap().is_some());
    draft.keep().unwrap();
    assert_eq!((fs::read_to_string(&path).unwrap().as_str(), names(dir.path()).len()), ("new", 1));
    drop(Draft::begin(&dir.path().join("other")).unwrap());
    assert_eq!(names(dir.path()), ["file"], "what is not kept leaves nothing");
}

#[test]
fn a_leftover_is_in_nobodys_way() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    for _ in 0..3 {
        std::mem::forget(Draft::begin(&path).unwrap());
    }
    write(&path, "whole").unwrap();
    assert_eq!((fs::read_to_string(&path).unwrap().as_str(), names(dir.path()).len()), ("whole", 4));
}

#[test]
fn a_mode_is_kept_but_for_what_makes_it_run_as_another() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    for (mode, kept) in [(0o600, 0o600), (0o6755, 0o755), (0o666, 0o666)] {
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        write(&path, "new").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, kept);
    }
}

#[test]
fn own_links_are_followed_and_stay() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("sub")).unwrap();
    fs::write(dir.path().join("real"), "old").unwrap();
    // Relative to the directory of the link, which is not that of the process.
    symlink("../real", dir.path().join("sub/link")).unwrap();
    symlink(dir.path().join("sub/link"), dir.path().join("chain")).unwrap();
    symlink("new", dir.path().join("dangling")).unwrap();
    for (link, target) in [("chain", "real"), ("dangling", "new"), ("sub/link", "real")] {
        write(&dir.path().join(link), link).unwrap();
        assert!(dir.path().join(link).is_symlink());
        assert_eq!(fs::read_to_string(dir.path().join(target)).unwrap(), link);
    }
    symlink("circle", dir.path().join("circle")).unwrap();
    assert_eq!(write(&dir.path().join("circle"), "").unwrap_err().raw_os_error(), Some(40));
    let directory = Directory::open(dir.path()).unwrap();
    assert_eq!(refusal(Draft::begin_in(&directory, "chain".as_ref())), Some(Refusal::Link));
    assert_eq!(refusal(directory.read("chain".as_ref(), 9)), Some(Refusal::Link));
    symlink("sub", dir.path().join("way")).unwrap();
    assert_eq!(refusal(directory.make_below("way/on".as_ref())), Some(Refusal::Link));
    directory.make_below("sub/on/and/on".as_ref()).unwrap();
    assert!(dir.path().join("sub/on/and/on").is_dir());
    assert!(directory.make_below("../up".as_ref()).is_err());
}

#[test]
fn what_is_no_file_is_refused_and_not_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    mknodat(CWD, path("pipe"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(path("socket")).unwrap();
    let mut planted = vec!["pipe", "socket"];
    let device = mknodat(CWD, path("full"), FileType::CharacterDevice, Mode::RUSR | Mode::WUSR, makedev(1, 7));
    match device {
        Ok(()) => planted.push("full"),
        Err(errno) => assert!(!is_root_of_all(), "{errno}"),
    }
    let directory = Directory::open(dir.path()).unwrap();
    for name in planted {
        symlink(name, path("link")).unwrap();
        for outcome in [write(&path(name), "x"), write(&path("link"), "x")] {
            assert_eq!(refusal(outcome), Some(Refusal::NoFile), "{name}");
        }
        assert_eq!(refusal(Draft::begin_in(&directory, name.as_ref())), Some(Refusal::NoFile), "{name}");
        assert_eq!(refusal(directory.open_file(name.as_ref())), Some(Refusal::NoFile), "{name}");
        fs::remove_file(path("link")).unwrap();
    }
    assert_eq!(write(dir.path(), "x").unwrap_err().kind(), io::ErrorKind::IsADirectory);
    fs::write(path("long"), "12345").unwrap();
    assert_eq!(refusal(directory.read("long".as_ref(), 4)), Some(Refusal::TooLong));
    assert_eq!(directory.read("long".as_ref(), 5).unwrap().as_deref(), Some("12345"));
    assert_eq!(directory.read("none".as_ref(), 5).unwrap(), None);
}

#[test]
fn what_strangers_planted_is_refused() {
    if !is_root_of_all() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    let given = |name: &str| lchown(path(name), Some(65534), Some(65534)).unwrap();
    fs::write(path("secret"), "root's").unwrap();
    symlink("secret", path("link")).unwrap();
    given("link");
    assert_eq!(refusal(write(&path("link"), "x")), Some(Refusal::ForeignLink));
    assert_eq!(fs::read_to_string(path("secret")).unwrap(), "root's");

    fs::write(path("theirs"), "theirs").unwrap();
    fs::set_permissions(path("theirs"), Permissions::from_mode(0o4777)).unwrap();
    given("theirs");
    write(&path("theirs"), "x").unwrap();
    let new = fs::metadata(path("theirs")).unwrap();
    assert_eq!((new.uid(), new.mode() & 0o7022), (0, 0), "whoever writes owns it, and nobody else may write");
    given("theirs");
    fs::set_permissions(dir.path(), Permissions::from_mode(0o1777)).unwrap();
    assert_eq!(refusal(write(&path("theirs"), "x")), Some(Refusal::ForeignFile));

    for (name, mode) in [("open", 0o777), ("foreign", 0o700)] {
        fs::create_dir(path(name)).unwrap();
        fs::set_permissions(path(name), Permissions::from_mode(mode)).unwrap();
    }
    given("foreign");
    for name in ["open", "foreign"] {
        assert_eq!(refusal(Directory::make_private(&path(name))), Some(Refusal::NotPrivate), "{name}");
    }
}

#[test]
fn a_private_directory_is_closed_to_others_and_so_are_its_files() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("above/private");
    assert_eq!(Directory::open_private(&path).unwrap_err().kind(), io::ErrorKind::NotFound);
    let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
    Directory::make_private(&path).unwrap();
    assert_eq!(mode(&path), 0o700);
    // As an earlier version made it.
    fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
    let private = Directory::make_private(&path).unwrap();
    assert_eq!(mode(&path), 0o700);
    Draft::begin_private_in(&private, "file".as_ref()).unwrap().keep().unwrap();
    assert_eq!(mode(&path.join("file")), 0o600);
    assert_eq!(private.read_own("file".as_ref(), 9).unwrap().as_deref(), Some(""));
    fs::set_permissions(path.join("file"), Permissions::from_mode(0o620)).unwrap();
    assert_eq!(refusal(private.read_own("file".as_ref(), 9)), Some(Refusal::NotPrivate));
    fs::write(path.join("other"), "").unwrap();
    fs::hard_link(path.join("other"), dir.path().join("another name")).unwrap();
    assert_eq!(refusal(private.read_own("other".as_ref(), 9)), Some(Refusal::NotPrivate));
    let mut names = private.names().unwrap();
    names.sort_unstable();
    assert_eq!(names, ["file", "other"]);
    private.remove("file".as_ref()).unwrap();
    assert_eq!(private.names().unwrap(), ["other"]);
}
