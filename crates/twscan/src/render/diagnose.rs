use std::io::{self, Write};
use std::net::SocketAddr;

use twscan_core::diagnosis::{Code, Finding, RefusalKind, Remedy, Setting, Subject, When};
use twscan_core::report::{DiagnoseReport, FullestRow, TimeWait, VitalSettings};
use twscan_core::shell::{Command, Scope};
use twscan_core::tuning::Key;

use super::verdict::{self, Severity};
use super::wrap::INDENT;
use super::wrap::paragraph;
use super::{WIDTH, provenance};

/// A diagnosis for people: the verdict, the findings, and what was not seen.
pub(crate) fn write(report: &DiagnoseReport, out: &mut impl Write) -> io::Result<()> {
    verdict::write_doubts(&report.header, out)?;
    // A finding below says what is behind its headline; without one the verdict has to.
    let healthy = report.findings.iter().all(|finding| finding.severity <= Severity::Info);
    if healthy {
        verdict::write_verdict(&report.verdict, out)?;
    } else {
        verdict::write(report.verdict.severity, &report.verdict.headline, out)?;
    }
    writeln!(out)?;
    if healthy {
        write_vitals(report, out)?;
    }
    let mut detailed: Vec<Subject> = Vec::new();
    for finding in &report.findings {
        let known = detailed.iter().any(|subject| same(subject, &finding.subject));
        if finding.severity == Severity::Info || known {
            // The cures of a cause that goes with a finding above stand there.
            write_line(finding, out)?;
        } else {
            write_whole(finding, out)?;
            detailed.push(finding.subject);
        }
    }
    if let Some(worst) = report.findings.first().filter(|_| !healthy) {
        writeln!(out)?;
        let scope = &report.header.scope;
        if let Some((command, undoable)) = worst.remedies.iter().find_map(|remedy| one_command(remedy, scope)) {
            let command = if undoable && several_short(report) { plan_of_all(report) } else { command };
            // What is advised for a recorded host would change the reader's.
            let label = scope.on().map_or("now:   ".to_owned(), |host| format!("now, on {host}:   "));
            let note = "      (shows the plan, asks, undoable)";
            let room = WIDTH.saturating_sub(label.len() + command.len());
            writeln!(out, "{label}{command}{}", if undoable && note.len() <= room { note } else { "" })?;
        }
        writeln!(out, "more:  twscan explain {}", worst.code)?;
    }
    paragraph("unseen", &report.unseen.join("; "), out)?;
    writeln!(out, "{} checks, {} findings", report.checks, report.findings.len())?;
    writeln!(out, "{}", provenance::line(&report.header))?;
    super::finish(out)
}

/// The command that does it, and whether it is one of our own, which can take it back.
fn one_command(remedy: &Remedy, scope: &Scope) -> Option<(String, bool)> {
    let snippet = remedy.snippet.as_deref().filter(|_| remedy.when == When::Now && remedy.enough == Some(true))?;
    if let Some(options) = remedy.sets.iter().map(tune_option).collect::<Option<Vec<_>>>().filter(|all| !all.is_empty())
    {
        let apply = |apply: Command, (name, value): (&str, String)| apply.option(name, value);
        return Some((options.into_iter().fold(scope.change("tune apply"), apply).to_string(), true));
    }
    (snippet.lines().count() == 1).then(|| (snippet.to_owned(), false))
}

/// Whether more destinations than one have too few ports, so that no cure of one is the cure.
fn several_short(report: &DiagnoseReport) -> bool {
    let mut short =
        report.findings.iter().filter(|finding| SHORT.contains(&finding.code)).map(|finding| &finding.subject);
    let first = short.next();
    first.is_some_and(|first| short.any(|other| !same(first, other)))
}

/// The command that plans for all of them.
fn plan_of_all(report: &DiagnoseReport) -> String {
    let apply = report.header.scope.change("tune apply");
    match &report.target {
        Some(target) => apply.option("--to", target).to_string(),
        None => apply.to_string(),
    }
}

