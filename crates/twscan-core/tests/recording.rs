//! A recording answers as the host did when it was taken, and damage to its file costs no more than what is damaged.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests say what they expect by failing")]

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;
use twscan_core::Error;
use twscan_core::capture::{Absent, RecordOptions, RecordedSample, Recording};
use twscan_core::filter::{Filter, NumbersOnly, explicit_binds};
use twscan_core::host::{Host, Source};
use twscan_core::port::PortRange;
use twscan_core::procfs::{ProcFs, TwReuse};
use twscan_core::report::{ByDestReport, Destination, SocketRow, SummaryReport};
use twscan_core::sample::Sampler;
use twscan_core::sock_diag::DumpStats;
use twscan_core::socket::{SocketRecord, StateSet, TcpState};
use twscan_core::tally::Role;
use twscan_core::transport::{Cancel, Script, Transport};
use twscan_core::wire::{AF_INET6, InetDiagMsgBuilder, NLM_F_MULTI, append_message, kind};
use twscan_lab::{Dial, First, Listener, every_state, test_in_netns, time_waits};

fn summary(host: &Host) -> Value {
    serde_json::to_value(SummaryReport::new(&Sampler::new(host).take().unwrap(), 10)).unwrap()
}

fn by_dest(host: &Host) -> Value {
    let sample = Sampler::new(host).states(StateSet::PORT_HOLDERS).take().unwrap();
    serde_json::to_value(ByDestReport::new(&sample, None, Destination::most_sockets_first, None)).unwrap()
}

fn rows(host: &Host, states: StateSet) -> (Vec<String>, DumpStats) {
    let mut sockets = host.sockets(states, &[]).unwrap();
    let mut rows = Vec::new();
    sockets
        .observe(&mut |record: &SocketRecord<'_>| {
            rows.push(serde_json::to_string(&SocketRow::new(record, Role::Ambiguous)).unwrap());
        })
        .unwrap();
    (rows, sockets.stats())
}

fn file(samples: &[RecordedSample]) -> Vec<u8> {
    let mut bytes = Vec::new();
    Recording::begin(&mut bytes).unwrap();
    samples.iter().for_each(|sample| sample.write(&mut bytes).unwrap());
    bytes
}

fn through_a_file(sample: &RecordedSample) -> Recording {
    let recording = Recording::read(file(std::slice::from_ref(sample)).as_slice(), "file").unwrap();
    assert_eq!((recording.missing(), recording.samples().len()), (None, 1));
    recording
}

/// What may differ between a document and its replay.
fn but_for_replayed_from(mut document: Value, from: &Value) -> Value {
    assert_eq!(&document["replayed_from"], from);
    document.as_object_mut().unwrap().remove("replayed_from");
    document
}

fn script_of(count: u16) -> Script {
    let mut datagrams = Vec::new();
    for chunk in (0..count).collect::<Vec<_>>().chunks(300) {
        let mut datagram = Vec::new();
        for port in chunk {
            let mut payload = Vec::new();
            let state = [1, 6, 6, 6, 10, 7, 5][usize::from(port % 7)];
            let builder = InetDiagMsgBuilder::new(state)
                .timer(if state == 6 { 3 } else { 0 }, u32::from(*port) * 3)
                .cookie(u64::from(*port))
                .owner(u32::from(*port), 7);
            let builder = if port % 5 == 0 {
                builder
                    .family(AF_INET6)
                    .local(format!("[2001:4860::1]:{port}").parse().unwrap())
                    .remote("[2001:4860::2]:443".parse().unwrap())
            } else {
                builder.local(([8, 8, 8, 8], *port).into()).remote(([10, 0, 0, 2], 5432).into())
            };
            builder.append_payload(&mut payload);
            append_message(kind::TCPDIAG_GETSOCK, NLM_F_MULTI, 0, 0, &payload, &mut datagram);
        }
        datagrams.push(Ok(datagram));
    }
    let mut end = Vec::new();
    append_message(kind::DONE, NLM_F_MULTI, 0, 0, &0i32.to_ne_bytes(), &mut end);
    datagrams.push(Ok(end));
    Script::new(datagrams)
}

