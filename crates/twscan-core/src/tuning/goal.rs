use super::{Key, Route, Situation};
use crate::port::{PortRange, PortSet};
use crate::procfs::TwReuse;
use crate::target::Target;

/// What a plan shall reach. Without anything asked for: no destination in the slow zone.
///
/// ```
/// use twscan_core::tuning::Goal;
///
/// let goal = Goal::new().target_rate(2000).to("10.0.0.5:5432".parse()?);
/// # Ok::<(), twscan_core::target::InvalidTarget>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Goal {
    pub(super) rate: Option<u32>,
    pub(super) to: Option<Target>,
    pub(super) values: Vec<(Key, String)>,
    pub(super) reserve: PortSet,
    pub(super) others: Vec<(String, String)>,
}

impl Goal {
    /// Nothing asked for yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Connections a second to be sustained to each destination that matters.
    #[must_use]
    pub fn target_rate(self, per_second: u32) -> Self {
        Self { rate: Some(per_second), ..self }
    }

    /// The destinations that matter; without it the fullest ones.
    #[must_use]
    pub fn to(self, target: Target) -> Self {
        Self { to: Some(target), ..self }
    }

    /// This local port range.
    #[must_use]
    pub fn range(self, range: PortRange) -> Self {
        self.value(Key::PortRange, format!("{} {}", range.low(), range.high()))
    }

    /// This `tcp_tw_reuse`.
    #[must_use]
    pub fn tw_reuse(self, mode: TwReuse) -> Self {
        self.value(Key::TwReuse, mode.value().to_string())
    }

    /// These ports reserved, besides those that are.
    #[must_use]
    pub fn reserve(mut self, ports: &PortSet) -> Self {
        self.reserve.union_with(ports);
        self
    }

    /// A value by a parameter's name. What twscan does not change is refused in the plan, with the reason.
    #[must_use]
    pub fn set(mut self, name: &str, value: &str) -> Self {
        match Key::from_name(name) {
            Some(key) => self.value(key, value.to_owned()),
            None => {
                self.others.push((name.to_owned(), value.to_owned()));
                self
            }
        }
    }

    /// The destinations that matter: those that are named, seen or not, or the ones that hold most.
    pub(super) fn routes(&self, situation: &Situation) -> Vec<Route> {
        let mut routes = situation.routes_to(self.to.as_ref(), if self.rate.is_some() { 1 } else { SHOWN });
        if let Some(rate) = self.rate {
            routes.iter_mut().for_each(|route| *route = route.asked(rate.into()));
        }
        routes
    }

    /// Whether values were given, and not a rate or a zone to reach.
    pub(super) fn gives_values(&self) -> bool {
        !(self.values.is_empty() && self.others.is_empty() && self.reserve.is_empty())
    }

    fn value(mut self, key: Key, value: String) -> Self {
        self.values.retain(|(given, _)| *given != key);
        self.values.push((key, value));
        self
    }
}

const SHOWN: usize = 5;
