use twscan_core::question::Question;
use twscan_core::report::{Document, NamespacesReport};

use crate::Status;
use crate::config::{Config, Format};
use crate::failure::Failure;
use crate::render::{json, namespaces};

/// Puts a question to every network namespace, of the running kernel or of a recording, and prints a row for each.
pub(crate) fn run<Q>(config: &Config, question: &Q) -> Result<Status, Failure>
where
    Q: Question + Sync,
    Q::Report: Send,
{
    show(config, &twscan_core::question::everywhere(question, &config.host_everywhere())?)
}

pub(super) fn show<D: Document>(config: &Config, report: &NamespacesReport<D>) -> Result<Status, Failure> {
    let mut out = crate::render::stdout(config);
    match config.format {
        Format::Table => namespaces::write(report, &mut out)?,
        Format::Csv => namespaces::write_csv(report, &mut out)?,
        Format::Json => json::write_pretty(report, &mut out)?,
        Format::Jsonl => json::write_line(report, &mut out)?,
    }
    Ok(Status::of_result(report.complete))
}
