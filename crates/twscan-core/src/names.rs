//! What the names in a filter stand for on the running host.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FsWord, statfs};
use rustix::net::{AddressFamily, SocketFlags, SocketType, netdevice, socket_with};

use crate::filter::Names;

/// Looks names up on the running host: interfaces in the thread's network namespace, services in `/etc/services`, cgroups
/// by their directory, or by the path below `/sys/fs/cgroup` that `/proc/PID/cgroup` shows.
#[derive(Debug, Clone, Copy, Default)]
pub struct LiveNames;

impl Names for LiveNames {
    fn interface(&self, name: &str) -> Option<u32> {
        // Any socket serves: the ioctl asks for the namespace that it was made in.
        let socket = socket_with(AddressFamily::UNIX, SocketType::DGRAM, SocketFlags::CLOEXEC, None).ok()?;
        netdevice::name_to_index(&socket, name).ok()
    }

    fn service(&self, name: &str) -> Option<u16> {
        service(&fs::read_to_string("/etc/services").ok()?, name)
    }

    fn cgroup(&self, path: &str) -> Option<u64> {
        let below_mounts = CGROUP_MOUNTS.map(|mount| Path::new(mount).join(path.trim_start_matches('/')));
        [Path::new(path)].into_iter().chain(below_mounts.iter().map(PathBuf::as_path)).find_map(|directory| {
            let is_cgroup = statfs(directory).is_ok_and(|stat| stat.f_type == CGROUP2_SUPER_MAGIC);
            is_cgroup.then(|| fs::metadata(directory).ok()).flatten().map(|metadata| metadata.ino())
        })
    }
}

/// The TCP port of a service in the form of services(5): `https 443/tcp alias # comment`.
fn service(text: &str, name: &str) -> Option<u16> {
    text.lines().find_map(|line| {
        let mut fields = line.split('#').next()?.split_whitespace();
        let (official, port) = (fields.next()?, fields.next()?.strip_suffix("/tcp")?);
        (official == name || fields.any(|alias| alias == name)).then(|| port.parse().ok())?
    })
}

/// include/uapi/linux/magic.h.
const CGROUP2_SUPER_MAGIC: FsWord = 0x6367_7270;
/// Where cgroup version 2 is mounted; the second where version 1 is in use beside it.
const CGROUP_MOUNTS: [&str; 2] = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_are_found_by_name_and_alias_for_tcp_alone() {
        let text = "# services\nhttp 80/tcp www # WorldWideWeb\nsyslog 514/udp\nhttps\t443/tcp\nbad x/tcp\n";
        for (name, expected) in
            [("http", Some(80)), ("www", Some(80)), ("https", Some(443)), ("syslog", None), ("bad", None), ("#", None)]
        {
            assert_eq!(service(text, name), expected, "{name}");
        }
    }

    #[test]
    fn loopback_is_the_first_interface() {
        assert_eq!(LiveNames.interface("lo"), Some(1));
        assert_eq!(LiveNames.interface("no-such-name"), None);
        assert_eq!(LiveNames.interface("a-name-longer-than-the-kernel-takes"), None);
    }
}
