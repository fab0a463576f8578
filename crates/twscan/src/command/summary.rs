use twscan_core::procfs::CounterFile;
use twscan_core::report::SummaryReport;
use twscan_core::sample::{Provenance, Sampler};
use twscan_core::socket::SocketRecord;
use twscan_core::tally::Role;

use crate::Status;
use crate::config::{Config, Families, Format};
use crate::failure::Failure;
use crate::render::{csv, json, summary};

pub(crate) fn run(config: &Config, quick: bool, top: usize) -> Result<Status, Failure> {
    let host = config.host();
    let report = if quick {
        let provenance = Provenance::of(&host);
        SummaryReport::quick(&provenance, &host.procfs().counters_of(CounterFile::SOCKETS)?)
    } else {
        let families = config.families;
        let mut sampler = Sampler::new(&host).counters(CounterFile::SOCKETS);
        if families != Families::Both {
            sampler = sampler.wanted(move |record: &SocketRecord<'_>, _: Role| families.contain(record));
        }
        SummaryReport::new(&sampler.take()?, top)
    };
    let mut out = crate::render::stdout(config);
    match config.format {
        Format::Table => summary::write(&report, &mut out)?,
        Format::Json => json::write_pretty(&report, &mut out)?,
        Format::Jsonl => json::write_line(&report, &mut out)?,
        Format::Csv => csv::write_summary(&report, &mut out)?,
    }
    Ok(Status::of_result(report.header.complete))
}
