use std::thread;

use super::NetnsError;
use crate::Error;

/// Runs a closure in a thread of its own, so that the caller's stays in its namespace. A panic goes on in the caller.
pub(crate) fn in_a_thread<T: Send>(inside: impl FnOnce() -> T + Send) -> Result<T, Error> {
    thread::scope(|scope| {
        let thread = thread::Builder::new()
            .name("netns".to_owned())
            .spawn_scoped(scope, inside)
            .map_err(|cause| NetnsError::Thread { cause })?;
        Ok(thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}
