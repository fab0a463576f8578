use super::bad_value::BadValue;
use super::plan::{Effect, Plan};
use super::reasons::{self, folklore};
use super::search::search;
use super::{Goal, Key, Route, Situation};
use crate::advice::measure::{floor, reserved};
use crate::port::PortRange;
use crate::procfs::Settings;

impl Plan {
    /// Plans for a goal. Pure: nothing is read, nothing is written.
    ///
    /// # Errors
    /// [`BadValue`] where a value that was asked for makes no sense.
    pub fn new(situation: &Situation, goal: &Goal) -> Result<Self, BadValue> {
        // First the values wanted, then the reasons and numbers for them.
        let routes = goal.routes(situation);
        let mut refused = folklore(goal);
        let mut wanted = situation.settings.clone();
        let mut asked = Vec::new();
        for (key, value) in &goal.values {
            match reasons::refuse(*key, value, &situation.settings) {
                Some(refusal) => refused.push(refusal),
                None => {
                    key.set_in(&mut wanted, &checked(*key, value, &situation.settings)?);
                    asked.push(*key);
                }
            }
        }
        let mut all = wanted.reserved.clone().unwrap_or_default();
        all.union_with(&goal.reserve);
        if let Some(range) = wanted.range {
            all.union_with(&reserved(&situation.settings, range, &situation.services));
        }
        wanted.reserved = Some(all);
        let found = (!goal.gives_values() || goal.rate.is_some())
            .then(|| search(situation, &wanted, &routes, goal.rate.is_some()));
        let reached = found.as_ref().map(|found| found.enough != Some(false));
        let held_only = found.as_ref().is_some_and(|found| found.enough.is_none());
        wanted = found.map_or(wanted, |found| found.settings);
        let changes = situation.changes(&wanted, &asked, &routes.first().copied().unwrap_or_default());
        let effects = routes.iter().map(|route| effect(situation, &wanted, route)).collect::<Vec<_>>();
        let application = reasons::application(goal, &effects, reached);
        Ok(Self { changes, effects, refused, application, reached, held_only })
    }
}

/// The wanted value in the kernel's form, and within bounds that are twscan's own.
fn checked(key: Key, value: &str, settings: &Settings) -> Result<String, BadValue> {
    let bad = |why: String| BadValue { key: key.name(), value: value.to_owned(), why };
    let floor = floor(settings);
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

fn effect(situation: &Situation, wanted: &Settings, route: &Route) -> Effect {
    Effect {
        route: *route,
        before: situation.outlook(&situation.settings, route),
        after: situation.outlook(wanted, route),
    }
}
