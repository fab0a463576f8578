use crate::diagnosis::case::Case;
use crate::diagnosis::gate::Gate;
use crate::diagnosis::{Code, Finding, Remedy, Risk, Severity, When};

/// Sockets that no process has open any more, of the whole host.
pub(in crate::diagnosis) fn orphans(case: &Case<'_>) -> Vec<Finding> {
    let (Some(now), Some(limit)) = (case.sample.counters.tcp_orphan, case.sample.settings.max_orphans) else {
        return Vec::new();
    };
    let before = case.earlier.and_then(|earlier| earlier.counters.tcp_orphan);
    let Some(severity) = level(now, before, limit, [250, 900]) else { return Vec::new() };
    let finding = Finding::new(Code::OrphansHigh, severity, format!("{now} orphaned sockets of at most {limit}"))
        .figure("orphans", now)
        .figure("limit", limit)
        .because(
            "programs close connections with data unsent to peers that do not take it; above tcp_max_orphans, and from a \
             quarter of it on where a socket has retransmitted, the kernel resets them",
        )
        .remedy(
            Remedy::new(When::Now, "tcp_orphan_retries=3", "dead peers are given up after a few seconds")
                .short("seconds")
                .risk(Risk::Low, "")
                .set("net.ipv4.tcp_orphan_retries", &3),
        );
    vec![finding]
}

/// The table of connection tracking: full, and new connections of any kind are dropped.
pub(in crate::diagnosis) fn conntrack(case: &Case<'_>) -> Vec<Finding> {
    let Some(table) = case.sample.conntrack.filter(|table| table.max > 0) else { return Vec::new() };
    let before = case.earlier.and_then(|earlier| earlier.conntrack).map(|table| table.count);
    let Some(severity) = level(table.count, before, table.max, [900, 1000]) else { return Vec::new() };
    let raise = table.max.saturating_mul(2);
    let title = format!("{} of {} entries of the connection tracking table are used", table.count, table.max);
    let finding = Finding::new(Code::ConntrackFull, severity, title)
        .figure("entries", table.count)
        .figure("limit", table.max)
        .because("a full table drops packets of new connections (nf_conntrack: table full), which looks like a peer that is down")
        .remedy(
            Remedy::new(When::Now, format!("nf_conntrack_max={raise}"), format!("{} become {raise}", table.max))
                .short(raise.to_string())
                .enough(true)
                .provided("the host's own namespace: a container cannot set it", case.sample.provenance.initial_netns)
                .risk(Risk::Low, "an entry takes some 320 bytes of the kernel's memory")
                .set("net.netfilter.nf_conntrack_max", &raise),
        )
        .remedy(
            Remedy::new(When::Now, "nf_conntrack_tcp_timeout_time_wait=30", "entries of closed connections last 30 s, not 120")
                .short("a quarter")
                .risk(Risk::Low, "an entry only: the socket's TIME_WAIT is another thing")
                .set("net.netfilter.nf_conntrack_tcp_timeout_time_wait", &30),
        );
    vec![finding]
}

/// Warning and critical, by thousandths of a limit.
fn level(now: u64, before: Option<u64>, limit: u64, thresholds: [u32; 2]) -> Option<Severity> {
    let share = |count: u64| count.saturating_mul(1000) / limit.max(1);
    let over = |threshold: u32| Gate::at(threshold.into()).counts(share(now), before.map(share));
    let [warning, critical] = thresholds.map(over);
    if critical { Some(Severity::Critical) } else { warning.then_some(Severity::Warning) }
}
