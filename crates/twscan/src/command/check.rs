use std::io::Write;

use twscan_core::budget::LocalPorts;
use twscan_core::sample::Sampler;
use twscan_core::target::Target;

use super::examine::budgets;
use crate::Status;
use crate::config::Config;
use crate::failure::Failure;

/// One line and performance data, as monitoring plugins give them; a failure becomes UNKNOWN where the program ends.
pub(super) fn run(config: &Config, target: Option<&Target>, warn: f64, crit: f64) -> Result<Status, Failure> {
    let (state, text) = judge(config, target, warn, crit)?;
    let mut out = crate::render::stdout(config);
    writeln!(out, "TWSCAN {} - {text}", state.name())?;
    crate::render::finish(&mut out)?;
    Ok(Status::Plugin(state.code()))
}

fn judge(config: &Config, target: Option<&Target>, warn: f64, crit: f64) -> Result<(State, String), Failure> {
    let host = config.host();
    let sample = Sampler::new(&host).ports().take()?;
    if let Some(reason) = &sample.provenance.incomplete {
        return Ok((State::Unknown, format!("sockets are missing, or may be: {reason}")));
    }
    let ports = LocalPorts::of(&sample).ok_or(twscan_core::Error::NoPortRange)?;
    let budgets = budgets(config, &host, &ports, target)?;
    let Some(fullest) = budgets.first() else {
        return Ok((State::Ok, "no outbound connection holds a local port".to_owned()));
    };
    let (held, capacity, percent) = (fullest.ports().held(), fullest.capacity(), fullest.percent());
    let state = if percent >= crit || fullest.free() == 0 {
        State::Critical
    } else if percent >= warn {
        State::Warning
    } else {
        State::Ok
    };
    let at = |share: f64| format!("{:.0}", f64::from(capacity) * share / 100.0);
    let text = format!(
        "{}: {held} of {capacity} ports held ({percent:.1}%), {} free | held={held};{};{};0;{capacity} free={} \
         time_wait={} reusable={} live={} destinations={}",
        fullest.tuple(),
        fullest.free(),
        at(warn),
        at(crit),
        fullest.free(),
        fullest.ports().time_wait,
        // U is what plugins say for a value that cannot be told.
        fullest.ports().known_reusable().map_or("U".to_owned(), |count| count.to_string()),
        fullest.ports().live,
        budgets.len()
    );
    Ok((state, text))
}

/// The states of a monitoring plugin, by exit code.
#[derive(Debug, Clone, Copy)]
enum State {
    Ok,
    Warning,
    Critical,
    Unknown,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Warning => "WARNING",
            Self::Critical => "CRITICAL",
            Self::Unknown => "UNKNOWN",
        }
    }

    fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Warning => 1,
            Self::Critical => 2,
            Self::Unknown => 3,
        }
    }
}
