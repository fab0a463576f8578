use twscan_core::report::Header;

/// Where and when a result was taken, in a line: host, namespace, kernel, time; sockets, source, duration.
pub(crate) fn line(header: &Header) -> String {
    let mut parts = Vec::new();
    parts.extend(header.hostname.clone());
    parts.push(match (&header.netns.name, header.netns.inode) {
        (Some(name), _) => format!("netns {name}"),
        (None, Some(inode)) => format!("netns {inode}"),
        (None, None) => "netns unknown".to_owned(),
    });
    parts.extend(header.kernel.as_ref().map(|kernel| format!("kernel {kernel}")));
    parts.push(header.captured_at.strftime("%H:%M:%SZ").to_string());
    let mut line = parts.join(", ");
    match (&header.dump, header.source) {
        (Some(dump), Some(source)) => {
            let way = match source {
                "netlink-one-walk" => "one walk",
                "netlink-two-walks" => "two walks",
                other => other,
            };
            line.push_str(&format!("; {} sockets, {way}, {}", dump.sockets, duration(dump.elapsed_us)));
            if dump.duplicates > 0 {
                line.push_str(&format!(", {} repeats dropped", dump.duplicates));
            }
        }
        _ => line.push_str("; counters alone, no walk"),
    }
    line
}

/// Microseconds in the unit that reads best.
fn duration(us: u64) -> String {
    match us {
        0..1_000 => format!("{us} us"),
        1_000..10_000_000 => format!("{} ms", us / 1_000),
        _ => format!("{} s", us / 1_000_000),
    }
}
