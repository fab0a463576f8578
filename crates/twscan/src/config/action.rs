use twscan_core::capture::Recording;
use twscan_core::filter::Filter;
use twscan_core::host::Host;
use twscan_core::question::{ByDest, Compare, List, Ports, Summary};

use super::capture::Capture;
use super::examine::Examine;
use super::logs::Logs;
use super::tune::TuneAction;

/// The command, with what it is to do.
#[derive(Debug)]
pub(crate) enum Action {
    Capture(Capture),
    /// One recording, or two.
    Compare {
        recordings: Vec<Recording>,
        question: Compare,
    },
    Summary(Summary),
    ByDest(ByDest),
    List {
        question: List,
        heading: bool,
    },
    Ports(Ports),
    Examine(Examine),
    Selftest {
        mixtures: u32,
        seed: u64,
    },
    Logs(Logs),
    Tune(TuneAction),
    Completions(clap_complete::Shell),
    Man,
}

impl Action {
    /// Adds what was seen before, where a recording tells it.
    pub(super) fn add_earlier(&mut self, recording: Option<&Recording>) {
        let earlier = recording.and_then(earlier);
        match self {
            Self::Examine(Examine::Diagnose { question, .. }) => question.earlier = earlier,
            Self::Examine(Examine::Forecast(question)) => question.earlier = earlier,
            _ => {}
        }
    }

    /// Whether it changes the system, shows or judges firewall marks, or records all that the kernel tells.
    pub(crate) fn needs_net_admin(&self) -> bool {
        let judges_marks = |filter: &Filter| filter.needs().mark;
        match self {
            Self::Tune(_) | Self::Selftest { .. } | Self::Capture(_) => true,
            Self::ByDest(asked) => asked.filter.as_ref().is_some_and(judges_marks),
            Self::List { question, .. } => judges_marks(&question.filter),
            _ => false,
        }
    }
}

/// The host as the sample before the last one of a recording has it.
fn earlier(recording: &Recording) -> Option<Host> {
    let earlier = recording.samples().len().checked_sub(2)?;
    Some(recording.samples().get(earlier)?.host(recording.name()))
}
