use super::{Cgroup, Users};

/// A process that has a socket open.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Process {
    /// The process id, in the reader's pid namespace.
    pub pid: u32,
    /// When it started, in clock ticks after the boot (field 22 of `/proc/PID/stat`): it tells a process from a later
    /// one with the same id. 0 where the source does not tell.
    pub started: u64,
    /// The name, at most 15 bytes (`comm`), control characters replaced.
    pub name: String,
    /// The effective user id; `None` where the source does not tell.
    pub uid: Option<u32>,
    /// The user's name, or the number where there is none; `None` where the source does not tell.
    pub user: Option<String>,
    /// The cgroup; `None` at the root of every hierarchy.
    pub cgroup: Option<Cgroup>,
}

impl Process {
    /// Reads the texts of `stat`, `status` and `cgroup` below `/proc/PID`; `None` where one has not the kernel's form.
    #[must_use]
    pub fn parse(pid: u32, stat: &str, status: &str, cgroup: &str, users: &Users) -> Option<Self> {
        let stat = Stat::parse(stat)?;
        let uid = effective_uid(status)?;
        Some(Self {
            pid,
            started: stat.started,
            name: stat.name,
            uid: Some(uid),
            user: Some(users.name(uid)),
            cgroup: Cgroup::parse(cgroup),
        })
    }
}

/// The fields of `/proc/PID/stat` that are of use here (fs/proc/array.c, `do_task_stat`).
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Stat {
    pub(crate) name: String,
    pub(crate) flags: u64,
    pub(crate) started: u64,
}

impl Stat {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        // The name stands in parentheses and may contain some itself.
        let (open, close) = (text.find('(')?, text.rfind(')')?);
        let name = text.get(open + 1..close)?;
        let mut fields = text.get(close + 1..)?.split_ascii_whitespace();
        // Fields are numbered from 1, and the one after the name is 3.
        let flags = fields.nth(9 - 3)?.parse().ok()?;
        let started = fields.nth(22 - 9 - 1)?.parse().ok()?;
        Some(Self { name: super::printable(name), flags, started })
    }

    /// Whether this is a thread of the kernel's own, which has no files open.
    #[cfg_attr(not(feature = "live"), allow(dead_code, reason = "only a live scan meets such threads"))]
    pub(crate) fn is_kernel_thread(&self) -> bool {
        self.flags & PF_KTHREAD != 0
    }
}

/// `Uid:` of `/proc/PID/status`: real, effective, saved, file system.
fn effective_uid(status: &str) -> Option<u32> {
    let line = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    line.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// include/linux/sched.h.
const PF_KTHREAD: u64 = 0x0020_0000;

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str =
        "7 (a) (b c)) S 1 7 7 0 -1 4194560 9 0 0 0 1 2 0 0 20 0 1 0 4711 1 2 18446744073709551615 0 0 0 0 0\n";

    #[test]
    fn a_name_with_parentheses_does_not_shift_the_fields() {
        let stat = Stat::parse(STAT).unwrap();
        assert_eq!((stat.name.as_str(), stat.started, stat.is_kernel_thread()), ("a) (b c)", 4711, false));
        let kthreadd = "2 (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0 0 0 0 0 20 0 1 0 25 0 0 1 0";
        assert!(Stat::parse(kthreadd).unwrap().is_kernel_thread());
    }

    #[test]
    fn a_process_is_read_from_its_three_files() {
        let users = Users::parse("www-data:x:33:33:::\n");
        let status = "Name:\ta\nUid:\t0\t33\t0\t0\nGid:\t0\t0\t0\t0\n";
        let process = Process::parse(7, STAT, status, "0::/system.slice/nginx.service\n", &users).unwrap();
        assert_eq!((process.uid, process.user.as_deref(), process.started), (Some(33), Some("www-data"), 4711));
        assert_eq!(process.cgroup.unwrap().unit(), Some("nginx.service"));
    }

    #[test]
    fn cut_texts_are_none() {
        for stat in ["", "7", "7 (", "7 )(", "7 (a) S 1", "7 (a) S 1 2 3 4 5 six"] {
            assert_eq!(Stat::parse(stat), None, "{stat:?}");
        }
        assert_eq!(Process::parse(7, STAT, "Uid:\t0\n", "", &Users::default()), None);
    }
}
