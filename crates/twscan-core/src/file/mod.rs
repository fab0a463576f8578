//! Files that are written whole or not at all, and only where they were meant to be.
//!
//! Whoever may write to a directory may plant something there under the name that root writes next: a link, a pipe, a
//! device. So every step goes through a handle of the directory, a new file takes the place of the old one by its name
//! alone, and whatever is no file of the writer's own making is refused, with the reason.

mod directory;
mod draft;
mod refusal;
mod target;

pub use directory::Directory;
pub use draft::Draft;
pub use refusal::Refusal;

#[cfg(test)]
mod tests;
