use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::Header;
use crate::sample::Provenance;
use crate::tuning::{BootFiles, Change, Effect, Key, Loader, Plan, Refusal};

/// `twscan.plan/1`: changes of parameters, and what they buy.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct PlanReport {
    /// Where and when.
    #[serde(flatten)]
    pub header: Header,
    /// The changes, in the order of writing.
    pub changes: Vec<PlannedChange>,
    /// What the destinations that matter can do before and after.
    pub effects: Vec<PlannedEffect>,
    /// What was asked for and is not done.
    pub refused: Vec<Refusal>,
    /// What the application can do.
    pub application: Vec<String>,
    /// Whether the goal is reached; null where values were given and no goal.
    pub reached: Option<bool>,
    /// Whether it is reached for the ports held now alone, since of some destination the rate is not known.
    pub held_only: bool,
}

impl PlanReport {
    /// The schema's name and version.
    pub const SCHEMA: &'static str = "twscan.plan/1";

    /// The document of a plan. The boot files tell where a value is set for every boot already.
    #[must_use]
    pub fn new(plan: &Plan, provenance: &Provenance, boot: Option<(&BootFiles, Loader)>) -> Self {
        let persisted_in = |change: &Change| {
            let (files, loader) = boot?;
            let boot = files.boot(loader, change.key, 0);
            boot.winner.filter(|_| boot.value.as_ref() == Some(&change.to)).map(|place| place.to_string())
        };
        Self {
            header: Header::new(Self::SCHEMA, provenance),
            changes: plan.changes.iter().map(|change| PlannedChange::new(change, persisted_in(change))).collect(),
            effects: plan.effects.iter().map(PlannedEffect::from).collect(),
            refused: plan.refused.clone(),
            application: plan.application.clone(),
            reached: plan.reached,
            held_only: plan.held_only,
        }
    }
}

/// A parameter's change.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct PlannedChange {
    /// The parameter: `net.ipv4.tcp_tw_reuse`.
    pub key: &'static str,
    /// Its value now.
    pub from: Option<String>,
    /// Its value then; equal to `from` where nothing changes.
    pub to: String,
    /// What it is for.
    pub why: String,
    /// What may go wrong.
    pub risk: String,
    /// What must be so for it to help.
    pub precondition: Option<String>,
    /// What it takes to write it.
    pub privilege: &'static str,
    /// Whether it acts on TIME_WAITs and connections that exist already.
    pub acts_on_existing: bool,
    /// Connections at a time to the first destination of `effects`, before and after this change.
    pub capacity: Option<[u32; 2]>,
    /// Connections a second to it, before and after this change.
    pub sustainable: Option<[f64; 2]>,
    /// The file and line that sets this value at every boot already.
    pub persisted_in: Option<String>,
}

impl PlannedChange {
    fn new(change: &Change, persisted_in: Option<String>) -> Self {
        Self {
            key: change.key.name(),
            from: change.from.clone(),
            to: change.to.clone(),
            why: change.why.clone(),
            risk: format!("{}: {}", change.risk.name(), change.risk_note),
            precondition: change.precondition.clone(),
            privilege: change.privilege(),
            acts_on_existing: change.acts_on_existing,
            capacity: change.gain.map(|(before, after)| [before.capacity, after.capacity]),
            sustainable: change.gain.map(|(before, after)| [before.sustainable, after.sustainable].map(tenth)),
            persisted_in,
        }
    }
}

/// What a route can do.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct PlannedEffect {
    /// The local address; null for any.
    pub source: Option<IpAddr>,
    /// The remote address; null for any.
    pub destination: Option<IpAddr>,
    /// The remote port; null for any.
    pub port: Option<u16>,
    /// The index of the interface that the sockets are bound to; null for none.
    pub device: Option<u32>,
    /// The connections a second that it has to bear; null where that is not known.
    pub demand_per_second: Option<f64>,
    /// Connections at a time.
    pub capacity_before: u32,
    /// Connections at a time, after the changes.
    pub capacity_after: u32,
    /// Connections a second, each closed first by this side.
    pub sustainable_before: f64,
    /// Connections a second, after the changes.
    pub sustainable_after: f64,
    /// Whether `sustainable_before` counts on timestamps from both ends.
    pub reuse_before: bool,
    /// Whether `sustainable_after` counts on timestamps from both ends.
    pub reuse_after: bool,
}

impl From<&Effect> for PlannedEffect {
    fn from(effect: &Effect) -> Self {
        Self {
            source: effect.route.source,
            destination: effect.route.destination,
            port: effect.route.port,
            device: Some(effect.route.interface).filter(|index| *index != 0),
            demand_per_second: effect.route.demand.rate().map(tenth),
            capacity_before: effect.before.capacity,
            capacity_after: effect.after.capacity,
            sustainable_before: tenth(effect.before.sustainable),
            sustainable_after: tenth(effect.after.sustainable),
            reuse_before: effect.before.reuse,
            reuse_after: effect.after.reuse,
        }
    }
}

/// What is read back of a [`PlanReport`]: enough to apply and to verify it.
#[derive(Debug, Clone, Deserialize)]
#[non_exhaustive]
pub struct PlanFile {
    /// `twscan.plan/1`.
    pub schema: String,
    /// The changes.
    pub changes: Vec<PlanFileChange>,
}

/// A change of a [`PlanFile`].
#[derive(Debug, Clone, Deserialize)]
#[non_exhaustive]
pub struct PlanFileChange {
    /// The parameter.
    pub key: String,
    /// The value it was planned from.
    pub from: Option<String>,
    /// The value planned.
    pub to: String,
}

impl PlanFile {
    /// The plan, after a look at every value.
    ///
    /// # Errors
    /// What is wrong with the file, for a person.
    pub fn plan(&self) -> Result<Plan, String> {
        if self.schema != PlanReport::SCHEMA {
            return Err(format!("'{}' is not {}", self.schema, PlanReport::SCHEMA));
        }
        let mut values = Vec::new();
        for PlanFileChange { key, from, to } in &self.changes {
            let known = Key::from_name(key).ok_or_else(|| format!("{key} is no parameter that twscan changes"))?;
            let value = known.accept(to, None, 0).map_err(|refused| format!("{key} = '{to}': {refused}"))?;
            values.push((known, from.clone(), value));
        }
        Ok(Plan::of_values(values))
    }
}

/// Down to a tenth: more digits would pretend.
fn tenth(rate: f64) -> f64 {
    (rate * 10.0).floor() / 10.0
}
