use std::fmt;
use std::time::Duration;

use super::{Settings, TwReuse};
use crate::port::{PortRange, PortSet};

/// A parameter that twscan may change. All are of the network namespace, and a new namespace starts from the kernel's
/// defaults, not from the host's values.
///
/// The order is the order of writing: ports are reserved before a wider range could give them away, and what reuse needs
/// is there before reuse begins. Undoing goes backwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Key {
    /// `net.ipv4.ip_local_reserved_ports`
    ReservedPorts,
    /// `net.ipv4.ip_local_port_range`
    PortRange,
    /// `net.ipv4.ip_local_port_step_width`
    PortStepWidth,
    /// `net.ipv4.tcp_timestamps`
    Timestamps,
    /// `net.ipv4.tcp_tw_reuse_delay`
    TwReuseDelay,
    /// `net.ipv4.tcp_tw_reuse`
    TwReuse,
    /// `net.ipv4.tcp_max_tw_buckets`
    MaxTwBuckets,
}

impl Key {
    /// All, in the order of writing.
    pub const ALL: [Self; 7] = [
        Self::ReservedPorts,
        Self::PortRange,
        Self::PortStepWidth,
        Self::Timestamps,
        Self::TwReuseDelay,
        Self::TwReuse,
        Self::MaxTwBuckets,
    ];

