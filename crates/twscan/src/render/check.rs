use std::io::{self, Write};

use twscan_core::report::{CheckReport, Status};
use twscan_core::text::shown;

/// A text that stays in the line of a plugin, before its performance data.
pub(crate) fn plugin_text(text: &str) -> String {
    shown(text).replace('|', "/")
}

/// The line of a monitoring plugin, with performance data.
pub(crate) fn write(report: &CheckReport, out: &mut impl Write) -> io::Result<()> {
    let name = match report.status {
        Status::Ok => "OK",
        Status::Warning => "WARNING",
        Status::Critical => "CRITICAL",
        _ => "UNKNOWN",
    };
    let reason = report.header.partial.as_ref().map(|reason| format!("sockets are missing, or may be: {reason}"));
    let text = match (&reason, &report.worst) {
        (Some(reason), _) => plugin_text(reason),
        (None, None) => plugin_text(&report.verdict.headline),
        (None, Some(worst)) => {
            let at = |share: Option<f64>| {
                share.map_or(String::new(), |share| format!("{:.0}", f64::from(worst.capacity) * share / 100.0))
            };
            let data = [
                format!("held={};{};{};0;{}", worst.held, at(report.warn), at(report.crit), worst.capacity),
                format!("free={}", worst.free),
                format!("sure={}", worst.sure),
                format!("time_wait={}", worst.time_wait),
                // U is what plugins say for a value that cannot be told.
                format!("reusable={}", worst.reusable.map_or("U".to_owned(), |count| count.to_string())),
                format!("live={}", worst.live),
                format!("destinations={}", report.destinations),
            ];
            format!(
                "{}: {} of {} ports held ({:.1}%), {} free | {}",
                worst.tuple,
                worst.held,
                worst.capacity,
                worst.percent,
                worst.free,
                data.join(" ")
            )
        }
    };
    writeln!(out, "TWSCAN {name} - {text}")?;
    super::finish(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_forges_no_data_and_no_status() {
        assert_eq!(plugin_text("a|held=999\nTWSCAN OK - x"), "a/held=999\\nTWSCAN OK - x");
    }
}
