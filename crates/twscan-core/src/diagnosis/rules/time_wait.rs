use crate::advice::{Change, Route};
use crate::diagnosis::case::Case;
use crate::diagnosis::gate::Gate;
use crate::diagnosis::{Code, Finding, Refusal, Remedy, Severity, Subject, When};
use crate::procfs::Key;
use crate::socket::TcpState;
use crate::tally::Role;

/// TIME_WAITs of connections that others opened and this host closed first: no ephemeral port is held.
pub(in crate::diagnosis) fn inbound(case: &Case<'_>) -> Vec<Finding> {
    let groups = case.sample.destinations.iter().filter(|(key, _)| key.role == Role::Inbound);
    let mut ports: Vec<(u64, u16)> =
        groups.map(|(key, counts)| (counts.of(TcpState::TimeWait), key.port)).filter(|(count, _)| *count > 0).collect();
    ports
        .retain(|(_, port)| case.target.is_none_or(|target| target.port_number().is_none_or(|wanted| wanted == *port)));
    ports.sort_unstable_by(|a, b| b.cmp(a));
    let total: u64 = ports.iter().map(|(count, _)| count).sum();
    let Some((most, port)) = ports.first().copied().filter(|_| total >= MANY_INBOUND) else { return Vec::new() };
    let title = format!("{total} TIME_WAIT on listening ports: harmless, no ephemeral port held");
    let finding = Finding::new(Code::TimewaitInbound, Severity::Info, title)
        .about(Subject::port(port))
        .figure("time_wait", total)
        .figure("time_wait_on_this_port", most)
        .figure("listening_ports", u32::try_from(ports.len()).unwrap_or(u32::MAX))
        .seen(format!("{most} on local port {port}; a grep for it counts them with the outbound ones"))
        .because(
            "others connect here and this side closes first, so that the TIME_WAIT stays here, on the service's port",
        );
    vec![finding]
}

/// `tcp_max_tw_buckets`: above it a connection that is closed gets no TIME_WAIT at all.
pub(in crate::diagnosis) fn overflow(case: &Case<'_>) -> Vec<Finding> {
    let Some(limit) = case.sample.settings.max_tw_buckets.filter(|limit| *limit > 0) else { return Vec::new() };
    let now = case.sample.counters.tcp_tw.unwrap_or(0);
    let moving = case.motion.and_then(|motion| motion.overflows).unwrap_or(0);
    let since_boot = case.sample.counters.tw_overflow.unwrap_or(0);
    let share = |count: u64| count.saturating_mul(1000) / limit;
    let before = case.earlier.and_then(|earlier| earlier.counters.tcp_tw).map(share);
    let near = Gate::at(900.0).counts(share(now), before);
    let (severity, title) = match (near, moving, since_boot) {
        (_, 1.., _) => (Severity::Warning, format!("TIME_WAITs are refused: tcp_max_tw_buckets={limit} is reached")),
        (true, ..) => (Severity::Warning, format!("{now} of at most {limit} TIME_WAITs: more will be refused")),
        (false, 0, 1..) => (Severity::Info, format!("{since_boot} TIME_WAITs were refused since boot, none now")),
        _ => return Vec::new(),
    };
    let raise = limit.max(now).saturating_mul(2).max(DEFAULT_BUCKETS);
    let mut finding = Finding::new(Code::TimewaitOverflow, severity, title)
        .figure("time_wait", now)
        .figure("limit", limit)
        .figure("refused_since_boot", since_boot)
        .figure("refused_between_samples", moving)
        .because(
            "above tcp_max_tw_buckets a closed connection gets no TIME_WAIT, so that late segments of it can reach the next \
             connection on the same ports; FIN_WAIT2 mini-sockets count too",
        );
    if severity > Severity::Info {
        let change = Change::new(&case.sample.settings, Key::MaxTwBuckets, raise.to_string(), &Route::default());
        let remedy = Remedy::changing(When::Now, &[change], format!("{limit} become {raise}"));
        finding = finding
            .remedy(remedy.short(raise.to_string()).enough(true))
            .refuse(Refusal::folklore("tcp_max_tw_buckets", "a lower tcp_max_tw_buckets"));
    }
    vec![finding]
}

/// Fewer are no surprise to anybody who looks.
const MANY_INBOUND: u64 = 100;
/// The least that kernels choose by themselves on a host of some size.
const DEFAULT_BUCKETS: u64 = 131_072;
