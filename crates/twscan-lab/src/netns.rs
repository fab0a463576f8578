use std::fs::File;
use std::net::IpAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::fs::MetadataExt;
use std::panic::resume_unwind;
use std::path::PathBuf;
use std::thread;

use nix::sched::{CloneFlags, unshare};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::private::{OWN, require_private};
use crate::{Error, rtnetlink, sysctl};

/// A network namespace of the caller's own, with its loopback up.
///
/// It lives as long as this value or any socket made in it. Its sysctls start at the kernel's
/// defaults or at the host's values, as `net.core.devconf_inherit_init_net` and the kernel say.
#[derive(Debug)]
pub struct Netns {
    file: File,
}

impl Netns {
    /// Makes a namespace. Needs `CAP_SYS_ADMIN`, in the host or in a user namespace of one's own
    /// (see [`crate::enter_user_namespace`]).
    ///
    /// # Errors
    /// When the kernel refuses ([`Error::is_permission_denied`] tells a lack of privileges).
    pub fn new() -> Result<Self, Error> {
        // A thread of its own, because unshare() moves the calling thread for good.
        let file = on_a_thread(|| {
            unshare(CloneFlags::CLONE_NEWNET).map_err(|errno| Error::os("unshare a network namespace", errno))?;
            require_private()?;
            rtnetlink::set_up("lo")?;
            File::open(OWN).map_err(|error| Error::os(format!("open {OWN}"), error))
        })??;
        Ok(Self { file })
    }

    /// Runs `body` on a new thread inside the namespace and returns its value. Child processes
    /// that `body` starts are in the namespace too; sockets it returns stay there.
    ///
    /// A panic in `body` continues in the caller, so assertions work in it.
    ///
    /// # Errors
    /// When the thread cannot be started or cannot enter the namespace.
    pub fn run<T: Send>(&self, body: impl FnOnce() -> T + Send) -> Result<T, Error> {
        on_a_thread(|| {
            move_into_link_name_space(self.as_fd(), Some(LinkNameSpaceType::Network))
                .map_err(|errno| Error::os("enter a network namespace", errno))?;
            Ok(body())
        })?
    }

    /// The namespace's inode number, as `readlink /proc/PID/ns/net` shows it.
    ///
    /// # Errors
    /// When the namespace file cannot be examined.
    pub fn inode(&self) -> Result<u64, Error> {
        let metadata = self.file.metadata();
        Ok(metadata.map_err(|e| Error::os("stat a network namespace", e))?.ino())
    }

    /// A path by which other processes of the same user can open the namespace while this value
    /// lives (`nsenter --net=PATH`).
    #[must_use]
    pub fn path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}/fd/{}", std::process::id(), self.file.as_raw_fd()))
    }

    /// Adds an address to a device of the namespace; an IPv6 address without duplicate address
    /// detection, so that it can be used at once.
    ///
    /// # Errors
    /// When there is no such device, or the kernel refuses the address.
    pub fn add_address(&self, device: &str, address: impl Into<IpAddr>, prefix_len: u8) -> Result<(), Error> {
        let address = address.into();
        self.run(|| rtnetlink::add_address(device, address, prefix_len))?
    }

    /// Routes a prefix to a device. A prefix routed to `lo` without being an address of the
    /// namespace is a black hole that connect() can use: packets leave and nobody answers.
    ///
    /// # Errors
    /// When there is no such device, or the kernel refuses the route.
    pub fn add_route(&self, device: &str, destination: impl Into<IpAddr>, prefix_len: u8) -> Result<(), Error> {
        let destination = destination.into();
        self.run(|| rtnetlink::add_route(device, destination, prefix_len))?
    }

    /// Joins two namespaces by a pair of virtual Ethernet devices, both called `device` and both
    /// up. Give them addresses with [`Netns::add_address`].
    ///
    /// # Errors
    /// When the kernel has no veth, or either namespace has a device of that name.
    pub fn join(&self, peer: &Netns, device: &str) -> Result<(), Error> {
        self.run(|| {
            rtnetlink::add_veth(device, peer.as_fd())?;
            rtnetlink::set_up(device)
        })??;
        peer.run(|| rtnetlink::set_up(device))?
    }

    /// Writes a sysctl of the namespace, such as `net.ipv4.tcp_tw_reuse`.
    ///
    /// # Errors
    /// When the key is not a network sysctl, does not exist here, or refuses the value.
    pub fn set_sysctl(&self, key: &str, value: &str) -> Result<(), Error> {
        self.run(|| sysctl::set(key, value))?
    }

    /// Reads a sysctl of the namespace, without the newline at its end.
    ///
    /// # Errors
    /// When the key is not a network sysctl or does not exist here.
    pub fn sysctl(&self, key: &str) -> Result<String, Error> {
        self.run(|| sysctl::get(key))?
    }

    /// Sets the range connect() and bind(.., 0) choose local ports from, ends included.
    ///
    /// # Errors
    /// When the kernel refuses the range.
    pub fn set_port_range(&self, low: u16, high: u16) -> Result<(), Error> {
        self.set_sysctl("net.ipv4.ip_local_port_range", &format!("{low} {high}"))
    }
}

