use std::io::{self, Write};

use twscan_core::text::shown;

use super::WIDTH;

/// A label of at most nine characters in the first column, and a text beside it.
pub(crate) fn paragraph(label: &str, text: &str, out: &mut impl Write) -> io::Result<()> {
    write_lines(&beside(&format!("{label:<width$}", width = INDENT.len()), text), out)
}

/// A text whose further lines are indented by two more columns than its first.
pub(crate) fn sentence(indent: &str, text: &str, out: &mut impl Write) -> io::Result<()> {
    let mut lines = lines(text, WIDTH - indent.len() - 2).into_iter();
    writeln!(out, "{indent}{}", lines.next().unwrap_or_default())?;
    lines.try_for_each(|line| writeln!(out, "{indent}  {line}"))
}

/// A label and a text beside it, whose further lines begin where its first does.
pub(crate) fn beside(label: &str, text: &str) -> Vec<String> {
    hang(label, lines(text, room(label)))
}

/// A label and a line for each note beside it, or several, broken at commas.
pub(crate) fn notes_beside(label: &str, notes: &[String]) -> Vec<String> {
    let lines = notes.iter().flat_map(|note| fill(note.split_inclusive(',').map(str::trim), room(label)));
    hang(label, lines.collect())
}

/// A label and parts beside it, with a blank between them; no part is broken.
pub(crate) fn parts_beside<'a>(label: &str, parts: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    hang(label, fill(parts, room(label)))
}

/// The text in lines of at most `width` characters, broken at blanks; a longer word keeps its line.
pub(crate) fn lines(text: &str, width: usize) -> Vec<String> {
    // Several blanks in a row align columns and are kept.
    fill(text.split(' '), width)
}

/// The lines, each with its end.
pub(crate) fn write_lines(lines: &[String], out: &mut impl Write) -> io::Result<()> {
    lines.iter().try_for_each(|line| writeln!(out, "{line}"))
}

/// The parts with a blank between them, in lines of at most `width` characters; a longer part keeps its line.
fn fill<'a>(parts: impl IntoIterator<Item = &'a str>, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for part in parts.into_iter().map(shown) {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + part.chars().count() <= width => {
                line.push(' ');
                line.push_str(&part);
            }
            _ => lines.push(part.into_owned()),
        }
    }
    lines
}

/// The label before the first line, blanks before the others.
fn hang(label: &str, lines: Vec<String>) -> Vec<String> {
    let blank = " ".repeat(label.chars().count());
    let mut lines = lines.into_iter();
    let first = format!("{label}{}", lines.next().unwrap_or_default());
    let further = lines.map(|line| format!("{blank}{line}"));
    std::iter::once(first).chain(further).map(|line| line.trim_end().to_owned()).collect()
}

/// Columns that a label leaves to what stands beside it.
fn room(label: &str) -> usize {
    WIDTH.saturating_sub(label.chars().count())
}

/// As wide as the longest severity word and two blanks.
pub(crate) const INDENT: &str = "          ";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn breaks_at_blanks_and_keeps_columns() {
        assert_eq!(lines("one two three", 7), ["one two", "three"]);
        assert_eq!(lines("a   b", 80), ["a   b"]);
        assert_eq!(lines("a-long-word b", 4), ["a-long-word", "b"]);
        assert_eq!(lines("", 4), [""]);
        assert_eq!(lines("a\nCRITICAL\u{202e} b", 80), ["a\\nCRITICAL\\u{202e} b"]);
    }

    #[test]
    fn further_lines_begin_where_the_first_does() {
        let text = "word ".repeat(20);
        let begin = format!("label{}", " word".repeat(15));
        assert_eq!(beside("label ", text.trim_end()), [begin, "      word word word word word".to_owned()]);
        assert_eq!(beside("label  ", ""), ["label"]);
    }

    #[test]
    fn notes_are_kept_whole() {
        let label = "x".repeat(60);
        let blank = " ".repeat(60);
        let expected =
            [format!("{label}12345 outbound,"), format!("{blank}1 inbound (no harm)"), format!("{blank}2 mapped")];
        let notes = ["12345 outbound, 1 inbound (no harm)", "2 mapped"].map(ToOwned::to_owned);
        assert_eq!(notes_beside(&label, &notes), expected);
        assert_eq!(notes_beside("x  ", &[]), ["x"]);
    }

    #[test]
    fn further_lines_of_a_sentence_are_indented() {
        let mut out = Vec::new();
        sentence("", &"word ".repeat(20), &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(
            text.lines().all(|line| line.len() <= 80) && text.lines().nth(1).unwrap().starts_with("  word"),
            "{text}"
        );
    }

    #[test]
    fn paragraphs_keep_to_80_columns() {
        let mut out = Vec::new();
        paragraph("why", &"word ".repeat(40), &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.lines().all(|line| line.len() <= 80) && text.lines().count() == 3, "{text}");
        assert!(text.starts_with("why       word"));
    }
}
