use std::time::Duration;

use crate::kernel::Fact;
use crate::procfs::{Settings, TwReuse};
use crate::socket::{SocketRecord, TIME_WAIT_LENGTH, TcpState};

/// When a connect() takes over the port of a TIME_WAIT to the same destination: `tcp_tw_reuse`, its delay, and the
/// timestamps (net/ipv4/tcp_ipv4.c, `tcp_twsk_unique`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReusePolicy {
    /// The mode; `None` where it is unknown.
    pub mode: Option<TwReuse>,
    /// A TIME_WAIT must be older than this. Kernels that have no parameter for it look whether the clock's second has
    /// changed since the connection's last timestamp; that is sure after a second.
    pub delay: Duration,
    /// Whether connections negotiate timestamps, as far as this side decides. The kernel asks what the old connection
    /// had, which sock_diag does not tell; what holds now most likely held a minute ago.
    pub timestamps: bool,
    /// How long a TIME_WAIT's timer is armed for: 60 s, but where `tcp_tw_timeout` says another time.
    pub time_wait: Duration,
    /// Whether connect() leaves FIN_WAIT2 without a socket alone; `None` where the kernel is not known.
    pub keeps_fin_wait2: Option<bool>,
    /// How long a FIN_WAIT2 without a socket keeps its port at most, where the other side does not close:
    /// `tcp_fin_timeout`, and as for a TIME_WAIT a thirtieth that the timer wheel adds.
    pub fin_wait2_life: Duration,
}

impl ReusePolicy {
    /// What these settings say.
    #[must_use]
    pub fn of(settings: &Settings) -> Self {
        Self {
            mode: settings.tw_reuse,
            delay: settings.tw_reuse_delay.unwrap_or(DEFAULT_DELAY),
            timestamps: settings.timestamps != Some(0),
            time_wait: settings.tw_timeout.unwrap_or(TIME_WAIT_LENGTH),
            keeps_fin_wait2: settings.kernel_does(Fact::KeepsFinWait2),
            fin_wait2_life: with_wheel(settings.fin_timeout.unwrap_or(FIN_TIMEOUT).max(Duration::from_secs(1))),
        }
    }

    /// Whether the mode is for connections like these.
    #[inline]
    #[must_use]
    pub fn covers(&self, loopback: bool) -> bool {
        match self.mode {
            Some(TwReuse::On) => true,
            Some(TwReuse::Loopback) => loopback,
            Some(TwReuse::Off) | None => false,
        }
    }

    /// Whether a connect() takes over the TIME_WAITs of connections like these, once they are old enough.
    #[must_use]
    pub fn applies(&self, loopback: bool) -> bool {
        self.timestamps && self.covers(loopback)
    }

    /// How long a TIME_WAIT of a connection like these keeps its port at most.
    #[must_use]
    pub fn port_life(&self, loopback: bool) -> Duration {
        let life = self.time_wait_life();
        if self.applies(loopback) { self.delay.min(life) } else { life }
    }

    /// How long a TIME_WAIT lives at most: 62 s, with a whole step of the timer wheel. What shall go on for ever counts on no
    /// less.
    #[must_use]
    pub fn time_wait_life(&self) -> Duration {
        with_wheel(self.time_wait)
    }

    /// How long a TIME_WAIT lives on average: half a step longer than its timer says, so that the rate at which ports come
    /// back is a port in 61 s.
    #[must_use]
    pub fn mean_time_wait_life(&self) -> Duration {
        (self.time_wait + self.time_wait_life()) / 2
    }

    /// Whether a connect() to the same destination takes over this socket's port now.
    #[inline]
    #[must_use]
    pub fn verdict(&self, record: &SocketRecord<'_>) -> Reuse {
        let time_wait = record.state() == TcpState::TimeWait;
        if !(time_wait || record.is_fin_wait2_mini()) {
            return Reuse::No;
        }
        if self.mode.is_some() && !self.covers(record.is_loopback()) {
            return Reuse::No;
        }
        let age = if time_wait {
            record.time_wait_age(self.time_wait)
        } else {
            match self.keeps_fin_wait2 {
                Some(true) => return Reuse::No,
                None => return Reuse::Unlikely,
                // Its timer began with tcp_fin_timeout, of which a socket takes what is more than a minute.
                Some(false) => {
                    record.expires().map(|left| (self.fin_wait2_life * 30 / 31).min(FIN_TIMEOUT).saturating_sub(left))
                }
            }
        };
        match age {
            Some(age) if self.mode.is_some() && age > self.delay && self.timestamps => Reuse::Yes,
            Some(_) if self.mode.is_some() => Reuse::Unlikely,
            _ => Reuse::Unknown,
        }
    }
}

/// Whether a connect() takes over the port of a closed connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Reuse {
    /// It does not.
    No,
    /// It should not: the TIME_WAIT looks younger than the delay, which a late segment can feign, or timestamps are off
    /// now, which they may not have been a minute ago.
    Unlikely,
    /// The source does not tell how old the TIME_WAIT is, or what the mode is.
    Unknown,
    /// It does, provided that the old connection had negotiated timestamps and its port was not chosen by bind().
    Yes,
}

