use std::io::{self, Write};
use std::net::SocketAddr;

use twscan_core::report::{ByDestReport, Destination};
use twscan_core::socket::{StateSet, TcpState};
use twscan_core::tally::Role;

use super::table::{Column, Columns, bar};
use super::{WIDTH, or_unknown, owners, provenance, verdict};

/// Sockets by destination, in the states asked for, for people: outbound first, since they hold ports.
pub(crate) fn write(report: &ByDestReport, asked: StateSet, terminal: bool, out: &mut impl Write) -> io::Result<()> {
    verdict::write_doubts(&report.header, out)?;
    verdict::write_verdict(&report.verdict, out)?;
    writeln!(out)?;
    let of_role = |role| report.destinations.iter().filter(|row| row.role == role).collect::<Vec<_>>();
    if let Some(filter) = &report.filter {
        writeln!(out, "ONLY: {filter}; ports of other sockets are not counted as held")?;
        writeln!(out)?;
    }
    // Others may be there that were not asked for.
    let narrowed = report.filter.is_some() || !asked.contains_all(StateSet::ALL);
    let unknown = range_is_unknown(report);
    if unknown {
        writeln!(out, "OUTBOUND: unknown, since the local port range is; --range says it\n")?;
    } else {
        write_outbound(&of_role(Role::Outbound), report, narrowed, terminal, out)?;
    }
    write_inbound(&of_role(Role::Inbound), report, narrowed, out)?;
    let ambiguous = of_role(Role::Ambiguous);
    if !ambiguous.is_empty() {
        let outside = if unknown { "" } else { "local port outside the range and " };
        writeln!(out, "AMBIGUOUS: {outside}no listener on it now")?;
        write_rows(&ambiguous, terminal, out)?;
        writeln!(out)?;
    }
    let hidden = report.groups - report.destinations.len();
    if hidden > 0 {
        writeln!(out, "{hidden} more, --all")?;
    }
    writeln!(out, "{}", matched(report))?;
    if let Some(other) = &report.other {
        let text = "belong to groups beyond --max-groups, which keeps those apart that come first";
        writeln!(out, "{} {text}", other.sockets)?;
    }
    if let Some(scan) = &report.owner_scan {
        writeln!(out, "{}", owners::scan_line(scan))?;
    }
    writeln!(out, "{}", provenance::line(&report.header))?;
    super::finish(out)
}

fn to(report: &ByDestReport) -> String {
    report.target.as_ref().map_or(String::new(), |target| format!(" to {target}"))
}

fn write_outbound(
    rows: &[&Destination],
    report: &ByDestReport,
    narrowed: bool,
    terminal: bool,
    out: &mut impl Write,
) -> io::Result<()> {
    let to = to(report);
    if rows.is_empty() {
        let none = match (report.header.complete, narrowed) {
            _ if report.other.is_some() => NONE_APART.to_owned(),
            (false, _) => format!("none seen{to}"),
            (true, true) => "none match".to_owned(),
            (true, false) => format!("none, this host has no connection{to}"),
        };
        writeln!(out, "OUTBOUND: {none}")?;
    } else {
        writeln!(out, "OUTBOUND: this host connects{to}; every socket holds a local port")?;
        write_rows(rows, terminal, out)?;
    }
    writeln!(out)
}

fn write_inbound(rows: &[&Destination], report: &ByDestReport, narrowed: bool, out: &mut impl Write) -> io::Result<()> {
    let to = to(report);
    if rows.is_empty() {
        let on = to.replacen(" to ", " on ", 1);
        let none = match (report.header.complete, narrowed) {
            _ if report.other.is_some() => NONE_APART.to_owned(),
            (false, _) => format!("none seen to listen{on}"),
            (true, true) => "none match".to_owned(),
            (true, false) => format!("none, nothing listens{on}"),
        };
        return writeln!(out, "INBOUND: {none}\n");
    }
    writeln!(out, "INBOUND: others connect{to} here; holds no ephemeral port")?;
    let mut columns = Columns::new(&[
        Column::Left("LOCAL                     "),
        Column::Right("SOCKETS"),
        Column::Right("ESTAB"),
        Column::Right("TIME_WAIT"),
        Column::Right("OTHER"),
        Column::Left(""),
    ]);
    for row in rows {
        let only_listens = row.sockets > 0 && Some(row.sockets) == row.states.of(TcpState::Listen);
        let note = if only_listens { "LISTEN" } else { "" };
        columns.row([format!("*:{}", row.port)].into_iter().chain(state_cells(row)).chain([note.to_owned()]));
        columns.lines_below(owners::lines(row));
    }
    for line in columns.lines() {
        writeln!(out, "{line}")?;
    }
    writeln!(out)
}

