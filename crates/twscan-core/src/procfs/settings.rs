use std::time::Duration;

use crate::Error;
use crate::kernel::{Fact, Release};
use crate::port::{PortRange, PortSet};

/// The parameters of a network namespace that decide about local ports and TIME_WAIT: `net.ipv4.*`.
///
/// `None` is what this kernel does not have, or what a recording does not tell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settings {
    /// `ip_local_port_range`: where connect() takes local ports from.
    pub range: Option<PortRange>,
    /// `ip_local_reserved_ports`: ports that connect() and bind(0) leave out.
    pub reserved: Option<PortSet>,
    /// `ip_unprivileged_port_start`: the least that `range` may begin with.
    pub unprivileged_port_start: Option<u16>,
    /// `ip_local_port_step_width`: connect() walks the range in steps of a random width up to this; 0 for step by step.
    pub port_step_width: Option<u32>,
    /// `ip_autobind_reuse`, kernel 5.7 and later.
    pub autobind_reuse: Option<bool>,
    /// `tcp_tw_reuse`.
    pub tw_reuse: Option<TwReuse>,
    /// `tcp_tw_reuse_delay`; without it, about a second by a clock of seconds.
    pub tw_reuse_delay: Option<Duration>,
    /// `tcp_tw_timeout`, of some clouds' kernels: how long a TIME_WAIT lasts, without what the timer adds.
    pub tw_timeout: Option<Duration>,
    /// `tcp_timestamps`: 0 off, 1 with random offsets, 2 without.
    pub timestamps: Option<u8>,
    /// `tcp_fin_timeout`: how long a closed socket waits in FIN_WAIT2. It does not concern TIME_WAIT.
    pub fin_timeout: Option<Duration>,
    /// `tcp_max_tw_buckets`: TIME_WAITs above it are not created.
    pub max_tw_buckets: Option<u64>,
    /// `tcp_ehash_entries`, kernel 6.1 and later; negative where the namespace shares the host's table.
    pub ehash_entries: Option<i64>,
    /// `tcp_max_orphans`, a parameter of the whole host.
    pub max_orphans: Option<u64>,
    /// The kernel's release.
    pub release: Option<Release>,
}

impl Settings {
    /// Reads each parameter through `read`, which gives the text of a file below `net/ipv4`, or `None` where it is
    /// absent. A value of an unknown form is left as `None`.
    ///
    /// # Errors
    /// What `read` gives.
    pub fn read(mut read: impl FnMut(&str) -> Result<Option<String>, Error>) -> Result<Self, Error> {
        let mut value =
            |key: &str| -> Result<Option<String>, Error> { Ok(read(key)?.map(|text| text.trim().to_owned())) };
        Ok(Self {
            range: value("ip_local_port_range")?.and_then(|text| text.parse().ok()),
            reserved: value("ip_local_reserved_ports")?.and_then(|text| text.parse().ok()),
            unprivileged_port_start: value("ip_unprivileged_port_start")?.and_then(|text| text.parse().ok()),
            port_step_width: value("ip_local_port_step_width")?.and_then(|text| text.parse().ok()),
            autobind_reuse: value("ip_autobind_reuse")?.map(|text| text != "0"),
            tw_reuse: value("tcp_tw_reuse")?.and_then(|text| TwReuse::from_value(&text)),
            tw_reuse_delay: value("tcp_tw_reuse_delay")?.and_then(|text| text.parse().ok()).map(Duration::from_millis),
            tw_timeout: value("tcp_tw_timeout")?.and_then(|text| text.parse().ok()).map(Duration::from_secs),
            timestamps: value("tcp_timestamps")?.and_then(|text| text.parse().ok()),
            fin_timeout: value("tcp_fin_timeout")?.and_then(|text| text.parse().ok()).map(Duration::from_secs),
            max_tw_buckets: value("tcp_max_tw_buckets")?.and_then(|text| text.parse().ok()),
            ehash_entries: value("tcp_ehash_entries")?.and_then(|text| text.parse().ok()),
            max_orphans: value("tcp_max_orphans")?.and_then(|text| text.parse().ok()),
            release: None,
        })
    }

