use super::bad_value::BadValue;
use super::plan::{Change, Effect, Plan};
use super::reasons::{self, folklore};
use super::search;
use super::situation::Route;
use super::{Goal, Key, Situation};
use crate::budget::measure;
use crate::port::PortRange;
use crate::procfs::{Settings, TwReuse};

/// Makes the plan: first the values wanted, then the reasons and numbers for them.
pub(super) fn plan(situation: &Situation, goal: &Goal) -> Result<Plan, BadValue> {
    let routes = situation.routes_of(goal);
    let mut refused = folklore(goal);
    let mut wanted = situation.settings.clone();
    let mut asked = Vec::new();
    for (key, value) in &goal.values {
        match reasons::refuse(*key, value, &situation.settings) {
            Some(refusal) => refused.push(refusal),
            None => {
                set(&mut wanted, *key, &checked(*key, value, &situation.settings)?);
                asked.push(*key);
            }
        }
    }
    let mut reserved = wanted.reserved.clone().unwrap_or_default();
    reserved.union_with(&goal.reserve);
    if let Some(range) = wanted.range {
        reserved.union_with(&measure::reserved(&situation.settings, range, &situation.services));
    }
    wanted.reserved = Some(reserved);
    let mut reached = None;
    if !goal.gives_values() || goal.rate.is_some() {
        let found = search::search(situation, goal, &routes, &wanted);
        reached = Some(found.reached);
        wanted = found.settings;
    }
    let changes = changes(situation, &wanted, &asked, &routes);
    let effects = routes.iter().map(|route| effect(situation, &wanted, route)).collect::<Vec<_>>();
    let application = reasons::application(goal, &effects, reached);
    let held_only = reached == Some(true) && goal.rate.is_none() && routes.iter().any(|route| route.demand.is_none());
    Ok(Plan { changes, effects, refused, application, reached, held_only })
}

/// The wanted value in the kernel's form, and within bounds that are twscan's own.
fn checked(key: Key, value: &str, settings: &Settings) -> Result<String, BadValue> {
    let bad = |why: String| BadValue { key: key.name(), value: value.to_owned(), why };
    let floor = measure::floor(settings);
    let current = key.value_in(settings);
    if key != Key::PortRange {
        return key.accept(value, current.as_deref(), floor).map_err(|refused| bad(refused.to_string()));
    }
    let range: PortRange = value.parse().map_err(|_| bad("write LOW-HIGH, such as 10240-65535".to_owned()))?;
    if range.low() < floor {
        let why =
            format!("ports below {floor} are for privileged services (ip_unprivileged_port_start, at least 1024)");
        return Err(bad(why));
    }
    let even = even_sized(range).ok_or_else(|| bad("a range has two ports at least".to_owned()))?;
    Ok(format!("{} {}", even.low(), even.high()))
}

/// The range without its last port where its ends are of the same parity: connect() leaves one port out of an odd number.
fn even_sized(range: PortRange) -> Option<PortRange> {
    if range.size().is_multiple_of(2) { Some(range) } else { PortRange::new(range.low(), range.high().checked_sub(1)?) }
}

/// Sets a value in these settings; the text is in the kernel's form.
pub(super) fn set(settings: &mut Settings, key: Key, value: &str) {
    let number = || value.parse::<u64>().ok();
    match key {
        Key::ReservedPorts => settings.reserved = value.parse().ok(),
        Key::PortRange => settings.range = value.parse().ok(),
        Key::Timestamps => settings.timestamps = value.parse().ok(),
        Key::TwReuseDelay => settings.tw_reuse_delay = number().map(std::time::Duration::from_millis),
        Key::TwReuse => settings.tw_reuse = TwReuse::from_value(value),
        Key::MaxTwBuckets => settings.max_tw_buckets = number(),
    }
}

fn changes(situation: &Situation, wanted: &Settings, asked: &[Key], routes: &[Route]) -> Vec<Change> {
    let route = routes.first().copied().unwrap_or_default();
    let mut so_far = situation.settings.clone();
    let mut changes = Vec::new();
    for key in Key::ALL {
        let (from, to) = (key.value_in(&situation.settings), key.value_in(wanted));
        let Some(to) = to.filter(|to| asked.contains(&key) || Some(to) != from.as_ref()) else { continue };
        if key == Key::ReservedPorts && to.is_empty() && from.is_none() {
            continue;
        }
        let before = situation.outlook(&so_far, &route);
        set(&mut so_far, key, &to);
        let after = situation.outlook(&so_far, &route);
        let mut change = Change::bare(key, from, to);
        reasons::explain(&mut change, situation, &route);
        change.gain = Some((before, after));
        changes.push(change);
    }
    changes
}

fn effect(situation: &Situation, wanted: &Settings, route: &Route) -> Effect {
    Effect {
        route: *route,
        before: situation.outlook(&situation.settings, route),
        after: situation.outlook(wanted, route),
    }
}
