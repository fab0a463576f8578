/// Reads the time left in `ss`'s spelling, in milliseconds: `59sec`, `1min59sec`, `200ms`, `9.373sec`, nothing for 0; and
/// `9.373ms`, which is what releases before 6.11 print for nine seconds.
pub(super) fn ss_time(text: &str) -> Option<u32> {
    if text.is_empty() {
        return Some(0);
    }
    let (minutes, rest) = match text.split_once("min") {
        Some((minutes, rest)) => (minutes.parse::<u32>().ok()?, rest),
        None => (0, text),
    };
    let milliseconds = if rest.is_empty() {
        0
    } else if let Some((seconds, rest)) = rest.split_once('.') {
        let fraction = rest.strip_suffix("sec").or_else(|| rest.strip_suffix("ms"))?;
        seconds.parse::<u32>().ok()?.checked_mul(1000)?.checked_add(fraction.parse().ok()?)?
    } else if let Some(seconds) = rest.strip_suffix("sec") {
        seconds.parse::<u32>().ok()?.checked_mul(1000)?
    } else {
        rest.strip_suffix("ms")?.parse().ok()?
    };
    minutes.checked_mul(60_000)?.checked_add(milliseconds)
}

/// Reads seconds with two decimals, as netstat prints them, in milliseconds.
pub(super) fn netstat_time(text: &str) -> Option<u32> {
    let (seconds, hundredths) = text.split_once('.')?;
    let hundredths = hundredths.parse::<u32>().ok()?.checked_mul(10)?;
    seconds.parse::<u32>().ok()?.checked_mul(1000)?.checked_add(hundredths)
}

/// `idiag_timer` by the names of ss and netstat.
pub(super) fn number(name: &str) -> Option<u8> {
    match name {
        "off" => Some(0),
        "on" => Some(1),
        "keepalive" => Some(2),
        "timewait" => Some(3),
        "persist" | "probe" => Some(4),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_and_new_spellings_of_ss_are_read() {
        for (text, milliseconds) in [
            ("", 0),
            ("59sec", 59_000),
            ("9.373ms", 9_373),
            ("9.373sec", 9_373),
            ("9sec", 9_000),
            ("200ms", 200),
            ("004ms", 4),
            ("1min59sec", 119_000),
            ("119min", 7_140_000),
            ("1.012sec", 1_012),
        ] {
            assert_eq!(ss_time(text), Some(milliseconds), "{text}");
        }
        for text in ["soon", "5", "sec", "-1sec", "99999999999sec", "4294967min", "1.ms"] {
            assert_eq!(ss_time(text), None, "{text}");
        }
        assert_eq!(
            (netstat_time("59.54"), netstat_time("7194.06"), netstat_time("x")),
            (Some(59_540), Some(7_194_060), None)
        );
    }
}
