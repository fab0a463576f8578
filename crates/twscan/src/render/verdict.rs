use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
pub(crate) use twscan_core::judgement::Severity;
use twscan_core::judgement::Verdict;
use twscan_core::report::Header;

use super::wrap::INDENT;
use super::{WIDTH, wrap};

/// A verdict: its severity and headline, what that means, and the first thing to do next.
pub(crate) fn write_verdict(verdict: &Verdict, out: &mut impl Write) -> io::Result<()> {
    write(verdict.severity, &verdict.headline, out)?;
    if let Some(detail) = &verdict.detail {
        write_indented(detail, out)?;
    }
    match verdict.next.first() {
        // A command is never broken: it is there to be pasted.
        Some(next) => writeln!(out, "{INDENT}Next: {}", next.command),
        None => Ok(()),
    }
}

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

fn write_indented(text: &str, out: &mut impl Write) -> io::Result<()> {
    wrap::lines(text, WIDTH - INDENT.len()).iter().try_for_each(|line| writeln!(out, "{INDENT}{line}"))
}

/// Says that sockets are missing, or may be.
pub(crate) fn write_doubts(header: &Header, out: &mut impl Write) -> io::Result<()> {
    if let Some(reason) = &header.partial {
        let text = format!("partial, each count below is what there is at least: {reason}");
        write(Severity::Warning, &text, out)?;
    }
    if let Some(reason) = &header.approximate {
        write(Severity::Warning, &format!("counts may be off by a few: {reason}"), out)?;
    }
    Ok(())
}
