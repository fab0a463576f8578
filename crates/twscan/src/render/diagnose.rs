use std::io::{self, Write};
use std::net::SocketAddr;

use twscan_core::budget::LocalPorts;
use twscan_core::forecast::Forecast;
use twscan_core::procfs::TwReuse;
use twscan_core::report::{DiagnoseReport, FindingRow, RemedyRow, SubjectRow};
use twscan_core::sample::Sample;
use twscan_core::socket::TcpState;

use super::provenance;
use super::verdict::{self, INDENT, Severity};
use super::wrap::paragraph;

/// A diagnosis for people: the verdict, the findings, and what was not seen.
pub(crate) fn write(report: &DiagnoseReport, sample: &Sample, out: &mut impl Write) -> io::Result<()> {
    verdict::write_doubts(&report.header, out)?;
    verdict::write(severity(report.verdict.severity), &report.verdict.headline, out)?;
    writeln!(out)?;
    let healthy = report.verdict.severity == "ok";
    if healthy {
        write_vitals(sample, out)?;
    }
    let mut detailed: Vec<SubjectRow> = Vec::new();
    for finding in &report.findings {
        let known = detailed.iter().any(|subject| same(subject, &finding.subject));
        if finding.severity == "info" || known {
            // The cures of a cause that goes with a finding above stand there.
            write_line(finding, out)?;
        } else {
            write_whole(finding, out)?;
            detailed.push(finding.subject);
        }
    }
    if let Some(worst) = report.findings.first().filter(|_| !healthy) {
        writeln!(out)?;
        if let Some(command) = worst.remedies.iter().find_map(one_command) {
            match by_tune(command) {
                Some(command) => writeln!(out, "now:   {command}      (shows the plan, asks, undoable)")?,
                None => writeln!(out, "now:   {command}")?,
            }
        }
        writeln!(out, "more:  twscan explain {}", worst.code)?;
    }
    paragraph("unseen", &report.unseen.join("; "), out)?;
    writeln!(out, "{} checks, {} findings", report.checks, report.findings.len())?;
    writeln!(out, "{}", provenance::line(&report.header))?;
    super::finish(out)
}

/// The command of our own that does the same as a `sysctl -w`, and can take it back.
fn by_tune(command: &str) -> Option<String> {
    let (key, value) = command.strip_prefix("sysctl -w net.ipv4.")?.split_once('=')?;
    match key {
        "tcp_tw_reuse" => Some(format!("sudo twscan tune apply --tw-reuse {value}")),
        "ip_local_port_range" => {
            let (low, high) = value.trim_matches('\'').split_once(' ')?;
            Some(format!("sudo twscan tune apply --range {low}-{high}"))
        }
        _ => None,
    }
}

fn same(one: &SubjectRow, other: &SubjectRow) -> bool {
    (one.source, one.destination, one.port) == (other.source, other.destination, other.port)
        && one.destination.is_some()
}

/// A finding in one line, or as many as its title needs.
fn write_line(finding: &FindingRow, out: &mut impl Write) -> io::Result<()> {
    verdict::write(severity(finding.severity), &format!("{:<20}{}", finding.code, finding.title), out)
}

fn write_whole(finding: &FindingRow, out: &mut impl Write) -> io::Result<()> {
    let subject = subject(&finding.subject);
    verdict::write(severity(finding.severity), format!("{:<20}{subject}", finding.code).trim_end(), out)?;
    for note in &finding.notes {
        paragraph(&format!("  {}", note.label), &note.text, out)?;
    }
    paragraph("  why", &finding.cause, out)?;
    write_cures(finding, out)?;
    write_refused(finding, out)?;
    if let Some(snippet) = finding.remedies.iter().filter(|one| one.when == "last").find_map(|one| one.snippet.as_ref())
    {
        writeln!(out)?;
        for line in snippet.lines() {
            writeln!(out, "{INDENT}{line}")?;
        }
    }
    writeln!(out)
}

fn write_cures(finding: &FindingRow, out: &mut impl Write) -> io::Result<()> {
    if finding.remedies.is_empty() {
        return Ok(());
    }
    let demand = finding.evidence.iter().find(|figure| figure.name == "demand_per_second").map(|figure| figure.value);
    let heading = demand.filter(|demand| *demand >= 1.0).map_or(String::new(), |demand| format!("for {demand:.0}/s"));
    writeln!(out, "  cures   {heading:<43}{:<13}{:<8}risk", "gives", "enough")?;
    for remedy in &finding.remedies {
        let enough = remedy.enough.map_or("?", |enough| if enough { "yes" } else { "no" });
        let title = fit(&remedy.title, 42);
        let gives = fit(&remedy.gives_short, 12);
        let unmet = if remedy.precondition_met == Some(false) { " (*)" } else { "" };
        writeln!(out, "{:>8}  {title:<43}{gives:<13}{enough:<8}{}{unmet}", remedy.when, remedy.risk)?;
    }
    for remedy in finding.remedies.iter().filter(|remedy| remedy.precondition_met == Some(false)) {
        let condition = remedy.precondition.as_deref().unwrap_or_default();
        paragraph("     (*)", condition, out)?;
    }
    Ok(())
}

fn write_refused(finding: &FindingRow, out: &mut impl Write) -> io::Result<()> {
    for refusal in finding.refused.iter().filter(|refusal| refusal.verdict == "no gain") {
        paragraph(" no gain", &format!("{}: {}", refusal.advice, refusal.reason), out)?;
    }
    let refused: Vec<&str> =
        finding.refused.iter().filter(|one| one.verdict == "refused").map(|one| one.advice.as_str()).collect();
    if refused.is_empty() {
        return Ok(());
    }
    paragraph("   never", &format!("{}: twscan explain myths", refused.join(", ")), out)
}

