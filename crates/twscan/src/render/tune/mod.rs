//! Plans and verifications for people and for spreadsheets.

pub(crate) mod csv;
pub(crate) mod plan;
pub(crate) mod verify;

use super::wrap::paragraph;

/// A value for people: an empty list of ports is something too, and a long one is cut.
pub(crate) fn shown(value: &str) -> String {
    if value.is_empty() {
        return "none".to_owned();
    }
    let mut items = value.split(',');
    if value.len() <= LONG {
        return value.to_owned();
    }
    let first: Vec<_> = items.by_ref().take(2).collect();
    format!("{},.. {} more", first.join(","), items.count())
}

fn short(key: &str) -> &str {
    key.rsplit('.').next().unwrap_or(key)
}

/// Whole connections a second, rounded down, but for the smallest rates.
fn rate(rate: f64) -> String {
    if rate < 10.0 { format!("{rate:.1}") } else { format!("{:.0}", rate.floor()) }
}

const LONG: usize = 24;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lists_of_ports_are_cut() {
        assert_eq!(shown(""), "none");
        assert_eq!(shown("8080,9000-9010"), "8080,9000-9010");
        assert_eq!(shown("11211,20000-20010,30000,30002,30004"), "11211,20000-20010,.. 3 more");
    }
}
