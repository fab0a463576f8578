use std::io::Write;

use csv::Writer;
use twscan_core::report::{PlanReport, VerifyReport};

use crate::failure::Failure;

/// The changes of a plan.
pub(crate) fn write_plan(report: &PlanReport, out: &mut impl Write) -> Result<(), Failure> {
    let mut writer = Writer::from_writer(out);
    writer.write_record(["key", "from", "to", "why", "risk", "precondition", "persisted_in"])?;
    for change in &report.changes {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let (from, precondition) = (text(&change.from), text(&change.precondition));
        let persisted_in = text(&change.persisted_in);
        writer.write_record([
            change.key,
            &from,
            &change.to,
            &change.why,
            &change.risk,
            &precondition,
            &persisted_in,
        ])?;
    }
    Ok(writer.flush()?)
}

/// The parameters of a verification.
pub(crate) fn write_verify(report: &VerifyReport, out: &mut impl Write) -> Result<(), Failure> {
    let mut writer = Writer::from_writer(out);
    writer.write_record(["key", "live", "boot", "wanted", "winner", "status"])?;
    for setting in &report.settings {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let winner = setting.winner.as_ref().map_or(String::new(), |line| format!("{}:{}", line.file, line.line));
        let (live, boot, wanted) = (text(&setting.live), text(&setting.boot), text(&setting.wanted));
        writer.write_record([setting.key, &live, &boot, &wanted, &winner, setting.status])?;
    }
    Ok(writer.flush()?)
}
