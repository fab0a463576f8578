use std::cmp::Ordering;

use twscan_core::filter::Filter;
use twscan_core::host::Host;
use twscan_core::procfs::CounterFile;
use twscan_core::report::{ByDestReport, Destination};
use twscan_core::sample::Sampler;
use twscan_core::socket::SocketRecord;
use twscan_core::tally::Role;
use twscan_core::target::Target;

use super::everywhere::{self, Note};
use super::here;
use super::whose::Whose;
use crate::Status;
use crate::config::{ByDest, Config, Families, Format, SortKey};
use crate::failure::Failure;
use crate::render::{by_dest, csv, json};

pub(crate) fn run(config: &Config, asked: &ByDest) -> Result<Status, Failure> {
    if config.everywhere {
        return everywhere::run(config, |host, note| report(config, asked, host, note));
    }
    let report = report(config, asked, &config.host(), &|provenance, host| here::note(provenance, host.procfs()))?;
    let mut out = crate::render::stdout(config);
    match config.format {
        Format::Table => by_dest::write(&report, asked.states, config.stdout_is_terminal, &mut out)?,
        Format::Json => json::write_pretty(&report, &mut out)?,
        Format::Jsonl => json::write_line(&report, &mut out)?,
        Format::Csv => csv::write_destinations(&report.destinations, &mut out)?,
    }
    Ok(Status::of_result(report.header.complete))
}

fn report(config: &Config, asked: &ByDest, host: &Host, note: &Note<'_>) -> Result<ByDestReport, Failure> {
    let (families, target) = (config.families, asked.target.as_ref());
    let wanted = |record: &SocketRecord<'_>, role: Role| {
        families.contain(record) && target.is_none_or(|target| target.matches(record, role))
    };
    let parts = asked.filter.clone().into_iter().chain(target.map(Target::filter)).collect();
    let filter = Filter::And(parts);
    let mut sampler =
        Sampler::new(host).states(asked.states).counters(&[CounterFile::Sockstat]).max_groups(asked.max_groups);
    // A target's filter is wider than the target, so that there is no use in asking both of each socket.
    sampler = sampler.filter(asked.filter.clone().unwrap_or_default());
    sampler = sampler.hint(target.map(Target::filter).unwrap_or_default());
    if families != Families::Both || target.is_some() {
        sampler = sampler.wanted(wanted);
    }
    let mut sample = sampler.take()?;
    note(&mut sample.provenance, host);
    let order: fn(&Destination, &Destination) -> Ordering = match asked.sort {
        SortKey::Sockets => Destination::most_sockets_first,
        SortKey::TimeWait => Destination::most_time_waits_first,
        SortKey::Ports => Destination::fullest_first,
    };
    let mut report = ByDestReport::new(&sample, target.map(ToString::to_string), order, asked.top);
    if let Some(filter) = &asked.filter {
        report = report.with_filter(filter);
    }
    if asked.owners {
        let whose = Whose::find(host, sample.destinations.roles(), asked.states, &filter, wanted)?;
        report.add_owners(asked.states, whose.live(), whose.owners());
    }
    Ok(report)
}
