use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::{Host, Source};
use crate::Error;
use crate::filter::{Filter, Prefix, Side};
use crate::sock_diag::{Dump, DumpRequest};
use crate::socket::{StateSet, TcpState};
use crate::wire::Attribute;

impl Host {
    /// The destinations whose live connections all have TCP timestamps, or all have none (`tcpi_options` of `tcp_info`). Of
    /// different hosts behind one address that tells nothing; nor does a destination without a live connection, a
    /// recording, or a kernel that does not answer.
    pub(crate) fn timestamps_to(&self, destinations: &[SocketAddr]) -> BTreeMap<SocketAddr, bool> {
        let netlink = self.source.is_none_or(|source| source != Source::Procfs);
        if destinations.is_empty() || !netlink || self.recorded.is_some() {
            return BTreeMap::new();
        }
        let mut seen: BTreeMap<SocketAddr, Option<bool>> = BTreeMap::new();
        // What is not told leaves the verdict undecided, as without it.
        let _ = self.look_for_timestamps(destinations, |destination, has| {
            seen.entry(destination)
                .and_modify(|known| *known = known.filter(|known| *known == has))
                .or_insert(Some(has));
        });
        seen.into_iter().filter_map(|(destination, has)| Some((destination, has?))).collect()
    }

    fn look_for_timestamps(
        &self,
        destinations: &[SocketAddr],
        mut see: impl FnMut(SocketAddr, bool),
    ) -> Result<(), Error> {
        let one =
            |to: &SocketAddr| Filter::Host(Side::Remote, Some(Prefix::from(to.ip().to_canonical())), Some(to.port()));
        let filter = Filter::Or(destinations.iter().map(one).collect());
        let request = DumpRequest::one_walk(NEGOTIATED.into_iter().fold(StateSet::EMPTY, |all, one| all | one.into()));
        let request = request.bytecode(filter.bytecode()).with_tcp_info();
        let mut dump = Dump::start((self.open)(Source::NetlinkOneWalk)?, &request)?;
        while let Some(batch) = dump.next_batch()? {
            for record in batch.filter(|record| filter.matches(record)) {
                let info = record.attribute(Attribute::INFO);
                if let Some(options) = info.and_then(|info| info.value().get(TCPI_OPTIONS).copied()) {
                    see(record.remote(), options & TCPI_OPT_TIMESTAMPS != 0);
                }
            }
        }
        Ok(())
    }
}

/// The states in which both ends have agreed.
const NEGOTIATED: [TcpState; 6] = [
    TcpState::Established,
    TcpState::FinWait1,
    TcpState::FinWait2,
    TcpState::CloseWait,
    TcpState::LastAck,
    TcpState::Closing,
];
/// The offset of `tcpi_options` in `struct tcp_info`, and its bit (include/uapi/linux/tcp.h).
const TCPI_OPTIONS: usize = 5;
const TCPI_OPT_TIMESTAMPS: u8 = 1;
