use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr};

use twscan_core::report::{PlanReport, PlannedChange, PlannedEffect};
use twscan_core::tuning::Refusal;

use super::{paragraph, rate, short, shown};
use crate::render::table::{Column, Columns};
use crate::render::verdict::{self, Severity};
use crate::render::{finish, provenance, wrap};

/// A plan for people: what is reached, each change and what it buys, the budgets after.
pub(crate) fn write(report: &PlanReport, out: &mut impl Write) -> io::Result<()> {
    verdict::write_doubts(&report.header, out)?;
    write_verdict(report, out)?;
    if !report.changes.is_empty() {
        writeln!(out)?;
        write_changes(report, out)?;
    }
    if !report.effects.is_empty() {
        writeln!(out)?;
        write_effects(&report.effects, out)?;
    }
    if !(report.refused.is_empty() && report.application.is_empty()) {
        writeln!(out)?;
    }
    for refusal in &report.refused {
        paragraph("REFUSED", &format!("{}: {}", request(refusal), refusal.why), out)?;
    }
    for advice in &report.application {
        paragraph("last", advice, out)?;
    }
    writeln!(out, "{}", provenance::line(&report.header))?;
    finish(out)
}

fn write_verdict(report: &PlanReport, out: &mut impl Write) -> io::Result<()> {
    let real = report.changes.iter().filter(|change| !is_noop(change)).count();
    let changes = match real {
        0 => "no change".to_owned(),
        1 => "1 change".to_owned(),
        count => format!("{count} changes"),
    };
    let condition = if report.held_only { ", for what is held now: the rate is unknown" } else { "" };
    let (severity, text) = match (report.reached, real) {
        (Some(false), _) => (Severity::Warning, format!("no kernel parameter reaches this goal; best: {changes}")),
        (Some(true), 0) => (Severity::Ok, format!("nothing to change: the goal is reached as it is{condition}")),
        (Some(true), 1) => (Severity::Ok, format!("1 change reaches the goal{condition}")),
        (Some(true), _) => (Severity::Ok, format!("{changes} reach the goal{condition}")),
        (None, 0) if report.changes.is_empty() && !report.refused.is_empty() => (Severity::Ok, changes),
        (None, 0) => (Severity::Ok, "nothing to change: the values are there already".to_owned()),
        (None, _) => (Severity::Ok, format!("{changes} as asked for")),
    };
    if report.refused.is_empty() {
        return verdict::write(severity, &text, out);
    }
    let refused: Vec<_> = report.refused.iter().map(request).collect();
    verdict::write(Severity::Warning, &format!("refused: {}; {text}", refused.join(", ")), out)
}

/// What was asked for, as it was typed but for the key's first part.
fn request(refusal: &Refusal) -> String {
    format!("{}={}", short(&refusal.key), refusal.value)
}

fn write_changes(report: &PlanReport, out: &mut impl Write) -> io::Result<()> {
    let mut columns = Columns::new(&[
        Column::Left("PARAMETER"),
        Column::Left("NOW"),
        Column::Left("THEN"),
        Column::Left("PORTS"),
        Column::Left("CONNECTS/S"),
    ]);
    for change in &report.changes {
        let now = change.from.as_deref().map_or("?".to_owned(), shown);
        let then = if is_noop(change) { "no change".to_owned() } else { shown(&change.to) };
        let ports =
            change.capacity.map_or(String::new(), |[before, after]| arrow(&before.to_string(), &after.to_string()));
        let rates = change.sustainable.map_or(String::new(), |[before, after]| arrow(&rate(before), &rate(after)));
        if now.len() + then.len() > ROOM_FOR_VALUES {
            let lines = wrap::parts_beside(&format!("{}: ", short(change.key)), [&*now, &format!("> {then}")]);
            columns.row_below(lines.join("\n"), [String::new(), String::new(), String::new(), ports, rates]);
        } else {
            columns.row([short(change.key).to_owned(), now, then, ports, rates]);
        }
    }
    for line in columns.lines() {
        writeln!(out, "{line}")?;
    }
    for change in report.changes.iter().filter(|change| !change.why.is_empty()) {
        writeln!(out)?;
        writeln!(out, "{}", short(change.key))?;
        paragraph("  why", &change.why, out)?;
        paragraph("  risk", &change.risk, out)?;
        if let Some(precondition) = &change.precondition {
            paragraph("  needs", precondition, out)?;
        }
        paragraph(
            "  acts on",
            if change.acts_on_existing { "TIME_WAITs that exist too" } else { "later connections" },
            out,
        )?;
        if let Some(place) = &change.persisted_in {
            paragraph("  at boot", &format!("set already by {place}"), out)?;
        }
    }
    Ok(())
}

fn write_effects(effects: &[PlannedEffect], out: &mut impl Write) -> io::Result<()> {
    let mut columns = Columns::new(&[
        Column::Left("SOURCE"),
        Column::Left("DESTINATION"),
        Column::Left("PORTS"),
        Column::Left("CONNECTS/S"),
    ]);
    for effect in effects {
        let source = effect.source.map_or("any".to_owned(), |source| source.to_string());
        let source = effect.device.map_or(source.clone(), |device| format!("{source}%{device}"));
        let ports = arrow(&effect.capacity_before.to_string(), &effect.capacity_after.to_string());
        let rates = arrow(&rate(effect.sustainable_before), &rate(effect.sustainable_after));
        let rates = format!("{rates}{}", if effect.reuse_after { " with timestamps" } else { "" });
        columns.row([source, destination(effect.destination, effect.port), ports, rates]);
    }
    for line in columns.lines() {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

fn destination(address: Option<IpAddr>, port: Option<u16>) -> String {
    match (address, port) {
        (Some(address), Some(port)) => SocketAddr::new(address, port).to_string(),
        (Some(address), None) => address.to_string(),
        (None, Some(port)) => format!("*:{port}"),
        (None, None) => "each destination".to_owned(),
    }
}

fn arrow(before: &str, after: &str) -> String {
    if before == after { format!("{before}, no gain") } else { format!("{before} > {after}") }
}

fn is_noop(change: &PlannedChange) -> bool {
    change.from.as_ref() == Some(&change.to)
}

/// What is left of 80 columns for both values.
const ROOM_FOR_VALUES: usize = 26;
