use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::Error;

/// How long to wait for datagrams: for the next one, for all of them, and no longer than until somebody cancels.
#[derive(Debug, Clone)]
pub struct Patience {
    silence: Duration,
    deadline: Option<Instant>,
    cancel: Option<Cancel>,
}

/// Ends walks from another thread or a signal's handler. Its clones are one and the same.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Patience {
    /// Gives up when nothing has come for so long.
    #[must_use]
    pub fn silence(self, silence: Duration) -> Self {
        Self { silence, ..self }
    }

    /// Gives up at this moment.
    #[must_use]
    pub fn until(self, deadline: Instant) -> Self {
        Self { deadline: Some(deadline), ..self }
    }

    /// Gives up when this is cancelled.
    #[must_use]
    pub fn unless(self, cancel: Cancel) -> Self {
        Self { cancel: Some(cancel), ..self }
    }

    /// Tells whether to go on.
    ///
    /// # Errors
    /// [`Error::Cancelled`] and [`Error::Deadline`].
    #[inline]
    pub fn check(&self) -> Result<(), Error> {
        if self.cancel.as_ref().is_some_and(Cancel::is_cancelled) {
            return Err(Error::Cancelled);
        }
        if self.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Err(Error::Deadline);
        }
        Ok(())
    }

    /// How long to wait before asking again, where a datagram has been waited for since `started`.
    ///
    /// # Errors
    /// As for [`check`](Self::check), and [`Error::Timeout`].
    pub fn pause(&self, started: Instant) -> Result<Duration, Error> {
        self.check()?;
        let left = self.silence.checked_sub(started.elapsed()).filter(|left| !left.is_zero());
        let mut pause = left.ok_or(Error::Timeout { waited: self.silence })?;
        if let Some(deadline) = self.deadline {
            pause = pause.min(deadline.saturating_duration_since(Instant::now()));
        }
        Ok(if self.cancel.is_some() { pause.min(MOMENT) } else { pause })
    }
}

/// Five seconds for each datagram, and no end.
impl Default for Patience {
    fn default() -> Self {
        Self { silence: SILENCE, deadline: None, cancel: None }
    }
}

impl Cancel {
    /// Nothing is cancelled yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends what runs, within a moment, and what would begin.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was cancelled.
    #[inline]
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A dump's next datagram is made within milliseconds; a kernel silent for this long will not go on.
const SILENCE: Duration = Duration::from_secs(5);
/// Soon enough not to be noticed, and only while the kernel is silent, which it hardly ever is.
const MOMENT: Duration = Duration::from_millis(20);
