//! Plans: what to change, what it buys, and how it is written, kept over a boot, checked and undone.
//!
//! [`Plan`] is inert data; [`Verification`], [`BootFiles`] and [`export`] are pure but for the reading of files; only
//! [`apply`] writes. Feature `tuning`.

#[cfg(target_os = "linux")]
pub mod apply;
mod bad_value;
pub mod emit;
mod goal;
mod plan;
mod planner;
mod reasons;
mod search;
mod sysctl_d;
mod verify;

pub use bad_value::BadValue;
pub use emit::export;
pub use goal::Goal;
pub use plan::{Effect, Plan, Refusal};
pub use sysctl_d::{BadLine, Boot, BootFiles, Loader, Place};
pub use verify::{Checked, Status, Verification};

pub use crate::advice::{Change, Demand, Route, Situation};
pub use crate::procfs::{Key, Refused};

#[cfg(test)]
mod tests;