fn write_rows(rows: &[&Destination], terminal: bool, out: &mut impl Write) -> io::Result<()> {
    let mut columns = Columns::new(&[
        Column::Left("SOURCE"),
        Column::Left("DESTINATION"),
        Column::Right("SOCKETS"),
        Column::Right("ESTAB"),
        Column::Right("TIME_WAIT"),
        Column::Right("OTHER"),
        Column::Left("OF RANGE"),
    ]);
    for row in rows {
        let share = match row.percent {
            Some(percent) if row.role == Role::Outbound => bar(percent),
            Some(_) => "-".to_owned(),
            None => "?".to_owned(),
        };
        let cells: Vec<_> = state_cells(row).into_iter().chain([share]).collect();
        if terminal {
            add_row(&mut columns, row, cells);
        } else {
            add_narrow_row(&mut columns, row, cells);
        }
        columns.lines_below(owners::lines(row));
    }
    for line in columns.lines() {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

fn state_cells(row: &Destination) -> [String; 4] {
    let established = row.states.of(TcpState::Established);
    let other = row.sockets - established.unwrap_or(0) - row.time_wait.unwrap_or(0);
    // CLOSE is the costly walk's, which is not done here unless it is asked for.
    let apart = [TcpState::Established, TcpState::TimeWait, TcpState::Close];
    let known = row.states.iter().all(|(state, count)| count.is_some() || apart.contains(&state));
    [Some(row.sockets), established, row.time_wait, known.then_some(other)].map(or_unknown)
}

fn range_is_unknown(report: &ByDestReport) -> bool {
    report.destinations.iter().any(|row| row.range_size.is_none())
}

/// How many match, by role: `28233 sockets match: 28232 outbound, 1 inbound`; of how many only where the kernel was not
/// asked to leave any out.
fn matched(report: &ByDestReport) -> String {
    let walked = match report.header.dump {
        Some(dump) if report.target.is_none() && report.filter.is_none() => format!(" of {}", dump.sockets),
        _ => String::new(),
    };
    if report.groups > report.destinations.len() {
        return format!("{}{walked} sockets match, in {} groups", report.matched, report.groups);
    }
    let of_role =
        |role| -> u64 { report.destinations.iter().filter(|row| row.role == role).map(|row| row.sockets).sum() };
    let [outbound, inbound, ambiguous] = [Role::Outbound, Role::Inbound, Role::Ambiguous].map(of_role);
    let roles = match ambiguous {
        _ if range_is_unknown(report) => format!("{inbound} inbound, {ambiguous} inbound or outbound"),
        0 => format!("{outbound} outbound, {inbound} inbound"),
        _ => format!("{outbound} outbound, {inbound} inbound, {ambiguous} ambiguous"),
    };
    let together = report.other.map_or(String::new(), |other| format!(", {} counted together", other.sockets));
    format!("{}{walked} sockets match: {roles}{together}", report.matched)
}

/// `addr:port` of the remote side.
pub(crate) fn destination_name(row: &Destination) -> String {
    match row.destination {
        Some(address) => SocketAddr::new(address, row.port).to_string(),
        None => format!("*:{}", row.port),
    }
}

/// Adds a row; where source and destination are too long for 80 columns they get a line of their own.
pub(crate) fn add_row(columns: &mut Columns, row: &Destination, cells: impl IntoIterator<Item = String>) {
    let (source, destination) = (source_name(row), destination_name(row));
    if source.len() + destination.len() > ROOM_FOR_NAMES {
        let one_line = source.len() + destination.len() + 3 <= WIDTH;
        let names = format!("{source}{}> {destination}", if one_line { " " } else { "\n" });
        columns.row_below(names, [String::new(), String::new()].into_iter().chain(cells));
    } else {
        columns.row([source, destination].into_iter().chain(cells));
    }
}

/// Adds a row that keeps its line, however long: for a pipe.
fn add_narrow_row(columns: &mut Columns, row: &Destination, cells: impl IntoIterator<Item = String>) {
    columns.row([source_name(row), destination_name(row)].into_iter().chain(cells));
}

fn source_name(row: &Destination) -> String {
    let source = row.source.map_or("*".to_owned(), |source| source.to_string());
    match row.device {
        Some(device) => format!("{source}%{device}"),
        None => source,
    }
}

/// What the counts leave of it for both names.
const ROOM_FOR_NAMES: usize = 36;

/// What cannot be denied of the groups that are counted together.
const NONE_APART: &str = "none among the groups that are kept apart";

#[cfg(test)]
mod tests {
    use twscan_core::filter::Filter;
    use twscan_core::sample::Sample;

    use super::*;
    use crate::render::scene::{Scene, printed};

    fn shown(sample: &Sample, target: Option<&str>, terminal: bool, top: Option<usize>) -> String {
        let target = target.map(ToOwned::to_owned);
        let report = ByDestReport::new(sample, target, Destination::most_sockets_first, top);
        printed(|out| write(&report, StateSet::ALL, terminal, out))
    }

    #[test]
    fn outbound_and_inbound() {
        let scene = Scene::new()
            .time_waits(28232, "127.0.0.1", "127.0.0.1:8080")
            .socket(10, "0.0.0.0:8080", "0.0.0.0:0")
            .socket(1, "10.0.0.1:22", "10.0.0.2:8080");
        let text = shown(&scene.sample(), Some("port 8080"), true, Some(20));
        assert!(text.lines().all(|line| line.len() <= 80), "{text}");
        insta::assert_snapshot!(text);
    }

    #[test]
    fn what_a_filter_or_states_leave_out_is_not_denied() {
        let sample = Scene::new().sample();
        let new = || ByDestReport::new(&sample, Some("port 9".to_owned()), Destination::most_sockets_first, None);
        let shown = |report: &ByDestReport, asked| printed(|out| write(report, asked, true, out));
        let denied =
            "OUTBOUND: none, this host has no connection to port 9\n\nINBOUND: none, nothing listens on port 9\n";
        assert!(shown(&new(), StateSet::ALL).contains(denied));
        let left_open = "OUTBOUND: none match\n\nINBOUND: none match\n";
        assert!(shown(&new(), StateSet::TIME_WAIT).contains(left_open));
        assert!(shown(&new().with_filter(&Filter::default()), StateSet::ALL).contains(left_open));
    }

    #[test]
    fn groups_that_are_counted_together_are_not_denied() {
        let scene = Scene::new()
            .socket(10, "0.0.0.0:80", "0.0.0.0:0")
            .socket(1, "10.0.0.1:40000", "10.0.0.2:5000")
            .socket(6, "10.0.0.1:40001", "10.0.0.2:5000");
        let text = shown(&scene.capped_sample(1), None, true, None);
        assert!(text.contains("\nOUTBOUND: none among the groups that are kept apart\n"), "{text}");
        assert!(text.contains("3 of 3 sockets match: 0 outbound, 1 inbound, 2 counted together\n"), "{text}");
        assert!(text.contains("\n2 belong to groups beyond --max-groups, which keeps those apart that come first\n"));
        let text = shown(&Scene::new().socket(10, "0.0.0.0:80", "0.0.0.0:0").capped_sample(0), None, true, None);
        assert!(text.contains("\nINBOUND: none among the groups that are kept apart\n"), "{text}");
    }

    #[test]
    fn rows_beyond_the_top_are_counted() {
        let scene = (0..5u16).fold(Scene::new(), |scene, index| {
            scene.socket(1, "10.0.0.1:40000", &format!("10.0.0.2:{}", 5000 + index))
        });
        assert!(
            shown(&scene.sample(), None, true, Some(2))
                .contains("\n3 more, --all\n5 of 5 sockets match, in 5 groups\n")
        );
    }

    #[test]
    fn long_addresses_keep_their_line_in_a_pipe() {
        let scene = Scene::new().socket(
            6,
            "[2001:db8:1111:2222:3333:4444:5555:6666]:40000",
            "[2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff]:443",
        );
        let sample = scene.sample();
        assert!(shown(&sample, None, true, None).lines().all(|line| line.len() <= 80));
        let piped = shown(&sample, None, false, None);
        assert!(piped.lines().any(|line| line.contains("eeee:ffff]:443") && line.ends_with("0.0%")), "{piped}");
    }

    #[test]
    fn nothing_at_all() {
        insta::assert_snapshot!(shown(&Scene::new().sample(), Some("port 8080"), true, None));
    }
}
