use std::fmt;

/// Why a walk to its end may have missed or repeated a few sockets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Approximate {
    /// The namespace's table is crowded.
    Crowded {
        /// Sockets that the walk brought.
        sockets: u64,
        /// Buckets of the table, `tcp_ehash_entries`.
        buckets: u64,
    },
}

impl Approximate {
    pub(super) fn of(sockets: u64, ehash_entries: Option<i64>) -> Option<Self> {
        let buckets = ehash_entries.map_or(0, i64::unsigned_abs);
        (buckets > 0 && sockets / buckets >= CROWDED).then_some(Self::Crowded { sockets, buckets })
    }
}

impl fmt::Display for Approximate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Crowded { sockets, buckets } = self;
        write!(
            f,
            "{sockets} sockets share {buckets} buckets of the namespace's table (tcp_ehash_entries); while connections \
             come and go the kernel skips and repeats some"
        )
    }
}

/// Sockets to a bucket, from which on walks under churn miss some: at 18 to a bucket 8 walks of 200 did, at 212 nearly all
/// (crates/twscan/docs/robustness.md).
const CROWDED: u64 = 4;
