use twscan_core::report::{Header, OtherNetns};

use super::wrap;

/// Where and when a result was taken: host, namespace, kernel, time; sockets, source, duration.
pub(crate) fn line(header: &Header) -> String {
    beside("", header).join("\n")
}

/// The same beside a label, in as many lines as that needs.
pub(crate) fn beside(label: &str, header: &Header) -> Vec<String> {
    let mut parts = parts(header);
    if let Some((_, all_but_last)) = parts.split_last_mut() {
        all_but_last.iter_mut().for_each(|part| part.push(','));
    }
    wrap::parts_beside(label, parts.iter().map(String::as_str))
}

fn parts(header: &Header) -> Vec<String> {
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
    parts
}

/// Microseconds in the unit that reads best.
fn duration(us: u64) -> String {
    match us {
        0..1_000 => format!("{us} us"),
        1_000..10_000_000 => format!("{} ms", us / 1_000),
        _ => format!("{} s", us / 1_000_000),
    }
}
