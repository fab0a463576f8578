use std::io::{self, Write};
use std::net::SocketAddr;

use twscan_core::budget::{Certainty, Zone};
use twscan_core::report::{BindFirstRow, BlockedOwner, BudgetRow, PortsReport};

use super::table::{Column, Columns};
use super::verdict;
use super::wrap::INDENT;
use super::{forecast, or_unknown, port_map, provenance, wrap};

/// What is left to each destination, for people: the rules first, then a row a budget, then what they mean.
pub(crate) fn write(report: &PortsReport, terminal: bool, out: &mut impl Write) -> io::Result<()> {
    verdict::write_doubts(&report.header, out)?;
    verdict::write_verdict(&report.verdict, out)?;
    writeln!(out)?;
    write_rules(report, out)?;
    writeln!(out)?;
    if report.budgets.is_empty() {
        writeln!(out, "No connection{} holds a local port.", to(report))?;
        let command = report.header.scope.command("ports");
        writeln!(out, "What a new one would find: {command} ADDRESS:PORT\n")?;
    } else {
        for line in budgets(&report.budgets, terminal) {
            writeln!(out, "{line}")?;
        }
        let hidden = report.groups - report.budgets.len();
        if hidden > 0 {
            writeln!(out, "{hidden} more, --all")?;
        }
        writeln!(out)?;
        write_meaning(report, out)?;
    }
    for row in &report.budgets {
        if let Some(runs) = &row.map {
            writeln!(out, "{}", names(row).join(" > "))?;
            port_map::write(report.range, runs, out)?;
            writeln!(out)?;
        }
    }
    for row in report.budgets.iter().take(SHOWN) {
        if let Some(ahead) = &row.forecast {
            writeln!(out, "{}", names(row).join(" > "))?;
            forecast::write_row(ahead, out)?;
            writeln!(out)?;
        }
    }
    writeln!(out, "{}", provenance::line(&report.header))?;
    super::finish(out)
}

/// Range, reserved, blocked and by whom, reuse.
fn write_rules(report: &PortsReport, out: &mut impl Write) -> io::Result<()> {
    let rules = rules(report);
    let width = rules.iter().map(|(_, value, _)| value.len()).max().unwrap_or(0) + 2;
    for (label, value, text) in &rules {
        let label_and_value = format!("{label:<indent$}{value:<width$}", indent = INDENT.len());
        wrap::write_lines(&wrap::beside(&label_and_value, text), out)?;
        if *label == "BLOCKED" {
            write_blocking(report.blocked.owners.as_deref().unwrap_or_default(), out)?;
        }
    }
    Ok(())
}

fn write_blocking(owners: &[BlockedOwner], out: &mut impl Write) -> io::Result<()> {
    for BlockedOwner { port, owner, .. } in owners {
        let user = or_unknown(owner.user.as_deref());
        writeln!(out, "{INDENT}{port}: {} (pid {}, user {user})", owner.name, owner.pid)?;
    }
    Ok(())
}

