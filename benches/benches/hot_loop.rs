//! The work for each socket, in nanoseconds: `cargo bench -p twscan-benches`.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use twscan_benches::Answer;
use twscan_core::port::{PortRange, PortSet};
use twscan_core::procfs::Settings;
use twscan_core::socket::{SocketRecord, StateSet};
use twscan_core::tally::{Destinations, PortRules, Role, Roles, StateCounts, Tally};
use twscan_core::wire::{InetDiagMsg, Messages, kind};

#[path = "../../crates/twscan/src/render/rows.rs"]
#[allow(dead_code, unreachable_pub, reason = "a module of the binary, which no other crate can name")]
mod rows;

/// Shows every socket to `observe`, by the views alone: no transport, no check of sequence numbers.
fn each(answer: &Answer, mut observe: impl FnMut(&SocketRecord<'_>)) {
    for datagram in answer.datagrams() {
        for message in Messages::new(datagram).map_while(Result::ok) {
            if message.kind() == kind::TCPDIAG_GETSOCK
                && let Ok(msg) = InetDiagMsg::new(message.payload())
            {
                observe(&SocketRecord::new(msg));
            }
        }
    }
}

fn destinations() -> Destinations {
    let mut settings = Settings::default();
    settings.range = PortRange::new(1024, 65_535);
    let listening: PortSet = [8080].into_iter().collect();
    let rules = PortRules::new(&settings, &listening);
    Destinations::new(Roles::new(listening, settings.range), rules)
}

fn per_socket(criterion: &mut Criterion) {
    let answer = Answer::new(100_000, 40);
    let sockets = answer.sockets() as u64;
    let mut group = criterion.benchmark_group("per socket");
    group.throughput(Throughput::Elements(sockets));
    group.bench_function("view and state tally", |bencher| {
        bencher.iter(|| {
            let mut counts = StateCounts::default();
            each(black_box(&answer), |record| counts.observe(record));
            assert_eq!(counts.total(), sockets);
        });
    });
    group.bench_function("dump and state tally", |bencher| {
        bencher.iter_batched(
            || answer.host().sockets(StateSet::ALL, &[]).unwrap(),
            |mut dump| {
                let mut counts = StateCounts::default();
                dump.observe(&mut counts).unwrap();
                assert_eq!(counts.total(), sockets);
            },
            BatchSize::PerIteration,
        );
    });
    for groups in [40, 200_000] {
        let answer = if groups == 40 { answer.clone() } else { Answer::new(groups, groups) };
        group.throughput(Throughput::Elements(answer.sockets() as u64));
        group.bench_function(format!("view and {groups} destinations"), |bencher| {
            bencher.iter_batched_ref(
                destinations,
                |tally| {
                    each(black_box(&answer), |record| tally.observe(record));
                    assert_eq!(tally.len(), groups);
                },
                BatchSize::PerIteration,
            );
        });
    }
    group.throughput(Throughput::Elements(sockets));
    let mut lines = Vec::with_capacity(400 * answer.sockets());
    let mut row = |name: &str, write: fn(&SocketRecord<'_>, Role, &mut Vec<u8>) -> std::io::Result<()>| {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                lines.clear();
                each(black_box(&answer), |record| write(record, Role::Outbound, &mut lines).unwrap());
                let written = lines.iter().filter(|byte| **byte == b'\n').count();
                assert_eq!(written as u64, sockets);
            });
        });
    };
    row("row", rows::row);
    row("jsonl row", rows::json_line);
    group.finish();
}

criterion_group!(benches, per_socket);
criterion_main!(benches);
