use std::ffi::OsString;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;

use nix::libc;
use nix::sys::socket::{SetSockOpt, sockopt};
use rustix::io::Errno;
use rustix::net::{self as sys, AddressFamily, SocketFlags, SocketType};

use super::Stop;
use super::stop::Step;
use crate::Error;
use crate::private::require_private;

/// Socket options that change how the kernel gives out ports. The default sets none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// `SO_REUSEADDR`.
    pub reuse_addr: bool,
    /// `SO_REUSEPORT`.
    pub reuse_port: bool,
    /// `IP_BIND_ADDRESS_NO_PORT`: bind(ip, 0) fixes the address, connect() chooses the port.
    pub bind_address_no_port: bool,
    /// `SO_BINDTODEVICE`.
    pub device: Option<String>,
    /// `SO_MARK`: the firewall mark; takes `CAP_NET_ADMIN`.
    pub mark: Option<u32>,
    /// `IP_LOCAL_PORT_RANGE` (Linux 6.3): the lowest and the highest port.
    pub local_port_range: Option<(u16, u16)>,
    /// `TCP_DEFER_ACCEPT`, in seconds: on a listener, connections stay in SYN_RECV until the
    /// client sends data.
    pub defer_accept: Option<u32>,
    /// `SO_RCVBUF`, in bytes; accepted sockets inherit a listener's.
    pub receive_buffer: Option<usize>,
}

impl Options {
    /// A socket of the address's family with these options. An IPv6 socket also speaks to
    /// IPv4-mapped addresses, as by default in Linux.
    pub(super) fn socket(&self, address: IpAddr, kind: SocketType) -> Result<OwnedFd, Stop> {
        let family = match address {
            IpAddr::V4(_) => AddressFamily::INET,
            IpAddr::V6(_) => AddressFamily::INET6,
        };
        let fd = sys::socket_with(family, kind, SocketFlags::CLOEXEC, None)
            .map_err(|errno| Stop::new(Step::Socket, errno))?;
        self.apply(&fd).map_err(|errno| Stop::new(Step::Option, errno))?;
        Ok(fd)
    }

    fn apply(&self, fd: &OwnedFd) -> Result<(), Errno> {
        if self.reuse_addr {
            sys::sockopt::set_socket_reuseaddr(fd, true)?;
        }
        if self.reuse_port {
            sys::sockopt::set_socket_reuseport(fd, true)?;
        }
        if self.bind_address_no_port {
            set(fd, &sockopt::IpBindAddressNoPort, &true)?;
        }
        if let Some(device) = &self.device {
            set(fd, &sockopt::BindToDevice, &OsString::from(device))?;
        }
        if let Some(mark) = self.mark {
            set(fd, &sockopt::Mark, &mark)?;
        }
        if let Some((low, high)) = self.local_port_range {
            set(fd, &LocalPortRange, &(u32::from(high) << 16 | u32::from(low)))?;
        }
        if let Some(bytes) = self.receive_buffer {
            sys::sockopt::set_socket_recv_buffer_size(fd, bytes)?;
        }
        if let Some(seconds) = self.defer_accept {
            set(fd, &DeferAccept, &seconds)?;
        }
        Ok(())
    }
}

/// A TCP socket that is bound and does nothing else: it holds its port.
///
/// # Errors
/// When the thread is not in a private namespace, or the kernel refuses the address.
pub fn bind_tcp(address: SocketAddr, options: &Options) -> Result<OwnedFd, Error> {
    bind(address, options, SocketType::STREAM)
}

/// A UDP socket that is bound and does nothing else. UDP has a port table of its own.
///
/// # Errors
/// When the thread is not in a private namespace, or the kernel refuses the address.
pub fn bind_udp(address: SocketAddr, options: &Options) -> Result<OwnedFd, Error> {
    bind(address, options, SocketType::DGRAM)
}

pub(super) fn bind(address: SocketAddr, options: &Options, kind: SocketType) -> Result<OwnedFd, Error> {
    require_private()?;
    let fd =
        options.socket(address.ip(), kind).map_err(|stop| stop.into_error(format!("open a socket for {address}")))?;
    sys::bind(&fd, &address).map_err(|errno| Error::os(format!("bind {address}"), errno))?;
    Ok(fd)
}

fn set<O: SetSockOpt>(fd: &OwnedFd, option: &O, value: &O::Val) -> Result<(), Errno> {
    option.set(fd, value).map_err(|errno| Errno::from_raw_os_error(errno as i32))
}

#[derive(Clone)]
struct LocalPortRange;
nix::setsockopt_impl!(LocalPortRange, libc::IPPROTO_IP, IP_LOCAL_PORT_RANGE, u32, sockopt::SetStruct<u32>);

#[derive(Clone)]
struct DeferAccept;
nix::setsockopt_impl!(DeferAccept, libc::IPPROTO_TCP, libc::TCP_DEFER_ACCEPT, u32, sockopt::SetStruct<u32>);

/// include/uapi/linux/in.h; the C library's headers lack it.
const IP_LOCAL_PORT_RANGE: libc::c_int = 51;
