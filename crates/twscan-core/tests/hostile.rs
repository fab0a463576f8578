//! Bytes from elsewhere: the committed corpus, and mutations of it, through every parser. What is looked for is a panic, a
//! hang or an allocation that the input does not justify.
//!
//! `TWSCAN_HOSTILE_SECONDS` says how long to mutate, two seconds without it; a failure prints the seed to set as
//! `TWSCAN_HOSTILE_SEED`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests say what they expect by failing")]
#![allow(clippy::cast_possible_truncation, reason = "random numbers are cut to size")]

#[path = "../fuzz/src/lib.rs"]
#[allow(unreachable_pub, missing_docs)]
mod targets;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

type Target = fn(&[u8]);

const TARGETS: [(&str, Target); 5] = [
    ("netlink", targets::netlink),
    ("recording", targets::recording),
    ("proc_files", targets::proc_files),
    ("words", targets::words),
    ("log", targets::log),
];

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures")
}

fn files(directory: &Path) -> Vec<Vec<u8>> {
    let mut paths: Vec<_> = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "{}", directory.display());
    paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

fn corpus(name: &str) -> Vec<Vec<u8>> {
    let mut inputs = files(&fixtures().join("corpus").join(name));
    if name == "recording" {
        inputs.extend(files(&fixtures().join("foreign")));
    }
    if name == "log" {
        inputs.extend(files(&fixtures().join("logs/lines")));
    }
    inputs
}

#[test]
fn the_corpus_passes_through_every_parser() {
    for (name, _) in TARGETS {
        for input in corpus(name) {
            for (_, target) in TARGETS {
                target(&input);
            }
        }
    }
}

#[test]
fn mutations_of_the_corpus_pass_too() {
    let number = |key: &str| std::env::var(key).ok().and_then(|value| value.parse::<u64>().ok());
    let time = Duration::from_secs(number("TWSCAN_HOSTILE_SECONDS").unwrap_or(2));
    let mut seed = number("TWSCAN_HOSTILE_SEED").unwrap_or_else(|| Instant::now().elapsed().as_nanos() as u64 ^ now());
    let corpora = TARGETS.map(|(name, target)| (name, target, corpus(name)));
    let started = Instant::now();
    let mut rounds = 0u64;
    while started.elapsed() < time {
        for (name, target, inputs) in &corpora {
            seed = seed.wrapping_add(1);
            let mut random = Random(seed);
            let input = mutated(inputs, &mut random);
            let begun = Instant::now();
            let outcome = std::panic::catch_unwind(|| target(&input));
            assert!(outcome.is_ok(), "{name}: TWSCAN_HOSTILE_SEED={seed} panics");
            assert!(begun.elapsed() < Duration::from_secs(60), "{name}: TWSCAN_HOSTILE_SEED={seed} hangs");
        }
        rounds += 1;
    }
    assert!(rounds > 0);
}

fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as u64
}

/// xorshift64*: enough for mutations, and the same on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.max(1);
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() >> 16) as usize % limit.max(1)
    }
}

fn mutated(inputs: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut bytes = inputs[random.below(inputs.len())].clone();
    for _ in 0..=random.below(6) {
        let at = random.below(bytes.len());
        let len = random.below(64).min(bytes.len() - at);
        match random.below(8) {
            0 if !bytes.is_empty() => bytes[at] ^= 1 << random.below(8),
            1 if !bytes.is_empty() => bytes[at] = random.next() as u8,
            2 => bytes.truncate(at),
            3 => drop(bytes.drain(at..at + len)),
            4 => {
                let copy = bytes[at..at + len].to_vec();
                let to = random.below(bytes.len());
                bytes.splice(to..to, copy);
            }
            5 if bytes.len() >= at + 4 => {
                let number = [0, 1, 15, 16, 17, 71, 72, 0xffff, 0x7fff_ffff, u32::MAX][random.below(10)];
                bytes[at..at + 4].copy_from_slice(&number.to_le_bytes());
            }
            6 => {
                let other = &inputs[random.below(inputs.len())];
                let from = random.below(other.len());
                let to = (from + random.below(200)).min(other.len());
                bytes.splice(at..at, other[from..to].iter().copied());
            }
            _ => bytes.extend((0..len).map(|_| random.next() as u8)),
        }
    }
    bytes
}