/// What `tune` calls it; `None` where it is none of its parameters.
fn tune_option(setting: &Setting) -> Option<(&'static str, String)> {
    let value = &setting.value;
    Some(match Key::from_name(setting.name)? {
        Key::PortRange => ("--range", value.replace(' ', "-")),
        Key::ReservedPorts => ("--reserve", value.clone()),
        Key::TwReuse => ("--tw-reuse", value.clone()),
        key => ("--set", format!("{}={value}", key.short_name())),
    })
}

fn same(one: &Subject, other: &Subject) -> bool {
    one == other && one.destination.is_some()
}

/// A finding in one line, or as many as its title needs.
fn write_line(finding: &Finding, out: &mut impl Write) -> io::Result<()> {
    verdict::write(finding.severity, &format!("{:<20}{}", finding.code, finding.title), out)
}

fn write_whole(finding: &Finding, out: &mut impl Write) -> io::Result<()> {
    let line = format!("{:<20}{}", finding.code, finding.subject);
    verdict::write(finding.severity, line.trim_end(), out)?;
    for note in &finding.notes {
        paragraph(&format!("  {}", note.label), &note.text, out)?;
    }
    paragraph("  why", &finding.cause, out)?;
    write_cures(finding, out)?;
    write_refused(finding, out)?;
    if let Some(snippet) =
        finding.remedies.iter().filter(|one| one.when == When::Last).find_map(|one| one.snippet.as_ref())
    {
        writeln!(out)?;
        for line in snippet.lines() {
            writeln!(out, "{INDENT}{line}")?;
        }
    }
    writeln!(out)
}

fn write_cures(finding: &Finding, out: &mut impl Write) -> io::Result<()> {
    if finding.remedies.is_empty() {
        return Ok(());
    }
    let demand = finding.value("demand_per_second");
    let heading = demand.filter(|demand| *demand >= 1.0).map_or(String::new(), |demand| format!("for {demand:.0}/s"));
    writeln!(out, "  cures   {heading:<43}{:<13}{:<8}risk", "gives", "enough")?;
    for remedy in &finding.remedies {
        let enough = remedy.enough.map_or("?", |enough| if enough { "yes" } else { "no" });
        let title = fit(&remedy.title, 42);
        let gives = fit(&remedy.short, 12);
        let unmet = if remedy.met == Some(false) { " (*)" } else { "" };
        writeln!(
            out,
            "{:>8}  {title:<43}{gives:<13}{:<8}{}",
            remedy.when.name(),
            format!("{enough}{unmet}"),
            remedy.risk.name()
        )?;
    }
    for remedy in finding.remedies.iter().filter(|remedy| remedy.met == Some(false)) {
        let condition = remedy.precondition.as_deref().unwrap_or_default();
        paragraph("     (*)", condition, out)?;
    }
    Ok(())
}

fn write_refused(finding: &Finding, out: &mut impl Write) -> io::Result<()> {
    for refusal in finding.refused.iter().filter(|refusal| refusal.verdict == RefusalKind::NoGain) {
        paragraph(" no gain", &format!("{}: {}", refusal.advice, refusal.reason), out)?;
    }
    let refused: Vec<&str> = finding
        .refused
        .iter()
        .filter(|one| one.verdict == RefusalKind::Refused)
        .map(|one| one.advice.as_str())
        .collect();
    if refused.is_empty() {
        return Ok(());
    }
    paragraph("   never", &format!("{}: twscan explain myths", refused.join(", ")), out)
}

