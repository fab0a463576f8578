use std::io::{self, Write};

use super::WIDTH;
use super::verdict::INDENT;

/// A label of at most nine characters in the first column, and a text beside it.
pub(crate) fn paragraph(label: &str, text: &str, out: &mut impl Write) -> io::Result<()> {
    let mut label = label;
    for line in lines(text, WIDTH - INDENT.len()) {
        writeln!(out, "{label:<width$}{line}", width = INDENT.len())?;
        label = "";
    }
    Ok(())
}

/// The text in lines of at most `width` characters, broken at blanks; a longer word keeps its line.
pub(crate) fn lines(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    // Several blanks in a row align columns and are kept.
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn breaks_at_blanks_and_keeps_columns() {
        assert_eq!(lines("one two three", 7), ["one two", "three"]);
        assert_eq!(lines("a   b", 80), ["a   b"]);
        assert_eq!(lines("a-long-word b", 4), ["a-long-word", "b"]);
        assert_eq!(lines("", 4), [""]);
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
