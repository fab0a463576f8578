use super::Source;
use crate::Error;
use crate::sock_diag::{Batch, Dump, DumpRequest, DumpStats};
use crate::tally::Tally;
use crate::transport::Transport;

pub(crate) type Channel = Box<dyn Transport>;

/// A walk over a host's sockets: a stream of borrowed batches, whatever the source.
#[derive(Debug)]
pub struct Sockets {
    pub(super) source: Source,
    pub(super) dump: Dump<Channel>,
    /// Whether the dump holds a datagram that has not been given out.
    pub(super) received: bool,
    pub(super) next: Option<(Channel, DumpRequest)>,
    pub(super) earlier: DumpStats,
    /// Why the kernel did not take the bytecode.
    pub(super) bytecode_refused: Option<i32>,
}

impl Sockets {
    /// The next datagram's sockets; `None` at the end.
    ///
    /// # Errors
    /// As for [`Dump::next_batch`]. What came before has been delivered.
    pub fn next_batch(&mut self) -> Result<Option<Batch<'_>>, Error> {
        if std::mem::take(&mut self.received) || self.dump.advance()? {
            return Ok(Some(self.dump.batch()));
        }
        let Some((channel, request)) = self.next.take() else { return Ok(None) };
        self.earlier.add(&self.dump.stats());
        self.dump = Dump::start_with(channel, &request, self.dump.patience().clone())?;
        self.dump.next_batch()
    }

    /// Shows every socket to a tally, until it [has enough](Tally::has_enough).
    ///
    /// # Errors
    /// As for [`next_batch`](Self::next_batch); what came before the error has been counted.
    pub fn observe<T: Tally + ?Sized>(&mut self, tally: &mut T) -> Result<(), Error> {
        while let Some(batch) = self.next_batch()? {
            for record in batch {
                tally.observe(&record);
            }
            if tally.has_enough() {
                break;
            }
        }
        Ok(())
    }

    /// Whether the bytecode is run, so that only what it accepts comes: by the kernel, or of a recording where it was.
    #[must_use]
    pub fn is_filtered(&self) -> bool {
        self.bytecode_refused.is_none() && self.dump.is_filtered()
    }

    /// Which source serves.
    #[must_use]
    pub fn source(&self) -> Source {
        self.source
    }

    /// What has been received so far, in all walks.
    #[must_use]
    pub fn stats(&self) -> DumpStats {
        let mut stats = self.earlier;
        stats.add(&self.dump.stats());
        stats
    }
}
