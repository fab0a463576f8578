use twscan_core::capture::Recording;
use twscan_core::host::Host;
use twscan_core::report::CompareReport;
use twscan_core::sample::{Sample, Sampler};
use twscan_core::socket::SocketRecord;
use twscan_core::tally::Role;

use crate::Status;
use crate::config::{Config, Families, Format};
use crate::failure::Failure;
use crate::render::{compare, json};

pub(crate) fn run(config: &Config, recordings: &[Recording], top: usize) -> Result<Status, Failure> {
    let mut hosts = recordings.iter().map(|recording| recording.last().host(recording.name()));
    let mut next = || sample(config, &hosts.next().unwrap_or_else(|| config.host()));
    let (first, second) = (next()?, next()?);
    let report = CompareReport::new(&first, &second, Some(top));
    let mut out = crate::render::stdout(config);
    match config.format {
        Format::Table => compare::write(&report, &mut out)?,
        Format::Json => json::write_pretty(&report, &mut out)?,
        Format::Jsonl => json::write_line(&report, &mut out)?,
        Format::Csv => compare::write_csv(&report, &mut out)?,
    }
    Ok(Status::of_result(first.provenance.complete() && second.provenance.complete()))
}

fn sample(config: &Config, host: &Host) -> Result<Sample, Failure> {
    let families = config.families;
    let mut sampler = Sampler::new(host).ports();
    if families != Families::Both {
        sampler = sampler.wanted(move |record: &SocketRecord<'_>, _: Role| families.contain(record));
    }
    let mut sample = sampler.take()?;
    super::here::note(&mut sample.provenance, host.procfs());
    Ok(sample)
}
