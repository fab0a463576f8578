//! `twscan logs` beside `grep -c` and `rg -c` on the same nginx error log.
//!
//! `cargo build --release -p twscan`, then `cargo run --release -p twscan-benches --bin log-lines`. The log is made in a
//! temporary directory and is in the page cache when the clock starts.

use std::error::Error;
use std::io::{self, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use twscan_benches::error_log;

fn main() -> Result<(), Box<dyn Error>> {
    let twscan = std::env::current_exe()?.with_file_name("twscan");
    let twscan = format!("{} logs --no-host --json {{}} | grep -m1 '\"events\"' | tr -dc 0-9", twscan.display());
    let path = std::env::temp_dir().join(format!("twscan-log-lines-{}.log", std::process::id()));
    let mut out = io::stdout();
    for failures_in_1000 in [0, 10, 1000] {
        let log = error_log(BYTES, failures_in_1000);
        std::fs::write(&path, &log)?;
        writeln!(out, "{} MB, {failures_in_1000} failures in 1000 lines:", log.len() / 1_000_000)?;
        for (name, command) in [("twscan logs", twscan.as_str()), ("grep -c", GREP), ("rg -c", RG)] {
            let command = command.replace("{}", &path.display().to_string());
            match measure(&command)? {
                Some((best, count)) => writeln!(
                    out,
                    "  {name:<12} {:>6} ms {:>6} MB/s  counts {count}",
                    best.as_millis(),
                    log.len() as u128 / best.as_micros().max(1)
                )?,
                None => writeln!(out, "  {name:<12} is not here")?,
            }
        }
    }
    Ok(std::fs::remove_file(&path)?)
}

/// The best time of a few rounds and what was printed; `None` where the shell has no such command.
fn measure(command: &str) -> io::Result<Option<(Duration, String)>> {
    let mut best = Duration::MAX;
    let mut printed = String::new();
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let output = Command::new("sh").args(["-c", command]).stderr(Stdio::null()).output()?;
        best = best.min(start.elapsed());
        if output.status.code() == Some(127) {
            return Ok(None);
        }
        printed = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    }
    Ok(Some((best, printed)))
}

const BYTES: usize = 300_000_000;
const ROUNDS: usize = 5;
const GREP: &str = "grep -c 'Cannot assign requested address' {}";
/// Without a match ripgrep prints nothing.
const RG: &str = "rg -c 'Cannot assign requested address' {}";
