//! Damage to a recording of every network namespace and of owners costs what is damaged, and is said.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests say what they expect by failing")]

use std::net::{TcpListener, TcpStream};
use std::ops::Range;
use std::process::Command;
use std::time::SystemTime;

use proptest::prelude::any;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};
use support::{Ends, is_child, run_alone};
use twscan_core::capture::{RecordOptions, RecordedSample, Recording};
use twscan_core::host::{Host, Namespaces, Visit};
use twscan_core::netns::NetnsError;
use twscan_core::procfs::owner::Wanted;
use twscan_core::socket::{SocketRecord, StateSet};
use twscan_core::tally::Tally;
use twscan_lab::{Netns, test_in_netns};

mod support;

/// The bytes of a recording, and what each of its samples should say.
struct Whole {
    bytes: Vec<u8>,
    /// By moment: the recorder's own sample, then those of the other namespaces by their inodes.
    moments: Vec<Moment>,
}

struct Moment {
    at: SystemTime,
    own: Range<usize>,
    others: Vec<(Option<u64>, Range<usize>)>,
}

impl Moment {
    fn end(&self) -> usize {
        self.others.last().map_or(self.own.end, |(_, span)| span.end)
    }
}

impl Whole {
    /// Records three moments of three namespaces with sockets.
    fn record() -> Self {
        let mut kept = Vec::new();
        let mut sockets = Vec::new();
        for _ in 0..2 {
            let net = Netns::new().unwrap();
            kept.push(Ends(net.run(|| Command::new("sleep").arg("600").spawn().unwrap()).unwrap()));
            sockets.push(net.run(connected).unwrap());
        }
        sockets.push(connected());
        let (mut bytes, mut moments) = (Vec::new(), Vec::new());
        Recording::begin(&mut bytes).unwrap();
        for _ in 0..3 {
            let sample = RecordedSample::record_everywhere(&Host::live(), &RecordOptions::new().owners()).unwrap();
            let start = bytes.len();
            sample.write(&mut bytes).unwrap();
            let mut spans = spans(&bytes[start..], start).into_iter();
            let namespaces = Namespaces::of(&sample.host("whole")).unwrap();
            let visits = namespaces.visit(|_, _| ()).unwrap().into_iter();
            let read = visits.filter(|(netns, visit)| matches!(visit, Visit::Read(())) && !netns.is_current());
            let own = spans.next().unwrap();
            let others: Vec<_> = read.map(|(netns, _)| netns.inode()).zip(spans.by_ref()).collect();
            assert!(others.len() >= 2 && spans.next().is_none());
            moments.push(Moment { at: sample.at(), own, others });
        }
        Self { bytes, moments }
    }
}

fn connected() -> (TcpListener, Vec<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let ends = (0..3).flat_map(|_| {
        let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        [near, listener.accept().unwrap().0]
    });
    let ends = ends.collect();
    (listener, ends)
}

/// Where each sample begins and ends, by the format as it is documented.
fn spans(bytes: &[u8], offset: usize) -> Vec<Range<usize>> {
    let (mut spans, mut at, mut begun) = (Vec::new(), 0, 0);
    while at < bytes.len() {
        let (kind, stored_len) = (&bytes[at..at + 4], u32::from_le_bytes(bytes[at + 4..at + 8].try_into().unwrap()));
        if kind == b"SMPL" || kind == b"NETN" {
            begun = at;
        }
        at += 20 + stored_len as usize;
        if kind == b"TAIL" {
            spans.push(begun + offset..at + offset);
        }
    }
    spans
}

/// Its sockets and their owners.
fn content(host: &Host) -> (Vec<Option<u64>>, Vec<u32>) {
    let (mut cookies, mut wanted) = (Vec::new(), Wanted::new());
    let mut note = |record: &SocketRecord<'_>| {
        cookies.push(record.cookie());
        wanted.observe(record);
    };
    host.sockets(StateSet::PORT_HOLDERS, &[]).unwrap().observe(&mut note).unwrap();
    let owners = host.owners(&wanted).unwrap();
    (cookies, owners.processes().iter().map(|process| process.pid).collect())
}

