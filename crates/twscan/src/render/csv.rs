//! Rows under a heading, for spreadsheets.

use std::io::{self, Write};

use csv::Writer;
use twscan_core::diagnosis::Finding;
use twscan_core::report::{BudgetRow, Destination, ForecastRow, LogsDestination, SocketRow, SummaryReport, WindowRow};
use twscan_core::socket::SocketRecord;
use twscan_core::tally::Role;

use crate::failure::Failure;

/// The states of a summary.
pub(crate) fn write_summary(report: &SummaryReport, out: &mut impl Write) -> Result<(), Failure> {
    let mut writer = Writer::from_writer(out);
    writer.write_record(["state", "total", "ipv4", "ipv6", "mapped"])?;
    for (name, row) in report.states.iter().flat_map(twscan_core::report::States::iter) {
        let counts = row.map_or([const { String::new() }; 4], |row| {
            [row.total, row.ipv4, row.ipv6, row.mapped].map(|count| count.to_string())
        });
        writer.write_record([name.to_owned()].into_iter().chain(counts))?;
    }
    Ok(writer.flush()?)
}

/// Destinations, a column a state.
pub(crate) fn write_destinations(rows: &[Destination], out: &mut impl Write) -> Result<(), Failure> {
    let mut writer = Writer::from_writer(out);
    let mut heading = vec!["role", "source", "destination", "port", "device", "sockets", "time_wait", "ports_used"];
    heading.extend(["reusable", "free", "range_size", "percent", "zone"]);
    heading.extend(twscan_core::socket::TcpState::ALL.map(twscan_core::socket::TcpState::name));
    writer.write_record(&heading)?;
    for row in rows {
        let text = |value: Option<String>| value.unwrap_or_default();
        let mut record = vec![
            row.role.name().to_owned(),
            text(row.source.map(|address| address.to_string())),
            text(row.destination.map(|address| address.to_string())),
            row.port.to_string(),
            text(row.device.map(|device| device.to_string())),
            row.sockets.to_string(),
            text(row.time_wait.map(|count| count.to_string())),
            text(row.ports_used.map(|count| count.to_string())),
            text(row.reusable.map(|count| count.to_string())),
            text(row.free.map(|free| free.to_string())),
            text(row.range_size.map(|size| size.to_string())),
            text(row.percent.map(|percent| format!("{percent:.3}"))),
            text(row.zone.map(|zone| zone.name().to_owned())),
        ];
        record.extend(row.states.iter().map(|(_, count)| text(count.map(|count| count.to_string()))));
        writer.write_record(&record)?;
    }
    Ok(writer.flush()?)
}

/// Budgets.
pub(crate) fn write_budgets(rows: &[BudgetRow], out: &mut impl Write) -> Result<(), Failure> {
    let mut writer = Writer::from_writer(out);
    let mut heading = vec!["source", "destination", "port", "device", "capacity", "used", "live", "time_wait"];
    heading.extend(["fin_wait2_mini", "reusable", "unsure_ports", "free", "free_min", "free_max", "percent", "zone"]);
    heading.extend(["sustainable_per_second", "certainty"]);
    writer.write_record(&heading)?;
    for row in rows {
        let text = |value: Option<u32>| value.map_or(String::new(), |value| value.to_string());
        let mut record = vec![row.source.to_string(), row.destination.to_string(), row.port.to_string()];
        record.push(text(row.device));
        record.extend([row.capacity, row.used].map(|count| count.to_string()));
        record.extend([row.live, row.time_wait, row.fin_wait2_mini, row.reusable].map(text));
        record.extend([row.unsure_ports, row.free, row.free_min, row.free_max].map(|count| count.to_string()));
        record.push(row.percent.map(|percent| format!("{percent:.3}")).unwrap_or_default());
        record.push(row.zone.map(|zone| zone.name().to_owned()).unwrap_or_default());
        record.push(text(row.sustainable_per_second));
        record.push(row.certainty.name().to_owned());
        writer.write_record(&record)?;
    }
    Ok(writer.flush()?)
}

