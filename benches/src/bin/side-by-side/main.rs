//! The same question put to twscan, to the kernel's floor and to everything else, beside each other.
//!
//! `cargo build --release -p twscan`, then
//! `cargo run --release -p twscan-benches --bin side-by-side -- --sockets 100000,1000000 --svg cost.svg` as root. It makes a
//! network namespace and the sockets in it, and touches nothing of the host's.

mod chart;
mod contender;
mod exporter;
mod floor;
mod model;
mod peak;
mod population;
mod printed;
mod rounds;
mod table;
mod targets;
mod usage;

use std::env;
use std::error::Error;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use crate::population::Population;

/// Measures twscan beside other tools and prints a Markdown table.
#[derive(Debug, Parser)]
struct Args {
    /// How many TIME_WAITs to measure on, one table each
    #[arg(long, value_delimiter = ',', default_value = "100000")]
    sockets: Vec<usize>,
    /// How many loopback destinations they are spread over
    #[arg(long, default_value_t = 40)]
    destinations: usize,
    /// How often everything is run
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// Only what has one of these in its name, and the floor
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// The binary under test; the one beside this program by default
    #[arg(long)]
    twscan: Option<PathBuf>,
    /// Measure what a walk's parts cost instead, and what that makes of larger hosts
    #[arg(long)]
    model: bool,
    /// Draw cost against sockets into this file
    #[arg(long)]
    svg: Option<PathBuf>,
}

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let outcome = match words.split_first() {
        Some((first, words)) if first == rounds::ONLY_CHILD => rounds::run_only_child(words),
        _ => side_by_side(&Args::parse()).map(|()| Vec::new()),
    };
    match outcome.and_then(|output| Ok(io::stdout().write_all(&output)?)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Where even this cannot be written there is nobody to tell.
            let _ = writeln!(io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn side_by_side(args: &Args) -> Result<(), Box<dyn Error>> {
    if args.model {
        let mut out = io::stdout();
        writeln!(out, "{}. Least of {} rounds.", table::machine()?, args.rounds)?;
        return model::write(&args.sockets, args.rounds, &mut out);
    }
    let twscan = args.twscan.clone().map_or_else(beside_this_program, Ok)?;
    let (mut contenders, notes) = contender::all(&twscan);
    if !args.only.is_empty() {
        let wanted = |name: &str| name.starts_with("floor") || args.only.iter().any(|part| name.contains(part));
        contenders.retain(|contender| wanted(&contender.name));
    }
    let mut out = io::stdout();
    writeln!(out, "{}. Median of {} rounds.", table::machine()?, args.rounds)?;
    let mut sizes = Vec::new();
    for sockets in &args.sockets {
        let mut population = Population::new(*sockets, args.destinations)?;
        let measured = rounds::measure(&mut population, &contenders, args.rounds)?;
        table::write(&measured, &mut out)?;
        targets::write(&measured, &mut out)?;
        sizes.push(measured);
    }
    notes.iter().try_for_each(|note| writeln!(out, "- {note}"))?;
    if let Some(path) = &args.svg {
        chart::draw(&sizes, path)?;
    }
    Ok(())
}

/// A release build of twscan is no dependency that cargo could build for a program of another package.
fn beside_this_program() -> Result<PathBuf, Box<dyn Error>> {
    let twscan = env::current_exe()?.with_file_name("twscan");
    if !twscan.is_file() {
        let twscan = twscan.display();
        return Err(format!("there is no {twscan}; build it first: cargo build --release -p twscan").into());
    }
    Ok(twscan)
}
