use std::time::Duration;

use super::{Route, Situation};
use crate::advice::measure::{Measure, Weighed};
use crate::procfs::Settings;

/// The first measure that is enough, as far as is known, in the order of [`Measure::all`]; after those a shorter delay, where
/// it is about a rate. Where none is, the best without the shorter delay.
pub(super) fn search(situation: &Situation, base: &Settings, routes: &[Route], for_rate: bool) -> Weighed {
    let measures = Measure::all(base, &situation.services, routes.iter().all(Route::is_loopback));
    let delays = if for_rate && base.tw_reuse_delay.is_some() && base.tw_reuse.is_some() {
        let widest = measures.last().copied().unwrap_or_default();
        DELAYS.map(|delay| Measure { delay: Some(Duration::from_millis(delay)), ..widest }).to_vec()
    } else {
        Vec::new()
    };
    let mut best = Measure::default().weigh(situation, base, routes);
    for measure in measures.into_iter().chain(delays) {
        if best.enough != Some(false) {
            break;
        }
        let weighed = measure.weigh(situation, base, routes);
        let better = measure.delay.is_none() && weighed.worst.sustainable > best.worst.sustainable;
        if better || weighed.enough != Some(false) {
            best = weighed;
        }
    }
    best
}

const DELAYS: [u64; 4] = [500, 200, 100, 50];
