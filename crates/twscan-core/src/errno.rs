//! Error numbers, as include/uapi/asm-generic/errno-base.h and errno.h have them: all but a few architectures share these.

pub(crate) const EPERM: i32 = 1;
pub(crate) const ENOENT: i32 = 2;
pub(crate) const ESRCH: i32 = 3;
pub(crate) const EINTR: i32 = 4;
pub(crate) const EIO: i32 = 5;
pub(crate) const EAGAIN: i32 = 11;
pub(crate) const ENOMEM: i32 = 12;
pub(crate) const EACCES: i32 = 13;
pub(crate) const EBUSY: i32 = 16;
pub(crate) const EINVAL: i32 = 22;
pub(crate) const EMFILE: i32 = 24;
pub(crate) const EPROTONOSUPPORT: i32 = 93;
pub(crate) const EOPNOTSUPP: i32 = 95;
pub(crate) const EAFNOSUPPORT: i32 = 97;
#[cfg(all(feature = "live", target_os = "linux"))]
pub(crate) const EADDRNOTAVAIL: i32 = 99;
#[cfg(all(feature = "live", target_os = "linux"))]
pub(crate) const ENETUNREACH: i32 = 101;
pub(crate) const ENOBUFS: i32 = 105;
pub(crate) const EHOSTUNREACH: i32 = 113;
