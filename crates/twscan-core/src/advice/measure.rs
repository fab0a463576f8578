use std::time::Duration;

use super::{Route, Situation};
use crate::budget::Outlook;
use crate::port::{PortRange, PortSet};
use crate::procfs::{Settings, TwReuse};
use crate::tally::ReusePolicy;

/// Parameters that give a destination more ports, or give them back sooner.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Measure {
    pub(crate) range: Option<PortRange>,
    /// The mode of `tcp_tw_reuse`; timestamps come with it.
    pub(crate) reuse: Option<TwReuse>,
    pub(crate) delay: Option<Duration>,
    pub(crate) fin_timeout: Option<Duration>,
}

impl Measure {
    /// The combinations of a wider range and reuse, the one that depends on least first: a wider range, which always
    /// holds; then reuse, which needs timestamps of both ends; then both. On the loopback both ends are here: with
    /// timestamps on, reuse depends on nothing and comes first.
    pub(crate) fn all(settings: &Settings, services: &PortSet, loopback: bool) -> Vec<Self> {
        let ranges = wider(settings, services);
        let of_range = |range: &PortRange| Self { range: Some(*range), ..Self::default() };
        let Some(reuse) = reuse_mode(settings, loopback) else { return ranges.iter().map(of_range).collect() };
        let alone = Self { reuse: Some(reuse), ..Self::default() };
        let mut measures: Vec<_> = ranges.iter().map(of_range).collect();
        let here = loopback && settings.timestamps != Some(0);
        measures.insert(if here { 0 } else { measures.len() }, alone);
        measures.extend(ranges.iter().map(|range| Self { range: Some(*range), ..alone }));
        measures
    }

    /// The settings with it; services in the part of a range that is new are reserved.
    pub(crate) fn on(self, settings: &Settings, services: &PortSet) -> Settings {
        let mut settings = settings.clone();
        if let Some(range) = self.range {
            settings.reserved = Some(reserved(&settings, range, services));
            settings.range = Some(range);
        }
        if let Some(mode) = self.reuse {
            settings.tw_reuse = Some(mode);
            if settings.timestamps == Some(0) {
                settings.timestamps = Some(1);
            }
        }
        settings.tw_reuse_delay = self.delay.or(settings.tw_reuse_delay);
        settings.fin_timeout = self.fin_timeout.or(settings.fin_timeout);
        settings
    }

    /// What it makes of these destinations, on top of settings.
    pub(crate) fn weigh(self, situation: &Situation, base: &Settings, routes: &[Route]) -> Weighed {
        let settings = self.on(base, &situation.services);
        let outlooks: Vec<Outlook> = routes.iter().map(|route| situation.outlook(&settings, route)).collect();
        let each = routes.iter().zip(&outlooks).map(|(route, outlook)| route.demand.is_met_by(outlook));
        let worst = outlooks.iter().min_by(|a, b| a.sustainable.total_cmp(&b.sustainable)).copied();
        Weighed {
            enough: each.min_by_key(|enough| sureness(*enough)).flatten(),
            worst: worst.unwrap_or_else(|| situation.outlook(&settings, &Route::default())),
            settings,
        }
    }
}

/// Orders what is sure: a no, what nobody knows, a yes.
pub(super) fn sureness(answer: Option<bool>) -> u8 {
    answer.map_or(1, |yes| u8::from(yes) * 2)
}

/// A measure, and what it makes of destinations.
pub(crate) struct Weighed {
    /// The parameters with it.
    pub(crate) settings: Settings,
    /// Whether it is enough for all of them; `None` where it is for what is known.
    pub(crate) enough: Option<bool>,
    /// What the one has that bears least.
    pub(crate) worst: Outlook,
}

/// The mode with which TIME_WAITs are reused; `None` where they are, or the kernel has no such parameter.
pub(super) fn reuse_mode(settings: &Settings, loopback: bool) -> Option<TwReuse> {
    let (now, policy) = (settings.tw_reuse?, ReusePolicy::of(settings));
    let covering = if loopback { TwReuse::Loopback } else { TwReuse::On };
    (!policy.applies(loopback)).then_some(if policy.covers(loopback) { now } else { covering })
}

/// What is reserved, with the services in the part of this range that is new.
pub(crate) fn reserved(settings: &Settings, range: PortRange, services: &PortSet) -> PortSet {
    let mut reserved = settings.reserved.clone().unwrap_or_default();
    let old = settings.range;
    reserved
        .extend(services.iter().filter(|port| range.contains(*port) && !old.is_some_and(|old| old.contains(*port))));
    reserved
}

/// The least port that a range may begin with: privileged services have those below.
pub(crate) fn floor(settings: &Settings) -> u16 {
    settings.unprivileged_port_start.unwrap_or(PRIVILEGED).max(PRIVILEGED)
}

/// Ranges wider than the present one up to 65535, those that swallow the fewest services first, then the narrowest.
fn wider(settings: &Settings, services: &PortSet) -> Vec<PortRange> {
    let Some(now) = settings.range else { return Vec::new() };
    let floor = floor(settings);
    let above_services = services.iter().filter_map(|port| port.checked_add(1));
    let mut lows: Vec<u16> = LOWS.into_iter().chain(above_services).chain([now.low(), floor]).collect();
    for low in &mut lows {
        // An even low end goes with 65535.
        *low = low.saturating_add(*low & 1);
    }
    lows.retain(|low| (floor..=now.low()).contains(low));
    lows.sort_unstable();
    lows.dedup();
    let swallowed =
        |range: &PortRange| services.iter().filter(|port| range.contains(*port) && !now.contains(*port)).count();
    let mut ranges: Vec<_> = lows.into_iter().rev().filter_map(|low| PortRange::new(low, u16::MAX)).collect();
    ranges.retain(|range| range.size() > now.size());
    ranges.sort_by_key(swallowed);
    ranges
}

const PRIVILEGED: u16 = 1024;
/// Where services commonly are not; 10240 is the usual advice.
const LOWS: [u16; 5] = [32_768, 24_576, 16_384, 10_240, 4096];
