use std::io::{self, Write};

use csv::Writer;

use super::table::{Column, Columns};
use super::verdict::{self, Severity};
use crate::command::selftest::report::{Row, SelftestReport, Verdict};
use crate::failure::Failure;

/// What was predicted and granted, a row a scenario; of the random mixtures, those that went wrong.
pub(crate) fn write(report: &SelftestReport, out: &mut impl Write) -> io::Result<()> {
    let mut columns = Columns::new(&[
        Column::Left("SCENARIO"),
        Column::Right("PREDICTED"),
        Column::Right("GRANTED"),
        Column::Left("VERDICT"),
    ]);
    let shown = report.scenarios.iter().filter(|row| !row.mixture || row.verdict == "mismatch");
    for row in shown {
        let verdict = row.note.as_ref().map_or(row.verdict.to_owned(), |note| format!("{}; {note}", row.verdict));
        columns.row([row.scenario.clone(), predicted(row), number(row.granted), verdict]);
    }
    for line in columns.lines() {
        writeln!(out, "{line}")?;
    }
    let mixtures: Vec<_> = report.scenarios.iter().filter(|row| row.mixture).map(|row| row.verdict).collect();
    let of = |verdict: &str| mixtures.iter().filter(|other| **other == verdict).count();
    let counts = counts(of("exact"), of("within"), of("skipped"), of("mismatch"));
    writeln!(out, "\n{} random mixtures from seed {}: {counts}\n", mixtures.len(), report.seed)?;
    let kernel = report.kernel.as_deref().unwrap_or("of unknown release");
    let SelftestReport { exact, within, skipped, mismatches, .. } = report;
    let counts = self::counts(*exact, *within, *skipped, *mismatches);
    let (severity, says) = match report.verdict() {
        Verdict::Holds => (Severity::Ok, "grants what is predicted"),
        Verdict::Contradicted => (Severity::Critical, "contradicts the predictions"),
        Verdict::Unknown => (Severity::Warning, "was hardly tried, more than a tenth was skipped"),
    };
    verdict::write(severity, &format!("kernel {kernel} {says}: {counts}"), out)?;
    super::finish(out)
}

fn counts(exact: usize, within: usize, skipped: usize, wrong: usize) -> String {
    format!("{exact} exact, {within} within bounds, {skipped} skipped, {wrong} wrong")
}

/// The rows as they are, mixtures included.
pub(crate) fn write_csv(report: &SelftestReport, out: &mut impl Write) -> Result<(), Failure> {
    let mut writer = Writer::from_writer(out);
    writer.write_record(["scenario", "free", "free_min", "free_max", "granted", "verdict", "note"])?;
    for row in &report.scenarios {
        let numbers = [row.free, row.free_min, row.free_max, row.granted].map(number);
        let [free, free_min, free_max, granted] = &numbers;
        let note = row.note.as_deref().unwrap_or("");
        writer.write_record([&row.scenario, free, free_min, free_max, granted, row.verdict, note])?;
    }
    Ok(writer.flush()?)
}

/// `20`, or with its interval `20 (0-20)`.
fn predicted(row: &Row) -> String {
    match (row.free, row.free_min, row.free_max) {
        (Some(free), Some(min), Some(max)) if min != max => format!("{free} ({min}-{max})"),
        (free, ..) => number(free),
    }
}

fn number(value: Option<u32>) -> String {
    value.map_or(String::new(), |value| value.to_string())
}
