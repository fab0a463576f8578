use std::io::{self, Write};
use std::net::SocketAddr;

use twscan_core::report::{ArrivalsRow, ForecastReport, ForecastRow, WindowRow};

use super::{provenance, verdict, wrap};

/// Forecasts for people: a picture of the last minute and the next one, and when it ends.
pub(crate) fn write(report: &ForecastReport, out: &mut impl Write) -> io::Result<()> {
    verdict::write_doubts(&report.header, out)?;
    verdict::write_verdict(&report.verdict, out)?;
    writeln!(out)?;
    if report.unknown > 0 {
        let text = format!("how old TIME_WAITs are is not told, so {} destinations have no forecast", report.unknown);
        verdict::write(verdict::Severity::Warning, &text, out)?;
        writeln!(out, "{}Of other tools' texts, those of ss -tano and netstat -nato tell it.\n", wrap::INDENT)?;
    } else if report.forecasts.is_empty() {
        writeln!(out, "No connection holds a local port.\n")?;
    }
    for row in &report.forecasts {
        let destination = SocketAddr::new(row.destination, row.port);
        writeln!(out, "{} > {destination}", row.source)?;
        write_row(row, out)?;
        writeln!(out)?;
    }
    let hidden = report.groups - report.forecasts.len() - report.unknown;
    if hidden > 0 {
        writeln!(out, "{hidden} more, --all\n")?;
    }
    if let Some(motion) = report.motion {
        let rate = |rate: Option<f64>| rate.map_or("?".to_owned(), |rate| format!("{rate:.1}"));
        let share = motion.reuse_share.map_or("?".to_owned(), |share| format!("{:.0}%", share * 100.0));
        let closed = rate(motion.closed_per_second);
        writeln!(out, "In {:.1} s this side closed {closed}/s first; {share} of them by reuse.", motion.seconds)?;
    }
    writeln!(out, "{}", provenance::line(&report.header))?;
    super::finish(out)
}

/// One destination's lines.
pub(crate) fn write_row(row: &ForecastRow, out: &mut impl Write) -> io::Result<()> {
    let arrivals = row.arrivals_per_second;
    writeln!(
        out,
        "  held    {} of {} ports; in a minute at this rate {}",
        row.held, row.capacity, row.steady_state_ports
    )?;
    wrap::write_lines(&wrap::beside("  rate    ", &rate(arrivals)), out)?;
    let closed: Vec<u32> = row.closings.iter().take(60).rev().copied().collect();
    writeln!(out, "  closed  |{}| to now", sparkline(&closed))?;
    writeln!(out, "  back    |{}| +60 s", sparkline(row.releases.get(..60).unwrap_or(&row.releases)))?;
    writeln!(out, "  slow    {}", window(row.seconds_to_slow))?;
    writeln!(out, "  full    {}", window(row.seconds_to_full))?;
    let half = match row.seconds_to_half_free {
        Some(0.0) => "now".to_owned(),
        Some(seconds) => format!("in {seconds:.0} s if nothing more were opened"),
        None => "not by waiting: live connections hold more".to_owned(),
    };
    writeln!(out, "  half    free {half}")
}

fn rate(arrivals: ArrivalsRow) -> String {
    let bound = if arrivals.bound == "exact" { "" } else { "at least " };
    format!(
        "{bound}{:.1}/s in the last 5 s, {:.1}/s in the last 60 s, {}; peak {}",
        arrivals.last_5s, arrivals.last_60s, arrivals.trend, arrivals.peak
    )
}

fn window(window: Option<WindowRow>) -> String {
    match window {
        None => "never at this rate".to_owned(),
        Some(window) if window.earliest == 0.0 => "now".to_owned(),
        Some(window) => {
            let latest = window.latest.map_or("or never".to_owned(), |latest| format!("at the latest {latest:.0} s"));
            format!("in {:.0} s at the earliest, {latest}", window.earliest)
        }
    }
}

/// A character a number, by its share of the greatest.
fn sparkline(numbers: &[u32]) -> String {
    let greatest = numbers.iter().copied().max().unwrap_or(0).max(1);
    let level = |number: u32| {
        let last = LEVELS.len() - 1;
        // What is not nothing shows.
        let index = (u64::from(number) * last as u64).div_ceil(u64::from(greatest));
        LEVELS.get(usize::try_from(index).unwrap_or(last)).copied().unwrap_or(' ')
    };
    numbers.iter().copied().map(level).collect()
}

const LEVELS: [char; 8] = [' ', '.', ':', '-', '=', '+', '#', '@'];

#[cfg(test)]
mod tests {
    use twscan_core::budget::LocalPorts;
    use twscan_core::forecast::HORIZON;
    use twscan_core::report::Budgets;

    use super::*;
    use crate::render::scene::{Scene, printed};

    fn filling() -> ForecastReport {
        let sample = Scene::new().time_waits(9000, "127.0.0.1", "127.0.0.1:8080").ports_sample();
        let budgets = Budgets::new(LocalPorts::of(&sample).unwrap().budgets().collect(), None);
        ForecastReport::new(&sample, None, None, &budgets, None, HORIZON)
    }

    #[test]
    fn a_destination_that_fills() {
        let text = printed(|out| write(&filling(), out));
        assert!(text.lines().all(|line| line.len() <= 80), "{text}");
        insta::assert_snapshot!(text);
    }

    #[test]
    fn rates_keep_to_80_columns() {
        let mut row = filling().forecasts.remove(0);
        row.arrivals_per_second.bound = "at_least";
        row.arrivals_per_second.last_5s = 12000.0;
        let text = printed(|out| write_row(&row, out));
        let expected =
            "\n  rate    at least 12000.0/s in the last 5 s, 150.0/s in the last 60 s, steady;\n          peak 9000\n";
        assert!(text.contains(expected), "{text}");
    }

    #[test]
    fn sparklines_show_what_is_there() {
        assert_eq!(sparkline(&[0, 1, 500, 1000]), " .=@");
        assert_eq!(sparkline(&[0, 0]), "  ");
    }
}
