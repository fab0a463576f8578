use std::time::Duration;

use crate::args::{CaptureArgs, CaptureForm};

/// What to record, and where to.
#[derive(Debug)]
pub(crate) struct Capture {
    pub(crate) file: String,
    pub(crate) series: Option<Series>,
    pub(crate) owners: bool,
    pub(crate) anonymize: bool,
    pub(crate) form: CaptureForm,
}

/// Samples one after the other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Series {
    pub(crate) duration: Duration,
    pub(crate) interval: Duration,
}

impl Capture {
    pub(super) fn resolve(args: CaptureArgs) -> Self {
        let CaptureArgs { file, duration, interval, owners, anonymize, form } = args;
        let series = duration.map(|duration| Series { duration, interval });
        Self { file, series, owners, anonymize, form }
    }
}
