use twscan_core::filter::Filter;
use twscan_core::host::Host;
use twscan_core::procfs::CounterFile;
use twscan_core::report::SummaryReport;
use twscan_core::sample::{Provenance, Sampler};
use twscan_core::socket::{SocketRecord, StateSet};
use twscan_core::tally::Role;

use super::everywhere::{self, Note};
use super::here;
use super::whose::Whose;
use crate::Status;
use crate::config::{Config, Families, Format, Summary};
use crate::failure::Failure;
use crate::render::{csv, json, summary};

pub(crate) fn run(config: &Config, asked: &Summary) -> Result<Status, Failure> {
    if config.everywhere {
        return everywhere::run(config, |host, note| report(config, asked, host, note));
    }
    // To count other namespaces would take longer than all the rest of a quick summary.
    let note = |provenance: &mut Provenance, host: &Host| {
        if !asked.quick {
            here::note(provenance, host.procfs());
        }
    };
    let report = report(config, asked, &config.host(), &note)?;
    let mut out = crate::render::stdout(config);
    match config.format {
        Format::Table => summary::write(&report, &mut out)?,
        Format::Json => json::write_pretty(&report, &mut out)?,
        Format::Jsonl => json::write_line(&report, &mut out)?,
        Format::Csv => csv::write_summary(&report, &mut out)?,
    }
    Ok(Status::of_result(report.header.complete))
}

fn report(config: &Config, asked: &Summary, host: &Host, note: &Note<'_>) -> Result<SummaryReport, Failure> {
    if asked.quick {
        let mut provenance = Provenance::of(host);
        note(&mut provenance, host);
        return Ok(SummaryReport::quick(&provenance, &host.procfs().counters_of(CounterFile::SOCKETS)?));
    }
    let families = config.families;
    let mut sampler = Sampler::new(host).counters(CounterFile::SOCKETS);
    if families != Families::Both {
        sampler = sampler.wanted(move |record: &SocketRecord<'_>, _: Role| families.contain(record));
    }
    let mut sample = sampler.take()?;
    note(&mut sample.provenance, host);
    let mut report = SummaryReport::new(&sample, asked.top);
    if asked.owners {
        let wanted = |record: &SocketRecord<'_>, _: Role| families.contain(record);
        let whose = Whose::find(host, sample.destinations.roles(), StateSet::ALL, &Filter::default(), wanted)?;
        report.add_owners(whose.live(), whose.owners());
    }
    Ok(report)
}
