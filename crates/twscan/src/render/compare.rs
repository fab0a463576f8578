use std::io::Write;

use twscan_core::report::{Change, CompareReport, DestinationChange};

use super::table::{Column, Columns};
use super::{WIDTH, provenance, wrap};
use crate::failure::Failure;

/// The comparison for people: the sentence first, then what it is drawn from.
pub(crate) fn write(report: &CompareReport, out: &mut impl Write) -> Result<(), Failure> {
    wrap::write_lines(&wrap::lines(&report.sentence, WIDTH), out)?;
    writeln!(out)?;
    let (mut states, mut any_state) = (changes("STATE"), false);
    for (state, change) in report.states.iter() {
        if let Some(change) = change.filter(|change| change.difference() != 0) {
            states.row(cells(state.name().to_owned(), change));
            any_state = true;
        }
    }
    let mut counters = changes("COUNTER");
    for change in &report.counters {
        let text = |value: Option<u64>| value.map_or_else(|| "?".to_owned(), |value| value.to_string());
        let rate = change.per_second.map_or_else(String::new, |rate| format!("{rate:.1}/s"));
        counters.row([change.name.to_owned(), text(change.before), text(change.after), rate]);
    }
    let mut destinations = changes("DESTINATION");
    for change in &report.destinations {
        destinations.row(destination(change));
    }
    for (columns, any) in
        [(states, any_state), (destinations, !report.destinations.is_empty()), (counters, !report.counters.is_empty())]
    {
        if any {
            for line in columns.lines() {
                writeln!(out, "{line}")?;
            }
            writeln!(out)?;
        }
    }
    wrap::write_lines(&provenance::beside("before: ", &report.before), out)?;
    wrap::write_lines(&provenance::beside("after:  ", &report.header), out)?;
    Ok(super::finish(out)?)
}

/// A row a destination that changed.
pub(crate) fn write_csv(report: &CompareReport, out: &mut impl Write) -> Result<(), Failure> {
    let mut writer = csv::Writer::from_writer(&mut *out);
    writer.write_record([
        "role",
        "source",
        "destination",
        "port",
        "sockets_before",
        "sockets_after",
        "time_wait_before",
        "time_wait_after",
    ])?;
    for change in &report.destinations {
        let address = |address: Option<std::net::IpAddr>| address.map(|ip| ip.to_string()).unwrap_or_default();
        let count = |count: Option<u64>| count.map(|count| count.to_string()).unwrap_or_default();
        writer.write_record([
            change.role.to_owned(),
            address(change.source),
            address(change.destination),
            change.port.to_string(),
            change.sockets.before.to_string(),
            change.sockets.after.to_string(),
            count(change.time_wait.map(|change| change.before)),
            count(change.time_wait.map(|change| change.after)),
        ])?;
    }
    writer.flush()?;
    drop(writer);
    Ok(super::finish(out)?)
}

fn changes(what: &'static str) -> Columns {
    Columns::new(&[Column::Left(what), Column::Right("BEFORE"), Column::Right("AFTER"), Column::Right("CHANGE")])
}

fn cells(name: String, change: Change<u64>) -> [String; 4] {
    [name, change.before.to_string(), change.after.to_string(), format!("{:+}", change.difference())]
}

/// What changed of it: its sockets, else how many of them are in TIME_WAIT, else what they amount to.
fn destination(change: &DestinationChange) -> [String; 4] {
    let name = name(change);
    let changed = |change: &Change<u64>| change.difference() != 0;
    if changed(&change.sockets) {
        return cells(name, change.sockets);
    }
    if let Some(time_wait) = change.time_wait.filter(changed) {
        return cells(format!("{name}, in TIME_WAIT"), time_wait);
    }
    let percent = |percent: Option<f64>| percent.map_or_else(|| "?".to_owned(), |percent| format!("{percent:.1} %"));
    let Change { before, after, .. } = change.percent;
    let difference = before.zip(after).map_or_else(String::new, |(before, after)| format!("{:+.1}", after - before));
    [format!("{name}, ports held"), percent(before), percent(after), difference]
}

fn name(change: &DestinationChange) -> String {
    match (change.source, change.destination) {
        (Some(source), Some(destination)) => {
            let destination = std::net::SocketAddr::new(destination, change.port);
            let role = if change.role == "outbound" { String::new() } else { format!(" ({})", change.role) };
            format!("{source} to {destination}{role}")
        }
        _ => format!("*:{} ({})", change.port, change.role),
    }
}
