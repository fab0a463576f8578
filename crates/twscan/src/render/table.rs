//! Tables without borders; the one place that knows comfy-table.

use comfy_table::{Cell, CellAlignment, ContentArrangement, Row, Table, TableStyle};
use twscan_core::text::shown_within;

/// Rows of text under a heading, in columns two spaces apart. Nothing wraps.
pub(crate) struct Columns {
    alignments: Vec<CellAlignment>,
    table: Table,
    wide: Vec<Option<String>>,
    below: Vec<Vec<String>>,
}

/// A column's heading, and to which side its cells lean.
pub(crate) enum Column {
    Left(&'static str),
    Right(&'static str),
}

impl Columns {
    pub(crate) fn new(columns: &[Column]) -> Self {
        let mut table = Table::new();
        table.load_style(TableStyle::new()).set_content_arrangement(ContentArrangement::Disabled);
        let alignments = columns
            .iter()
            .map(|column| match column {
                Column::Left(_) => CellAlignment::Left,
                Column::Right(_) => CellAlignment::Right,
            })
            .collect();
        let mut columns_table = Self { alignments, table, wide: vec![None], below: vec![Vec::new()] };
        let heading = columns.iter().map(|column| match column {
            Column::Left(text) | Column::Right(text) => (*text).to_owned(),
        });
        columns_table.table.set_header(columns_table.cells(heading));
        columns_table
    }

    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let row = self.cells(cells);
        self.table.add_row(row);
        self.wide.push(None);
        self.below.push(Vec::new());
    }

    /// A row whose first cells are too long for their columns: they get a line of their own above it.
    pub(crate) fn row_below(&mut self, line: String, cells: impl IntoIterator<Item = String>) {
        let row = self.cells(cells);
        self.table.add_row(row);
        self.wide.push(Some(line));
        self.below.push(Vec::new());
    }

    /// Lines to stand below the last row.
    pub(crate) fn lines_below(&mut self, lines: Vec<String>) {
        if let Some(below) = self.below.last_mut() {
            *below = lines;
        }
    }

    /// The lines, without trailing blanks.
    pub(crate) fn lines(mut self) -> Vec<String> {
        for column in self.table.column_iter_mut() {
            column.set_padding((0, 2));
        }
        let mut lines = Vec::new();
        for ((line, wide), below) in self.table.lines().zip(self.wide).zip(self.below) {
            lines.extend(wide);
            lines.push(line.trim_end().to_owned());
            lines.extend(below);
        }
        lines
    }

    fn cells(&self, cells: impl IntoIterator<Item = String>) -> Row {
        let alignments = self.alignments.iter().copied().chain(std::iter::repeat(CellAlignment::Left));
        let cells = cells.into_iter().zip(alignments);
        cells
            .map(|(text, alignment)| {
                Cell::new_owned(shown_within(&text, MAX_CELL).into_owned()).set_alignment(alignment)
            })
            .collect::<Vec<_>>()
            .into()
    }
}

/// What is longer than any name that a person gives would push the other columns off the screen.
const MAX_CELL: usize = 256;

/// Ten cells with a mark at half, where the slow zone begins: `[#####|.....]`.
pub(crate) fn bar(percent: f64) -> String {
    let filled = (1..=10).filter(|cell| percent >= f64::from(*cell) * 10.0 - 5.0).count();
    let cells: String = (0..10).map(|cell| if cell < filled { '#' } else { '.' }).collect();
    let (low, high) = cells.split_at(5);
    format!("[{low}|{high}] {}", share(percent))
}

/// A share with as many digits as tell something: `100%`, `49%`, `0.5%`.
fn share(percent: f64) -> String {
    if percent >= 10.0 { format!("{}%", percent.floor()) } else { format!("{percent:.1}%") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_mark_half_of_the_range() {
        assert_eq!(bar(0.0), "[.....|.....] 0.0%");
        assert_eq!(bar(0.48), "[.....|.....] 0.5%");
        assert_eq!(bar(50.0), "[#####|.....] 50%");
        assert_eq!(bar(99.99), "[#####|#####] 99%");
        assert_eq!(bar(100.0), "[#####|#####] 100%");
    }

    #[test]
    fn a_name_makes_no_line_and_no_colour() {
        let mut columns = Columns::new(&[Column::Left("NAME")]);
        columns.row(["a\nCRITICAL\x1b[31m".to_owned()]);
        columns.row(["x".repeat(10_000)]);
        let lines = columns.lines();
        assert_eq!((lines.len(), lines[1].as_str()), (3, "a\\nCRITICAL\\u{1b}[31m"));
        assert_eq!(lines[2].len(), MAX_CELL);
    }

    #[test]
    fn columns_align_and_long_names_stand_above() {
        let mut columns = Columns::new(&[Column::Left("NAME"), Column::Right("COUNT")]);
        columns.row(["a".to_owned(), "100".to_owned()]);
        columns.row_below("a very long name".to_owned(), [String::new(), "7".to_owned()]);
        assert_eq!(
            columns.lines(),
            ["NAME  COUNT", "a       100", "a very long name", "            7"]
                .map(|line| line.replace("            7", "          7"))
        );
    }
}
