//! What twscan promises of its speed, held against what was measured.

use std::io::{self, Write};

use super::contender::{FILTERED_FLOOR, FLOOR};
use super::rounds::Measured;
use Figure::{Against, FasterThan, Peak, UserShare};
use Promised::{AtLeast, AtMost};

/// A promise about a row.
struct Target {
    /// The row.
    of: &'static str,
    figure: Figure,
    promised: Promised,
    /// For which tables it is meant.
    applies: fn(&Measured) -> bool,
}

enum Figure {
    /// Its wall time as a part of another row's.
    Against(&'static str),
    /// Another row's wall time as a multiple of its.
    FasterThan(&'static str),
    /// User time as a part of all its processor time.
    UserShare,
    /// Peak memory in MiB.
    Peak,
}

enum Promised {
    AtMost(f64),
    AtLeast(f64),
}

/// Writes a line for each promise that the table speaks of.
pub(crate) fn write(measured: &Measured, out: &mut impl Write) -> io::Result<()> {
    let rows: Vec<_> = TARGETS.iter().filter_map(|target| target.row(measured)).collect();
    if rows.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n| promise | measured | promised | |\n|---|---:|---:|---|")?;
    rows.iter().try_for_each(|row| writeln!(out, "{row}"))
}

impl Target {
    fn row(&self, measured: &Measured) -> Option<String> {
        if !(self.applies)(measured) {
            return None;
        }
        let row = |name: &str| measured.rows.iter().find(|row| row.name == name);
        let own = row(self.of)?;
        let wall = |name: &str| Some(row(name)?.median().as_secs_f64());
        let (what, value) = match self.figure {
            Figure::Against(other) => {
                (format!("`{}`, of `{other}`", self.of), own.median().as_secs_f64() / wall(other)?)
            }
            Figure::FasterThan(other) => (
                format!("`{}`, times as long as `{}`", other.replace('|', "\\|"), self.of),
                wall(other)? / own.median().as_secs_f64(),
            ),
            Figure::UserShare => {
                let user = own.mean(|usage| usage.user).as_secs_f64();
                let all = own.mean(|usage| usage.user + usage.system).as_secs_f64();
                (format!("`{}`, user time of all", self.of), user / all)
            }
            Figure::Peak => (format!("`{}`, peak MiB", self.of), own.peak()?),
        };
        let (promised, met) = match self.promised {
            Promised::AtMost(most) => (format!("<= {most}"), value <= most),
            Promised::AtLeast(least) => (format!(">= {least}"), value >= least),
        };
        Some(format!("| {what} | {value:.2} | {promised} | {} |", if met { "met" } else { "**missed**" }))
    }
}

/// So many that starting a process is no part of it worth a word.
fn large(measured: &Measured) -> bool {
    measured.sockets >= 500_000 && measured.destinations <= 1000
}

/// A promise about memory holds for any number of sockets.
fn few_destinations(measured: &Measured) -> bool {
    measured.destinations <= 40
}

fn many_destinations(measured: &Measured) -> bool {
    measured.sockets >= 500_000 && measured.destinations > 1000
}

fn empty(measured: &Measured) -> bool {
    measured.sockets == 0
}

const fn target(of: &'static str, figure: Figure, promised: Promised, applies: fn(&Measured) -> bool) -> Target {
    Target { of, figure, promised, applies }
}

const TARGETS: &[Target] = &[
    target("twscan summary", Against(FLOOR), AtMost(1.05), large),
    target("twscan summary", UserShare, AtMost(0.12), large),
    target("twscan by-dest", Against(FLOOR), AtMost(1.05), large),
    target("twscan by-dest", UserShare, AtMost(0.12), large),
    target("twscan by-dest 8080", Against(FLOOR), AtMost(1.05), large),
    target("twscan by-dest 8080", UserShare, AtMost(0.12), large),
    target("twscan by-dest 9999", Against(FILTERED_FLOOR), AtMost(1.1), large),
    target("twscan ports", Against(FLOOR), AtMost(1.8), large),
    target("twscan diagnose", Against(FLOOR), AtMost(1.8), large),
    target("twscan list", FasterThan("ss -tan"), AtLeast(3.5), large),
    target("twscan list --format jsonl", FasterThan("ss -tan"), AtLeast(3.5), large),
    target("twscan summary", FasterThan("ss -tanH | awk '{print $1, $5}' | sort | uniq -c"), AtLeast(6.5), large),
    target("twscan by-dest 8080", FasterThan("netstat -napo | grep -ic 8080"), AtLeast(14.0), large),
    target("twscan summary", Against(FLOOR), AtMost(1.6), many_destinations),
    target("twscan by-dest", Against(FLOOR), AtMost(1.6), many_destinations),
    target("twscan summary", Peak, AtMost(6.0), few_destinations),
    target("twscan summary --quick", Peak, AtMost(6.0), few_destinations),
    target("twscan summary -p", Peak, AtMost(6.0), few_destinations),
    target("twscan by-dest", Peak, AtMost(6.0), few_destinations),
    target("twscan by-dest 8080", Peak, AtMost(6.0), few_destinations),
    target("twscan by-dest 9999", Peak, AtMost(6.0), few_destinations),
    target("twscan by-dest --max-groups 1000", Peak, AtMost(6.0), few_destinations),
    target("twscan list", Peak, AtMost(6.0), few_destinations),
    target("twscan list --format jsonl", Peak, AtMost(6.0), few_destinations),
    target("twscan summary", Against("ss -s"), AtMost(1.5), empty),
    target("twscan summary --quick", Against("ss -s"), AtMost(1.0), empty),
];