/// A label, a value and what it means, each.
fn rules(report: &PortsReport) -> [(&'static str, String, String); 4] {
    let (range, reserved, blocked) = (report.range, &report.reserved, &report.blocked);
    let odd = if range.parity_penalty > 0 { ", one of them out of reach: the number is odd" } else { "" };
    let each = format!("{} ports for each (source, destination, port){odd}", range.size);
    let span = |&(first, last): &(u16, u16)| {
        if first == last { first.to_string() } else { format!("{first}-{last}") }
    };
    let which = match (blocked.count, blocked.certainty) {
        (0, "exact") => "no listener or bound socket inside the range".to_owned(),
        (0, _) => "none seen; bind() may hold a connection's port unseen".to_owned(),
        (_, "exact") => shorten(blocked.ports.iter().map(u16::to_string)),
        _ => format!("at least: {}", shorten(blocked.ports.iter().map(u16::to_string))),
    };
    let (mode, meaning) = reuse(report);
    [
        ("RANGE", format!("{}-{}", range.low, range.high), each),
        ("RESERVED", count(reserved.count), shorten(reserved.ranges.iter().map(span))),
        ("BLOCKED", count(blocked.count), which),
        ("REUSE", mode.to_owned(), meaning),
    ]
}

fn count(count: u32) -> String {
    if count == 0 { "none".to_owned() } else { count.to_string() }
}

/// The first few of a list.
fn shorten(items: impl ExactSizeIterator<Item = String>) -> String {
    let more = items.len().saturating_sub(SHOWN);
    let mut text = items.take(SHOWN).collect::<Vec<_>>().join(", ");
    if more > 0 {
        text.push_str(&format!(" and {more} more, see --json"));
    }
    text
}

fn reuse(report: &PortsReport) -> (&'static str, String) {
    let reuse = report.tw_reuse;
    let kept = "a TIME_WAIT keeps its port 60 to 62 s";
    let after = format!("reused when {} ms old", or_unknown(reuse.delay_ms));
    match (reuse.mode, reuse.timestamps) {
        (Some(1 | 2), Some(0)) => ("off", format!("tcp_timestamps=0: {kept}")),
        (Some(1), _) => ("on", format!("tcp_tw_reuse=1: TIME_WAITs are {after}")),
        (Some(2), _) => ("loopback", format!("tcp_tw_reuse=2: TIME_WAITs of 127/8 and ::1 are {after}")),
        (Some(mode), _) => ("off", format!("tcp_tw_reuse={mode}: {kept}")),
        (None, _) => ("unknown", format!("tcp_tw_reuse is not readable, so counted as off: {kept}")),
    }
}

fn budgets(rows: &[BudgetRow], terminal: bool) -> Vec<String> {
    // Few hosts have mini-sockets, and the room is short.
    let minis = rows.iter().any(|row| row.fin_wait2_mini.is_some_and(|minis| minis > 0));
    let left = ["SOURCE", "DESTINATION"].map(Column::Left);
    let counts = ["USED", "LIVE", "TIME_WAIT"].into_iter().chain(minis.then_some("FIN_WAIT2"));
    let right = counts.chain(["REUSABLE", "FREE"]).map(Column::Right);
    let columns: Vec<_> = left.into_iter().chain(right).chain([Column::Left("ZONE")]).collect();
    let mut columns = Columns::new(&columns);
    for row in rows {
        let counts = [Some(row.used), row.live, row.time_wait].into_iter();
        let counts = counts.chain(minis.then_some(row.fin_wait2_mini)).chain([row.reusable]).map(or_unknown);
        let cells = counts.chain([free(row), or_unknown(row.zone.map(Zone::name))]);
        let [source, destination] = names(row);
        if terminal && source.len() + destination.len() > ROOM_FOR_NAMES {
            let blank = [String::new(), String::new()];
            columns.row_below(format!("{source} > {destination}"), blank.into_iter().chain(cells));
        } else {
            columns.row([source, destination].into_iter().chain(cells));
        }
    }
    columns.lines()
}

/// What is free, with the bound that it is.
fn free(row: &BudgetRow) -> String {
    let bound = match row.certainty {
        Certainty::Exact => "",
        Certainty::Estimate if row.free == row.free_max => "<=",
        Certainty::Estimate if row.free == row.free_min => ">=",
        _ => "~",
    };
    format!("{bound}{}", row.free)
}

fn write_meaning(report: &PortsReport, out: &mut impl Write) -> io::Result<()> {
    for row in report.budgets.iter().take(SHOWN) {
        if let Some((tries, width)) = row.tries.zip(report.range.step_width) {
            let [_, destination] = names(row);
            let ports = if tries == 1 { "port" } else { "ports" };
            let tries = format!("each connect() tries about {tries} {ports}, in random steps");
            writeln!(out, "{destination}  {tries} (ip_local_port_step_width {width})")?;
        }
    }
    for line in rates(&report.budgets) {
        wrap::sentence("", &line, out)?;
    }
    if report.bind_first.iter().any(|pool| pool.held > 0) {
        for pool in report.bind_first.iter().take(SHOWN) {
            let BindFirstRow { source, free, .. } = pool;
            wrap::sentence(
                "",
                &format!("Clients that bind({source}, 0) first have {free} left over all destinations."),
                out,
            )?;
        }
    }
    let unsure = report.budgets.iter().filter(|row| row.certainty == Certainty::Estimate);
    match (&report.budgets[..], unsure.count()) {
        (_, 0) => writeln!(out, "FREE is exact.")?,
        ([row], _) => {
            writeln!(out, "FREE is {} to {}:", row.free_min, row.free_max)?;
            for reason in &row.reasons {
                wrap::sentence("  ", reason, out)?;
            }
        }
        (rows, _) => {
            let first = rows.iter().find(|row| row.certainty == Certainty::Estimate);
            let [_, destination] = first.map(names).unwrap_or_default();
            writeln!(out, "FREE is exact but for \"<=\", at most, \">=\", at least, and \"~\".")?;
            writeln!(out, "Why: {}", report.header.scope.command("ports").word(destination))?;
        }
    }
    writeln!(out)
}

/// How many connections a second last for ever: one line where it is the same for all.
fn rates(rows: &[BudgetRow]) -> Vec<String> {
    let rate = |row: &BudgetRow| match row.sustainable_per_second {
        Some(0) => "less than a connect() a second".to_owned(),
        Some(rate) => format!("about {rate} connects/s"),
        None => "more connects/s than ports could limit".to_owned(),
    };
    match rows {
        [] => Vec::new(),
        [first, rest @ ..] if rest.iter().all(|row| rate(row) == rate(first)) => {
            let each = if rest.is_empty() { format!("{} ", names(first)[1]) } else { "Each".to_owned() };
            vec![format!("{each} sustains {}, closed first by this side", rate(first))]
        }
        rows => {
            let line = |row: &BudgetRow| format!("{}  sustains {}", names(row)[1], rate(row));
            rows.iter().take(SHOWN).map(line).collect()
        }
    }
}

fn names(row: &BudgetRow) -> [String; 2] {
    let destination = SocketAddr::new(row.destination, row.port).to_string();
    match row.device {
        Some(device) => [format!("{}%{device}", row.source), destination],
        None => [row.source.to_string(), destination],
    }
}

fn to(report: &PortsReport) -> String {
    report.target.as_ref().map_or(String::new(), |target| format!(" to {target}"))
}

/// How much of a list a person reads.
const SHOWN: usize = 5;
/// What is left of 80 columns for both names.
const ROOM_FOR_NAMES: usize = 32;
