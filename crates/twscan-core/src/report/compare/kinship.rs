use crate::sample::{Provenance, Sample};

/// Whether two samples are of one place, and what does not compare where they are not.
#[derive(Debug)]
pub(super) struct Kinship {
    /// Whether counters of both count from the same moment on.
    pub(super) same_counters: bool,
    /// Whether the same address in both is the same one.
    pub(super) same_addresses: bool,
    /// In words.
    pub(super) caveats: Vec<String>,
}

impl Kinship {
    pub(super) fn of(before: &Sample, after: &Sample) -> Self {
        let (first, second) = (&before.provenance, &after.provenance);
        let is_later = first.captured_at > second.captured_at;
        let opened = before.counters.active_opens.zip(after.counters.active_opens);
        let began_anew = !is_later && opened.is_some_and(|(before, after)| after < before);
        let same_addresses = !first.anonymized && !second.anonymized || have_one_key(first, second);
        let stranger = if same_addresses { stranger(first, second, began_anew) } else { Some(ANONYMOUS) };
        let mut caveats: Vec<_> = stranger.map(str::to_owned).into_iter().collect();
        for (which, provenance) in [("first", first), ("second", second)] {
            if let Some(reason) = &provenance.incomplete {
                caveats.push(format!("the {which} sample is partial: {reason}"));
            }
        }
        if before.settings.range.is_some() != after.settings.range.is_some() {
            caveats.push(
                "one does not tell the local port range, so that roles and ports do not compare (--range)".to_owned(),
            );
        }
        if is_later {
            caveats.push("the first sample is the later one".to_owned());
        }
        Self { same_counters: stranger.is_none(), same_addresses, caveats }
    }
}

/// The name of the boot is replaced with the key that addresses are replaced with, which no two captures share.
fn have_one_key(first: &Provenance, second: &Provenance) -> bool {
    first.anonymized && second.anonymized && first.boot_id.is_some() && first.boot_id == second.boot_id
}

/// How the two are not of one network namespace of one boot of one host.
fn stranger(first: &Provenance, second: &Provenance, began_anew: bool) -> Option<&'static str> {
    let other_name = differ(first.hostname.as_ref(), second.hostname.as_ref());
    let other_netns = differ(first.netns.inode, second.netns.inode) == Some(true);
    // A container has a name of its own, so that the name tells a host only where the boot does not.
    match (differ(first.boot_id.as_ref(), second.boot_id.as_ref()), other_name) {
        (Some(true) | None, Some(true)) => Some("the samples are of different hosts"),
        (Some(true), Some(false)) => Some("the host was restarted in between, or is another one of the same name"),
        (Some(true), None) => Some("the samples are of different hosts, or of one that was restarted in between"),
        _ if other_netns => Some("the samples are of different network namespaces"),
        (Some(false), _) if began_anew => {
            Some("counters began anew in between, so the network namespace was made anew")
        }
        (None, _) if began_anew => {
            Some("counters began anew in between, so the host was restarted or the network namespace made anew")
        }
        _ => None,
    }
}

/// Whether both are not the same; `None` where one is unknown.
fn differ<T: PartialEq>(before: Option<T>, after: Option<T>) -> Option<bool> {
    before.zip(after).map(|(before, after)| before != after)
}

const ANONYMOUS: &str = "addresses were replaced (--anonymize) in one sample, or in each by a key of its own, so that \
                         destinations do not compare, and whether it is one host and one boot is unknown";
