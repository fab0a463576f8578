use super::{Refusal, Remedy, Route, Situation};
use crate::budget::Outlook;
use crate::budget::holder::Holder;

/// What would help a destination, and what would not.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Advice {
    /// What to do, the best first.
    pub remedies: Vec<Remedy>,
    /// What is advised elsewhere and does not help here, with the reason.
    pub refused: Vec<Refusal>,
}

impl Situation {
    /// What would help a destination that is short of ports.
    #[must_use]
    pub fn advise(&self, route: &Route) -> Advice {
        let shortage = Shortage::of(self, route);
        let mut remedies = shortage.parameters();
        remedies.extend(shortage.applications());
        remedies.sort_by_key(Remedy::rank);
        Advice { remedies, refused: shortage.refusals() }
    }
}

/// A destination that is short of ports: what it holds and what that bears.
pub(crate) struct Shortage<'s> {
    pub(super) situation: &'s Situation,
    pub(super) route: &'s Route,
    /// What it has as things are.
    pub(super) now: Outlook,
    /// What holds most of the ports: where live connections do, nothing about closed ones helps.
    pub(super) holder: Holder,
}

impl<'s> Shortage<'s> {
    pub(crate) fn of(situation: &'s Situation, route: &'s Route) -> Self {
        let now = situation.outlook(&situation.settings, route);
        Self { situation, route, now, holder: Holder::most(route.ports) }
    }

    pub(super) fn is_live(&self) -> bool {
        self.holder == Holder::Live
    }

    pub(super) fn has_many(&self, kind: Holder) -> bool {
        kind.has_many(self.route.ports)
    }

    /// What so many connections a second are, in a line and in a word.
    pub(super) fn becomes(&self, per_second: f64) -> (String, String) {
        let to = self.route.to().map_or(String::new(), |to| format!(" to {to}"));
        (format!("{} becomes {}{to}", rate(self.now.sustainable), rate(per_second)), rate(per_second))
    }
}

fn rate(per_second: f64) -> String {
    format!("{:.0}/s", per_second.floor())
}