    /// Whether the kernel does this: by a parameter that came with it or later, else by its release; `None` where neither is
    /// known.
    #[must_use]
    pub fn kernel_does(&self, fact: Fact) -> Option<bool> {
        let parameters = [
            (Fact::StepWidth, self.port_step_width.is_some()),
            (Fact::ReuseDelay, self.tw_reuse_delay.is_some()),
            (Fact::OwnTable, self.ehash_entries.is_some()),
        ];
        let proven = parameters.into_iter().find(|(_, there)| *there).map(|(fact, _)| fact.since());
        proven.max(self.release).and_then(|release| fact.holds_in(release))
    }

    /// Names below `net.ipv4` and values as text; `None` is unknown.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, Option<String>)> {
        let text = |value: Option<u64>| value.map(|value| value.to_string());
        let duration = |value: Option<Duration>, unit: Duration| {
            value.map(|value| (value.as_millis() / unit.as_millis().max(1)).to_string())
        };
        [
            ("ip_local_port_range", self.range.map(|range| range.to_string())),
            ("ip_local_reserved_ports", self.reserved.as_ref().map(PortSet::to_string)),
            ("ip_unprivileged_port_start", text(self.unprivileged_port_start.map(u64::from))),
            ("ip_local_port_step_width", text(self.port_step_width.map(u64::from))),
            ("ip_autobind_reuse", text(self.autobind_reuse.map(u64::from))),
            ("tcp_tw_reuse", self.tw_reuse.map(|mode| mode.value().to_string())),
            ("tcp_tw_reuse_delay", duration(self.tw_reuse_delay, Duration::from_millis(1))),
            ("tcp_tw_timeout", duration(self.tw_timeout, Duration::from_secs(1))),
            ("tcp_timestamps", text(self.timestamps.map(u64::from))),
            ("tcp_fin_timeout", duration(self.fin_timeout, Duration::from_secs(1))),
            ("tcp_max_tw_buckets", text(self.max_tw_buckets)),
            ("tcp_ehash_entries", self.ehash_entries.map(|entries| entries.to_string())),
            ("tcp_max_orphans", text(self.max_orphans)),
        ]
        .into_iter()
    }
}

/// `net.ipv4.tcp_tw_reuse`: whether a connect() may take over a TIME_WAIT of the same four-tuple.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TwReuse {
    /// 0: no, unless the caller bound the port itself.
    Off,
    /// 1: yes.
    On,
    /// 2: on the loopback; the default since kernel 4.19.
    Loopback,
}

impl TwReuse {
    /// Reads the parameter's value.
    #[must_use]
    pub fn from_value(text: &str) -> Option<Self> {
        match text {
            "0" => Some(Self::Off),
            "1" => Some(Self::On),
            "2" => Some(Self::Loopback),
            _ => None,
        }
    }

    /// The parameter's value.
    #[must_use]
    pub const fn value(self) -> u8 {
        match self {
            Self::Off => 0,
            Self::On => 1,
            Self::Loopback => 2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_parameters_are_none() {
        let settings = Settings::read(|key| {
            Ok(match key {
                "ip_local_port_range" => Some("40000\t40019\n".to_owned()),
                "tcp_tw_reuse" => Some("2\n".to_owned()),
                "ip_local_reserved_ports" => Some("\n".to_owned()),
                "tcp_fin_timeout" => Some("60\n".to_owned()),
                _ => None,
            })
        })
        .unwrap();
        assert_eq!(settings.range.unwrap().size(), 20);
        assert_eq!(settings.tw_reuse, Some(TwReuse::Loopback));
        assert!(settings.reserved.unwrap().is_empty());
        assert_eq!(settings.fin_timeout, Some(Duration::from_secs(60)));
        assert_eq!(settings.tw_reuse_delay, None);
    }

    #[test]
    fn a_parameter_proves_what_the_release_does_not_say() {
        let old = Settings { release: Release::parse("5.14.0-503.el9"), ..Settings::default() };
        assert_eq!(old.kernel_does(Fact::ShowsIdle), Some(false));
        let patched = Settings { tw_reuse_delay: Some(Duration::from_secs(1)), ..old };
        assert_eq!(
            (patched.kernel_does(Fact::ShowsIdle), patched.kernel_does(Fact::StepWidth)),
            (Some(true), Some(false))
        );
        assert_eq!(Settings::default().kernel_does(Fact::ShowsIdle), None);
    }
}
