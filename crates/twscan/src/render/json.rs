use std::io::Write;

use serde::Serialize;

use crate::failure::Failure;

/// A document over several lines.
pub(crate) fn write_pretty(report: &impl Serialize, out: &mut impl Write) -> Result<(), Failure> {
    serde_json::to_writer_pretty(&mut *out, report)?;
    writeln!(out)?;
    Ok(super::finish(out)?)
}

/// A document in one line.
pub(crate) fn write_line(report: &impl Serialize, out: &mut impl Write) -> Result<(), Failure> {
    serde_json::to_writer(&mut *out, report)?;
    writeln!(out)?;
    Ok(super::finish(out)?)
}
