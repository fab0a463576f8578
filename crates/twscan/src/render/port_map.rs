use std::io::{self, Write};

use twscan_core::report::{MapRun, RangeRow};

/// Which ports are taken, in two lines: the half of the range that connect() tries first, and the other.
pub(crate) fn write(range: RangeRow, runs: &[MapRun], out: &mut impl Write) -> io::Result<()> {
    let half = usize::from((range.high - range.low) / 2) + 1;
    let per_cell = half.div_ceil(WIDTH);
    for parity in [range.low & 1, 1 - (range.low & 1)] {
        let ports: Vec<&'static str> = ports(runs, parity).collect();
        if ports.is_empty() {
            continue;
        }
        let name = if parity == 0 { "even" } else { "odd" };
        let cells: String = ports.chunks(per_cell).map(cell).collect();
        let held = ports.iter().filter(|status| **status == "held").count();
        writeln!(out, "{name:<4}  [{cells}]  {held} of {} held", ports.len())?;
    }
    let unit = if per_cell == 1 { "one port".to_owned() } else { format!("{per_cell} ports") };
    writeln!(out, "      {unit} a cell: #=held r=reusable x=unusable o=elsewhere .=free +=mixed")
}

/// What each port of a parity is, ascending.
fn ports(runs: &[MapRun], parity: u16) -> impl Iterator<Item = &'static str> {
    let runs = runs.iter().filter(move |run| run.first & 1 == parity);
    runs.flat_map(|run| (run.first..=run.last).step_by(2).map(|_| run.status))
}

/// What all ports of a cell are; mixed where one of them is held and another is not.
fn cell(ports: &[&'static str]) -> char {
    let sign = |status: &str| match status {
        "held" => '#',
        "reusable" => 'r',
        "reserved" | "blocked" => 'x',
        "elsewhere" => 'o',
        _ => '.',
    };
    let first = ports.first().copied().map_or('.', sign);
    if ports.iter().all(|status| sign(status) == first) { first } else { '+' }
}

/// Cells in a line of 80 columns.
const WIDTH: usize = 50;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mixed_cells_show_as_such() {
        assert_eq!(cell(&["held", "held"]), '#');
        assert_eq!(cell(&["reserved", "blocked"]), 'x');
        assert_eq!(cell(&["held", "free"]), '+');
    }
}