/// The figures of a healthy host.
fn write_vitals(report: &DiagnoseReport, out: &mut impl Write) -> io::Result<()> {
    let vitals = &report.vitals;
    let fullest = match (&vitals.settings.range, &vitals.fullest) {
        (None, _) => "unknown, since the local port range is; --range says it".to_owned(),
        (_, None) => match &report.target {
            None => "no outbound connection holds a local port".to_owned(),
            Some(target) => format!("no connection to {target} holds a local port"),
        },
        (_, Some(found)) => fullest(found),
    };
    paragraph("fullest", &fullest, out)?;
    let known = |count: Option<u64>| count.unwrap_or(0);
    let TimeWait { outbound, inbound, ambiguous, .. } = vitals.time_wait;
    let roles = match outbound {
        _ if vitals.time_wait.total.is_none() => "how many is unknown".to_owned(),
        Some(outbound) if known(ambiguous) > 0 => {
            format!("{outbound} outbound, {} inbound, {} ambiguous", known(inbound), known(ambiguous))
        }
        Some(outbound) => format!("{outbound} outbound, {} inbound", known(inbound)),
        None => format!("{} inbound or outbound, {} inbound", known(ambiguous), known(inbound)),
    };
    let unknown = |count: Option<u64>| count.map_or("unknown".to_owned(), |count| count.to_string());
    let (limit, overflows) = (unknown(vitals.max_tw_buckets), unknown(vitals.tw_overflow));
    paragraph("TIME_WAIT", &format!("{roles}; limit {limit}; overflows since boot: {overflows}"), out)?;
    paragraph("settings", &settings(&vitals.settings), out)
}

fn fullest(row: &FullestRow) -> String {
    let fills = match row.fills {
        None => "; the rate is unknown",
        Some(true) => "",
        Some(false) => ", never fills at this rate",
    };
    let destination = SocketAddr::new(row.destination, row.port);
    format!("{} > {destination}: {} of {} held{fills}", row.source, row.held, row.capacity)
}

fn settings(settings: &VitalSettings) -> String {
    let range = settings.range.as_deref().unwrap_or("unknown");
    let usable = if settings.left_out == 0 { String::new() } else { format!(" less {}", settings.left_out) };
    let reuse = match settings.tw_reuse {
        Some(2) => "2 (loopback)".to_owned(),
        mode => or_unknown_word(mode),
    };
    let timestamps = or_unknown_word(settings.timestamps);
    let defaults = range == "32768-60999" && settings.tw_reuse == Some(2) && timestamps == "1" && usable.is_empty();
    let note = if defaults { ": kernel defaults" } else { "" };
    format!("range {range}{usable}, reuse {reuse}, timestamps {timestamps}{note}")
}

fn or_unknown_word(value: Option<u8>) -> String {
    value.map_or("unknown".to_owned(), |value| value.to_string())
}

/// The text, cut where it is too long for its column.
fn fit(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let cut: String = text.chars().take(width.saturating_sub(2)).collect();
    format!("{cut}..")
}

/// The findings of a destination with too few ports.
const SHORT: [Code; 3] = [Code::PortsExhausted, Code::PortsSlow, Code::PortsFilling];

#[cfg(test)]
mod tests {
    use twscan_core::diagnosis::Examination;

    use super::*;
    use crate::render::scene::{Scene, printed};

    fn shown(scene: Scene) -> String {
        let sample = scene.ports_sample();
        let diagnosis = Examination::new(&sample).diagnose();
        let text = printed(|out| write(&DiagnoseReport::new(&sample, None, &diagnosis), out));
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
    fn where_several_destinations_are_short_the_plan_is_for_all() {
        let scene = Scene::new().time_waits(28_232, "127.0.0.1", "127.0.0.1:8080");
        let one = shown(scene.socket(1, "10.0.3.21:60000", "10.0.9.4:443"));
        assert!(one.contains("\nnow:   sudo twscan tune apply --"), "{one}");
        let scene = Scene::new().time_waits(28_232, "127.0.0.1", "127.0.0.1:8080");
        let two = shown(scene.time_waits(28_232, "127.0.0.1", "127.0.0.1:5432"));
        assert!(two.contains("\nnow:   sudo twscan tune apply      (shows the plan"), "{two}");
    }

    #[test]
    fn ambiguous_time_waits_are_counted() {
        let scene = Scene::new().tw_reuse(2).socket(6, "10.0.3.22:1024", "10.0.9.4:443");
        assert!(shown(scene).contains("\nTIME_WAIT 0 outbound, 0 inbound, 1 ambiguous; limit"));
    }

    #[test]
    fn healthy() {
        let scene = Scene::new().tw_reuse(2).socket(1, "10.0.3.22:50000", "10.0.9.4:443");
        insta::assert_snapshot!(shown(scene.socket(6, "10.0.3.22:50002", "10.0.9.4:443")));
    }
}
