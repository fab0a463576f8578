//! What a walk costs, as a sum: buckets that are looked into, sockets of other namespaces that are passed over, own sockets
//! that a filter rejects, own sockets that are sent.

use std::error::Error;
use std::fs;
use std::io::{self, Write};
use std::thread;
use std::time::Duration;

use twscan_lab::Netns;

use super::floor;
use super::population::Population;
use super::usage::{LONGEST, Usage};

/// Nanoseconds for each thing that a walk meets.
#[derive(Debug, Clone, Copy)]
struct Costs {
    sockets: f64,
    foreign: f64,
    rejected: f64,
    sent: f64,
}

/// Measures walks at each size, and holds the sum against a case that it was not made from.
pub(crate) fn write(sizes: &[usize], rounds: usize, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let buckets = number(fs::read_to_string("/proc/sys/net/ipv4/tcp_ehash_entries")?.trim().trim_start_matches('-'))?;
    let (empty, own_table) = (Netns::new()?, with_a_table_of_its_own()?);
    let nothing = settled(&empty, rounds)?;
    let bucket = nothing / buckets;
    let none = floor::port_9999();
    writeln!(out, "\nAn empty walk takes {:.0} us: {bucket:.2} ns for each of {buckets} buckets.\n", nothing / 1e3)?;
    writeln!(out, "| sockets | foreign, ns | rejected by a filter, ns | sent, ns | in a table of {OWN_BUCKETS}, us |")?;
    writeln!(out, "|---:|---:|---:|---:|---:|")?;
    let mut last = None;
    for sockets in sizes {
        drop(last.take());
        settled(&empty, rounds)?;
        let mut population = Population::new(*sockets, 40)?;
        population.stand(LONGEST)?;
        let each = f64::from(u32::try_from(*sockets)?.max(1));
        let of = |net: &Netns, bytecode: &[u8]| -> Result<f64, Box<dyn Error>> {
            Ok((median(net, bytecode, rounds)? - nothing) / each)
        };
        let costs = Costs {
            sockets: each,
            foreign: of(&empty, &[])?,
            rejected: of(population.net(), &none)?,
            sent: of(population.net(), &[])?,
        };
        let apart = median(&own_table, &[], rounds)? / 1e3;
        let Costs { foreign, rejected, sent, .. } = costs;
        writeln!(out, "| {sockets} | {foreign:.0} | {rejected:.0} | {sent:.0} | {apart:.0} |")?;
        last = Some((costs, population));
    }
    let Some((costs, mut first)) = last else { return Ok(()) };
    let mut second = Population::new(first.sockets() / 2, 40)?;
    second.stand(LONGEST)?;
    first.stand(LONGEST)?;
    let half = costs.sockets / 2.0;
    let sum = nothing + costs.sockets * costs.foreign + half * costs.sent;
    let took = median(second.net(), &[], rounds)?;
    writeln!(
        out,
        "\nThe sum for {half} sockets beside {} foreign ones: {:.0} ms; measured: {:.0} ms ({:+.0} %).",
        costs.sockets,
        sum / 1e6,
        took / 1e6,
        (sum / took - 1.0) * 100.0
    )?;
    predict(bucket, buckets, costs, out)?;
    Ok(())
}

/// The walk of an empty namespace, when it takes no less from one second to the next: the kernel takes away what a
/// namespace leaves behind in its own time.
fn settled(empty: &Netns, rounds: usize) -> Result<f64, Box<dyn Error>> {
    let mut before = f64::INFINITY;
    for _ in 0..60 {
        let took = median(empty, &[], rounds)?;
        if took > before * 0.9 {
            return Ok(took.min(before));
        }
        before = took;
        thread::sleep(Duration::from_secs(1));
    }
    Err("what other namespaces leave behind does not go away".into())
}

/// What nobody measures on a small machine.
fn predict(bucket: f64, buckets: f64, costs: Costs, out: &mut impl Write) -> io::Result<()> {
    let walk = |buckets: f64, foreign: f64, sent: f64| {
        Duration::from_secs_f64((buckets * bucket + foreign * costs.foreign + sent * costs.sent) / 1e9)
    };
    let (million, node) = (1e6, 200.0);
    let each = million / node;
    writeln!(out, "\n| case, by the sum | a walk | all of them |\n|---|---:|---:|")?;
    for (case, one, walks) in [
        ("10 million sockets in one namespace", walk(buckets, 0.0, 10.0 * million), 1.0),
        ("200 namespaces share a table, a million sockets in all", walk(buckets, million - each, each), node),
        ("200 namespaces with a table of 65536 each, a million sockets in all", walk(OWN_BUCKETS, 0.0, each), node),
    ] {
        writeln!(out, "| {case} | {:.1} ms | {:.1} s |", one.as_secs_f64() * 1e3, one.as_secs_f64() * walks)?;
    }
    Ok(())
}

/// A namespace whose sockets are in no table of others (`net.ipv4.tcp_child_ehash_entries`, Linux 6.1).
fn with_a_table_of_its_own() -> Result<Netns, Box<dyn Error>> {
    let parent = Netns::new()?;
    parent.set_sysctl("net.ipv4.tcp_child_ehash_entries", &OWN_BUCKETS.to_string())?;
    Ok(parent.run(Netns::new)??)
}

/// Nanoseconds of the floor's walk.
fn median(net: &Netns, bytecode: &[u8], rounds: usize) -> Result<f64, Box<dyn Error>> {
    let mut walls = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        let usage = net.run(|| Usage::of_thread(|| floor::walk(bytecode, false)).map_err(|error| error.to_string()))?;
        walls.push(usage?.wall);
    }
    walls.sort_unstable();
    Ok(walls.get(rounds / 2).ok_or("no round")?.as_secs_f64() * 1e9)
}

fn number(text: &str) -> Result<f64, Box<dyn Error>> {
    Ok(text.parse()?)
}

const OWN_BUCKETS: f64 = 65_536.0;
