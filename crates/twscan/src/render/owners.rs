//! Processes, beside what is theirs.

use std::io::{self, Write};

use twscan_core::report::{Destination, Owner, OwnerScan};
use twscan_core::tally::Share;

/// Lines about the owners of a group, to stand below its row.
pub(crate) fn lines(row: &Destination) -> Vec<String> {
    let Some(owners) = &row.owners else { return Vec::new() };
    let of = |likely| owners.iter().filter(move |owner| owner.likely == likely);
    let mut lines = Vec::new();
    let sure: Vec<_> = of(false).map(|owner| format!("{} {}", name(owner), owner.sockets)).collect();
    if !sure.is_empty() {
        lines.push(format!("  owners  {}", listed(&sure)));
    }
    let likely: Vec<_> = of(true).map(name).collect();
    if let Some(owner) = of(true).next() {
        lines.push(format!("  likely  {}, of {} that have no owner any more", listed(&likely), owner.sockets));
    }
    if lines.is_empty() {
        lines.push("  owners  none found".to_owned());
    }
    lines
}

/// How the search went: `owners: 85 processes read, 3 unreadable to this user, 2 live sockets without an owner`.
pub(crate) fn scan_line(scan: &OwnerScan) -> String {
    let mut line = format!("owners: {} processes read", scan.processes);
    if scan.unreadable > 0 {
        line.push_str(&format!(", {} unreadable to this user", scan.unreadable));
    }
    if scan.hidden {
        line.push_str(", others hidden by /proc");
    }
    if scan.unowned > 0 {
        line.push_str(&format!(", {} live sockets without an owner found", scan.unowned));
    }
    line
}

/// Extends a row of `list`: `nginx[812] nginx[813]`, `likely nginx[812]`, or `-`.
pub(crate) fn append_to_row(shares: &[Share<'_>], line: &mut Vec<u8>) -> io::Result<()> {
    strip(line, b"\n");
    let role = line.iter().rev().take_while(|byte| **byte != b' ').count();
    let pad = ROLE_WIDTH.saturating_sub(role) + 2;
    write!(line, "{:pad$}{}", "", one_word_each(shares))?;
    line.push(b'\n');
    Ok(())
}

/// Extends a line of CSV by a quoted field.
pub(crate) fn append_to_csv(shares: &[Share<'_>], line: &mut Vec<u8>) -> io::Result<()> {
    strip(line, b"\n");
    writeln!(line, ",\"{}\"", one_word_each(shares).replace('"', "\"\""))
}

/// Extends a line of JSON by `owners`.
pub(crate) fn append_to_json(shares: &[Share<'_>], line: &mut Vec<u8>) -> io::Result<()> {
    strip(line, b"}\n");
    let owners: Vec<_> = shares.iter().map(Owner::from).collect();
    line.extend_from_slice(br#","owners":"#);
    serde_json::to_writer(&mut *line, &owners)?;
    line.extend_from_slice(b"}\n");
    Ok(())
}

fn strip(line: &mut Vec<u8>, end: &[u8]) {
    if line.ends_with(end) {
        line.truncate(line.len() - end.len());
    }
}

fn one_word_each(shares: &[Share<'_>]) -> String {
    let names: Vec<_> = shares.iter().map(|share| name(&Owner::from(share))).collect();
    match shares.first() {
        None => "-".to_owned(),
        Some(share) if share.likely => format!("likely {}", names.join(" ")),
        Some(_) => names.join(" "),
    }
}

fn name(owner: &Owner) -> String {
    format!("{}[{}]", owner.name, owner.pid)
}

/// The first few of many: the documents have them all.
fn listed(names: &[String]) -> String {
    let mut text = names.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN {
        text.push_str(&format!(" and {} more", names.len() - SHOWN));
    }
    text
}

const SHOWN: usize = 4;

/// `ambiguous`
const ROLE_WIDTH: usize = 9;

#[cfg(test)]
mod tests {
    use twscan_core::procfs::owner::{Coverage, Owners, Process, Users};
    use twscan_core::report::{ByDestReport, Destination};
    use twscan_core::socket::StateSet;
    use twscan_core::tally::LiveSockets;

    use super::*;
    use crate::render::scene::Scene;

    fn process(pid: u32, name: &str) -> Process {
        let stat = format!("{pid} ({name}) S 1 7 7 0 -1 0 9 0 0 0 1 2 0 0 20 0 1 0 4711 1 2");
        Process::parse(pid, &stat, "Uid:\t0\t0\t0\t0\n", "0::/\n", &Users::default()).unwrap()
    }

    #[test]
    fn a_group_without_an_owner_says_so() {
        let sample = Scene::new().time_waits(3, "10.0.0.2", "10.0.0.1:8080").sample();
        let mut report = ByDestReport::new(&sample, None, Destination::most_sockets_first, None);
        assert!(lines(&report.destinations[0]).is_empty(), "nobody asked");
        let live = LiveSockets::new(sample.destinations.roles().clone());
        report.add_owners(StateSet::ALL, &live, &Owners::default());
        assert_eq!(lines(&report.destinations[0]), ["  owners  none found"]);
    }

    #[test]
    fn names_stand_at_the_end_of_each_form() {
        let (nginx, odd) = (process(812, "nginx"), process(9, "a \"b\""));
        let shares = [Share::sure(&nginx), Share::sure(&odd)];
        let appended = |append: fn(&[Share<'_>], &mut Vec<u8>) -> io::Result<()>, shares: &[Share<'_>], line: &str| {
            let mut line = line.as_bytes().to_vec();
            append(shares, &mut line).unwrap();
            String::from_utf8(line).unwrap()
        };
        assert_eq!(appended(append_to_row, &shares, "x  inbound\n"), "x  inbound    nginx[812] a \"b\"[9]\n");
        assert_eq!(appended(append_to_row, &[], "x  ambiguous\n"), "x  ambiguous  -\n");
        assert_eq!(appended(append_to_csv, &shares, "a,b\n"), "a,b,\"nginx[812] a \"\"b\"\"[9]\"\n");
        let json = appended(append_to_json, &shares[..1], "{\"a\":1}\n");
        assert_eq!(
            json,
            "{\"a\":1,\"owners\":[{\"pid\":812,\"name\":\"nginx\",\"user\":\"0\",\"cgroup\":null,\"container\":null,\
             \"sockets\":1,\"likely\":false}]}\n"
        );
    }

    #[test]
    fn many_owners_are_counted() {
        let names: Vec<_> = (0..7).map(|number| number.to_string()).collect();
        assert_eq!(listed(&names), "0, 1, 2, 3 and 3 more");
        let owners = Owners::new([], Coverage::default());
        let sample = Scene::new().sample();
        let live = LiveSockets::new(sample.destinations.roles().clone());
        assert_eq!(scan_line(&OwnerScan::new(&live, &owners)), "owners: 0 processes read");
    }
}
