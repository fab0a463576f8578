/// The cgroup of a process, by its path in the hierarchy that tells most: `/proc/PID/cgroup`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Cgroup {
    path: String,
}

impl Cgroup {
    /// Reads the text of `/proc/PID/cgroup`; `None` where it has no path but the root.
    ///
    /// A process may be in several hierarchies (cgroup v1). A path that shows a container goes first, then the unified
    /// hierarchy, then systemd's, then any other.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let rank = |controllers: &str, path: &str| match controllers {
            _ if container_in(path).is_some() => 0,
            "" => 1,
            "name=systemd" => 2,
            _ => 3,
        };
        text.lines()
            .filter_map(|line| line.split_once(':')?.1.split_once(':'))
            .filter(|(_, path)| *path != "/")
            .min_by_key(|(controllers, path)| rank(controllers, path))
            .map(|(_, path)| Self { path: super::printable(path) })
    }

    /// A cgroup whose path is known.
    #[cfg(feature = "capture")]
    pub(crate) fn of_path(path: &str) -> Self {
        Self { path: super::printable(path) }
    }

    /// The path below the hierarchy's root: `/system.slice/nginx.service`.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The id of the container that the process runs in, 64 hexadecimal digits, where the path shows one.
    ///
    /// Docker, containerd, CRI-O and Podman write it into the path, with systemd's scopes or without. The monitor
    /// process that Podman and CRI-O keep beside a container is not in it.
    #[must_use]
    pub fn container(&self) -> Option<&str> {
        container_in(&self.path)
    }

    /// The innermost systemd unit with processes of its own: a service or a scope.
    #[must_use]
    pub fn unit(&self) -> Option<&str> {
        self.path.rsplit('/').find(|part| part.ends_with(".service") || part.ends_with(".scope"))
    }
}

/// The innermost id: a container may run in another.
fn container_in(path: &str) -> Option<&str> {
    path.rsplit('/').find_map(|part| {
        let part = part.strip_suffix(".scope").unwrap_or(part);
        let (before, id) = part.rsplit_once(['-', ':']).unwrap_or(("", part));
        let is_id = id.len() == CONTAINER_ID_LEN && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        (is_id && !before.ends_with("conmon")).then_some(id)
    })
}

/// A SHA-256 in hexadecimal digits (github.com/opencontainers/runtime-spec leaves ids free; these engines agree on it).
const CONTAINER_ID_LEN: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    #[test]
    fn each_engines_path_shows_its_container() {
        for path in [
            "/docker/ID",
            "/system.slice/docker-ID.scope",
            "/docker/ID/init.scope",
            "/kubepods/burstable/pod8d4a1f0e-1b5c-4c43-9d8e-000000000000/ID",
            "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod8d4a.slice/cri-containerd-ID.scope",
            "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod8d4a.slice/crio-ID.scope",
            "/system.slice/containerd.service/kubepods-burstable-pod8d4a.slice:cri-containerd:ID",
            "/machine.slice/libpod-ID.scope/container",
            "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-ID.scope",
            "/../../docker-ID.scope",
        ] {
            let cgroup = Cgroup::parse(&format!("0::{}\n", path.replace("ID", ID))).unwrap();
            assert_eq!(cgroup.container(), Some(ID), "{path}");
        }
    }

    #[test]
    fn what_is_no_container_has_no_id() {
        for path in [
            "/system.slice/nginx.service",
            "/user.slice/user-0.slice/session-3.scope",
            "/machine.slice/libpod-conmon-ID.scope",
            "/kubepods.slice/crio-conmon-ID.scope",
            "/jobs/IDff",
        ] {
            let cgroup = Cgroup::parse(&format!("0::{}\n", path.replace("ID", ID))).unwrap();
            assert_eq!(cgroup.container(), None, "{path}");
        }
    }

    #[test]
    fn the_unit_is_the_innermost_service_or_scope() {
        let unit = |path: &str| Cgroup::parse(&format!("0::{path}\n")).unwrap().unit().map(str::to_owned);
        assert_eq!(unit("/system.slice/nginx.service").unwrap(), "nginx.service");
        assert_eq!(unit("/user.slice/user-7.slice/user@7.service/app.slice/web.service").unwrap(), "web.service");
        assert_eq!(unit("/system.slice/web.service/workers").unwrap(), "web.service");
        assert_eq!(unit("/docker/x"), None);
    }

    #[test]
    fn the_hierarchy_that_tells_most_is_taken() {
        let parse = |text: &str| Cgroup::parse(text).map(|cgroup| cgroup.path().to_owned());
        let hybrid =
            format!("9:name=systemd:/system.slice/a.service\n4:memory:/docker/{ID}\n0::/system.slice/a.service\n");
        assert_eq!(parse(&hybrid).unwrap(), format!("/docker/{ID}"));
        assert_eq!(parse("4:memory:/m\n1:name=systemd:/s\n0::/u\n").unwrap(), "/u");
        assert_eq!(parse("4:memory:/m\n1:name=systemd:/s\n0::/\n").unwrap(), "/s");
        assert_eq!(parse("5:cpu,cpuacct:/\n4:memory:/m:n\n0::/\n").unwrap(), "/m:n");
        assert_eq!(parse("0::/\n"), None);
        assert_eq!(parse("nonsense\n\n::\n:"), None.or(parse("::\n")));
    }

    #[test]
    fn control_characters_do_not_reach_a_terminal() {
        assert_eq!(Cgroup::parse("0::/a\u{1b}[31m\n").unwrap().path(), "/a\u{fffd}[31m");
    }
}
