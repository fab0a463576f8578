use std::collections::BTreeSet;

use crate::Error;
use crate::host::Host;
use crate::judgement::Judge;
use crate::procfs::TwReuse;
use crate::sample::{Sample, Sampler};

/// Takes a sample, and the evidence that its verdict hangs on.
pub(super) fn take(host: &Host, sampler: &Sampler<'_>) -> Result<Sample, Error> {
    let mut sample = sampler.take()?;
    let undecided = undecided(&sample);
    if !undecided.is_empty() {
        sample.timestamps = host.timestamps_to(&undecided.into_iter().collect::<Vec<_>>());
    }
    Ok(sample)
}

/// The destinations whose verdict hangs on whether old connections had TCP timestamps.
fn undecided(sample: &Sample) -> BTreeSet<std::net::SocketAddr> {
    // Any other mode reuses on the loopback alone, where `tcp_timestamps` tells: no destination has to be judged for that.
    if sample.settings.tw_reuse != Some(TwReuse::On) {
        return BTreeSet::new();
    }
    let judge = Judge::of(sample);
    let spaces = sample.destinations.iter().filter_map(|(key, counts)| judge.group(&key, counts));
    let undecided = spaces.filter(|space| space.is_undecided() && space.ports().reusable > 0);
    undecided.map(|space| space.destination()).take(MAX_DESTINATIONS).collect()
}

/// As many as a filter names in one request; with more of them something else is wrong.
const MAX_DESTINATIONS: usize = 64;
