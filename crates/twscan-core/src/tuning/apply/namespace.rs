use nix::libc;
use nix::sys::socket::sockopt::GetStruct;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, getsockopt, socket};

use super::Journal;
use super::journal::Origin;
use crate::procfs::ProcFs;

/// Which network namespace a journal belongs to.
///
/// An inode's number is given to another namespace when the first is gone, so a journal notes what is given once in a boot:
/// the cookie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Namespace {
    name: String,
    is_host: bool,
    origin: Origin,
}

impl Namespace {
    /// The namespace of the calling thread.
    #[must_use]
    pub fn of_thread(procfs: &ProcFs) -> Self {
        let boot_id = procfs.boot_id();
        let boot = boot_id.as_deref().unwrap_or_default().chars();
        let boot: String = boot.filter(char::is_ascii_hexdigit).take(12).collect();
        let is_host = procfs.is_initial_netns();
        let name = match procfs.netns_inode("thread-self") {
            _ if is_host => "host".to_owned(),
            Some(inode) => format!("net{inode}-{boot}"),
            None => format!("unknown-{boot}"),
        };
        Self { name, is_host, origin: Origin { boot_id, cookie: cookie() } }
    }

    /// The part of the names of its journals.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn origin(&self) -> &Origin {
        &self.origin
    }

    /// How a journal of this name stands to it.
    pub(super) fn bond(&self, journal: &Journal) -> Bond {
        let Some(origin) = &journal.origin else {
            return Bond::Unknown("an earlier twscan wrote it, which did not note its network namespace for sure");
        };
        match (&origin.boot_id, &self.origin.boot_id) {
            (Some(then), Some(now)) if then == now => {}
            (Some(_), Some(_)) if self.is_host => return Bond::Unknown("it is of an earlier boot"),
            (Some(_), Some(_)) => return Bond::Foreign,
            _ => return Bond::Unknown("of which boot it is, or this one, is not told"),
        }
        match (origin.cookie, self.origin.cookie) {
            (Some(then), Some(now)) if then == now => Bond::Same,
            (Some(_), Some(_)) => Bond::Foreign,
            _ => Bond::Unknown("this kernel does not tell network namespaces apart for sure"),
        }
    }
}

/// How a journal stands to a namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bond {
    /// It is of this namespace.
    Same,
    /// It is of another one.
    Foreign,
    /// It may be of another one, for this reason.
    Unknown(&'static str),
}

/// The cookie of the thread's namespace (net/core/net_namespace.c, `net_gen_cookie`), of any socket in it; `None` where the
/// kernel is older than 5.14.
fn cookie() -> Option<u64> {
    let socket = socket(AddressFamily::Unix, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None).ok()?;
    getsockopt(&socket, NetnsCookie).ok()
}

/// A type of `nix` for an option that it does not name: the call itself is in that crate's macro.
#[derive(Debug, Clone, Copy)]
struct NetnsCookie;
nix::getsockopt_impl!(NetnsCookie, libc::SOL_SOCKET, libc::SO_NETNS_COOKIE, u64, GetStruct<u64>);

#[cfg(test)]
mod tests {
    use super::*;

    fn namespace(is_host: bool, boot: &str, cookie: Option<u64>) -> Namespace {
        Namespace { name: String::new(), is_host, origin: Origin { boot_id: Some(boot.to_owned()), cookie } }
    }

    #[test]
    fn a_journal_is_of_the_namespace_whose_cookie_it_has() {
        let journal = |netns: &Namespace| Journal { origin: Some(netns.origin.clone()), ..Journal::default() };
        let own = namespace(false, "boot", Some(7));
        assert_eq!(own.bond(&journal(&own)), Bond::Same);
        assert_eq!(own.bond(&journal(&namespace(false, "boot", Some(8)))), Bond::Foreign);
        assert_eq!(own.bond(&journal(&namespace(false, "later", Some(7)))), Bond::Foreign);
        for unknown in [journal(&namespace(false, "boot", None)), Journal::default()] {
            assert!(matches!(own.bond(&unknown), Bond::Unknown(_)), "{unknown:?}");
        }
        let host = namespace(true, "boot", Some(1));
        assert!(matches!(host.bond(&journal(&namespace(true, "later", Some(1)))), Bond::Unknown(_)));
    }
}
