//! Rounds: each runs everything once, so that a change of the machine's mood meets all alike.

use std::env;
use std::error::Error;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::contender::{Contender, Run};
use super::exporter::Exporter;
use super::floor;
use super::population::{Population, STRAYS};
use super::usage::{LONGEST, Usage};

/// A contender's runs.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) runs: Vec<Usage>,
}

/// All runs at one size of the population.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) sockets: usize,
    pub(crate) destinations: usize,
    pub(crate) rows: Vec<Row>,
    pub(crate) notes: Vec<String>,
}

pub(crate) fn measure(
    population: &mut Population,
    contenders: &[Contender],
    rounds: usize,
) -> Result<Measured, Box<dyn Error>> {
    let scrapes = contenders.iter().any(|contender| matches!(contender.run, Run::Scrape));
    let exporter = if scrapes { Some(Exporter::start(population.net())?) } else { None };
    let mut notes = Vec::new();
    let mut runs: Vec<Runs> = Vec::new();
    for contender in contenders {
        population.stand(LONGEST)?;
        // The first run of each is no measurement: it warms caches, and tells whether this build can do it.
        match run(population, contender, exporter.as_ref()) {
            Ok(usage) => runs.push(Runs { contender, expected: usage.wall, usages: Vec::new() }),
            Err(reason) => notes.push(format!("`{}` is left out: {reason}", contender.name)),
        }
    }
    let mut thrown_away = 0;
    for _ in 0..rounds {
        for Runs { contender, expected, usages } in &mut runs {
            let usage = loop {
                population.stand(*expected * 3 / 2 + Duration::from_secs(1))?;
                let before = population.count()?;
                let usage = run(population, contender, exporter.as_ref())?;
                if before.abs_diff(population.count()?) * MOVED_PART <= population.sockets() + STRAYS {
                    break usage;
                }
                thrown_away += 1;
                if thrown_away > MOST_THROWN_AWAY {
                    return Err("the population does not stand: too many runs were thrown away".into());
                }
            };
            usages.push(usage);
        }
    }
    if thrown_away > 0 {
        notes.push(format!("{thrown_away} runs were thrown away: the population moved by over 2 %"));
    }
    let rows = runs.into_iter().map(|runs| Row { name: runs.contender.name.clone(), runs: runs.usages }).collect();
    Ok(Measured { sockets: population.sockets(), destinations: population.destinations(), rows, notes })
}

struct Runs<'c> {
    contender: &'c Contender,
    expected: Duration,
    usages: Vec<Usage>,
}

fn run(population: &Population, contender: &Contender, exporter: Option<&Exporter>) -> Result<Usage, Box<dyn Error>> {
    let usage = population.net().run(|| {
        match &contender.run {
            Run::Floor { bytecode, marks } => Usage::of_thread(|| floor::walk(bytecode, *marks)),
            Run::Program(words) => in_a_process_of_its_own(words),
            Run::Scrape => exporter.map_or(Err("the exporter does not run".into()), Exporter::scrape),
        }
        // A boxed error may not leave its thread.
        .map_err(|error| error.to_string())
    })?;
    Ok(usage?)
}

/// Runs this program again, with the word that makes it [`run_only_child`].
fn in_a_process_of_its_own(words: &[String]) -> Result<Usage, Box<dyn Error>> {
    let output = Command::new(env::current_exe()?).arg(ONLY_CHILD).args(words).stdin(Stdio::null()).output()?;
    if !output.status.success() {
        let reason = String::from_utf8_lossy(&output.stderr);
        return Err(reason.lines().next().unwrap_or("it failed and said nothing").into());
    }
    String::from_utf8(output.stdout)?.parse()
}

/// Measures one program; its usage as a line, or the error of a program that fails.
///
/// Exit code 1 is no failure: `grep` and `twscan` answer with it.
pub(crate) fn run_only_child(words: &[String]) -> Result<String, Box<dyn Error>> {
    let (program, arguments) = words.split_first().ok_or("no program to measure")?;
    let (usage, status) = Usage::of_only_child(Command::new(program).args(arguments))?;
    match status.code() {
        Some(0 | 1) => Ok(usage.to_string()),
        _ => Err(format!("{program} ended with {status}").into()),
    }
}

/// The first argument of the process that measures a single child.
pub(crate) const ONLY_CHILD: &str = "only-child";

/// 2 %.
const MOVED_PART: usize = 50;
const MOST_THROWN_AWAY: usize = 30;
