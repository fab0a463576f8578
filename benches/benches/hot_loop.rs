//! The work for each socket, in nanoseconds: `cargo bench -p twscan-benches`.

#![allow(clippy::unwrap_used, reason = "a bench whose answer is wrong is to stop")]

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use twscan_benches::Answer;
use twscan_core::filter::{Filter, NumbersOnly};
use twscan_core::log::LogParser;
use twscan_core::port::{PortRange, PortSet};
use twscan_core::procfs::Settings;
use twscan_core::socket::{SocketRecord, StateSet};
use twscan_core::tally::{Destinations, PortRules, Role, Roles, StateCounts, Tally};
use twscan_core::wire::{InetDiagMsg, Messages, kind};

#[path = "../../crates/twscan/src/render/rows/mod.rs"]
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
    group.bench_function("view", |bencher| {
        bencher.iter(|| {
            let mut viewed = 0;
            each(black_box(&answer), |record| {
                black_box(record);
                viewed += 1;
            });
            assert_eq!(viewed, sockets);
        });
    });
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
    let filter = Filter::parse(EXPRESSION, &NumbersOnly).unwrap();
    group.bench_function("view and filter", |bencher| {
        bencher.iter(|| {
            let mut wanted = 0;
            each(black_box(&answer), |record| wanted += u64::from(filter.matches(record)));
            assert_eq!(wanted, sockets / 2);
        });
    });
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

fn once(criterion: &mut Criterion) {
    criterion.bench_function("filter to bytecode", |bencher| {
        let filter = Filter::parse(EXPRESSION, &NumbersOnly).unwrap();
        let bytecode = bytecode();
        bencher.iter(|| assert_eq!(black_box(&filter).bytecode(), bytecode));
    });
    for (name, line, events) in [
        (
            "log line, a failure",
            &b"2018/07/19 08:03:23 dial tcp 10.22.0.5:5432: connect: cannot assign requested address"[..],
            1,
        ),
        (
            "log line, an access",
            b"10.0.0.7 - - [19/Jul/2018:08:03:23 +0000] \"GET /v1/items HTTP/1.1\" 200 5120 \"-\" \"curl\"",
            0,
        ),
    ] {
        criterion.bench_function(name, |bencher| {
            let mut parser = LogParser::default();
            bencher.iter(|| assert_eq!(usize::from(parser.parse(black_box(line)).is_some()), events));
        });
    }
}

/// Twenty of the forty destinations.
const EXPRESSION: &str =
    "dport = :8080 and (dst 127.1.0.0/29 or dst 127.1.0.8/30 or dst 127.1.0.16/29) or sport < :1024";

/// The same by hand, as the kernel reads it (net/ipv4/inet_diag.c): what holds goes on behind its operator, what does not
/// jumps forward by so many bytes; to the end is accepted, and four bytes further rejected.
fn bytecode() -> Vec<u8> {
    let op = |code: u8, len: u8, no: u16, payload: &[u8]| [&[code, len][..], &no.to_ne_bytes(), payload].concat();
    let jump = |no| op(1, 4, no, &[]);
    let host = |no, prefix: [u8; 4], port: i32, address: &[u8]| {
        let payload = [&prefix[..], &port.to_ne_bytes(), address].concat();
        op(8, 12 + if address.is_empty() { 0 } else { 4 }, no, &payload)
    };
    let within = |len, last, no| host(no, [2, len, 0, 0], -1, &[127, 1, 0, last]);
    [
        // At 0: sport <= 1023, or on to 12.
        op(3, 8, 12, &[[0, 0], 1023u16.to_ne_bytes()].concat()),
        // At 8: accepted, at 80.
        jump(72),
        // At 12: dport = 8080, or rejected, at 84.
        host(72, [0; 4], 8080, &[]),
        // At 24, 44 and 64: one of three prefixes, or rejected.
        within(29, 0, 20),
        jump(40),
        within(30, 8, 20),
        jump(20),
        within(29, 16, 20),
    ]
    .concat()
}

criterion_group!(benches, per_socket, once);
criterion_main!(benches);
