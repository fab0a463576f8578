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

/// For each thing that a walk can do with a socket.
#[derive(Debug, Clone, Copy)]
struct Each {
    foreign: f64,
    rejected: f64,
    sent: f64,
}

impl Each {
    fn map(self, change: impl Fn(f64) -> f64) -> Self {
        Self { foreign: change(self.foreign), rejected: change(self.rejected), sent: change(self.sent) }
    }
}

/// The walks at one size: nanoseconds beyond those of an empty walk.
#[derive(Debug, Clone, Copy)]
struct Walks {
    sockets: f64,
    took: Each,
}

/// Measures walks at each size, fits the sum to all of them, and holds it against each size and a mixture that it was not
/// fitted to.
pub(crate) fn write(sizes: &[usize], rounds: usize, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let buckets = number(fs::read_to_string("/proc/sys/net/ipv4/tcp_ehash_entries")?.trim().trim_start_matches('-'))?;
    let (empty, own_table) = (Netns::new()?, with_a_table_of_its_own()?);
    let nothing = settled(&empty, rounds)?;
    let bucket = nothing / buckets;
    let none = floor::port_9999();
    writeln!(out, "\nAn empty walk takes {:.0} us: {bucket:.2} ns for each of {buckets} buckets.\n", nothing / 1e3)?;
    writeln!(out, "| sockets | foreign, ns | rejected by a filter, ns | sent, ns | in a table of {OWN_BUCKETS}, us |")?;
    writeln!(out, "|---:|---:|---:|---:|---:|")?;
    let (mut measured, mut last) = (Vec::new(), None);
    for size in sizes.iter().filter(|size| **size > 0) {
        drop(last.take());
        settled(&empty, rounds)?;
        let mut population = Population::new(*size, 40)?;
        population.stand(LONGEST)?;
        let beyond = |net: &Netns, bytecode: &[u8]| -> Result<f64, Box<dyn Error>> {
            Ok(least(net, bytecode, rounds)? - nothing)
        };
        let foreign = beyond(&empty, &[])?;
        let took = Each { foreign, rejected: beyond(population.net(), &none)?, sent: beyond(population.net(), &[])? };
        let apart = least(&own_table, &[], rounds)? / 1e3;
        population.stand(Duration::ZERO)?;
        let sockets = f64::from(u32::try_from(*size)?);
        let Each { foreign, rejected, sent } = took.map(|took| took / sockets);
        writeln!(out, "| {size} | {foreign:.0} | {rejected:.0} | {sent:.0} | {apart:.0} |")?;
        measured.push(Walks { sockets, took });
        last = Some(population);
    }
    let Some(others) = last else { return Ok(()) };
    let costs = fit(&measured);
    writeln!(out, "| all, fitted | {:.0} | {:.0} | {:.0} | |", costs.foreign, costs.rejected, costs.sent)?;
    leave_each_out(&measured, out)?;
    // Of half the size and a quarter, so that both are made while both stand; the larger one first.
    let (foreign, own) = (others.sockets() / 2, others.sockets() / 4);
    drop(others);
    settled(&empty, rounds)?;
    let mut others = Population::new(foreign, 40)?;
    others.stand(LONGEST * 3)?;
    let mut own = Population::new(own, 40)?;
    own.stand(LONGEST)?;
    let took = least(own.net(), &[], rounds)?;
    own.stand(Duration::ZERO)?;
    others.stand(Duration::ZERO)?;
    let [foreign, sent] = [others.sockets(), own.sockets()].map(|sockets| sockets as f64);
    let sum = nothing + foreign * costs.foreign + sent * costs.sent;
    writeln!(
        out,
        "\nThe sum for {sent} sockets beside {foreign} foreign ones: {:.0} ms; measured: {:.0} ms ({:+.0} %).",
        sum / 1e6,
        took / 1e6,
        (sum / took - 1.0) * 100.0
    )?;
    predict(bucket, buckets, costs, out)?;
    Ok(())
}