/// Findings, without their cures.
pub(crate) fn write_findings(rows: &[Finding], out: &mut impl Write) -> Result<(), Failure> {
    let mut writer = Writer::from_writer(out);
    writer.write_record(["severity", "code", "source", "destination", "port", "title", "fingerprint"])?;
    for row in rows {
        let subject = row.subject;
        writer.write_record([
            row.severity.name().to_owned(),
            row.code.to_string(),
            subject.source.map_or(String::new(), |address| address.to_string()),
            subject.destination.map_or(String::new(), |address| address.to_string()),
            subject.port.map_or(String::new(), |port| port.to_string()),
            row.title.clone(),
            row.fingerprint.clone(),
        ])?;
    }
    Ok(writer.flush()?)
}

/// Forecasts, without the curves.
pub(crate) fn write_forecasts(rows: &[ForecastRow], out: &mut impl Write) -> Result<(), Failure> {
    let mut writer = Writer::from_writer(out);
    let mut heading = vec!["source", "destination", "port", "held", "capacity", "steady_state_ports", "last_5s"];
    heading.extend(["last_60s", "trend", "bound", "slow_earliest", "slow_latest", "full_earliest", "full_latest"]);
    writer.write_record(&heading)?;
    for row in rows {
        let arrivals = row.arrivals_per_second;
        let mut record = vec![row.source.to_string(), row.destination.to_string(), row.port.to_string()];
        record.extend([row.held, row.capacity, row.steady_state_ports].map(|count| count.to_string()));
        record.extend([format!("{:.1}", arrivals.last_5s), format!("{:.1}", arrivals.last_60s)]);
        record.extend([arrivals.trend.to_owned(), arrivals.bound.to_owned()]);
        for window in [row.seconds_to_slow, row.seconds_to_full] {
            let seconds = |of: fn(WindowRow) -> Option<f64>| {
                window.and_then(of).map_or(String::new(), |seconds| format!("{seconds:.1}"))
            };
            record.extend([seconds(|window| Some(window.earliest)), seconds(|window| window.latest)]);
        }
        writer.write_record(&record)?;
    }
    Ok(writer.flush()?)
}

/// The destinations that a log tells of.
pub(crate) fn write_log_destinations(
    rows: &[LogsDestination],
    heading: bool,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let mut writer = Writer::from_writer(out);
    if heading {
        writer.write_record(["destination", "port", "events", "first", "last", "zone", "free", "range_size"])?;
    }
    for row in rows {
        let text = |value: Option<String>| value.unwrap_or_default();
        writer.write_record([
            text(row.destination.clone()),
            text(row.port.map(|port| port.to_string())),
            row.events.to_string(),
            text(row.first.map(|time| time.to_string())),
            text(row.last.map(|time| time.to_string())),
            text(row.now.map(|now| now.zone.name().to_owned())),
            text(row.now.map(|now| now.free.to_string())),
            text(row.now.map(|now| now.range_size.to_string())),
        ])?;
    }
    Ok(writer.flush()?)
}

/// The heading of [`socket_row`].
pub(crate) fn socket_heading(line: &mut Vec<u8>, owners: bool) -> io::Result<()> {
    writeln!(
        line,
        "family,state,local_addr,local_port,remote_addr,remote_port,timer,expires_ms,uid,inode,recv_q,send_q,cookie,role{}",
        if owners { ",owners" } else { "" }
    )
}

/// A socket; no field of it can hold a comma or a quote.
pub(crate) fn socket_row(record: &SocketRecord<'_>, role: Role, line: &mut Vec<u8>) -> io::Result<()> {
    let row = SocketRow::new(record, role);
    let text = |value: Option<u64>| value.map_or(String::new(), |value| value.to_string());
    writeln!(
        line,
        "{},{},{},{},{},{},{},{},{},{},{},{},{},{}",
        row.family,
        row.state,
        row.local.addr,
        row.local.port,
        row.remote.addr,
        row.remote.port,
        row.timer.unwrap_or_default(),
        text(row.expires_ms),
        text(row.uid.map(u64::from)),
        text(row.inode.map(u64::from)),
        row.recv_q,
        text(row.send_q.map(u64::from)),
        text(row.cookie),
        row.role
    )
}
