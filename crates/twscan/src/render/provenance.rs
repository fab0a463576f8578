use twscan_core::report::{Header, OtherNetns};

use super::WIDTH;

/// Where and when a result was taken: host, namespace, kernel, time; sockets, source, duration.
pub(crate) fn line(header: &Header) -> String {
    let mut parts = Vec::new();
    parts.extend(header.replayed_from.as_ref().map(|from| format!("from {from}")));
    parts.extend(header.hostname.clone());
    let netns = match (&header.netns.name, header.netns.inode) {
        (Some(name), _) => format!("netns {name}"),
        (None, Some(inode)) => format!("netns {inode}"),
        (None, None) => "netns unknown".to_owned(),
    };
    parts.push(match header.other_netns {
        Some(OtherNetns { found: 0, at_least: true, .. }) => format!("{netns} (others may be hidden)"),
        Some(OtherNetns { found: 0, .. }) | None => netns,
        Some(OtherNetns { found, at_least, .. }) => {
            let at_least = if at_least { "at least " } else { "" };
            format!("{netns} ({at_least}{found} other netns not read)")
        }
    });
    parts.extend(header.kernel.as_ref().map(|kernel| format!("kernel {kernel}")));
    let with_date = header.replayed_from.is_some();
    parts.push(header.captured_at.strftime(if with_date { "%F %H:%M:%SZ" } else { "%H:%M:%SZ" }).to_string());
    let walk = match (&header.dump, header.source) {
        (Some(dump), Some(source)) => {
            let way = match source {
                "netlink-one-walk" => "one walk",
                "netlink-two-walks" => "two walks",
                other => other,
            };
            let repeats = match dump.duplicates {
                0 => String::new(),
                count => format!(", {count} repeats dropped"),
            };
            let took = dump.elapsed_us.map_or(String::new(), |us| format!(", {}", duration(us)));
            format!("{} sockets, {way}{took}{repeats}", dump.sockets)
        }
        _ => "counters alone, no walk".to_owned(),
    };
    parts.push(walk);
    fill(&parts)
}

/// The parts with a comma between them, a new line begun where one would be longer than a terminal is wide.
fn fill(parts: &[String]) -> String {
    let mut text = String::new();
    let mut width = 0;
    for part in parts {
        if width == 0 {
            width = part.len();
        } else if width + ", ,".len() + part.len() > WIDTH {
            text.push_str(",\n");
            width = part.len();
        } else {
            text.push_str(", ");
            width += 2 + part.len();
        }
        text.push_str(part);
    }
    text
}

/// Microseconds in the unit that reads best.
fn duration(us: u64) -> String {
    match us {
        0..1_000 => format!("{us} us"),
        1_000..10_000_000 => format!("{} ms", us / 1_000),
        _ => format!("{} s", us / 1_000_000),
    }
}
