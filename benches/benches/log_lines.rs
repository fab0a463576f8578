//! The work for each line of a log: `cargo bench -p twscan-benches --bench log_lines`.
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot read its own input has to end")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use twscan_benches::error_log;
use twscan_core::log::{LogOptions, LogParser, LogTally, LogZone};

fn per_line(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("log lines");
    for failures_in_1000 in [0, 10, 1000] {
        let log = error_log(16 << 20, failures_in_1000);
        let failures = String::from_utf8_lossy(&log).matches("Cannot assign requested address").count() as u64;
        assert_eq!(failures > 0, failures_in_1000 > 0);
        group.throughput(Throughput::Bytes(log.len() as u64));
        group.bench_function(format!("read, {failures_in_1000} failures in 1000"), |bencher| {
            bencher.iter(|| {
                let options = LogOptions::new().zone(LogZone::Utc);
                let tally = LogTally::read(black_box(log.as_slice()), options).unwrap();
                assert_eq!(tally.events().events, failures);
            });
        });
    }
    let log = error_log(1, 1000);
    let mut parser = LogParser::default();
    group.throughput(Throughput::Elements(1));
    group
        .bench_function("parse a failure", |bencher| bencher.iter(|| assert!(parser.parse(black_box(&log)).is_some())));
    group.finish();
}

criterion_group!(benches, per_line);
criterion_main!(benches);
