//! Text from elsewhere: names of namespaces, files and processes, lines of logs and boot files, messages of errors.
//!
//! Whoever may name something decides what such a text holds. The library hands it on as it is; what shows it to a person
//! passes it through [`shown`] first, so that it moves no cursor, sets no title, turns no direction and begins no line.

use std::borrow::Cow;

/// The text with every [hidden](is_hidden) character written out, as `\n` or `\u{1b}`. Doing it twice changes nothing.
#[must_use]
pub fn shown(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) || !text.contains(is_hidden) {
        return Cow::Borrowed(text);
    }
    let escape = |c: char| if is_hidden(c) { c.escape_default().collect() } else { String::from(c) };
    Cow::Owned(text.chars().map(escape).collect())
}

/// As [`shown`], and cut to so many characters; two dots say that it was.
#[must_use]
pub fn shown_within(text: &str, width: usize) -> Cow<'_, str> {
    // What is far behind the cut is not looked at.
    let near = text.char_indices().nth(width.saturating_add(1)).map_or(text, |(end, _)| text.split_at(end).0);
    let whole = shown(near);
    if whole.chars().nth(width).is_none() {
        return whole;
    }
    Cow::Owned(whole.chars().take(width.saturating_sub(2)).chain("..".chars()).take(width).collect())
}

/// Whether a terminal obeys the character, shows nothing for it, or shows a blank that is none: controls, line and
/// paragraph separators, marks of direction, blanks other than the usual one, and what Unicode lets a reader ignore
/// (`Default_Ignorable_Code_Point` of its DerivedCoreProperties.txt).
#[must_use]
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || (c.is_whitespace() && c != ' ')
        || matches!(
            c,
            '\u{ad}'
                | '\u{34f}'
                | '\u{600}'..='\u{605}'
                | '\u{61c}'
                | '\u{6dd}'
                | '\u{70f}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{202a}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{2800}'
                | '\u{3164}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}'
                | '\u{13430}'..='\u{1343f}'
                | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_that_moves_a_cursor_or_hides() {
        let hostile = "a\x1b[2J\u{9b}31m\u{202e}b\tc\nd\u{200b}\u{ad}\u{2028}\u{a0}\u{e0041}\u{fe0f}\u{3000}\u{7f}";
        let expected = "a\\u{1b}[2J\\u{9b}31m\\u{202e}b\\tc\\nd\\u{200b}\\u{ad}\\u{2028}\\u{a0}\\u{e0041}\\u{fe0f}\\u{3000}\\u{7f}";
        assert_eq!(shown(hostile), expected);
        assert_eq!(shown(expected), expected, "twice is once");
    }

    #[test]
    fn what_people_write_is_left_alone() {
        for text in
            ["", "web-1 (+4)", "dev\\x2ddisk", "B\u{fc}ro", "e\u{301}", "\u{65e5}\u{672c}\u{8a9e}", "\u{5d0}\u{5d1}"]
        {
            assert!(matches!(shown(text), Cow::Borrowed(same) if same == text), "{text}");
        }
    }

    #[test]
    fn a_cut_is_said_and_does_not_depend_on_what_is_behind() {
        assert_eq!(shown_within("\u{e4}\u{f6}\u{fc}", 3), "\u{e4}\u{f6}\u{fc}");
        assert_eq!(shown_within("abcdef", 5), "abc..");
        assert_eq!(shown_within("\x1b\x1b\x1b\x1b", 5), "\\u{..");
        assert_eq!(shown_within(&"x".repeat(1 << 20), 4), "xx..");
        assert_eq!((shown_within("ab", 1), shown_within("ab", 0)), (".".into(), "".into()));
    }
}
