use std::ops::Range;

use memchr::{memchr, memchr_iter, memmem, memrchr};

use super::time::find_stamp;

/// Where a message with an error on the line at `line` begins and ends within `window`.
///
/// A traceback before the line belongs to it, back to `floor` at most; so do the lines behind it that go on with it:
/// indented ones, Java's causes, Python's chained exceptions. Each failure is then one event, however often its
/// message repeats the errno. `false` beside it: the window ends before it is sure that the message does.
pub(super) fn extent(window: &[u8], line: Range<usize>, floor: usize) -> (Range<usize>, bool) {
    let text = window.get(line.clone()).unwrap_or_default();
    // In syslog, container and compose logs every line of a message has a prefix of its own.
    let prefixed = message_start(text) > 0;
    let start = traceback_start(window, line.start, floor, prefixed);
    let (end, settled) = end(window, line, start, prefixed);
    (start..end, settled)
}

/// Whether `line` goes on with a message that began above it, as far as the line itself tells.
pub(super) fn continues(line: &[u8]) -> bool {
    let text = line.get(message_start(line)..).unwrap_or_default();
    matches!(step(text, 0, false), Step::Belongs)
}

/// Where the message begins behind the prefix that a log collector puts before each line: syslog's, journald's,
/// a container runtime's (CRI) or compose's. A program's own timestamp is not one: it begins a message.
pub(super) fn message_start(line: &[u8]) -> usize {
    let head = line.get(..line.len().min(160)).unwrap_or(line);
    if let Some(bar) = memchr(b'|', head) {
        let name = head.get(..bar).unwrap_or_default().trim_ascii_end();
        let is_name = name.iter().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(b));
        if is_name && !name.is_empty() && head.get(bar + 1) == Some(&b' ') {
            return bar + 2;
        }
    }
    // Every other prefix begins with a time, an RFC 5424 version or a priority.
    if !head.first().is_some_and(|b| b.is_ascii_digit() || b.is_ascii_uppercase() || *b == b'<') {
        return 0;
    }
    // nginx, whose lines come by the million, puts a bracket behind its time.
    if head.get(19..21) == Some(b" [") {
        return 0;
    }
    let Some((_, end)) = find_stamp(head).filter(|(_, end)| *end <= LATEST_STAMP) else { return 0 };
    let rest = head.get(end..).unwrap_or_default();
    for stream in [b" stdout F ".as_slice(), b" stderr F ", b" stdout P ", b" stderr P "] {
        if rest.starts_with(stream) {
            return end + stream.len();
        }
    }
    syslog_tag(rest).map_or(0, |tag| end + tag)
}

/// ` HOST TAG[PID]: `: two words, the second of which ends with a colon.
fn syslog_tag(rest: &[u8]) -> Option<usize> {
    let rest_of = rest.strip_prefix(b" ".as_slice())?;
    let host = memchr(b' ', rest_of)?;
    let is_word = |word: &[u8], more: &[u8]| {
        !word.is_empty() && word.iter().all(|b| b.is_ascii_alphanumeric() || b"-_./@".contains(b) || more.contains(b))
    };
    is_word(rest_of.get(..host)?, b":").then_some(())?;
    let behind = rest_of.get(host + 1..)?;
    let tag = memchr(b':', behind)?;
    is_word(behind.get(..tag)?, b"[]()").then_some(())?;
    (behind.get(tag + 1) == Some(&b' ')).then_some(1 + host + 1 + tag + 2)
}

fn text_of(window: &[u8], line: Range<usize>, prefixed: bool) -> &[u8] {
    let line = window.get(line).unwrap_or_default();
    if prefixed { line.get(message_start(line)..).unwrap_or_default() } else { line }
}

/// Back over the indented lines before `at` to the `Traceback` that they hang on; `at` itself if they hang on none.
fn traceback_start(window: &[u8], at: usize, floor: usize, prefixed: bool) -> usize {
    let mut line = at;
    for _ in 0..MOST_LINES {
        let Some(previous) = line.checked_sub(1).filter(|end| *end > floor) else { return at };
        let start = memrchr(b'\n', window.get(floor..previous).unwrap_or_default()).map_or(floor, |nl| floor + nl + 1);
        let text = text_of(window, start..previous, prefixed);
        if text.starts_with(TRACEBACK) {
            return start;
        }
        if !text.first().is_some_and(|b| b.is_ascii_whitespace()) {
            return at;
        }
        line = start;
    }
    at
}

/// Past the last line that goes on with the message on `line`.
fn end(window: &[u8], line: Range<usize>, start: usize, prefixed: bool) -> (usize, bool) {
    let indent = indent_of(text_of(window, line.clone(), prefixed));
    let behind = (line.end + 1).min(window.len());
    let (mut end, mut at, mut in_traceback) = (behind, behind, false);
    let after_traceback = start < line.start;
    let newlines = memchr_iter(b'\n', window.get(behind..).unwrap_or_default()).map(|newline| behind + newline);
    for newline in newlines.chain([window.len()]).take(MOST_LINES) {
        if at >= window.len() {
            return (end, false);
        }
        let text = text_of(window, at..newline, prefixed);
        let next = (newline + 1).min(window.len());
        match step(text, indent, in_traceback) {
            Step::Belongs => end = next,
            Step::Opens => (in_traceback, end) = (true, next),
            Step::Closes => (in_traceback, end) = (false, next),
            // Blank lines stand between chained exceptions; they belong when something comes behind them.
            Step::Blank if after_traceback || in_traceback => {}
            Step::Blank | Step::Other => break,
        }
        at = next;
    }
    (end, true)
}

enum Step {
    Belongs,
    Opens,
    Closes,
    Blank,
    Other,
}

/// What a line is to the message above it, whose own line has that `indent`.
fn step(text: &[u8], indent: usize, in_traceback: bool) -> Step {
    let Some(first) = text.first() else { return Step::Blank };
    match first {
        b' ' | b'\t' | b'\r' if text.trim_ascii().is_empty() => Step::Blank,
        b' ' | b'\t' if indent_of(text) > indent => Step::Belongs,
        b'C' if text.starts_with(b"Caused by: ") => Step::Belongs,
        b'T' if text.starts_with(TRACEBACK) => Step::Opens,
        b'D' if text.starts_with(b"During handling of the above exception") => Step::Belongs,
        b'T' if text.starts_with(b"The above exception was the direct cause") => Step::Belongs,
        // Node.js: the error's properties come behind these.
        b'E' if text.starts_with(b"Emitted 'error' event") => Step::Belongs,
        b'}' | b']' if text.len() <= 3 => Step::Belongs,
        // curl's account of one transfer.
        b'*' if text.starts_with(b"* ") => Step::Belongs,
        b'c' if text.starts_with(b"curl: (") => Step::Belongs,
        // pgbouncer names the destination on its next line.
        b'0'..=b'9' if text.ends_with(b"s)") && memmem::find(text, b" closing because: connect failed").is_some() => {
            Step::Belongs
        }
        _ if in_traceback => Step::Closes,
        _ => Step::Other,
    }
}

fn indent_of(text: &[u8]) -> usize {
    text.iter().take_while(|b| **b == b' ' || **b == b'\t').count()
}

const TRACEBACK: &[u8] = b"Traceback (most recent call last)";

/// A collector's timestamp ends within the first bytes of a line.
const LATEST_STAMP: usize = 48;

/// The longest message in lines; a longer one is cut there, and its rest passed over.
const MOST_LINES: usize = 400;
