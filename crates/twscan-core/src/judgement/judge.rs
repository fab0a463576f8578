use super::pool::{BindPool, Sources};
use super::port_space::Known;
use super::{PortSpace, Severity, Verdict};
use crate::budget::{LocalPorts, Occupancy, PortBudget, Zone};
use crate::sample::{Provenance, Sample};
use crate::tally::{DestinationCounts, DestinationKey, Role, Tuple};

/// Judges the port spaces of a sample: port by port where it was taken for that, else by counters.
#[derive(Debug, Clone)]
pub struct Judge<'s> {
    sample: &'s Sample,
    ports: Option<LocalPorts<'s>>,
    known: Known,
}

impl<'s> Judge<'s> {
    /// A judge of this sample.
    #[must_use]
    pub fn of(sample: &'s Sample) -> Self {
        let known = Known {
            complete: sample.provenance.complete(),
            // Where it was not recorded it is taken for the default.
            timestamps: sample.settings.timestamps != Some(0),
            by_bind: by_bind(sample),
        };
        Self { sample, ports: LocalPorts::of(sample), known }
    }

    /// The sample's local ports, where it was taken for them.
    #[must_use]
    pub fn ports(&self) -> Option<&LocalPorts<'s>> {
        self.ports.as_ref()
    }

    /// A budget, judged.
    #[must_use]
    pub fn space(&self, budget: &PortBudget) -> PortSpace {
        PortSpace::of_budget(budget, self.known_of(&budget.tuple()))
    }

    fn timestamps_to(&self, tuple: &Tuple) -> Option<bool> {
        self.sample.timestamps.get(&tuple.destination).copied()
    }

    /// What is known where a tuple's TIME_WAITs are to be taken over: on the loopback both ends have what `tcp_timestamps`
    /// says here; elsewhere live connections to the same destination tell.
    fn known_of(&self, tuple: &Tuple) -> Known {
        let timestamps = self.known.timestamps && tuple.is_loopback() || self.timestamps_to(tuple) == Some(true);
        Known { timestamps, ..self.known }
    }

    /// A group of sockets, judged; `None` for one that holds no local port, and where the port range is unknown.
    #[must_use]
    pub fn group(&self, key: &DestinationKey, counts: &DestinationCounts) -> Option<PortSpace> {
        let tuple = key.tuple()?;
        match &self.ports {
            Some(ports) => Some(self.space(&ports.budget(&tuple))),
            None => {
                let one = Occupancy::new(self.sample.destinations.rules(), counts.ports)?;
                let one = if self.timestamps_to(&tuple) == Some(false) { one.without_reuse() } else { one };
                Some(PortSpace::of_occupancy(tuple, &one, self.known_of(&tuple)))
            }
        }
    }

    /// The pools of clients that bind first that have no port left, of the sources of what was seen; none where the sample
    /// was not taken for ports.
    #[must_use]
    pub fn full_pools(&self, seen: &Worst) -> Vec<BindPool> {
        self.ports.as_ref().map_or_else(Vec::new, |ports| seen.sources.full(ports))
    }

    /// The verdict on the whole sample.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let mut worst = Worst::default();
        for (key, counts) in self.sample.destinations.iter() {
            self.group(&key, counts).iter().for_each(|space| worst.observe(space));
        }
        self.verdict_on(&worst, None)
    }

    /// The verdict on spaces that were seen: all of the sample, or those to a target.
    #[must_use]
    pub fn verdict_on(&self, seen: &Worst, target: Option<&str>) -> Verdict {
        let provenance = &self.sample.provenance;
        if self.sample.settings.range.is_none() {
            let text = "the local port range is unknown, so what is left is too";
            return Verdict::new(Severity::Warning, "range-unknown", text);
        }
        let pool = self.full_pools(seen).into_iter().find(BindPool::is_of_binders);
        match (&seen.worst, pool) {
            (Some(worst), None) => on(worst, target, provenance),
            (Some(worst), Some(_)) if worst.severity() == Severity::Critical => on(worst, target, provenance),
            (_, Some(pool)) => on_pool(&pool, provenance),
            (None, None) if self.known.complete => {
                let to = target.map_or(String::new(), |target| format!(" to {target}"));
                Verdict::new(Severity::Ok, "ok", format!("no outbound connection{to} holds a local port"))
            }
            (None, None) => Verdict::new(Severity::Warning, "incomplete", "how many ports are held is unknown"),
        }
    }
}

