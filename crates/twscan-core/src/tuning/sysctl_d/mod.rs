//! The files that set parameters at boot, read as the loader that a host uses reads them.
//!
//! systemd-sysctl and procps (`sysctl --system`) read the same directories and differ: see [`Loader`].

mod files;
mod glob;
mod line;
mod loader;

pub use files::BootFiles;
pub use line::BadLine;
pub use loader::{Boot, Loader, Place};
