use super::retries::Retries;
use super::{Host, Sockets, Source};
use crate::Error;
use crate::errno::EINVAL;
use crate::filter::{Filter, Needs};
use crate::socket::{SocketRecord, StateSet};

impl Host {
    /// Starts a walk over the sockets in these states, for a filter: its [bytecode](Filter::bytecode) goes to the kernel,
    /// and what comes is for the caller to [judge again](Filter::matches).
    ///
    /// # Errors
    /// As for [`sockets`](Self::sockets), and [`Error::CannotFilter`] where the source does not have what the filter reads.
    pub fn sockets_matching(&self, states: StateSet, filter: &Filter) -> Result<Sockets, Error> {
        self.matching_with(&mut Retries::new(), states, filter)
    }

    pub(crate) fn matching_with(
        &self,
        retries: &mut Retries,
        states: StateSet,
        filter: &Filter,
    ) -> Result<Sockets, Error> {
        let sockets = self.sockets_with(retries, states, &filter.bytecode())?;
        if let Some((condition, reason)) = sockets.lacks(filter.needs()) {
            return Err(Error::CannotFilter { condition, reason });
        }
        if filter.needs().mark && self.recorded.is_some() && !self.tells_marks()? {
            return Err(Error::CannotFilter { condition: "fwmark", reason: UNMARKED });
        }
        Ok(sockets)
    }

    /// Whether the recorder was told firewall marks: then the kernel sent one with every socket, 0 included
    /// (net/ipv4/inet_diag.c, `inet_diag_msg_attrs_fill`). Of no sockets that tells nothing, and nothing is asked.
    fn tells_marks(&self) -> Result<bool, Error> {
        let (mut any, mut marked) = (false, false);
        // What breaks the walk off is told by the walk that was asked for.
        let _ = self.sockets(StateSet::ALL, &[])?.observe(&mut |record: &SocketRecord<'_>| {
            (any, marked) = (true, marked || record.mark().is_some());
        });
        Ok(marked || !any)
    }
}

impl Sockets {
    /// The condition that cannot be judged by what this source tells, and why.
    fn lacks(&self, needs: Needs) -> Option<(&'static str, &'static str)> {
        let hidden = match self.source {
            Source::Procfs => "/proc/net/tcp does not show it",
            _ => "the recorded text does not show it",
        };
        let in_text = matches!(self.source, Source::Procfs | Source::SsText | Source::NetstatText);
        match self.bytecode_refused {
            _ if needs.interface && in_text => Some(("dev", hidden)),
            _ if needs.mark && in_text => Some(("fwmark", hidden)),
            _ if needs.cgroup && in_text => Some(("cgroup", hidden)),
            Some(_) if needs.mark => Some(("fwmark", "the kernel tells it to a reader with CAP_NET_ADMIN alone")),
            Some(EINVAL) if needs.cgroup => Some(("cgroup", "this kernel does not tell it; 5.8 and later do")),
            _ => None,
        }
    }
}

const UNMARKED: &str = "it was not recorded: the kernel tells it to a recorder with CAP_NET_ADMIN alone";
