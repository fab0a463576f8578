//! Filters against the kernel at hand and against the real ss(8).
#![cfg(all(feature = "live", target_os = "linux"))]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod agreement;
mod population;
mod random;
mod rows;
