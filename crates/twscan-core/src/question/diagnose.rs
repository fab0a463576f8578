use std::net::SocketAddr;
#[cfg(feature = "logs")]
use std::path::PathBuf;
use std::time::Duration;

use super::budgets::samples;
use super::{Around, OwnerSearch, Question, services};
use crate::Error;
use crate::diagnosis::{Code, Diagnosis, Examination, Facts, Finding, OwnerFact};
use crate::filter::Filter;
use crate::host::Host;
use crate::report::DiagnoseReport;
use crate::sample::Sample;
use crate::socket::{StateSet, TcpState};
use crate::tally::{DestinationCounts, DestinationKey, Role};
use crate::target::Target;

/// What is wrong, and what cures it.
#[derive(Debug)]
pub struct Diagnose {
    /// The destination whose ports are judged; `None` for all.
    pub target: Option<Target>,
    /// The time after which to look again, for true rates and growth; `None` for one look.
    pub interval: Option<Duration>,
    /// The host as it was before, of a recording with several samples.
    pub earlier: Option<Host>,
    /// How far ahead to look.
    pub horizon: Duration,
    /// Logs whose failures are evidence.
    #[cfg(feature = "logs")]
    pub logs: Vec<PathBuf>,
    /// Whether to look for the owners of the sockets.
    pub owners: bool,
}

impl Default for Diagnose {
    fn default() -> Self {
        Self {
            target: None,
            interval: None,
            earlier: None,
            horizon: crate::forecast::HORIZON,
            #[cfg(feature = "logs")]
            logs: Vec::new(),
            owners: false,
        }
    }
}

impl Question for Diagnose {
    type Report = DiagnoseReport;

    fn ask_around(&self, host: &Host, around: &Around) -> Result<DiagnoseReport, Error> {
        let (mut sample, earlier) = samples(host, self.earlier.as_ref(), self.interval)?;
        around.note(&mut sample.provenance, host);
        let mut facts = self.facts(host, &sample)?;
        let examine = |facts: &Facts| {
            Examination::new(&sample)
                .earlier(earlier.as_ref())
                .facts(facts.clone())
                .horizon(self.horizon)
                .target(self.target.clone())
                .diagnose()
        };
        let mut diagnosis = examine(&facts);
        if !self.owners && host.knows_owners() && diagnosis.findings.iter().any(is_leak_of_nobody) {
            // A leak is somebody's: without the name the finding is half of one.
            add_owners(host, &sample, &mut facts)?;
            diagnosis = examine(&facts);
        }
        Ok(self.report(&sample, &diagnosis))
    }
}

impl Diagnose {
    fn report(&self, sample: &Sample, diagnosis: &Diagnosis) -> DiagnoseReport {
        DiagnoseReport::new(sample, self.target.as_ref().map(ToString::to_string), diagnosis)
    }

    /// What is known beside the samples: logs, services, other network namespaces, and owners where they are wanted.
    fn facts(&self, host: &Host, sample: &Sample) -> Result<Facts, Error> {
        let unread_namespaces = sample.provenance.other_netns.map(|others| others.found);
        let mut facts = Facts { unread_namespaces, ..Facts::default() };
        #[cfg(feature = "logs")]
        for path in &self.logs {
            facts.add_log(&super::logs::tally_of(path)?);
        }
        facts.services = services(host, sample)?;
        facts.ipv6_loopback = host.procfs().ipv6_loopback();
        super::everywhere::add_ranges(host, &mut facts);
        if self.owners {
            add_owners(host, sample, &mut facts)?;
        }
        Ok(facts)
    }
}

fn is_leak_of_nobody(finding: &Finding) -> bool {
    let open = finding.notes.iter().any(|note| note.label == "who");
    matches!(finding.code, Code::CloseWaitLeak | Code::FinWait2Pileup) && open
}

/// Adds whose the sockets of the destinations are.
fn add_owners(host: &Host, sample: &Sample, facts: &mut Facts) -> Result<(), Error> {
    let roles = sample.destinations.roles();
    let search = OwnerSearch::find(host, roles, StateSet::ALL, &Filter::default(), |_, _| true)?;
    facts.unreadable_owners = u64::try_from(search.owners().unowned(search.live().wanted())).unwrap_or(u64::MAX);
    for (key, counts) in sample.destinations.iter() {
        facts.owners.extend(owner(&search, &key, counts, None));
        for state in [TcpState::CloseWait, TcpState::FinWait2] {
            if counts.of(state) > 0 {
                facts.owners.extend(owner(&search, &key, counts, Some(state)));
            }
        }
    }
    Ok(())
}

/// The process that has most of a group's sockets.
fn owner(
    search: &OwnerSearch,
    key: &DestinationKey,
    counts: &DestinationCounts,
    state: Option<TcpState>,
) -> Option<OwnerFact> {
    let asked = state.map_or(StateSet::ALL, StateSet::of);
    let closed = counts.of(TcpState::TimeWait) + u64::from(counts.fin_wait2_mini);
    let ownerless = if state.is_some() { 0 } else { closed };
    let shares = search.live().shares(key, asked, ownerless, search.owners());
    let share = shares.first()?;
    let inbound = key.role == Role::Inbound;
    let mut fact = OwnerFact::new(format!("{}[{}]", share.process.name, share.process.pid), share.sockets);
    fact.destination = key.destination.map(|address| SocketAddr::new(address, key.port));
    fact.local_port = inbound.then_some(key.port);
    fact.state = state;
    // Where most have no owner any more, the live ones' is the likely one.
    fact.likely = share.likely || ownerless > share.sockets;
    Some(fact)
}
