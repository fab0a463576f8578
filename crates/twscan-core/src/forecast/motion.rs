use crate::sample::Sample;

/// What the kernel's counters did between two samples of one namespace.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Motion {
    /// The time between them, in seconds.
    pub seconds: f64,
    /// TIME_WAITs begun (`TcpExt: TW`): connections that this namespace closed first.
    pub time_waits: Option<u64>,
    /// TIME_WAITs that a connect() took over (`TWRecycled`).
    pub recycled: Option<u64>,
    /// TIME_WAITs refused (`TCPTimeWaitOverflow`).
    pub overflows: Option<u64>,
    /// connect() calls that sent a SYN (`ActiveOpens`).
    pub opened: Option<u64>,
}

impl Motion {
    /// What happened from `earlier` to `later`; `None` where they are not of one namespace and in this order.
    #[must_use]
    pub fn between(earlier: &Sample, later: &Sample) -> Option<Self> {
        let seconds = seconds_between(earlier, later)?;
        let (before, after) = (&earlier.counters, &later.counters);
        // A counter that went back was set to zero between: a reboot, or another namespace.
        let delta = |before: Option<u64>, after: Option<u64>| after?.checked_sub(before?);
        Some(Self {
            seconds,
            time_waits: delta(before.tw, after.tw),
            recycled: delta(before.tw_recycled, after.tw_recycled),
            overflows: delta(before.tw_overflow, after.tw_overflow),
            opened: delta(before.active_opens, after.active_opens),
        })
    }

    /// Connections that this namespace closed first, a second: the true rate, whatever was taken over since.
    #[must_use]
    pub fn closed_per_second(&self) -> Option<f64> {
        self.time_waits.map(|count| self.per_second(count))
    }

    /// Of the TIME_WAITs begun, how many took the place of one that was taken over: 0 to 1, at most.
    #[must_use]
    pub fn reuse_share(&self) -> Option<f64> {
        let (begun, recycled) = (self.time_waits?, self.recycled?);
        if begun == 0 { None } else { Some((self.per_second(recycled) / self.per_second(begun)).min(1.0)) }
    }

    /// A count as a rate.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "a rate of more than 2^52 a second is none")]
    pub fn per_second(&self, count: u64) -> f64 {
        count as f64 / self.seconds
    }
}

/// `None` where the second is not later, or is of another namespace.
pub(super) fn seconds_between(earlier: &Sample, later: &Sample) -> Option<f64> {
    let (before, after) = (&earlier.provenance, &later.provenance);
    let elapsed = after.captured_at.duration_since(before.captured_at).ok()?.as_secs_f64();
    (elapsed > 0.0 && before.netns.inode == after.netns.inode).then_some(elapsed)
}
