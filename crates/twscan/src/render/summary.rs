use std::io::{self, Write};

use twscan_core::report::{Destination, Families, StateRow, SummaryReport, TimeWait, Totals};
use twscan_core::socket::TcpState;

use super::table::{Column, Columns, bar};
use super::{by_dest, or_unknown, owners, provenance, verdict, wrap};

/// The summary for people: the verdict first, where it comes from last.
pub(crate) fn write(report: &SummaryReport, out: &mut impl Write) -> io::Result<()> {
    verdict::write_doubts(&report.header, out)?;
    verdict::write_verdict(&report.verdict, out)?;
    writeln!(out)?;
    if report.states.is_some() {
        write_states(report, out)?;
        writeln!(out)?;
    }
    if !report.destinations.is_empty() {
        for line in destinations(&report.destinations) {
            writeln!(out, "{line}")?;
        }
        writeln!(out)?;
    }
    write_totals(&report.totals, out)?;
    if let Some(scan) = &report.owner_scan {
        writeln!(out, "{}", owners::scan_line(scan))?;
    }
    writeln!(out, "{}", provenance::line(&report.header))?;
    super::finish(out)
}

fn write_states(report: &SummaryReport, out: &mut impl Write) -> io::Result<()> {
    let Some(states) = &report.states else { return Ok(()) };
    let mut columns = Columns::new(&[
        Column::Left("STATE"),
        Column::Right("   TOTAL"),
        Column::Right("   IPv4"),
        Column::Right("   IPv6"),
    ]);
    let mut notes = vec![Vec::new()];
    let mut zeros = 0;
    for (name, row) in states.iter() {
        match row {
            Some(row) if row.total > 0 => {
                columns.row([name.to_owned(), row.total.to_string(), row.ipv4.to_string(), row.ipv6.to_string()]);
                notes.push(state_notes(name, row, &report.time_wait));
            }
            Some(_) => zeros += 1,
            // Bound-but-idle sockets, which the kernel is not asked for here.
            None if name == TcpState::Close.name() => {}
            None => {
                let unknown = || "?".to_owned();
                columns.row([name.to_owned(), unknown(), unknown(), unknown()]);
                notes.push(Vec::new());
            }
        }
    }
    if zeros > 0 {
        let zero = || "0".to_owned();
        columns.row([format!("{zeros} other states"), zero(), zero(), zero()]);
        notes.push(Vec::new());
    }
    // The last column leans to the right, so that all lines end alike and the notes begin alike.
    for (line, notes) in columns.lines().iter().zip(&notes) {
        wrap::write_lines(&wrap::notes_beside(&format!("{line}  "), notes), out)?;
    }
    Ok(())
}

fn state_notes(name: &str, row: StateRow, time_wait: &TimeWait) -> Vec<String> {
    let mut notes = Vec::new();
    if name == "TIME_WAIT" {
        notes.push(roles(time_wait));
    }
    if let Some(minis) = time_wait.fin_wait2_mini.filter(|minis| *minis > 0 && name == "FIN_WAIT2") {
        notes.push(format!("{minis} of them mini-sockets"));
    }
    if row.mapped > 0 {
        notes.push(format!("{} of them v4-mapped", row.mapped));
    }
    notes
}

/// Which TIME_WAITs hold a port: `28360 outbound, 1640 inbound (harmless)`.
fn roles(time_wait: &TimeWait) -> String {
    let count = |count: Option<u64>| count.unwrap_or(0);
    let inbound = count(time_wait.inbound);
    let outbound = time_wait.outbound.map_or("outbound unknown".to_owned(), |count| format!("{count} outbound"));
    let mut text = format!("{outbound}, {inbound} inbound");
    if inbound > 0 {
        text.push_str(" (harmless)");
    }
    if count(time_wait.ambiguous) > 0 {
        text.push_str(&format!(", {} ambiguous", count(time_wait.ambiguous)));
    }
    text
}

fn destinations(rows: &[Destination]) -> Vec<String> {
    let mut columns = Columns::new(&[
        Column::Left("SOURCE"),
        Column::Left("DESTINATION"),
        Column::Right("USED"),
        Column::Right("TIME_WAIT"),
        Column::Right("REUSABLE"),
        Column::Right("FREE"),
        Column::Left("OF RANGE"),
    ]);
    for row in rows {
        let counts = [
            or_unknown(row.ports_used),
            or_unknown(row.time_wait),
            or_unknown(row.reusable),
            or_unknown(row.free),
            row.percent.map_or("?".to_owned(), bar),
        ];
        by_dest::add_row(&mut columns, row, counts);
        columns.lines_below(owners::lines(row));
    }
    columns.lines()
}