/// Least squares, nanoseconds a socket: large tables weigh most, since the sum is for those that are larger still.
fn fit(measured: &[Walks]) -> Each {
    let squares: f64 = measured.iter().map(|walks| walks.sockets * walks.sockets).sum();
    let slope =
        |took: fn(&Each) -> f64| measured.iter().map(|walks| walks.sockets * took(&walks.took)).sum::<f64>() / squares;
    Each { foreign: slope(|took| took.foreign), rejected: slope(|took| took.rejected), sent: slope(|took| took.sent) }
}

/// How far the sum is from each size when it is fitted to the others alone.
fn leave_each_out(measured: &[Walks], out: &mut impl Write) -> io::Result<()> {
    if measured.len() < 2 {
        return Ok(());
    }
    writeln!(out, "\n| fitted to the others, at | foreign | rejected | sent |\n|---:|---:|---:|---:|")?;
    for (index, walks) in measured.iter().enumerate() {
        let others = measured.iter().enumerate().filter(|(other, _)| *other != index).map(|(_, walks)| *walks);
        let costs = fit(&others.collect::<Vec<_>>());
        let off = |cost: f64, took: f64| (cost * walks.sockets / took - 1.0) * 100.0;
        let Walks { sockets, took } = walks;
        writeln!(
            out,
            "| {sockets} | {:+.0} % | {:+.0} % | {:+.0} % |",
            off(costs.foreign, took.foreign),
            off(costs.rejected, took.rejected),
            off(costs.sent, took.sent)
        )?;
    }
    Ok(())
}

/// The walk of an empty namespace, when it takes no less from one second to the next: the kernel takes away what a
/// namespace leaves behind in its own time.
fn settled(empty: &Netns, rounds: usize) -> Result<f64, Box<dyn Error>> {
    let mut before = f64::INFINITY;
    for _ in 0..60 {
        let took = least(empty, &[], rounds)?;
        if took > before * 0.9 {
            return Ok(took.min(before));
        }
        before = took;
        thread::sleep(Duration::from_secs(1));
    }
    Err("what other namespaces leave behind does not go away".into())
}

/// What nobody measures on a small machine.
fn predict(bucket: f64, buckets: f64, costs: Each, out: &mut impl Write) -> io::Result<()> {
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

/// Nanoseconds of the floor's walk, the least of all rounds: whatever else the machine does can only add to it.
fn least(net: &Netns, bytecode: &[u8], rounds: usize) -> Result<f64, Box<dyn Error>> {
    let mut least = f64::INFINITY;
    for _ in 0..rounds {
        let usage = net.run(|| Usage::of_thread(|| floor::walk(bytecode, false)).map_err(|error| error.to_string()))?;
        least = least.min(usage?.0.wall.as_secs_f64() * 1e9);
    }
    Ok(least)
}

fn number(text: &str) -> Result<f64, Box<dyn Error>> {
    Ok(text.parse()?)
}

const OWN_BUCKETS: f64 = 65_536.0;

#[cfg(test)]
mod tests {
    use super::*;

    fn walks(sockets: f64, nanos: f64) -> Walks {
        let took = Each { foreign: sockets * nanos, rejected: sockets * 2.0 * nanos, sent: sockets * 3.0 * nanos };
        Walks { sockets, took }
    }

    #[test]
    fn what_is_a_sum_is_fitted_exactly() {
        let costs = fit(&[walks(10.0, 100.0), walks(1000.0, 100.0)]);
        assert_eq!((costs.foreign, costs.rejected, costs.sent), (100.0, 200.0, 300.0));
    }

    #[test]
    fn a_size_that_is_left_out_is_told_by_the_others() {
        let mut out = Vec::new();
        leave_each_out(&[walks(10.0, 50.0), walks(1000.0, 100.0)], &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.ends_with("| 10 | +100 % | +100 % | +100 % |\n| 1000 | -50 % | -50 % | -50 % |\n"), "{text}");
        let mut out = Vec::new();
        leave_each_out(&[walks(10.0, 50.0)], &mut out).unwrap();
        assert!(out.is_empty());
    }
}
