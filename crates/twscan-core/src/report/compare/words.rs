//! A comparison in a sentence or three.

use std::net::SocketAddr;

use super::document::{CompareReport, ParameterChange};
use crate::report::Destination;
use crate::sample::Sample;
use crate::socket::TcpState;

pub(super) fn sentence(report: &CompareReport, before: &Sample, after: &Sample) -> String {
    let states = [TcpState::TimeWait, TcpState::Established, TcpState::CloseWait];
    let states: Vec<_> = states.into_iter().filter_map(|state| in_state(report, state)).collect();
    let seconds = report.elapsed_s.abs().round();
    let mut text = format!("Within {seconds} s {}.", states.join(", "));
    text.push_str(&fullest(Fullest::of(before), Fullest::of(after), report.groups.is_some()));
    let known = |change: &&ParameterChange| change.before.is_some() && change.after.is_some();
    let parameters: Vec<_> = report.parameters.iter().filter(known).map(parameter).collect();
    if !parameters.is_empty() {
        text.push_str(&format!(" Changed: {}.", parameters.join(", ")));
    }
    if !report.caveats.is_empty() {
        text.push_str(&format!(" Beware: {}.", report.caveats.join("; ")));
    }
    text
}

fn in_state(report: &CompareReport, state: TcpState) -> Option<String> {
    let name = state.name();
    let Some(change) = report.states.of(state) else { return Some(format!("how many {name} there were is unknown")) };
    match change.difference() {
        0 if state == TcpState::TimeWait => Some(format!("{name} stayed at {}", change.before)),
        0 => None,
        _ => Some(format!("{name} went from {} to {}", change.before, change.after)),
    }
}

/// The outbound destination that has least left.
enum Fullest {
    /// Which connections are outbound is not told, or none of those that are told is.
    Unknown,
    /// There is no outbound connection.
    None,
    /// The destination.
    Of(Box<Destination>),
}

impl Fullest {
    fn of(sample: &Sample) -> Self {
        let row = Destination::outbound(sample).into_iter().min_by(Destination::fullest_first);
        let is_known = sample.settings.range.is_some() && sample.provenance.complete();
        row.map_or(if is_known { Self::None } else { Self::Unknown }, |row| Self::Of(Box::new(row)))
    }

    fn in_words(&self, same_addresses: bool) -> String {
        match self {
            Self::Unknown => "unknown".to_owned(),
            Self::None => "none".to_owned(),
            Self::Of(row) => {
                let name = if same_addresses { name(row) } else { "one".to_owned() };
                format!("{name} with {} of its ports held", part(row))
            }
        }
    }
}

fn fullest(before: Fullest, after: Fullest, same_addresses: bool) -> String {
    match (before, after) {
        (Fullest::None, Fullest::None) | (Fullest::Unknown, Fullest::Unknown) => String::new(),
        (Fullest::Of(full), Fullest::Of(fuller)) if same_addresses && name(&full) == name(&fuller) => {
            let (name, before, after) = (name(&full), part(&full), part(&fuller));
            if before == after {
                format!(" The fullest destination, {name}, stayed at {before} of its ports held.")
            } else {
                format!(" The fullest destination, {name}, went from {before} to {after} of its ports held.")
            }
        }
        (before, after) => format!(
            " The fullest destination was {} and is {}.",
            before.in_words(same_addresses),
            after.in_words(same_addresses)
        ),
    }
}

fn part(row: &Destination) -> String {
    row.percent.map_or_else(|| "an unknown part".to_owned(), |percent| format!("{percent:.1} %"))
}

fn name(row: &Destination) -> String {
    let source = row.source.map_or_else(|| "any".to_owned(), |source| source.to_string());
    match row.destination {
        Some(destination) => format!("{source} to {}", SocketAddr::new(destination, row.port)),
        None => format!("{source} to any:{}", row.port),
    }
}

fn parameter(change: &ParameterChange) -> String {
    let value = |value: &Option<String>| match magnitude(change.name, value.as_deref().unwrap_or_default()) {
        "" => "none".to_owned(),
        value => value.to_owned(),
    };
    format!("{} from {} to {}", change.name, value(&change.before), value(&change.after))
}

/// Whether a parameter has not changed.
pub(super) fn are_one_value(name: &str, before: Option<&str>, after: Option<&str>) -> bool {
    before.map(|value| magnitude(name, value)) == after.map(|value| magnitude(name, value))
}

/// The size of the table of connections has a sign where a namespace shares the host's, which is no change of size.
fn magnitude<'v>(name: &str, value: &'v str) -> &'v str {
    if name == "tcp_ehash_entries" { value.trim_start_matches('-') } else { value }
}