/// What of a whole recording is there in a damaged one; `is_hit` says what cannot be, `is_seen` whether that can be known.
fn check(whole: &Whole, reference: &Recording, damaged: &[u8], is_seen: bool, is_hit: impl Fn(&Range<usize>) -> bool) {
    let expected: Vec<_> = whole.moments.iter().filter(|moment| !is_hit(&moment.own)).collect();
    let recording = match Recording::read(damaged, "damaged") {
        Ok(recording) => recording,
        Err(error) => {
            assert!(expected.is_empty(), "{error}");
            return;
        }
    };
    assert_eq!(recording.missing().is_some(), is_seen, "{:?}", recording.missing());
    let found: Vec<_> = recording.samples().iter().map(RecordedSample::at).collect();
    assert_eq!(found, expected.iter().map(|moment| moment.at).collect::<Vec<_>>());
    let mut whole_at = None;
    for (moment, sample) in expected.into_iter().zip(recording.samples()) {
        let same = reference.samples().iter().find(|one| one.at() == moment.at).unwrap();
        let (host, same) = (sample.host("damaged"), same.host("whole"));
        assert_eq!(content(&host), content(&same));
        let (found, originals) = (Namespaces::of(&host).unwrap(), Namespaces::of(&same).unwrap());
        let visits = |namespaces: &Namespaces| {
            let visits = namespaces.visit(|_, host| content(host)).unwrap();
            visits.into_iter().map(|(netns, visit)| (netns.inode(), visit)).collect::<Vec<_>>()
        };
        for ((inode, visit), (original, original_visit)) in visits(&found).into_iter().zip(visits(&originals)) {
            assert_eq!(inode, original);
            let span = moment.others.iter().find(|(other, _)| *other == inode).map(|(_, span)| span);
            match (visit, original_visit) {
                (Visit::Read(one), Visit::Read(other)) => assert_eq!(one, other),
                (Visit::Refused(NetnsError::Lost), Visit::Read(_)) => assert!(is_hit(span.unwrap()), "{span:?}"),
                (one, other) => assert_eq!(format!("{one:?}"), format!("{other:?}")),
            }
        }
        let is_whole = moment.others.iter().all(|(_, span)| !is_hit(span));
        let lost = |(_, visit): &(_, Visit<_>)| matches!(visit, Visit::Refused(NetnsError::Lost));
        assert_eq!(visits(&found).iter().any(lost), !is_whole);
        whole_at = if is_whole { Some(moment.at) } else { whole_at };
    }
    let last = recording.last_everywhere().unwrap();
    assert_eq!(last.at(), whole_at.unwrap_or(recording.last().at()), "the last whole moment is the one to read");
}

/// Runs a test's body in a network namespace of its own, beside no other.
fn alone(test: &str, body: impl FnOnce() + Send) -> Result<(), twscan_lab::Error> {
    test_in_netns(|net| net.run(|| if is_child() { body() } else { run_alone(test) }).unwrap())
}

#[test]
fn damage_costs_the_namespaces_that_it_hits() -> Result<(), twscan_lab::Error> {
    alone("damage_costs_the_namespaces_that_it_hits", || {
        let whole = Whole::record();
        let reference = Recording::read(whole.bytes.as_slice(), "whole").unwrap();
        assert_eq!((reference.missing(), reference.samples().len()), (None, 3));
        check(&whole, &reference, &whole.bytes, false, |_| false);

        // Cut off: within samples, and between them.
        let spans = || {
            whole
                .moments
                .iter()
                .flat_map(|moment| [&moment.own].into_iter().chain(moment.others.iter().map(|(_, span)| span)))
        };
        let step = whole.bytes.len() / 60;
        for cut in (8..whole.bytes.len()).step_by(step).chain(spans().map(|span| span.end)) {
            let between = whole.moments.iter().any(|moment| moment.end() == cut);
            check(&whole, &reference, &whole.bytes[..cut], !between, |span| span.end > cut);
        }

        // Flipped, in several places; behind the version, which another one would be.
        let flips = proptest::collection::vec((any::<Index>(), 1..=u8::MAX), 1..5);
        let config = Config { cases: 80, failure_persistence: None, ..Config::default() };
        TestRunner::new(config)
            .run(&flips, |flips| {
                let mut bytes = whole.bytes.clone();
                let places: Vec<_> = flips.iter().map(|(place, _)| 8 + place.index(bytes.len() - 8)).collect();
                for (place, (_, mask)) in places.iter().zip(&flips) {
                    bytes[*place] ^= mask;
                }
                let changed = |place: &usize| bytes[*place] != whole.bytes[*place];
                let hit: Vec<_> = places.iter().copied().filter(changed).collect();
                check(&whole, &reference, &bytes, !hit.is_empty(), |span| hit.iter().any(|place| span.contains(place)));
                Ok(())
            })
            .unwrap();
    })
}

#[test]
fn who_does_not_know_of_namespaces_reads_the_recorders_own() -> Result<(), twscan_lab::Error> {
    alone("who_does_not_know_of_namespaces_reads_the_recorders_own", || {
        let whole = Whole::record();
        let reference = Recording::read(whole.bytes.as_slice(), "whole").unwrap();
        // What an earlier reader skips: sections of unknown kinds, and what is not between SMPL and TAIL.
        let mut bytes = whole.bytes[..8].to_vec();
        whole.moments.iter().for_each(|moment| bytes.extend_from_slice(&whole.bytes[moment.own.clone()]));
        let recording = Recording::read(bytes.as_slice(), "own alone").unwrap();
        let content = |sample: &RecordedSample| content(&sample.host("damaged"));
        let contents = |recording: &Recording| recording.samples().iter().map(content).collect::<Vec<_>>();
        assert_eq!(contents(&recording), contents(&reference));
    })
}
