use std::time::Duration;

use super::situation::Route;
use super::{Goal, Situation};
use crate::budget::measure::Measure;
use crate::procfs::Settings;

/// What the search found.
pub(super) struct Found {
    pub(super) settings: Settings,
    pub(super) reached: bool,
}

/// The first measure that reaches the goal, in the order of [`Measure::all`], and after those a shorter delay. Where none
/// does, the best without the shorter delay.
pub(super) fn search(situation: &Situation, goal: &Goal, routes: &[Route], base: &Settings) -> Found {
    let services = &situation.services;
    let measures = Measure::all(base, services, routes.iter().all(Route::is_loopback));
    // A delay serves a rate; the slow zone is about ports held.
    let delays = if goal.rate.is_some() && base.tw_reuse_delay.is_some() && base.tw_reuse.is_some() {
        let widest = measures.last().copied().unwrap_or_default();
        DELAYS.map(|delay| Measure { delay: Some(Duration::from_millis(delay)), ..widest }).to_vec()
    } else {
        Vec::new()
    };
    let mut best = base.clone();
    let mut most = f64::MIN;
    for measure in std::iter::once(Measure::default()).chain(measures).chain(delays) {
        let settings = measure.on(base, services);
        if routes.iter().all(|route| reaches(situation, goal, route, &settings)) {
            return Found { settings, reached: true };
        }
        let sustainable = |route| situation.outlook(&settings, route).sustainable;
        let least = routes.iter().map(sustainable).fold(f64::MAX, f64::min);
        if measure.delay.is_none() && least > most {
            (best, most) = (settings, least);
        }
    }
    Found { settings: best, reached: false }
}

fn reaches(situation: &Situation, goal: &Goal, route: &Route, settings: &Settings) -> bool {
    let outlook = situation.outlook(settings, route);
    match goal.rate {
        Some(rate) => outlook.sustainable >= f64::from(rate),
        None => outlook.is_fast(route.demand),
    }
}

const DELAYS: [u64; 4] = [500, 200, 100, 50];
