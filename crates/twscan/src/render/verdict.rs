use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr};

use anstyle::{AnsiColor, Style};
use twscan_core::budget::Zone;
pub(crate) use twscan_core::diagnosis::Severity;
use twscan_core::report::{BudgetRow, Destination, Header};

use super::place::Place;
use super::wrap::INDENT;
use super::{WIDTH, wrap};

/// A severity word, coloured, and what it is about, in as many lines as that needs.
pub(crate) fn write(severity: Severity, text: &str, out: &mut impl Write) -> io::Result<()> {
    let (word, color) = match severity {
        Severity::Ok => ("OK", AnsiColor::Green),
        Severity::Info => ("INFO", AnsiColor::Cyan),
        Severity::Warning => ("WARNING", AnsiColor::Yellow),
        // And what the library may add: nothing looks better than it is.
        _ => ("CRITICAL", AnsiColor::Red),
    };
    let style = Style::new().bold().fg_color(Some(color.into()));
    let pad = " ".repeat(INDENT.len() - word.len());
    let mut lines = wrap::lines(text, WIDTH - INDENT.len()).into_iter();
    writeln!(out, "{style}{word}{style:#}{pad}{}", lines.next().unwrap_or_default())?;
    lines.try_for_each(|line| writeln!(out, "{INDENT}{line}"))
}

/// Says that sockets are missing, or may be.
pub(crate) fn write_doubts(header: &Header, out: &mut impl Write) -> io::Result<()> {
    if let Some(reason) = &header.partial {
        write(Severity::Warning, &format!("partial, each count below is what there is at least: {reason}"), out)?;
    }
    if let Some(reason) = &header.approximate {
        write(Severity::Warning, &format!("counts may be off by a few: {reason}"), out)?;
    }
    Ok(())
}

/// What a verdict needs of the destination that has least left.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fullest {
    pub(crate) source: Option<IpAddr>,
    pub(crate) destination: Option<IpAddr>,
    pub(crate) port: u16,
    /// Ports in use, reusable ones included.
    pub(crate) used: u64,
    pub(crate) reusable: Option<u32>,
    /// Connections that fit in all.
    pub(crate) capacity: u32,
    pub(crate) free: Option<u32>,
    pub(crate) percent: f64,
    pub(crate) zone: Option<Zone>,
}

impl Fullest {
    /// `addr:port` of the remote side.
    pub(crate) fn name(&self) -> String {
        self.destination.map_or(format!("*:{}", self.port), |address| SocketAddr::new(address, self.port).to_string())
    }

    /// Ports that no connect() can have, of the capacity.
    fn held(&self) -> u64 {
        let counted = || self.used.saturating_sub(self.reusable.unwrap_or(0).into());
        self.free.map_or_else(counted, |free| self.capacity.saturating_sub(free).into())
    }
}

impl From<&Destination> for Fullest {
    fn from(row: &Destination) -> Self {
        Self {
            source: row.source,
            destination: row.destination,
            port: row.port,
            used: row.ports_used.unwrap_or(0),
            reusable: row.reusable,
            capacity: row.capacity.unwrap_or(0),
            free: row.free,
            percent: row.percent.unwrap_or(0.0),
            zone: row.zone,
        }
    }
}

impl From<&BudgetRow> for Fullest {
    fn from(row: &BudgetRow) -> Self {
        Self {
            source: Some(row.source),
            destination: Some(row.destination),
            port: row.port,
            used: row.used.into(),
            reusable: row.reusable,
            capacity: row.capacity,
            free: Some(row.free),
            percent: row.percent.unwrap_or(0.0),
            zone: row.zone,
        }
    }
}

/// The verdict on the destination that has least left, here or in another network namespace.
pub(crate) fn write_on(fullest: &Fullest, place: Option<&Place>, out: &mut impl Write) -> io::Result<()> {
    let destination = fullest.name();
    let name = place.map_or(destination.clone(), |place| format!("netns {}: {destination}", place.name));
    let (held, capacity) = (fullest.held(), fullest.capacity);
    let netns = place.and_then(|place| place.reference.as_ref()).map_or(String::new(), |name| format!(" -N {name}"));
    let next = format!("{INDENT}Next: twscan diagnose{netns} {destination}");
    let Some(zone) = fullest.zone else {
        let text = format!("how many ports are left is unknown; {name} holds at least {held} of {capacity}");
        return write(Severity::Warning, &text, out);
    };
    match zone {
        Zone::Full => {
            write(Severity::Critical, &format!("{name} has no local port left: {held} of {capacity} used"), out)?;
            writeln!(out, "{INDENT}connect() fails there with errno 99 (Cannot assign requested address).\n{next}")
        }
        Zone::NearlyFull => {
            let free = fullest.free.unwrap_or(0);
            write(Severity::Warning, &format!("{name} has {free} local ports left of {capacity}"), out)?;
            writeln!(out, "{next}")
        }
        Zone::Slow => {
            let text = format!("{name} holds {held} of {capacity} local ports: each connect() scans");
            write(Severity::Warning, &text, out)?;
            writeln!(out, "{INDENT}About 300 times slower than below half of the range.\n{next}")
        }
        _ => {
            let everywhere = if place.is_some() { " of every netns read" } else { "" };
            let rest = format!("has local ports to spare (fullest: {held} of {capacity})");
            write(Severity::Ok, &format!("every destination{everywhere} {rest}"), out)
        }
    }
}
