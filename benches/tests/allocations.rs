//! Memory is taken for groups, never for sockets.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use allocation_counter::{AllocationInfo, measure};
use twscan_benches::Answer;
use twscan_core::sample::Sampler;
use twscan_core::tally::StateCounts;

fn allocations(answer: &Answer, read: impl FnOnce(&Answer)) -> AllocationInfo {
    measure(|| read(answer))
}

fn count_states(answer: &Answer) {
    let mut counts = StateCounts::default();
    answer.host().sockets(twscan_core::socket::StateSet::ALL, &[]).unwrap().observe(&mut counts).unwrap();
    assert_eq!(counts.total(), answer.sockets() as u64);
}

fn sample(answer: &Answer) {
    let host = answer.host();
    let sample = Sampler::new(&host).take().unwrap();
    assert_eq!(sample.states.total(), answer.sockets() as u64);
}

#[test]
fn a_hundred_thousand_sockets_take_no_more_allocations_than_a_thousand() {
    for read in [count_states, sample] {
        let [few, many] = [1_000, 100_000].map(|sockets| allocations(&Answer::new(sockets, 40), read));
        assert_eq!(few.count_total, many.count_total);
        assert_eq!(few.count_max, many.count_max);
    }
}

#[test]
fn memory_does_not_grow_with_the_sockets() {
    let [few, many] = [1_000, 100_000].map(|sockets| allocations(&Answer::new(sockets, 40), sample));
    assert_eq!(few.bytes_max, many.bytes_max);
    assert!(many.bytes_max < 256 * 1024, "{} bytes", many.bytes_max);
}
