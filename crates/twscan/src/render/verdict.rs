use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use twscan_core::report::Header;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Severity {
    Ok,
    Warning,
    Critical,
}

/// A severity word, coloured, and what it is about.
pub(crate) fn write(severity: Severity, text: &str, out: &mut impl Write) -> io::Result<()> {
    let (word, color) = match severity {
        Severity::Ok => ("OK", AnsiColor::Green),
        Severity::Warning => ("WARNING", AnsiColor::Yellow),
        Severity::Critical => ("CRITICAL", AnsiColor::Red),
    };
    let style = Style::new().bold().fg_color(Some(color.into()));
    let pad = " ".repeat(INDENT.len() - word.len());
    writeln!(out, "{style}{word}{style:#}{pad}{text}")
}

/// Says that sockets are missing, or may be.
pub(crate) fn write_doubts(header: &Header, out: &mut impl Write) -> io::Result<()> {
    if let Some(reason) = &header.partial {
        write(Severity::Warning, &format!("partial: sockets are missing from every count below: {reason}"), out)?;
    }
    if let Some(reason) = &header.approximate {
        write(Severity::Warning, &format!("counts may be off by a few: {reason}"), out)?;
    }
    Ok(())
}

/// As wide as the longest severity word and two blanks.
pub(crate) const INDENT: &str = "          ";