    /// The name as sysctl writes it: `net.ipv4.tcp_tw_reuse`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ReservedPorts => "net.ipv4.ip_local_reserved_ports",
            Self::PortRange => "net.ipv4.ip_local_port_range",
            Self::PortStepWidth => "net.ipv4.ip_local_port_step_width",
            Self::Timestamps => "net.ipv4.tcp_timestamps",
            Self::TwReuseDelay => "net.ipv4.tcp_tw_reuse_delay",
            Self::TwReuse => "net.ipv4.tcp_tw_reuse",
            Self::MaxTwBuckets => "net.ipv4.tcp_max_tw_buckets",
        }
    }

    /// The name without `net.ipv4.`.
    #[must_use]
    pub fn short_name(self) -> &'static str {
        self.name().rsplit('.').next().unwrap_or_default()
    }

    /// The key of this name, with or without `net.ipv4.`, with dots or slashes.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let name = name.replace('/', ".");
        Self::ALL.into_iter().find(|key| key.name() == name || key.short_name() == name)
    }

    /// The path below `/proc/sys`: `net/ipv4/tcp_tw_reuse`.
    #[must_use]
    pub fn path(self) -> String {
        self.name().replace('.', "/")
    }

    /// What a namespace starts with; `None` where that depends on the machine.
    #[must_use]
    pub const fn kernel_default(self) -> Option<&'static str> {
        match self {
            Self::ReservedPorts => Some(""),
            Self::PortRange => Some("32768 60999"),
            Self::PortStepWidth => Some("0"),
            Self::Timestamps => Some("1"),
            Self::TwReuseDelay => Some("1000"),
            Self::TwReuse => Some("2"),
            Self::MaxTwBuckets => None,
        }
    }

    /// The value in these settings, in the form of [`accept`](Self::accept).
    #[must_use]
    pub fn value_in(self, settings: &Settings) -> Option<String> {
        match self {
            Self::ReservedPorts => settings.reserved.as_ref().map(ToString::to_string),
            Self::PortRange => settings.range.map(|range| format!("{} {}", range.low(), range.high())),
            Self::PortStepWidth => settings.port_step_width.map(|width| width.to_string()),
            Self::Timestamps => settings.timestamps.map(|value| value.to_string()),
            Self::TwReuseDelay => settings.tw_reuse_delay.map(|delay| delay.as_millis().to_string()),
            Self::TwReuse => settings.tw_reuse.map(|mode| mode.value().to_string()),
            Self::MaxTwBuckets => settings.max_tw_buckets.map(|value| value.to_string()),
        }
    }

    /// Sets it in these settings; the text is in the form of [`accept`](Self::accept).
    pub(crate) fn set_in(self, settings: &mut Settings, value: &str) {
        match self {
            Self::ReservedPorts => settings.reserved = value.parse().ok(),
            Self::PortRange => settings.range = value.parse().ok(),
            Self::PortStepWidth => settings.port_step_width = value.parse().ok(),
            Self::Timestamps => settings.timestamps = value.parse().ok(),
            Self::TwReuseDelay => settings.tw_reuse_delay = value.parse().ok().map(Duration::from_millis),
            Self::TwReuse => settings.tw_reuse = TwReuse::from_value(value),
            Self::MaxTwBuckets => settings.max_tw_buckets = value.parse().ok(),
        }
    }

    /// What the kernel would make of a written text, in one form for each value: `10240 65535`, `8080,9000-9010`, `1`.
    ///
    /// `current` is the value before: a range of one number keeps the old high end. `floor` is
    /// `ip_unprivileged_port_start`.
    ///
    /// # Errors
    /// Why the kernel refuses the text with EINVAL.
    pub fn accept(self, text: &str, current: Option<&str>, floor: u16) -> Result<String, Refused> {
        match self {
            Self::ReservedPorts => match text.trim_matches(BLANKS) {
                list if list.contains(BLANKS) => Err(Refused("a list of ports has commas and no blanks")),
                list => list
                    .parse::<PortSet>()
                    .map(|set| set.to_string())
                    .map_err(|_| Refused("no list of ports and ranges such as 8080,9000-9010")),
            },
            Self::PortRange => range(text, current, floor),
            Self::PortStepWidth => number(text, 0, i64::from(u32::MAX)),
            Self::Timestamps => number(text, 0, 255),
            Self::TwReuseDelay => number(text, 1, 60_000),
            Self::TwReuse => number(text, 0, 2),
            Self::MaxTwBuckets => number(text, 0, i64::from(i32::MAX)),
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Why the kernel would refuse a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refused(&'static str);

/// `ipv4_local_port_range` in net/ipv4/sysctl_net_ipv4.c: two numbers, the first alone keeps the second.
fn range(text: &str, current: Option<&str>, floor: u16) -> Result<String, Refused> {
    let wrong = Refused("no range of ports such as 10240 65535");
    let mut words = words(text).into_iter();
    let low = integer(words.next().ok_or(wrong)?).ok_or(wrong)?;
    let high = match words.next() {
        Some(high) => integer(high).ok_or(wrong)?,
        None => current.and_then(|range| range.split_once(' ')).and_then(|(_, high)| integer(high)).ok_or(wrong)?,
    };
    let port = |number: i64| u16::try_from(number).map_err(|_| wrong);
    let range = PortRange::new(port(low)?, port(high)?).ok_or(wrong)?;
    if range.low() < floor {
        return Err(Refused("the range begins below ip_unprivileged_port_start"));
    }
    Ok(format!("{} {}", range.low(), range.high()))
}

fn number(text: &str, least: i64, most: i64) -> Result<String, Refused> {
    let value = words(text).first().and_then(|word| integer(word)).ok_or(Refused("no number"))?;
    if (least..=most).contains(&value) { Ok(value.to_string()) } else { Err(Refused("out of the kernel's bounds")) }
}

/// What stands behind the numbers that a parameter takes is ignored, as the kernel does.
fn words(text: &str) -> Vec<&str> {
    text.split(BLANKS).filter(|word| !word.is_empty()).collect()
}

/// As `strtoul_lenient` in kernel/sysctl.c: decimal, 0x and leading-zero octal; a minus but no plus.
fn integer(word: &str) -> Option<i64> {
    let (sign, digits) = word.strip_prefix('-').map_or((1, word), |digits| (-1, digits));
    let (digits, radix) = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(hex) => (hex, 16),
        None if digits.len() > 1 && digits.starts_with('0') => (digits, 8),
        None => (digits, 10),
    };
    if digits.starts_with('+') {
        return None;
    }
    i64::from_str_radix(digits, radix).ok().map(|value| sign * value)
}

const BLANKS: [char; 3] = [' ', '\t', '\n'];

#[cfg(test)]
mod tests {
    use super::*;

    /// Texts, and whether and as what the kernel takes them.
    const TEXTS: [(Key, &str, Option<&str>); 27] = [
        (Key::TwReuse, "1", Some("1")),
        (Key::TwReuse, "0x1", Some("1")),
        (Key::TwReuse, "01 # all", Some("1")),
        (Key::TwReuse, "\"1\"", None),
        (Key::TwReuse, "3", None),
        (Key::TwReuse, "+1", None),
        (Key::TwReuse, "-1", None),
        (Key::PortStepWidth, "1000", Some("1000")),
        (Key::PortStepWidth, "4294967296", None),
        (Key::PortStepWidth, "-1", None),
        (Key::Timestamps, "2 1", Some("2")),
        (Key::Timestamps, "2a", None),
        (Key::TwReuseDelay, "60000", Some("60000")),
        (Key::TwReuseDelay, "60001", None),
        (Key::TwReuseDelay, "0", None),
        (Key::PortRange, "10240 65535", Some("10240 65535")),
        (Key::PortRange, "10240\t65535 9", Some("10240 65535")),
        (Key::PortRange, "2000", Some("2000 60999")),
        (Key::PortRange, "1023 65535", None),
        (Key::PortRange, "10240-65535", None),
        (Key::PortRange, "'10240 65535'", None),
        (Key::PortRange, "10240 65536", None),
        (Key::PortRange, "65535 10240", None),
        (Key::ReservedPorts, "8080,9000-9001,9002", Some("8080,9000-9002")),
        (Key::ReservedPorts, "", Some("")),
        (Key::ReservedPorts, "8080 9000", None),
        (Key::ReservedPorts, "8080, 9000", None),
    ];

    #[test]
    fn texts_are_judged_as_this_kernel_judges_them() -> Result<(), twscan_lab::Error> {
        twscan_lab::test_in_netns(|net| {
            for (key, text, expected) in TEXTS {
                let start = key.kernel_default().unwrap();
                // An empty text would be no write.
                let write = |text: &str| net.set_sysctl(key.name(), &format!("{text}\n"));
                if write(start).is_err() {
                    continue; // A parameter that this kernel lacks.
                }
                let accepted = key.accept(text, Some(start), 1024).ok();
                assert_eq!(accepted.as_deref(), expected, "{key} {text:?}");
                let written = write(text);
                assert_eq!(written.is_ok(), expected.is_some(), "kernel: {key} {text:?}: {written:?}");
                let live = net.sysctl(key.name()).unwrap().replace('\t', " ");
                assert_eq!(live, expected.unwrap_or(start), "kernel: {key} {text:?}");
            }
        })
    }

    #[test]
    fn keys_are_found_by_any_of_their_names() {
        for name in ["tcp_tw_reuse", "net.ipv4.tcp_tw_reuse", "net/ipv4/tcp_tw_reuse"] {
            assert_eq!(Key::from_name(name), Some(Key::TwReuse));
        }
        assert_eq!(Key::from_name("tcp_tw_recycle"), None);
    }
}