fn scripted(count: u16) -> Host {
    let open = move || Ok(Box::new(script_of(count)) as Box<dyn Transport>);
    let files = [
        ("sys/net/ipv4/ip_local_port_range", "32768\t60999\n"),
        ("sys/kernel/hostname", "db-17\n"),
        ("thread-self/net/sockstat", "TCP: inuse 3 orphan 0 tw 4 alloc 5 mem 1\n"),
        ("thread-self/ns/net", "net:[4026531840]"),
        ("uptime", "12.5 30\n"),
    ];
    let files = files.map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec()));
    Host::new(open, ProcFs::from_files(files)).with_source(Source::NetlinkOneWalk)
}

#[test]
fn a_replay_says_whether_a_filter_was_run() -> Result<(), twscan_lab::Error> {
    test_in_netns(|net| {
        net.run(|| {
            let listener = Listener::bind("127.0.0.1:9101".parse().unwrap()).unwrap();
            let _open = listener.connection(&Dial::to(listener.address())).unwrap().unwrap();
            let filter = Filter::parse("sport = :9101", &NumbersOnly).unwrap().bytecode();
            let live = Host::live();
            let replay = through_a_file(&RecordedSample::record(&live, &RecordOptions::new()).unwrap());
            let replay = replay.last().host("file");
            let seen = |host: &Host, bytecode: &[u8]| {
                let mut sockets = host.sockets(StateSet::ALL, bytecode).unwrap();
                let mut count = 0;
                sockets.observe(&mut |_: &SocketRecord<'_>| count += 1).unwrap();
                (sockets.is_filtered(), count)
            };
            assert_eq!((seen(&live, &filter), seen(&replay, &filter)), ((true, 2), (false, 3)));
            // What no message tells was asked for when it was recorded.
            let connected = !(StateSet::LISTEN | StateSet::TIME_WAIT);
            let explicit = |host: &Host| host.sockets(connected, &explicit_binds()).unwrap().is_filtered();
            assert!(explicit(&live) && explicit(&replay));
        })
        .unwrap();
    })
}

#[test]
fn a_replay_of_the_kernel_gives_the_same_documents() -> Result<(), twscan_lab::Error> {
    test_in_netns(|net| {
        net.set_sysctl("net.ipv4.tcp_tw_reuse", "0").unwrap();
        net.run(|| {
            let listener = Listener::bind("127.0.0.1:9101".parse().unwrap()).unwrap();
            let v6 = Listener::bind("[::1]:9102".parse().unwrap()).unwrap();
            assert_eq!(time_waits(&Dial::to(listener.address()), &listener, 700, First::Client).unwrap().stopped, None);
            assert_eq!(time_waits(&Dial::to(v6.address()), &v6, 300, First::Client).unwrap().stopped, None);
            let _states = every_state("127.0.0.1".parse().unwrap(), 3).unwrap();
            for source in [Source::NetlinkOneWalk, Source::NetlinkTwoWalks, Source::Procfs] {
                let live = Host::live().with_source(source);
                let recorded = RecordedSample::record(&live, &RecordOptions::new()).unwrap();
                assert_eq!(recorded.source(), source);
                // A recording of the live walk and one of its own replay are the same file, byte by byte.
                let recording = through_a_file(&recorded);
                let replay = recording.last().host("file");
                let again = RecordedSample::record(&replay, &RecordOptions::new()).unwrap();
                assert_eq!(through_a_file(&again).last().at(), recorded.at());
                for document in [summary, by_dest] {
                    let first = but_for_replayed_from(document(&recorded.host("memory")), &"memory".into());
                    let second = but_for_replayed_from(document(&replay), &"file".into());
                    assert_eq!(first, second);
                    let third = but_for_replayed_from(document(&again.host("again")), &"again".into());
                    assert_eq!(first, third);
                    assert_eq!(first["source"], source.name());
                    assert_eq!(first["complete"], true);
                }
                // Against the kernel itself: everything but the walk's own figures, and the minute that runs.
                let (mut now, mut then) = (summary(&live), summary(&replay));
                for document in [&mut now, &mut then] {
                    assert!(document["dump"]["sockets"].as_u64().unwrap() > 1000);
                    // The recorder has a socket more of its own.
                    document["totals"]["sockets"] = Value::Null;
                    // Of the whole host, where others are at work.
                    document["totals"]["tcp"]["orphaned"] = Value::Null;
                    for key in ["dump", "captured_at", "replayed_from"] {
                        document.as_object_mut().unwrap().remove(key);
                    }
                }
                assert_eq!(now, then, "{source:?}");
            }
        })
        .unwrap();
    })
}

#[test]
fn any_states_are_answered_from_what_was_recorded() {
    let host = scripted(2100);
    let recorded = RecordedSample::record(&host, &RecordOptions::new()).unwrap();
    let replay = through_a_file(&recorded).last().host("file");
    for (states, expected) in [
        (StateSet::PORT_HOLDERS, 2100),
        (StateSet::ALL, 1800),
        (StateSet::TIME_WAIT, 900),
        (StateSet::LISTEN, 300),
        (StateSet::of(TcpState::BoundInactive), 300),
        (StateSet::of(TcpState::Close), 0),
        (StateSet::EMPTY, 0),
    ] {
        assert_eq!(rows(&replay, states).0.len(), expected, "{states:?}");
    }
    let (live, stats) = rows(&host, StateSet::PORT_HOLDERS);
    let (replayed, replayed_stats) = rows(&replay, StateSet::PORT_HOLDERS);
    assert_eq!(live, replayed);
    assert_eq!((stats.datagrams, stats.bytes), (replayed_stats.datagrams, replayed_stats.bytes));
    // A filter is left to the reader.
    let mut sockets = replay.sockets(StateSet::ALL, &[1, 4, 0, 8]).unwrap();
    assert!(!sockets.is_filtered());
    while sockets.next_batch().unwrap().is_some() {}
    assert_eq!(sockets.stats().sockets, 1800);
}

#[test]
fn a_walk_that_broke_off_stays_partial() {
    let mut end = Vec::new();
    append_message(kind::DONE, 0, 0, 0, &(-105i32).to_ne_bytes(), &mut end);
    let mut socket = Vec::new();
    let mut payload = Vec::new();
    InetDiagMsgBuilder::new(1).append_payload(&mut payload);
    append_message(kind::TCPDIAG_GETSOCK, 0, 0, 0, &payload, &mut socket);
    for fault in [vec![Ok(end)], vec![]] {
        let scripts: VecDeque<Script> = (0..3)
            .map(|_| {
                let end = fault.iter().map(|answer: &Result<Vec<u8>, ()>| Ok(answer.clone().unwrap()));
                Script::new([Ok(socket.clone())].into_iter().chain(end))
            })
            .collect();
        let scripts = Mutex::new(scripts);
        let open = move || Ok(Box::new(scripts.lock().unwrap().pop_front().unwrap_or_default()) as Box<dyn Transport>);
        let host = Host::new(open, ProcFs::from_files([])).with_source(Source::NetlinkOneWalk);
        let recorded = RecordedSample::record(&host, &RecordOptions::new()).unwrap();
        let replay = through_a_file(&recorded).last().host("file");
        let walk = replay.tally(StateSet::PORT_HOLDERS, &[], || |_: &SocketRecord<'_>| ()).unwrap();
        assert_eq!(walk.dump.sockets, 1);
        let reason = walk.interruption.expect("a half is no whole in the replay either").chain();
        let expected = if fault.is_empty() { "the kernel sent nothing" } else { "the kernel ended the dump after 1" };
        assert!(reason.starts_with(expected), "{reason}");
    }
}

/// The first attempt breaks off, and there is no second one.
#[test]
fn a_walk_that_is_cancelled_before_it_is_begun_again_is_not_recorded_as_another() {
    let (cancel, opened) = (Cancel::new(), AtomicUsize::new(0));
    let handle = cancel.clone();
    let open = move || {
        if opened.fetch_add(1, Ordering::Relaxed) == 1 {
            handle.cancel();
        }
        let mut nothing = Vec::new();
        append_message(kind::NOOP, 0, 0, 0, &[], &mut nothing);
        Ok(Box::new(Script::new([Ok(nothing)])) as Box<dyn Transport>)
    };
    let host = Host::new(open, ProcFs::from_files([])).with_source(Source::NetlinkOneWalk).with_cancel(cancel);
    let error = RecordedSample::record(&host, &RecordOptions::new()).unwrap_err();
    assert!(matches!(error, Error::Cancelled), "{error}");
}

#[test]
fn a_file_cut_off_anywhere_keeps_every_whole_sample() {
    let samples: Vec<_> =
        (1..=3).map(|n| RecordedSample::record(&scripted(n * 150), &RecordOptions::new()).unwrap()).collect();
    let ends: Vec<usize> = (0..=3).map(|n| file(&samples[..n]).len()).collect();
    let bytes = file(&samples);
    for cut in (0..bytes.len()).step_by(997).chain(ends.clone()).chain([7, 8, 9]) {
        let whole = ends.iter().filter(|end| **end <= cut).count().saturating_sub(1);
        match Recording::read(&bytes[..cut], "cut") {
            Ok(recording) => {
                assert_eq!(recording.samples().len(), whole, "cut at {cut}");
                assert_eq!(recording.missing().is_none(), ends.contains(&cut), "cut at {cut}");
                let sockets = rows(&recording.last().host("cut"), StateSet::PORT_HOLDERS).0.len();
                assert_eq!(sockets, whole * 150, "cut at {cut}");
            }
            Err(error) => assert_eq!(whole, 0, "cut at {cut}: {error}"),
        }
    }
}

#[test]
fn a_flipped_byte_costs_its_sample_and_no_other() {
    let samples: Vec<_> =
        (1..=3).map(|n| RecordedSample::record(&scripted(n * 150), &RecordOptions::new()).unwrap()).collect();
    let ends: Vec<usize> = (0..=3).map(|n| file(&samples[..n]).len()).collect();
    let bytes = file(&samples);
    for at in (0..bytes.len()).step_by(499).chain(0..100) {
        let mut flipped = bytes.clone();
        flipped[at] ^= 0x41;
        let Ok(recording) = Recording::read(flipped.as_slice(), "flipped") else {
            assert_eq!(at, 7, "only another version of the format cannot be read");
            continue;
        };
        let missing = recording.missing().unwrap_or_else(|| panic!("byte {at}: nobody noticed"));
        assert!(missing.contains("byte") && !missing.contains("more fault"), "{missing}");
        let hit = ends.iter().filter(|end| **end <= at).count();
        let sockets = |sample: &RecordedSample| rows(&sample.host("flipped"), StateSet::PORT_HOLDERS).0.len();
        let found: Vec<_> = recording.samples().iter().map(sockets).collect();
        let expected: Vec<_> = (1..=3).filter(|n| *n != hit).map(|n| n * 150).collect();
        assert_eq!(found, expected, "byte {at}");
    }
}

#[test]
fn an_anonymized_recording_counts_the_same_and_names_nobody() {
    let host = scripted(2100);
    let plain = summary(&RecordedSample::record(&host, &RecordOptions::new()).unwrap().host("x"));
    let options = RecordOptions::new().anonymize();
    let recorded = RecordedSample::record(&host, &options).unwrap();
    let recording = through_a_file(&recorded);
    assert!(recording.last().is_anonymized());
    let hidden = summary(&recording.last().host("x"));
    assert_eq!(plain["states"], hidden["states"]);
    assert_eq!(hidden["hostname"], "anonymous");
    let text = hidden.to_string() + &by_dest(&recording.last().host("x")).to_string();
    for secret in ["2001:4860::1", "db-17"] {
        assert!(!text.contains(secret), "{text}");
    }
    assert!(text.contains("\"10.") && text.contains(":5432"), "what is private can be told, and ports are kept");
    let again = RecordedSample::record(&host, &options).unwrap();
    assert_eq!(by_dest(&again.host("x")), {
        let mut first = by_dest(&recording.last().host("x"));
        first["captured_at"] = by_dest(&again.host("x"))["captured_at"].clone();
        first["dump"]["elapsed_us"] = by_dest(&again.host("x"))["dump"]["elapsed_us"].clone();
        first
    });
}

#[test]
fn what_was_recorded_is_not_overruled() {
    let recorded = RecordedSample::record(&scripted(10), &RecordOptions::new()).unwrap();
    let mut absent = Absent::default();
    absent.tw_reuse = Some(TwReuse::On);
    let recording = through_a_file(&recorded).supply(&absent).unwrap();
    assert_eq!(recording.last().host("x").procfs().settings().unwrap().tw_reuse, Some(TwReuse::On));
    absent.range = PortRange::new(1024, 65535);
    let error = through_a_file(&recorded).supply(&absent).unwrap_err().to_string();
    assert!(error.contains("has its own ip_local_port_range"), "{error}");
}

#[test]
fn what_is_no_recording_is_named() {
    for (bytes, part) in [
        (&b""[..], "it is empty"),
        (b"hello\n", "its content is none that is known"),
        (b"\x89TWSC\r\n\x02", "another version"),
        (b"\x89TWSC\r\n\x01", "it has no sample"),
        (&[0xff; 200], "its content is none that is known"),
    ] {
        let error = Recording::read(bytes, "x").unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn recordings_behind_each_other_are_one() {
    let record = |count| RecordedSample::record(&scripted(count), &RecordOptions::new()).unwrap();
    let both = [file(&[record(7)]), file(&[record(14), record(21)])].concat();
    let recording = Recording::read(both.as_slice(), "both").unwrap();
    assert_eq!((recording.samples().len(), recording.missing()), (3, None));
}

#[test]
fn faults_are_counted_in_plain_words() {
    let sample = RecordedSample::record(&scripted(70), &RecordOptions::new()).unwrap();
    let len = file(std::slice::from_ref(&sample)).len() - 8;
    let bytes = file(&[sample.clone(), sample.clone(), sample.clone(), sample]);
    for (count, part) in [(1, "is left out"), (2, "; 1 more fault"), (3, "; 2 more faults")] {
        let mut bytes = bytes.clone();
        (0..count).for_each(|place| bytes[8 + place * len + 30] ^= 1);
        let recording = Recording::read(bytes.as_slice(), "damaged").unwrap();
        assert!(recording.missing().unwrap().ends_with(part), "{:?}", recording.missing());
    }
}

/// A host with sockets of this state, each with these attributes.
fn with_attributes(attributes: &[u8], count: u16) -> Host {
    let mut datagram = Vec::new();
    for port in 0..count {
        let mut payload = Vec::new();
        InetDiagMsgBuilder::new(1).local(([10, 0, 0, 1], port).into()).append_payload(&mut payload);
        payload.extend_from_slice(attributes);
        append_message(kind::TCPDIAG_GETSOCK, NLM_F_MULTI, 0, 0, &payload, &mut datagram);
    }
    append_message(kind::DONE, NLM_F_MULTI, 0, 0, &0i32.to_ne_bytes(), &mut datagram);
    let open = move || Ok(Box::new(Script::new([Ok(datagram.clone())])) as Box<dyn Transport>);
    Host::new(open, ProcFs::from_files([])).with_source(Source::NetlinkOneWalk)
}

#[test]
fn marks_that_were_not_recorded_are_not_zero() {
    let filter = Filter::parse("fwmark != 5", &NumbersOnly).unwrap();
    let [len, kind] = [8u16, 15].map(u16::to_ne_bytes);
    let marked = [&len[..], &kind, &5u32.to_ne_bytes()].concat();
    for (attributes, count, refused) in [(&marked[..], 3, false), (&[], 3, true), (&[], 0, false)] {
        let recorded = RecordedSample::record(&with_attributes(attributes, count), &RecordOptions::new()).unwrap();
        let outcome = through_a_file(&recorded).last().host("x").sockets_matching(StateSet::ALL, &filter).map(drop);
        assert_eq!(outcome.is_err(), refused, "{outcome:?}");
        if let Err(error) = outcome {
            assert!(error.to_string().starts_with("cannot filter by fwmark: it was not recorded"), "{error}");
        }
    }
}

#[test]
fn a_recorded_name_stays_in_its_line() {
    let files = [("sys/kernel/hostname", "db\nERROR\x1b[2Jx\n"), ("sys/kernel/osrelease", "6\r1\n")];
    let files = files.map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec()));
    let open = || Ok(Box::new(script_of(7)) as Box<dyn Transport>);
    let host = Host::new(open, ProcFs::from_files(files)).with_source(Source::NetlinkOneWalk);
    let recorded = RecordedSample::record(&host, &RecordOptions::new()).unwrap();
    let document = summary(&through_a_file(&recorded).last().host("x"));
    for key in ["hostname", "kernel"] {
        let name = document[key].as_str().unwrap();
        assert!(name.contains('\u{fffd}') && !name.contains(char::is_control), "{name:?}");
    }
}
