/// Text from elsewhere, fit for a terminal: control characters are written out, and it is cut to `width`.
pub(crate) fn printable(text: &str, width: usize) -> String {
    let escape = |c: char| if is_control(c) { c.escape_default().collect() } else { String::from(c) };
    let shown = text.chars().take(width.saturating_add(1)).map(escape).collect::<String>();
    if shown.chars().count() <= width {
        return shown;
    }
    shown.chars().take(width.saturating_sub(2)).chain("..".chars()).collect()
}

/// Controls, and the marks that turn the direction of what follows.
fn is_control(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_reaches_the_terminal_that_moves_its_cursor() {
        assert_eq!(printable("a\x1b[2J\u{202e}b\tc", 80), "a\\u{1b}[2J\\u{202e}b\\tc");
        assert_eq!(printable("\u{e4}\u{f6}\u{fc}", 3), "\u{e4}\u{f6}\u{fc}");
        assert_eq!(printable("abcdef", 5), "abc..");
        assert_eq!(printable("\x1b\x1b\x1b\x1b", 5), "\\u{..");
    }
}