impl AsFd for Netns {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

fn on_a_thread<T: Send>(body: impl FnOnce() -> T + Send) -> Result<T, Error> {
    thread::scope(|scope| {
        let thread =
            thread::Builder::new().spawn_scoped(scope, body).map_err(|error| Error::os("start a thread", error))?;
        Ok(thread.join().unwrap_or_else(|panic| resume_unwind(panic)))
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::{Dial, Listener, test_in_netns};

    #[test]
    fn the_thread_that_started_in_the_host_is_refused() {
        assert!(matches!(require_private(), Err(Error::StartingNamespace)));
        assert!(matches!(sysctl::set("net.ipv4.tcp_tw_reuse", "1"), Err(Error::StartingNamespace)));
        assert!(matches!(Listener::bind("127.0.0.1:9101".parse().unwrap()), Err(Error::StartingNamespace)));
    }

    #[test]
    fn a_listener_of_a_namespace_does_not_let_the_host_connect() -> Result<(), Error> {
        test_in_netns(|net| {
            let listener = net.run(|| Listener::bind("127.0.0.1:9101".parse().unwrap())).unwrap().unwrap();
            let dial = Dial::to(listener.address());
            assert!(matches!(listener.connection(&dial), Err(Error::StartingNamespace)));
            assert!(matches!(dial.connect(), Err(Error::StartingNamespace)));
        })
    }

    #[test]
    fn settings_of_one_namespace_stay_in_it() -> Result<(), Error> {
        let host = sysctl::get("net.ipv4.ip_local_port_range")?;
        test_in_netns(|net| {
            net.set_port_range(40_000, 40_019).unwrap();
            let range = net.sysctl("net.ipv4.ip_local_port_range").unwrap();
            assert_eq!(range, "40000\t40019");
            let other = Netns::new().unwrap();
            assert_ne!(other.inode().unwrap(), net.inode().unwrap());
            assert_ne!(other.sysctl("net.ipv4.ip_local_port_range").unwrap(), range);
        })?;
        assert_eq!(sysctl::get("net.ipv4.ip_local_port_range")?, host);
        Ok(())
    }

    #[test]
    fn sockets_of_a_namespace_are_not_the_hosts() -> Result<(), Error> {
        // 127.91.17.3 as /proc/net/tcp writes it on a little-endian and on a big-endian machine.
        let rows = || {
            let text = fs::read_to_string("/proc/thread-self/net/tcp").unwrap();
            text.matches("03115B7F").count() + text.matches("7F5B1103").count()
        };
        test_in_netns(|net| {
            let listener = net.run(|| Listener::bind("127.91.17.3:9101".parse().unwrap()));
            let listener = listener.unwrap().unwrap();
            assert_eq!(net.run(rows).unwrap(), 1);
            assert_eq!(rows(), 0);
            drop(listener);
        })
    }

    #[test]
    fn children_and_the_path_are_in_the_namespace() -> Result<(), Error> {
        test_in_netns(|net| {
            let link = |path: &str| {
                let output = std::process::Command::new("readlink").arg(path).output();
                String::from_utf8(output.unwrap().stdout).unwrap()
            };
            let expected = format!("net:[{}]\n", net.inode().unwrap());
            let child = net.run(|| link("/proc/self/ns/net")).unwrap();
            assert_eq!(child, expected);
            assert_eq!(link(&net.path().display().to_string()), expected);
        })
    }

    #[test]
    fn a_panic_inside_reaches_the_caller() -> Result<(), Error> {
        test_in_netns(|net| {
            let caught = std::panic::catch_unwind(|| net.run(|| panic!("inside")));
            assert_eq!(*caught.unwrap_err().downcast::<&str>().unwrap(), "inside");
        })
    }

    #[test]
    fn addresses_of_both_families_reach_across_a_veth_pair() -> Result<(), Error> {
        test_in_netns(|near| {
            let far = Netns::new().unwrap();
            near.join(&far, "v0").unwrap();
            near.add_address("v0", [10, 77, 0, 1], 24).unwrap();
            far.add_address("v0", [10, 77, 0, 2], 24).unwrap();
            let v6 = |last| [0xfd77, 0, 0, 0, 0, 0, 0, last];
            near.add_address("v0", v6(1), 64).unwrap();
            far.add_address("v0", v6(2), 64).unwrap();
            for address in ["10.77.0.2:9101", "[fd77::2]:9101"] {
                let listener = far.run(|| Listener::bind(address.parse().unwrap())).unwrap().unwrap();
                let dial = Dial::to(listener.address());
                near.run(|| listener.connection(&dial)).unwrap().unwrap().unwrap();
            }
        })
    }
}