/// What the timer wheel adds at most: a thirtieth.
fn with_wheel(time: Duration) -> Duration {
    time * 31 / 30
}

/// The delay of kernels that have no parameter for it, and the parameter's default.
const DEFAULT_DELAY: Duration = Duration::from_secs(1);
/// The kernel's default (include/net/tcp.h, `TCP_FIN_TIMEOUT`).
const FIN_TIMEOUT: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Release;
    use crate::wire::{InetDiagMsg, InetDiagMsgBuilder};

    fn verdict(settings: &Settings, state: u8, local: &str, expires: u32) -> Reuse {
        let mut bytes = Vec::new();
        let local: std::net::SocketAddr = local.parse().unwrap();
        InetDiagMsgBuilder::new(state).local(local).remote(local).timer(3, expires).append_payload(&mut bytes);
        ReusePolicy::of(settings).verdict(&SocketRecord::new(InetDiagMsg::new(&bytes).unwrap()))
    }

    fn settings(mode: TwReuse) -> Settings {
        Settings { tw_reuse: Some(mode), tw_reuse_delay: Some(Duration::from_millis(300)), ..Settings::default() }
    }

    #[test]
    fn the_mode_asks_for_the_loopback_and_the_delay_for_age() {
        let loopback = settings(TwReuse::Loopback);
        assert_eq!(verdict(&loopback, 6, "127.0.0.1:1", 59_699), Reuse::Yes);
        assert_eq!(verdict(&loopback, 6, "127.0.0.1:1", 59_700), Reuse::Unlikely);
        assert_eq!(verdict(&loopback, 6, "10.0.0.1:1", 1), Reuse::No);
        assert_eq!(verdict(&settings(TwReuse::On), 6, "10.0.0.1:1", 1), Reuse::Yes);
        assert_eq!(verdict(&settings(TwReuse::Off), 6, "127.0.0.1:1", 1), Reuse::No);
    }

    #[test]
    fn without_the_mode_or_the_age_nobody_knows() {
        assert_eq!(verdict(&Settings::default(), 6, "127.0.0.1:1", 1), Reuse::Unknown);
        let mut bytes = Vec::new();
        InetDiagMsgBuilder::new(6).unknown_timer().append_payload(&mut bytes);
        let of = |mode| ReusePolicy::of(&settings(mode)).verdict(&SocketRecord::new(InetDiagMsg::new(&bytes).unwrap()));
        assert_eq!((of(TwReuse::On), of(TwReuse::Off)), (Reuse::Unknown, Reuse::No));
    }

    #[test]
    fn a_mini_socket_is_kept_where_the_kernel_is_surely_new_enough() {
        assert_eq!(verdict(&settings(TwReuse::On), 5, "10.0.0.1:1", 1), Reuse::No);
        let old = Settings { tw_reuse_delay: None, ..settings(TwReuse::On) };
        assert_eq!(verdict(&old, 5, "10.0.0.1:1", 1), Reuse::Unlikely);
        let of = |release| Settings { release: Release::parse(release), ..old.clone() };
        assert_eq!(verdict(&of("6.12.0"), 5, "10.0.0.1:1", 1), Reuse::No);
        assert_eq!(verdict(&of("6.1.0"), 5, "10.0.0.1:1", 1), Reuse::Unlikely, "which of 6.1 is not told");
        assert_eq!(verdict(&of("6.1.100"), 5, "10.0.0.1:1", 58_999), Reuse::Yes, "taken over like a TIME_WAIT");
        assert_eq!(verdict(&of("6.1.100"), 5, "10.0.0.1:1", 59_001), Reuse::Unlikely, "too young");
        assert_eq!(verdict(&old, 6, "10.0.0.1:1", 58_999), Reuse::Yes);
    }

    #[test]
    fn where_the_kernel_says_how_long_a_time_wait_lasts_its_age_is_by_that() {
        let short = Settings { tw_timeout: Some(Duration::from_secs(10)), ..settings(TwReuse::On) };
        assert_eq!(verdict(&short, 6, "10.0.0.1:1", 9800), Reuse::Unlikely, "200 ms old");
        assert_eq!(verdict(&short, 6, "10.0.0.1:1", 9600), Reuse::Yes);
        let policy = ReusePolicy::of(&short);
        let off = ReusePolicy { timestamps: false, ..policy };
        assert_eq!(off.port_life(false).as_millis(), 10_333);
        let usual = ReusePolicy::of(&settings(TwReuse::Off));
        assert_eq!((usual.port_life(false).as_secs(), usual.mean_time_wait_life().as_secs()), (62, 61));
    }

    #[test]
    fn timestamps_off_make_reuse_unlikely() {
        let off = Settings { timestamps: Some(0), ..settings(TwReuse::On) };
        assert_eq!(verdict(&off, 6, "10.0.0.1:1", 1), Reuse::Unlikely);
    }
}