/// Usable ports of all destinations that look as if bind() had chosen them.
fn by_bind(sample: &Sample) -> u32 {
    let rules = sample.destinations.rules();
    let outbound = sample.destinations.iter().filter(|(key, _)| key.role == Role::Outbound);
    let occupancies = outbound.filter_map(|(_, counts)| Occupancy::new(rules, counts.ports));
    occupancies.map(|one| one.by_bind()).fold(0, u32::saturating_add)
}

/// The worst of the spaces that were seen, and what they hold together.
#[derive(Debug, Clone, Default)]
pub struct Worst {
    worst: Option<PortSpace>,
    sources: Sources,
}

impl Worst {
    /// The worst of these spaces.
    #[must_use]
    pub fn of<'p>(spaces: impl Iterator<Item = &'p PortSpace>) -> Self {
        let mut worst = Self::default();
        spaces.for_each(|space| worst.observe(space));
        worst
    }

    /// Sees one more.
    pub fn observe(&mut self, space: &PortSpace) {
        if self.worst.is_none_or(|worst| space.worst_first(&worst).is_lt()) {
            self.worst = Some(*space);
        }
        self.sources.observe(space);
    }

    /// The worst, where any was seen.
    #[must_use]
    pub fn space(&self) -> Option<&PortSpace> {
        self.worst.as_ref()
    }
}

fn on(space: &PortSpace, target: Option<&str>, provenance: &Provenance) -> Verdict {
    let (name, held, capacity) = (space.destination().to_string(), space.held(), space.capacity());
    let diagnose = |verdict: Verdict| {
        verdict.then(&provenance.scope.command("diagnose").word(&name), "what holds the ports, and what cures it")
    };
    if !space.is_told() {
        let text = format!("how many ports are left is unknown; {name} holds at least {held} of {capacity}");
        return Verdict::new(Severity::Warning, "incomplete", text);
    }
    if space.is_undecided() {
        let (sure, possible) = (space.sure(), space.possible());
        let text = format!("{name} has {sure} of {capacity} local ports left for sure, {possible} at best");
        let (code, rest) = if space.ports().time_wait > 0 {
            ("reuse-undecided", "is of TIME_WAITs that connect() takes over only if old enough, with TCP timestamps")
        } else {
            ("binds-undecided", "is held by connections elsewhere, and free only if bind() did not choose it there")
        };
        return diagnose(Verdict::new(Severity::Info, code, text).because(format!("The rest {rest}.")));
    }
    match space.zone() {
        Zone::Full => diagnose(
            Verdict::new(
                space.severity(),
                "ports-exhausted",
                format!("{name} has no local port left: {held} of {capacity} held"),
            )
            .because("connect() fails there with errno 99 (Cannot assign requested address)."),
        ),
        Zone::NearlyFull => {
            let text = format!("{name} has {} local ports left of {capacity}", space.free());
            diagnose(Verdict::new(space.severity(), "ports-exhausted", text))
        }
        Zone::Slow => diagnose(
            Verdict::new(
                space.severity(),
                "ports-slow",
                format!("{name} holds {held} of {capacity} local ports: each connect() scans"),
            )
            .because("About 300 times slower than below half of the range."),
        ),
        Zone::Fast => {
            let to = target.map_or(String::new(), |target| format!(" of {target}"));
            let text = format!("every destination{to} has local ports to spare (fullest: {held} of {capacity})");
            Verdict::new(space.severity(), "ok", text)
        }
    }
}

fn on_pool(pool: &BindPool, provenance: &Provenance) -> Verdict {
    let source = pool.pool.address();
    let text = format!("clients that bind to {source} before they connect find no port, to any destination");
    Verdict::new(Severity::Critical, "bind-pool-full", text)
        .because("bind() fails there with errno 98 (Address already in use).")
        .then(&provenance.scope.command("diagnose"), "what holds the ports, and what cures it")
}
