use std::time::Duration;

use super::planner::{self, Found};
use super::situation::{Outlook, Route};
use super::{Goal, Situation};
use crate::port::PortRange;
use crate::procfs::Settings;

/// One combination of measures.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Step {
    pub(super) range: Option<PortRange>,
    pub(super) reuse: bool,
    pub(super) delay: Option<Duration>,
}

/// The first combination that reaches the goal, the one that depends on least first: a wider range, which always holds;
/// then reuse, which needs timestamps of both ends; then both; then a shorter delay. Where none does, the best without
/// the shorter delay.
pub(super) fn search(situation: &Situation, goal: &Goal, routes: &[Route], base: &Settings) -> Found {
    let ranges = ranges(situation, base);
    let range_alone = ranges.iter().map(|range| Step { range: Some(*range), ..Step::default() });
    let reuse_alone = Step { reuse: true, ..Step::default() };
    let both = ranges.iter().map(|range| Step { range: Some(*range), reuse: true, delay: None });
    let delays = base.tw_reuse_delay.map(|_| {
        let widest = ranges.last().copied();
        DELAYS.map(|delay| Step { range: widest, reuse: true, delay: Some(Duration::from_millis(delay)) })
    });
    let mut steps: Vec<_> = std::iter::once(Step::default()).chain(range_alone).collect();
    if base.tw_reuse.is_some() {
        steps.extend(std::iter::once(reuse_alone).chain(both));
        // A delay serves a rate; the slow zone is about ports held.
        steps.extend(delays.into_iter().flatten().filter(|_| goal.rate.is_some()));
    }
    let mut best = base.clone();
    let mut most = f64::MIN;
    for step in steps {
        let settings = planner::after(situation, base, step, routes);
        if routes.iter().all(|route| reaches(situation, goal, route, &settings)) {
            return Found { settings, reached: true };
        }
        let least =
            routes.iter().map(|route| outlook(situation, &settings, route).sustainable).fold(f64::MAX, f64::min);
        if step.delay.is_none() && least > most {
            (best, most) = (settings, least);
        }
    }
    Found { settings: best, reached: false }
}

/// The least port that a range may begin with: privileged services have those below.
pub(super) fn floor(settings: &Settings) -> u16 {
    settings.unprivileged_port_start.unwrap_or(PRIVILEGED).max(PRIVILEGED)
}

/// The range without its last port where its ends are of the same parity: connect() leaves one port out of an odd number.
pub(super) fn even_sized(range: PortRange) -> Option<PortRange> {
    if range.size().is_multiple_of(2) { Some(range) } else { PortRange::new(range.low(), range.high().checked_sub(1)?) }
}

fn reaches(situation: &Situation, goal: &Goal, route: &Route, settings: &Settings) -> bool {
    let outlook = outlook(situation, settings, route);
    match goal.rate {
        Some(rate) => outlook.sustainable >= f64::from(rate),
        None => outlook.is_fast(route.ports, settings.tw_reuse_delay.unwrap_or(SECOND).as_secs_f64()),
    }
}

fn outlook(situation: &Situation, settings: &Settings, route: &Route) -> Outlook {
    Outlook::new(settings, &situation.listening, route)
}

/// Ranges wider than the present one up to 65535, those that swallow the fewest services first, then the narrowest.
fn ranges(situation: &Situation, base: &Settings) -> Vec<PortRange> {
    let Some(now) = base.range else { return Vec::new() };
    let floor = floor(base);
    let above_services = situation.services.iter().filter_map(|port| port.checked_add(1));
    let mut lows: Vec<u16> = LOWS.into_iter().chain(above_services).chain([now.low(), floor]).collect();
    for low in &mut lows {
        // An even low end goes with 65535.
        *low = low.saturating_add(*low & 1);
    }
    lows.retain(|low| (floor..=now.low()).contains(low));
    lows.sort_unstable();
    lows.dedup();
    let swallowed = |range: &PortRange| {
        situation.services.iter().filter(|port| range.contains(*port) && !now.contains(*port)).count()
    };
    let mut ranges: Vec<_> = lows.into_iter().rev().filter_map(|low| PortRange::new(low, u16::MAX)).collect();
    ranges.retain(|range| range.size() > now.size());
    ranges.sort_by_key(swallowed);
    ranges
}

const PRIVILEGED: u16 = 1024;
/// Where services commonly are not; 10240 is the usual advice.
const LOWS: [u16; 5] = [32_768, 24_576, 16_384, 10_240, 4096];
const DELAYS: [u64; 4] = [500, 200, 100, 50];
const SECOND: Duration = Duration::from_secs(1);
