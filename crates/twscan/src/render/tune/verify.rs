use std::io::{self, Write};
use std::path::Path;

use twscan_core::report::{FileLine, VerifiedSetting, VerifyReport};

use super::{paragraph, short, shown};
use crate::render::table::{Column, Columns};
use crate::render::verdict::{self, Severity};
use crate::render::{finish, provenance};

/// A verification for people: how it stands, each parameter, and the lines that decide. `root` is where the boot files
/// were read.
pub(crate) fn write(report: &VerifyReport, root: &Path, out: &mut impl Write) -> io::Result<()> {
    let drifted = report.settings.iter().filter(|setting| setting.status != "ok").count();
    let all = report.settings.len();
    if drifted == 0 {
        verdict::write(Severity::Ok, &format!("{all} of {all} parameters as they should be, now and at boot"), out)?;
    } else {
        verdict::write(Severity::Warning, &format!("{drifted} of {all} parameters not as they should be"), out)?;
    }
    if let Some(from) = &report.header.replayed_from {
        let text = format!("running values of {from}, boot files of this machine's {}", root.display());
        paragraph("compared", &text, out)?;
    }
    writeln!(out)?;
    let mut columns = Columns::new(&[
        Column::Left("PARAMETER"),
        Column::Left("NOW"),
        Column::Left("AT BOOT"),
        Column::Left("WANTED"),
        Column::Left("STATUS"),
    ]);
    let value = |value: &Option<String>| value.as_deref().map_or("-".to_owned(), shown);
    for setting in &report.settings {
        let cells = [value(&setting.live), value(&setting.boot), value(&setting.wanted), setting.status.to_owned()];
        columns.row([short(setting.key).to_owned()].into_iter().chain(cells));
    }
    for line in columns.lines() {
        writeln!(out, "{line}")?;
    }
    writeln!(out)?;
    for setting in &report.settings {
        write_places(setting, out)?;
    }
    for bad in &report.bad_lines {
        paragraph("no sense", &format!("{} '{}'", place(bad), bad.value), out)?;
    }
    writeln!(out, "boot files as {} reads them", report.loader)?;
    writeln!(out, "{}", provenance::line(&report.header))?;
    finish(out)
}

fn write_places(setting: &VerifiedSetting, out: &mut impl Write) -> io::Result<()> {
    let key = short(setting.key);
    if let Some(winner) = &setting.winner {
        paragraph("boot", &format!("{key} by {}", place(winner)), out)?;
    }
    for line in &setting.overridden {
        paragraph("no effect", &format!("{key} = {} in {}, another line wins", shown(&line.value), place(line)), out)?;
    }
    for line in &setting.rejected {
        let why = line.why.as_deref().unwrap_or_default();
        paragraph("rejected", &format!("{key} = {} in {}: {why}", line.value, place(line)), out)?;
    }
    if let Some(other) = &setting.other_loader {
        let by = other.winner.as_ref().map_or("no file sets it".to_owned(), |line| format!("by {}", place(line)));
        let value = other.boot.as_deref().map_or("its default".to_owned(), shown);
        paragraph("differs", &format!("{} would make {key} {value}, {by}", other.loader), out)?;
    }
    Ok(())
}

fn place(line: &FileLine) -> String {
    format!("{}:{}", line.file, line.line)
}
