//! The self-test: is what `twscan ports` predicts what this kernel grants?
//!
//! Each scenario makes a population of sockets in a network namespace of its own, takes the prediction, and then connects
//! until the kernel refuses. Nothing of the host's is read or touched.

mod matrix;
mod mixture;
pub(crate) mod report;
mod scenario;
mod trial;

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};

use twscan_lab::{Netns, enter_user_namespace, raise_open_files};

use twscan_core::kernel::Fact;
use twscan_core::procfs::{ProcFs, Settings};

use self::report::{SelftestReport, Verdict};
use self::scenario::{DELAY, Scenario};
use self::trial::Ended;
use crate::Status;
use crate::config::{Config, Format};
use crate::failure::Failure;
use crate::render::{json, selftest};

/// Runs the matrix, then this many random mixtures from a seed.
pub(crate) fn run(config: &Config, mixtures: u32, seed: u64) -> Result<Status, Failure> {
    // Root makes namespaces as it is; anyone else does in a user namespace, while this process has one thread.
    if let Err(error) = Netns::new() {
        if !error.is_permission_denied() {
            return Err(error.into());
        }
        enter_user_namespace()?;
    }
    raise_open_files()?;
    let settings = ProcFs::default().settings()?;
    let mut scenarios = matrix::matrix();
    let fixed = scenarios.len();
    scenarios.extend((0..u64::from(mixtures)).map(|number| mixture::mixture(seed.wrapping_add(number))));
    let mut report = SelftestReport::new(seed);
    let playable: Vec<_> = scenarios.iter().map(|scenario| on_this_kernel(scenario.clone(), &settings)).collect();
    let mut tried = side_by_side(&playable.iter().flatten().cloned().collect::<Vec<_>>()).into_iter();
    for (number, (scenario, playable)) in scenarios.iter().zip(&playable).enumerate() {
        let skipped = || Ok(Ended::Skipped(format!("{DELAY} came with {}", Fact::ReuseDelay.since())));
        let ended = if playable.is_some() { tried.next().unwrap_or_else(skipped) } else { skipped() };
        report.add(playable.as_ref().unwrap_or(scenario), ended?, number >= fixed);
    }
    let mut out = crate::render::stdout(config);
    match config.format {
        Format::Table => selftest::write(&report, &mut out)?,
        Format::Json => json::write_pretty(&report, &mut out)?,
        Format::Jsonl => json::write_line(&report, &mut out)?,
        Format::Csv => selftest::write_csv(&report, &mut out)?,
    }
    Ok(match report.verdict() {
        Verdict::Holds => Status::Done,
        Verdict::Contradicted => Status::Findings,
        Verdict::Unknown => Status::Failed,
    })
}

/// A scenario as this kernel can play it; `None` where it cannot.
fn on_this_kernel(scenario: Scenario, settings: &Settings) -> Option<Scenario> {
    let scenario = if settings.tw_reuse_delay.is_none() { scenario.with_fixed_delay()? } else { scenario };
    let does = |fact| settings.kernel_does(fact) == Some(true);
    let scenario = if does(Fact::ReleasesPort) { scenario } else { scenario.with_ports_kept() };
    Some(if does(Fact::ShowsIdle) { scenario } else { scenario.with_idle_hidden() })
}

/// Tries all of them, several at a time: a namespace takes the kernel some milliseconds to make and to take down, in which
/// this process waits.
fn side_by_side(scenarios: &[Scenario]) -> Vec<Result<Ended, Failure>> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        while let Some((number, scenario)) = {
            let number = next.fetch_add(1, Ordering::Relaxed);
            scenarios.get(number).map(|scenario| (number, scenario))
        } {
            done.push((number, trial::run(scenario)));
        }
        done
    };
    let mut done: Vec<_> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
    });
    done.sort_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, ended)| ended).collect()
}

const WORKERS: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    fn report(exact: usize, skipped: usize) -> SelftestReport {
        let mut report = SelftestReport::new(1);
        let scenario = Scenario::new("any");
        for _ in 0..skipped {
            report.add(&scenario, Ended::Skipped("no such parameter".to_owned()), false);
        }
        for _ in 0..exact {
            let trial = trial::Trial {
                free: 20,
                free_min: 20,
                free_max: 20,
                certainty: twscan_core::budget::Certainty::Exact,
                granted: 20,
                stop: None,
            };
            report.add(&scenario, Ended::Tried(trial), false);
        }
        report
    }

    #[test]
    fn a_kernel_is_proven_only_where_nine_of_ten_were_tried() {
        assert_eq!(report(90, 10).verdict(), Verdict::Holds);
        assert_eq!(report(89, 11).verdict(), Verdict::Unknown);
        assert_eq!(report(0, 0).verdict(), Verdict::Holds);
    }

    #[test]
    fn without_the_delay_nearly_everything_is_played_another_way() {
        let old = Settings::default();
        let scenarios = matrix::matrix();
        let absent: Vec<_> =
            scenarios.iter().filter(|scenario| on_this_kernel((*scenario).clone(), &old).is_none()).collect();
        assert_eq!(absent.len(), 1, "{absent:?}");
        assert!((0..50).all(|seed| on_this_kernel(mixture::mixture(seed), &old).is_some()));
        let needs =
            |scenario: Scenario| on_this_kernel(scenario, &old).unwrap().settings.iter().any(|(key, _)| *key == DELAY);
        assert!(!scenarios.into_iter().filter(|scenario| on_this_kernel(scenario.clone(), &old).is_some()).any(needs));
    }
}
