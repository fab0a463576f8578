//! The cures that are kernel parameters.

use std::time::Duration;

use super::measure::Weighed;
use super::measure::reuse_mode;
use super::{Measure, Remedy, Risk, Shortage, When};
use crate::budget::holder::Holder;
use crate::kernel::Fact;
use crate::port::PortRange;
use crate::procfs::Settings;
use crate::tally::ReusePolicy;

impl Shortage<'_> {
    /// The kernel parameters that serve the rate: each alone and, where neither is enough, both.
    pub(super) fn parameters(&self) -> Vec<Remedy> {
        let mut remedies: Vec<_> = self.reuse().into_iter().collect();
        remedies.extend(self.shorter_fin_timeout());
        remedies.extend(self.wider_range().map(|served| self.remedy(&served)));
        if !remedies.iter().any(|remedy| remedy.enough == Some(true)) {
            let both = self.first_enough(|measure| measure.range.is_some() && measure.reuse.is_some());
            remedies.extend(both.map(|served| self.remedy(&served)));
        }
        remedies
    }

    /// The first of these combinations that is enough, in the order in which a plan tries them.
    fn first_enough(&self, wanted: impl Fn(&Measure) -> bool) -> Option<Weighed> {
        let measures = Measure::all(self.settings(), &self.situation.services, self.route.is_loopback());
        let served = measures.into_iter().filter(wanted).map(|measure| self.weigh(measure));
        served.into_iter().find(|served| served.enough == Some(true))
    }

    fn weigh(&self, measure: Measure) -> Weighed {
        measure.weigh(self.situation, self.settings(), std::slice::from_ref(self.route))
    }

    fn remedy(&self, served: &Weighed) -> Remedy {
        let changes = self.situation.changes(&served.settings, &[], self.route);
        self.worded(served, |gives| Remedy::changing(When::Now, &changes, gives))
    }

    /// A remedy with what it gives, and whether that is enough.
    fn worded(&self, served: &Weighed, remedy: impl FnOnce(String) -> Remedy) -> Remedy {
        let sustainable = served.worst.sustainable;
        let (mut gives, mut short) = self.becomes(sustainable);
        let borne = sustainable > 0.0 && self.route.demand.allows(sustainable) != Some(false);
        if borne && served.enough == Some(false) {
            gives.push_str(", and connect() scans");
            short.push_str(" slow");
        }
        remedy(gives).short(short).enough(served.enough)
    }

    /// `tcp_tw_reuse`, where it buys something.
    pub(crate) fn reuse(&self) -> Option<Remedy> {
        let mode = reuse_mode(self.settings(), self.route.is_loopback()).filter(|_| self.reuse_helps())?;
        let remedy = self.remedy(&self.weigh(Measure { reuse: Some(mode), ..Measure::default() }));
        let keeps = ReusePolicy::of(self.settings()).keeps_fin_wait2;
        if self.holder != Holder::Mini || keeps == Some(true) {
            return Some(remedy);
        }
        let (since, known) = (Fact::KeepsFinWait2.since(), keeps.map(|keeps| !keeps));
        let kernel =
            format!("a kernel that takes over FIN_WAIT2 mini-sockets: older than {since}, without its backport");
        Some(remedy.provided(kernel, known))
    }

    /// Whether any of the ports may be taken over.
    pub(super) fn reuse_helps(&self) -> bool {
        match self.holder {
            Holder::TimeWait => true,
            Holder::Mini => self.has_many(Holder::TimeWait) || !self.keeps_minis(),
            Holder::Live => self.has_many(Holder::TimeWait),
        }
    }

    /// Whether mini-sockets are surely kept: connect() took them over before Linux 6.12 (net/ipv4/tcp_ipv4.c,
    /// `tcp_twsk_unique`).
    fn keeps_minis(&self) -> bool {
        ReusePolicy::of(self.settings()).keeps_fin_wait2 == Some(true)
    }

    /// `tcp_fin_timeout`, where mini-sockets hold ports, and for longer than they have to.
    fn shorter_fin_timeout(&self) -> Option<Remedy> {
        let long = self.settings().fin_timeout.is_some_and(|timeout| timeout > SHORT_FIN_TIMEOUT);
        (long && self.has_many(Holder::Mini)).then(|| {
            let served = self.weigh(Measure { fin_timeout: Some(SHORT_FIN_TIMEOUT), ..Measure::default() });
            self.worded(&served, fin_timeout)
        })
    }

    /// A wider range, with the services inside it reserved: the first that is enough, else the one that is advised most.
    pub(super) fn wider_range(&self) -> Option<Weighed> {
        let range = self.settings().range?;
        self.first_enough(|measure| measure.reuse.is_none()).or_else(|| {
            let wide = self.wide_range().filter(|wide| range.size() * 10 < wide.size() * 9)?;
            Some(self.weigh(Measure { range: Some(wide), ..Measure::default() }))
        })
    }

    /// The range that is advised most, or what a host with a high unprivileged start allows.
    fn wide_range(&self) -> Option<PortRange> {
        let low = self.settings().unprivileged_port_start.unwrap_or(0).max(WIDE_LOW);
        // An even number of ports, so that none is out of reach.
        PortRange::new(low + low % 2, u16::MAX)
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.situation.settings
    }
}

/// The `tcp_fin_timeout` that is advised.
pub(crate) fn fin_timeout(gives: impl Into<String>) -> Remedy {
    let seconds = SHORT_FIN_TIMEOUT.as_secs();
    Remedy::new(When::Now, format!("tcp_fin_timeout={seconds} (for later closes)"), gives)
        .risk(
            Risk::Low,
            "mini-sockets that are there keep their time; a peer that closes later than that is answered by RST",
        )
        .set("net.ipv4.tcp_fin_timeout", &seconds)
}

/// The `tcp_fin_timeout` that is advised: longer than a peer that closes at all takes to do so.
pub(crate) const SHORT_FIN_TIMEOUT: Duration = Duration::from_secs(15);
/// The lower end of the range that tutorials advise: above what services commonly listen on.
const WIDE_LOW: u16 = 10_240;
