//! Plans: what to change, what it buys, and how it is written, kept over a boot, checked and undone.
//!
//! [`Plan`] is inert data; [`Verification`], [`BootFiles`] and [`export`] are pure but for the reading of files; only
//! [`apply`] writes. Feature `tuning`.

pub mod apply;
#[cfg(target_os = "linux")]
mod bad_value;
pub mod emit;
mod goal;
mod key;
mod plan;
mod planner;
mod reasons;
mod search;
mod situation;
mod sysctl_d;
mod verify;

pub use bad_value::BadValue;
pub use emit::export;
pub use goal::Goal;
pub use key::{Key, Refused};
pub use plan::{Change, Effect, Plan, Refusal};
pub use situation::{Route, Situation};
pub use sysctl_d::{BadLine, Boot, BootFiles, Loader, Place};
pub use verify::{Checked, Status, Verification};

#[cfg(test)]
mod tests;
