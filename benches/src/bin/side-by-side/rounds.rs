//! Rounds: each runs everything once, so that a change of the machine's mood meets all alike.

use std::env;
use std::error::Error;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::contender::{Contender, Run};
use super::exporter::Exporter;
use super::floor;
use super::peak::{self, Watched};
use super::population::{Population, STRAYS};
use super::printed::Printed;
use super::usage::{LONGEST, Usage};

/// A contender's runs.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) runs: Vec<Usage>,
    /// KiB; of the largest process of a pipeline. The floor is no process.
    pub(crate) peak: Option<u64>,
}

/// All runs at one size of the population.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) sockets: usize,
    pub(crate) destinations: usize,
    pub(crate) rows: Vec<Row>,
    pub(crate) notes: Vec<String>,
}

/// # Errors
/// Where the population does not stand, or a contender gives a wrong answer.
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
        // The first run of each is not timed: it warms caches, and tells whether this machine can do it, and its memory.
        match first_run(population, contender, exporter.as_ref()) {
            Ok(First { wall, peak, printed }) => {
                population.judge(contender, &printed)?;
                runs.push(Runs { contender, expected: wall, peak, usages: Vec::new() });
            }
            Err(reason) => notes.push(format!("`{}` is left out: {reason}", contender.name)),
        }
    }
    let mut thrown_away = 0;
    for _ in 0..rounds {
        for Runs { contender, expected, peak, usages } in &mut runs {
            // Addresses differ from run to run, and with them what is mapped around each page that is used.
            if *expected <= WATCHED_AGAIN
                && let Run::Program(words) = &contender.run
            {
                population.stand(LONGEST)?;
                *peak = (*peak).max(Some(population.watch(words)?.peak));
            }
            let usage = loop {
                population.stand(*expected * 3 / 2 + Duration::from_secs(1))?;
                let before = population.count()?;
                let (usage, printed) = run(population, contender, exporter.as_ref())?;
                if before.abs_diff(population.count()?) * MOVED_PART <= population.sockets() + STRAYS {
                    population.judge(contender, &printed)?;
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
    let rows = runs.into_iter().map(|Runs { contender, peak, usages, .. }| Row {
        name: contender.name.clone(),
        runs: usages,
        // What is asked again and again goes on growing.
        peak: if matches!(contender.run, Run::Scrape) { exporter.as_ref().and_then(Exporter::peak) } else { peak },
    });
    let rows = rows.collect();
    Ok(Measured { sockets: population.sockets(), destinations: population.destinations(), rows, notes })
}

struct Runs<'c> {
    contender: &'c Contender,
    expected: Duration,
    peak: Option<u64>,
    usages: Vec<Usage>,
}

impl Population {
    fn watch(&self, words: &[String]) -> Result<Watched, Box<dyn Error>> {
        // A boxed error may not leave its thread.
        Ok(self.net().run(|| peak::watch(words).map_err(|error| error.to_string()))??)
    }

    fn judge(&self, contender: &Contender, printed: &Printed) -> Result<(), Box<dyn Error>> {
        let (sockets, tolerance) =
            if contender.wants_them { (self.sockets(), self.sockets() / MOVED_PART + STRAYS) } else { (0, 0) };
        match contender.answer.mistake(printed, sockets, tolerance) {
            Some(mistake) => Err(format!("a wrong answer: `{}` {mistake}", contender.name).into()),
            None => Ok(()),
        }
    }
}

struct First {
    wall: Duration,
    peak: Option<u64>,
    printed: Printed,
}

fn first_run(
    population: &Population,
    contender: &Contender,
    exporter: Option<&Exporter>,
) -> Result<First, Box<dyn Error>> {
    if let Run::Program(words) = &contender.run {
        let Watched { wall, peak, printed } = population.watch(words)?;
        return Ok(First { wall, peak: Some(peak), printed });
    }
    let (usage, printed) = run(population, contender, exporter)?;
    Ok(First { wall: usage.wall, peak: None, printed })
}

fn run(
    population: &Population,
    contender: &Contender,
    exporter: Option<&Exporter>,
) -> Result<(Usage, Printed), Box<dyn Error>> {
    let outcome = population.net().run(|| {
        match &contender.run {
            Run::Floor { bytecode, marks } => Usage::of_thread(|| floor::walk(bytecode, *marks))
                .map(|(usage, bytes)| (usage, Printed { bytes, ..Printed::default() })),
            Run::Program(words) => in_a_process_of_its_own(words),
            Run::Scrape => exporter.map_or(Err("the exporter does not run".into()), Exporter::scrape),
        }
        // A boxed error may not leave its thread.
        .map_err(|error| error.to_string())
    })?;
    Ok(outcome?)
}

/// Runs this program again, with the word that makes it [`run_only_child`].
fn in_a_process_of_its_own(words: &[String]) -> Result<(Usage, Printed), Box<dyn Error>> {
    let output = Command::new(env::current_exe()?).arg(ONLY_CHILD).args(words).stdin(Stdio::null()).output()?;
    if !output.status.success() {
        let reason = String::from_utf8_lossy(&output.stderr);
        return Err(reason.lines().next().unwrap_or("it failed and said nothing").into());
    }
    let end = output.stdout.iter().position(|byte| *byte == b'\n').ok_or("the measuring process said nothing")?;
    let (line, head) = output.stdout.split_at(end);
    let line = String::from_utf8_lossy(line);
    let (usage, [bytes, lines]) = match line.rsplitn(3, ' ').collect::<Vec<_>>()[..] {
        [lines, bytes, usage] => (usage.parse()?, [bytes.parse()?, lines.parse()?]),
        _ => return Err(format!("not a usage: {line}").into()),
    };
    Ok((usage, Printed { bytes, lines, head: head.get(1..).unwrap_or_default().to_vec() }))
}

/// Measures one program; its usage and how much it printed in a line, and the beginning of what it printed.
///
/// Exit code 1 is no failure: `grep` and `twscan` answer with it.
pub(crate) fn run_only_child(words: &[String]) -> Result<Vec<u8>, Box<dyn Error>> {
    let (program, arguments) = words.split_first().ok_or("no program to measure")?;
    let (usage, Printed { bytes, lines, head }, status) = Usage::of_only_child(Command::new(program).args(arguments))?;
    match status.code() {
        Some(0 | 1) => Ok([format!("{usage} {bytes} {lines}\n").into_bytes(), head].concat()),
        _ => Err(format!("{program} ended with {status}").into()),
    }
}

/// The first argument of the process that measures a single child.
pub(crate) const ONLY_CHILD: &str = "only-child";

/// 2 %.
const MOVED_PART: usize = 50;
const MOST_THROWN_AWAY: usize = 30;
/// What takes longer is watched once.
const WATCHED_AGAIN: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::printed::Answer;

    #[test]
    fn a_wrong_answer_fails_the_run() -> Result<(), twscan_lab::Error> {
        twscan_lab::test_in_netns(|_| {
            let mut population = Population::new(1000, 40).unwrap();
            let contender = |line: &str| {
                let run = Run::Program(["sh", "-c", line].map(str::to_owned).to_vec());
                Contender { name: line.to_owned(), run, answer: Answer::Counts, wants_them: true }
            };
            let error = measure(&mut population, &[contender("echo 5")], 0).unwrap_err().to_string();
            assert_eq!(error, "a wrong answer: `echo 5` tells 5 sockets where there are 1000");
            let measured = measure(&mut population, &[contender("echo 1001"), contender("exit 2")], 0).unwrap();
            assert_eq!(measured.rows.len(), 1);
            assert_eq!(measured.notes.len(), 1, "{:?}", measured.notes);
        })
    }
}
