//! A walk to its end: begun again through a new socket where it broke off, with nothing counted twice.

use super::retries::Retries;
use super::{Host, Sockets, Source};
use crate::Error;
use crate::filter::Filter;
use crate::sock_diag::DumpStats;
use crate::socket::StateSet;
use crate::tally::Tally;

/// What a walk over a host's sockets brought.
#[derive(Debug)]
#[must_use]
#[non_exhaustive]
pub struct Walk<T> {
    /// What was counted by the last attempt, and by no other.
    pub tally: T,
    /// Which source served.
    pub source: Source,
    /// What that attempt brought and took.
    pub dump: DumpStats,
    /// Why sockets may be missing from the tally; `None` where the walk reached its end.
    pub interruption: Option<Error>,
}

impl Host {
    /// Shows every socket in these states to a tally; an empty `bytecode` is no filter.
    ///
    /// A walk that breaks off in a way that [may pass](Error::is_transient) is begun again, at most twice, through a new
    /// socket and with a new tally from `fresh`. If the last attempt breaks off too, its part is what there is, with the
    /// reason beside it; if it cannot begin, the part of the one before. A dump that the kernel flags as disturbed counts
    /// as broken off.
    ///
    /// # Errors
    /// What [`sockets`](Self::sockets) gives where no walk could begin.
    pub fn tally<T: Tally>(
        &self,
        states: StateSet,
        bytecode: &[u8],
        fresh: impl FnMut() -> T,
    ) -> Result<Walk<T>, Error> {
        to_the_end(|retries| self.sockets_with(retries, states, bytecode), fresh)
    }

    /// As [`tally`](Self::tally), for a filter: its [bytecode](Filter::bytecode) goes to the kernel, and what comes is for
    /// the tally to [judge again](Filter::matches).
    ///
    /// # Errors
    /// What [`sockets_matching`](Self::sockets_matching) gives where no walk could begin.
    pub fn tally_matching<T: Tally>(
        &self,
        states: StateSet,
        filter: &Filter,
        fresh: impl FnMut() -> T,
    ) -> Result<Walk<T>, Error> {
        to_the_end(|retries| self.matching_with(retries, states, filter), fresh)
    }
}

fn to_the_end<T: Tally>(
    mut start: impl FnMut(&mut Retries) -> Result<Sockets, Error>,
    mut fresh: impl FnMut() -> T,
) -> Result<Walk<T>, Error> {
    let mut retries = Retries::new();
    let mut broken: Option<Walk<T>> = None;
    loop {
        let mut tally = fresh();
        let mut sockets = match (start(&mut retries), broken.take()) {
            (Ok(sockets), _) => sockets,
            (Err(error), Some(walk)) => return Ok(Walk { interruption: Some(error), ..walk }),
            (Err(error), None) => return Err(error),
        };
        let outcome = sockets.observe(&mut tally);
        let dump = sockets.stats();
        let disturbed = || dump.interrupted.then_some(Error::Interrupted { sockets: dump.sockets });
        let interruption = outcome.err().or_else(disturbed);
        let again = interruption.as_ref().is_some_and(Error::is_transient) && retries.take();
        let walk = Walk { tally, source: sockets.source(), dump, interruption };
        if !again {
            return Ok(walk);
        }
        broken = Some(walk);
    }
}
