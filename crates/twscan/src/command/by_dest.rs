use std::cmp::Ordering;

use twscan_core::report::{ByDestReport, Destination};
use twscan_core::sample::Sampler;
use twscan_core::socket::{SocketRecord, StateSet};
use twscan_core::tally::Role;
use twscan_core::target::Target;

use crate::Status;
use crate::config::{Config, Families, Format, SortKey};
use crate::failure::Failure;
use crate::render::{by_dest, csv, json};

pub(crate) fn run(
    config: &Config,
    target: Option<&Target>,
    states: StateSet,
    sort: SortKey,
    top: Option<usize>,
    max_groups: usize,
) -> Result<Status, Failure> {
    let host = config.host();
    let families = config.families;
    let mut sampler = Sampler::new(&host).states(states).max_groups(max_groups);
    if families != Families::Both || target.is_some() {
        sampler = sampler.wanted(move |record: &SocketRecord<'_>, role: Role| {
            families.contain(record) && target.is_none_or(|target| target.matches(record, role))
        });
    }
    let sample = sampler.take()?;
    let order: fn(&Destination, &Destination) -> Ordering = match sort {
        SortKey::Sockets => Destination::most_sockets_first,
        SortKey::TimeWait => Destination::most_time_waits_first,
        SortKey::Ports => Destination::fullest_first,
    };
    let report = ByDestReport::new(&sample, target.map(ToString::to_string), order, top);
    let mut out = crate::render::stdout(config);
    match config.format {
        Format::Table => by_dest::write(&report, config.stdout_is_terminal, &mut out)?,
        Format::Json => json::write_pretty(&report, &mut out)?,
        Format::Jsonl => json::write_line(&report, &mut out)?,
        Format::Csv => csv::write_destinations(&report.destinations, &mut out)?,
    }
    Ok(Status::of_result(report.header.complete))
}