/// The figures of a healthy host.
fn write_vitals(sample: &Sample, out: &mut impl Write) -> io::Result<()> {
    let fullest = match (sample.settings.range, fullest(sample)) {
        (None, _) => "unknown, since the local port range is; --range says it".to_owned(),
        (_, None) => "no outbound connection holds a local port".to_owned(),
        (_, Some(fullest)) => fullest,
    };
    paragraph("fullest", &fullest, out)?;
    let counts = sample.destinations.time_wait();
    let unknown = |count: Option<u64>| count.map_or("unknown".to_owned(), |count| count.to_string());
    let roles = match sample.settings.range {
        _ if !sample.knows(TcpState::TimeWait) => "how many is unknown".to_owned(),
        Some(_) => format!("{} outbound, {} inbound", counts.outbound, counts.inbound),
        None => format!("{} inbound or outbound, {} inbound", counts.ambiguous, counts.inbound),
    };
    let text = format!(
        "{roles}; limit {}; overflows since boot: {}",
        unknown(sample.settings.max_tw_buckets),
        unknown(sample.counters.tw_overflow)
    );
    paragraph("TIME_WAIT", &text, out)?;
    paragraph("settings", &settings(sample), out)
}

fn fullest(sample: &Sample) -> Option<String> {
    let horizon = std::time::Duration::from_secs(300);
    let ports = LocalPorts::of(sample)?;
    let budget = ports.budgets().max_by_key(|budget| (budget.ports().held(), std::cmp::Reverse(budget.tuple())))?;
    let fills = match Forecast::new(sample, None, &budget, horizon) {
        None => "; the rate is unknown",
        Some(forecast) if forecast.is_filling() => "",
        Some(_) => ", never fills at this rate",
    };
    Some(format!("{}: {} of {} held{fills}", budget.tuple(), budget.ports().held(), budget.capacity()))
}

fn settings(sample: &Sample) -> String {
    let settings = &sample.settings;
    let range = settings.range.map_or("unknown".to_owned(), |range| range.to_string());
    let usable = LocalPorts::of(sample).map_or(String::new(), |ports| {
        let left_out = ports.reserved().len() + ports.blocked().len();
        if left_out == 0 { String::new() } else { format!(" less {left_out}") }
    });
    let reuse = match settings.tw_reuse {
        Some(TwReuse::Loopback) => "2 (loopback)".to_owned(),
        Some(mode) => mode.value().to_string(),
        None => "unknown".to_owned(),
    };
    let timestamps = settings.timestamps.map_or("unknown".to_owned(), |value| value.to_string());
    let defaults = range == "32768-60999" && reuse.starts_with('2') && timestamps == "1" && usable.is_empty();
    let note = if defaults { ": kernel defaults" } else { "" };
    format!("range {range}{usable}, reuse {reuse}, timestamps {timestamps}{note}")
}

/// A remedy that is one command to type.
fn one_command(remedy: &RemedyRow) -> Option<&str> {
    let snippet = remedy.snippet.as_deref().filter(|_| remedy.when == "now" && remedy.enough == Some(true))?;
    (snippet.lines().count() == 1).then_some(snippet)
}

fn subject(subject: &SubjectRow) -> String {
    let destination = match (subject.destination, subject.port) {
        (Some(ip), Some(port)) => SocketAddr::new(ip, port).to_string(),
        (None, Some(port)) => format!("*:{port}"),
        _ => String::new(),
    };
    match (subject.source, destination.is_empty()) {
        (Some(source), true) => source.to_string(),
        (Some(source), false) => format!("{source} > {destination}"),
        (None, _) => destination,
    }
}

fn severity(name: &str) -> Severity {
    match name {
        "critical" => Severity::Critical,
        "warning" => Severity::Warning,
        "info" => Severity::Info,
        _ => Severity::Ok,
    }
}

/// The text, cut where it is too long for its column.
fn fit(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let cut: String = text.chars().take(width.saturating_sub(2)).collect();
    format!("{cut}..")
}

#[cfg(test)]
mod tests {
    use twscan_core::diagnosis::Examination;

    use super::*;
    use crate::render::scene::{Scene, printed};

    fn shown(scene: Scene) -> String {
        let sample = scene.ports_sample();
        let diagnosis = Examination::new(&sample).diagnose();
        let text = printed(|out| write(&DiagnoseReport::new(&sample, None, &diagnosis), &sample, out));
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        text
    }

    #[test]
    fn exhausted() {
        let scene = Scene::new()
            .time_waits(28232, "127.0.0.1", "127.0.0.1:8080")
            .socket(10, "0.0.0.0:80", "0.0.0.0:0")
            .socket(10, "0.0.0.0:8080", "0.0.0.0:0");
        let inbound = (0..120u16)
            .fold(scene, |scene, index| scene.socket(6, "10.0.3.21:80", &format!("192.0.2.7:{}", 40000 + index)));
        insta::assert_snapshot!(shown(inbound));
    }

    #[test]
    fn healthy() {
        let scene = Scene::new().tw_reuse(2).socket(1, "10.0.3.22:50000", "10.0.9.4:443");
        insta::assert_snapshot!(shown(scene.socket(6, "10.0.3.22:50002", "10.0.9.4:443")));
    }
}
