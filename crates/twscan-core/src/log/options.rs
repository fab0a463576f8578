use super::event::Found;
use super::program::LogProgram;
use super::time::{Clock, LogTime, LogZone};

/// How a log is read, and which of its events count.
#[derive(Debug, Clone, Default)]
pub struct LogOptions {
    zone: LogZone,
    reference: Option<LogTime>,
    since: Option<LogTime>,
    until: Option<LogTime>,
    program: Option<LogProgram>,
    follow: bool,
}

impl LogOptions {
    /// Everything, with times in this host's zone.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The zone of timestamps that name none.
    #[must_use]
    pub fn zone(self, zone: LogZone) -> Self {
        Self { zone, ..self }
    }

    /// A moment at or after the end of the log, such as the file's modification time or now. Timestamps without a year
    /// (syslog) count as lying in the year before it; without a reference they are no times.
    #[must_use]
    pub fn reference(self, reference: impl Into<LogTime>) -> Self {
        Self { reference: Some(reference.into()), ..self }
    }

    /// Only events at this time or later. An event whose time is not known is then left out.
    #[must_use]
    pub fn since(self, since: impl Into<LogTime>) -> Self {
        Self { since: Some(since.into()), ..self }
    }

    /// Only events before this time. An event whose time is not known is then left out.
    #[must_use]
    pub fn until(self, until: impl Into<LogTime>) -> Self {
        Self { until: Some(until.into()), ..self }
    }

    /// Only events of this program.
    #[must_use]
    pub fn program(self, program: LogProgram) -> Self {
        Self { program: Some(program), ..self }
    }

    /// The log is still being written: a line without its end is not one yet, and the end of the data is not the end
    /// of the log. [`LogReader::next_event`](super::LogReader::next_event) can then be asked again after `None`.
    #[must_use]
    pub fn follow(self, follow: bool) -> Self {
        Self { follow, ..self }
    }

    pub(super) fn reference_if_none(self, reference: Option<impl Into<LogTime>>) -> Self {
        Self { reference: self.reference.or_else(|| reference.map(Into::into)), ..self }
    }

    pub(super) fn clock(&self) -> Clock {
        Clock::new(&self.zone, self.reference)
    }

    pub(super) fn is_following(&self) -> bool {
        self.follow
    }

    pub(super) fn accepts(&self, found: &Found, time: Option<LogTime>) -> bool {
        let in_time = match time {
            Some(time) => self.since.is_none_or(|since| time >= since) && self.until.is_none_or(|until| time < until),
            None => self.since.is_none() && self.until.is_none(),
        };
        in_time && self.program.is_none_or(|program| found.program == program)
    }
}
