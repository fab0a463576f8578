use std::fs;

use nix::sched::{CloneFlags, unshare};
use nix::unistd::{getegid, geteuid};

use crate::Error;

/// Moves the whole process into a user namespace of its own, in which it is root, and into an
/// empty network namespace that belongs to it. After this [`crate::Netns::new`] works for an
/// ordinary user.
///
/// There is no way back, and the kernel allows it only while the process has a single thread: call
/// it first thing in a process started for the purpose.
///
/// # Errors
/// When the process has threads, or the system forbids unprivileged user namespaces
/// ([`Error::is_permission_denied`], also by a limit of zero in `user.max_user_namespaces`).
pub fn enter_user_namespace() -> Result<(), Error> {
    let (uid, gid) = (geteuid(), getegid());
    unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNET)
        .map_err(|errno| Error::os("unshare a user namespace", errno))?;
    // The kernel wants setgroups() off before an unprivileged process maps its group.
    for (path, line) in [
        ("/proc/self/setgroups", "deny".to_owned()),
        ("/proc/self/uid_map", format!("0 {uid} 1")),
        ("/proc/self/gid_map", format!("0 {gid} 1")),
    ] {
        fs::write(path, &line).map_err(|error| Error::os(format!("write {line:?} to {path}"), error))?;
    }
    Ok(())
}
