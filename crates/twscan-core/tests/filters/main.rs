//! Filters against the kernel at hand and against the real ss(8).

mod agreement;
mod population;
mod random;
mod rows;