fn write_totals(totals: &Totals, out: &mut impl Write) -> io::Result<()> {
    let mut columns = Columns::new(&[
        Column::Left("SOCKETS       "),
        Column::Right("   TOTAL"),
        Column::Right("   IPv4"),
        Column::Right("   IPv6"),
        Column::Left("as in ss -s"),
    ]);
    let tcp = totals.tcp;
    let closed = tcp.closed.map_or(String::new(), |closed| format!(", closed {closed}"));
    let estab = format!("tcp: estab {}{closed}", or_unknown(tcp.estab));
    let rest = format!("tcp: orphaned {}, timewait {}", or_unknown(tcp.orphaned), or_unknown(tcp.timewait));
    columns.row(["all".to_owned(), or_unknown(totals.sockets), String::new(), String::new(), estab]);
    let rows: [(&str, Families, String); 5] = [
        ("TCP", totals.tcp_inuse, rest),
        ("UDP", totals.udp, String::new()),
        ("RAW", totals.raw, String::new()),
        ("INET", totals.inet, String::new()),
        ("FRAG", totals.frag, String::new()),
    ];
    for (name, families, note) in rows {
        if name == "TCP" || families.total != Some(0) {
            columns.row([
                name.to_owned(),
                or_unknown(families.total),
                or_unknown(families.ip),
                or_unknown(families.ipv6),
                note,
            ]);
        }
    }
    for line in columns.lines() {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use twscan_core::Error;
    use twscan_core::sample::Sample;

    use super::*;
    use crate::render::scene::{Scene, printed};

    fn shown(sample: &Sample) -> String {
        let text = printed(|out| write(&SummaryReport::new(sample, 5), out));
        assert!(text.lines().all(|line| line.len() <= 80), "{text}");
        text
    }

    #[test]
    fn exhausted() {
        let scene = Scene::new()
            .time_waits(28232, "127.0.0.1", "127.0.0.1:8080")
            .time_waits(128, "10.0.3.21", "10.0.3.17:3306")
            .socket(1, "10.0.3.21:50000", "10.0.3.17:3306")
            .socket(10, "0.0.0.0:80", "0.0.0.0:0")
            .socket(10, "0.0.0.0:8080", "0.0.0.0:0")
            .socket(6, "10.0.3.21:80", "192.0.2.7:40000")
            .socket(1, "[::ffff:10.0.3.21]:50001", "[::ffff:10.0.3.17]:3306");
        insta::assert_snapshot!(shown(&scene.sample()));
    }

    #[test]
    fn notes_stand_below_each_other_where_they_are_long() {
        let scene = Scene::new()
            .time_waits(12000, "127.0.0.1", "127.0.0.1:8080")
            .socket(10, "0.0.0.0:80", "0.0.0.0:0")
            .socket(6, "[::ffff:10.0.3.21]:50001", "[::ffff:10.0.3.17]:3306")
            .socket(6, "10.0.3.21:1024", "10.0.3.17:3306");
        let scene = (0..1200u16)
            .fold(scene, |scene, index| scene.socket(6, "10.0.3.21:80", &format!("192.0.2.7:{}", 40000 + index)));
        let text = shown(&scene.sample());
        let lines: Vec<_> = text.lines().skip_while(|line| !line.starts_with("TIME_WAIT")).take(3).collect();
        let expected = [
            "TIME_WAIT          13202    13202        0  12001 outbound,",
            "                                            1200 inbound (harmless), 1 ambiguous",
            "                                            1 of them v4-mapped",
        ];
        assert_eq!(lines, expected, "{text}");
    }

    #[test]
    fn healthy_with_long_addresses() {
        let scene = Scene::new()
            .socket(6, "[2001:db8:1111:2222:3333:4444:5555:6666]:40000", "[2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff]:443")
            .socket(1, "10.0.3.21:50000", "10.0.3.17:3306");
        insta::assert_snapshot!(shown(&scene.sample()));
    }

    #[test]
    fn slow_zone() {
        // The first pass of connect() takes even ports only.
        let scene = (0..14116u16).fold(Scene::new(), |scene, index| {
            scene.socket(6, &format!("127.0.0.1:{}", 32768 + 2 * index), "127.0.0.1:8080")
        });
        insta::assert_snapshot!(shown(&scene.sample()).lines().take(3).collect::<Vec<_>>().join("\n"));
    }

    #[test]
    fn reusable_time_waits_are_no_alarm() {
        let sample = Scene::new().time_waits(28232, "127.0.0.1", "127.0.0.1:8080").tw_reuse(2).sample();
        assert!(
            shown(&sample).starts_with("OK        every destination has local ports to spare (fullest: 0 of 28232)")
        );
    }

    #[test]
    fn nothing_at_all() {
        insta::assert_snapshot!(shown(&Scene::new().sample()));
    }

    #[test]
    fn a_broken_walk_is_the_first_line() {
        let mut sample = Scene::new().sample();
        sample.provenance.incomplete = Some(Error::Timeout { waited: Duration::from_secs(5) }.into());
        let text = printed(|out| write(&SummaryReport::new(&sample, 5), out));
        assert!(text.starts_with("WARNING   partial, each count below"), "{text}");
    }
}
