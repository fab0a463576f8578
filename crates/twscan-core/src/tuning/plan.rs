use super::{Change, Key, Route};
use crate::budget::Outlook;
use crate::procfs::Settings;

/// Changes of parameters, and what they are for: inert data. Only [`apply`](super::apply) writes.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Plan {
    /// The changes, in the order of writing. One that changes nothing is among them where it was asked for.
    pub changes: Vec<Change>,
    /// What the destinations that matter can do before and after.
    pub effects: Vec<Effect>,
    /// What was asked for and is not done.
    pub refused: Vec<Refusal>,
    /// What the application can do: the better cure, and the only one where `reached` is false.
    pub application: Vec<String>,
    /// Whether the goal is reached; `None` where values were given and no goal.
    pub reached: Option<bool>,
    /// Whether it is reached for the ports held now alone, since of some destination the rate is not known
    /// ([`Route::demand`]).
    pub held_only: bool,
}

impl Plan {
    /// A plan of values alone, such as one read from a file: no effects, no advice.
    #[must_use]
    pub fn of_values(values: impl IntoIterator<Item = (Key, Option<String>, String)>) -> Self {
        let mut changes: Vec<_> = values.into_iter().map(|(key, from, to)| Change::bare(key, from, to)).collect();
        changes.sort_by_key(|change| change.key);
        let (effects, refused, application) = (Vec::new(), Vec::new(), Vec::new());
        Self { changes, effects, refused, application, reached: None, held_only: false }
    }

    /// The same values wanted, from what these settings have: a saved plan in the light of the running kernel.
    #[must_use]
    pub fn starting_from(mut self, settings: &Settings) -> Self {
        for change in &mut self.changes {
            change.from = change.key.value_in(settings);
        }
        self
    }

    /// Whether applying it would write anything.
    #[must_use]
    pub fn changes_anything(&self) -> bool {
        self.changes.iter().any(|change| !change.is_noop())
    }

    /// Whether it is less than was asked for: the goal is not reached, or something is refused.
    #[must_use]
    pub fn falls_short(&self) -> bool {
        self.reached == Some(false) || !self.refused.is_empty()
    }

    /// Keys and values as they shall be.
    #[must_use]
    pub fn values(&self) -> Vec<(Key, String)> {
        self.changes.iter().map(|change| (change.key, change.to.clone())).collect()
    }
}

/// What a route can do before and after all changes.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Effect {
    /// From where to where.
    pub route: Route,
    /// As it is.
    pub before: Outlook,
    /// As it will be.
    pub after: Outlook,
}

/// What was asked for and is not done.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Refusal {
    /// The parameter as it was named.
    pub key: String,
    /// The value asked for.
    pub value: String,
    /// The reason.
    pub why: String,
}
