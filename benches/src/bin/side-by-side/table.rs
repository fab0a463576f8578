//! The measurements as Markdown.

use std::error::Error;
use std::fs;
use std::io::{self, Write};
use std::thread;
use std::time::Duration;

use super::contender::FLOOR;
use super::rounds::{Measured, Row};
use super::usage::Usage;

pub(crate) fn write(measured: &Measured, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "\n**{} TIME_WAITs over {} destinations**\n", measured.sockets, measured.destinations)?;
    writeln!(
        out,
        "| | median, ms | least, ms | of the floor | user, ms | system, ms | CPU, of the floor's | peak, MiB |"
    )?;
    writeln!(out, "|---|---:|---:|---:|---:|---:|---:|---:|")?;
    let floor_row = measured.rows.iter().find(|row| row.name == FLOOR);
    for row in &measured.rows {
        let name = row.name.replace('|', "\\|");
        let (user, system) = (row.mean(|usage| usage.user), row.mean(|usage| usage.system));
        let cpu = share(user + system, floor_row.map(|row| row.mean(|usage| usage.user + usage.system)));
        let [user, system] = [user, system].map(millis);
        let ratio = share(row.median(), floor_row.map(Row::median));
        let peak = row.peak().map_or("-".to_owned(), |mib| format!("{mib:.1}"));
        let (median, least) = (millis(row.median()), millis(row.least()));
        writeln!(out, "| `{name}` | {median} | {least} | {ratio} | {user} | {system} | {cpu} | {peak} |")?;
    }
    if !measured.notes.is_empty() {
        writeln!(out)?;
    }
    measured.notes.iter().try_for_each(|note| writeln!(out, "- {note}"))
}

/// What the numbers depend on: the kernel, its hash table, the processor.
pub(crate) fn machine() -> Result<String, Box<dyn Error>> {
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let buckets = fs::read_to_string("/proc/sys/net/ipv4/tcp_ehash_entries").unwrap_or_default();
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    let model = model.trim_start_matches([' ', '\t', ':']);
    let cores = thread::available_parallelism()?;
    Ok(format!(
        "Linux {}, {} buckets in the host's socket table, {cores} cores{}{model}",
        kernel.trim(),
        buckets.trim().trim_start_matches('-'),
        if model.is_empty() { "" } else { " of " },
    ))
}

impl Measured {
    pub(crate) fn median_of(&self, name: &str) -> Option<Duration> {
        self.rows.iter().find(|row| row.name == name).map(Row::median)
    }
}

impl Row {
    pub(crate) fn median(&self) -> Duration {
        let mut walls: Vec<_> = self.runs.iter().map(|usage| usage.wall).collect();
        walls.sort_unstable();
        walls.get(walls.len() / 2).copied().unwrap_or_default()
    }

    pub(crate) fn least(&self) -> Duration {
        self.runs.iter().map(|usage| usage.wall).min().unwrap_or_default()
    }

    /// The kernel tells user from system time by the clock's tick, so one run's share says little.
    pub(crate) fn mean(&self, part: impl Fn(&Usage) -> Duration) -> Duration {
        let sum: Duration = self.runs.iter().map(part).sum();
        sum / u32::try_from(self.runs.len()).unwrap_or(u32::MAX).max(1)
    }

    /// MiB.
    pub(crate) fn peak(&self) -> Option<f64> {
        self.peak.and_then(|kib| u32::try_from(kib).ok()).map(|kib| f64::from(kib) / 1024.0)
    }
}

/// On a machine that others use too, the processor time tells more than the clock.
fn share(time: Duration, floor: Option<Duration>) -> String {
    match floor {
        Some(floor) if !floor.is_zero() => format!("{:.2}", time.as_secs_f64() / floor.as_secs_f64()),
        _ => "-".to_owned(),
    }
}

fn millis(time: Duration) -> String {
    let millis = time.as_secs_f64() * 1e3;
    if millis < 10.0 { format!("{millis:.2}") } else { format!("{millis:.0}") }
}
