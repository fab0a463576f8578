//! What can go wrong between a request and the end of its dump: each fault has a named error, a number of attempts, and
//! a result that says that it is partial.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests say what they expect by failing")]

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use twscan_core::host::{Host, Source};
use twscan_core::procfs::ProcFs;
use twscan_core::sample::{Incomplete, Sampler};
use twscan_core::sock_diag::{Dump, DumpRequest};
use twscan_core::socket::{SocketRecord, StateSet};
use twscan_core::tally::Tally;
use twscan_core::transport::{Script, Transport};
use twscan_core::wire::{InetDiagMsgBuilder, NLM_F_MULTI, append_message, kind};
use twscan_core::{Error, Scan};

type Answer = Result<Vec<u8>, Error>;

/// A TIME_WAIT with this local port.
fn socket(port: u16, flags: u16) -> Vec<u8> {
    let mut payload = Vec::new();
    InetDiagMsgBuilder::new(6)
        .local(([10, 0, 0, 1], port).into())
        .remote(([10, 0, 0, 2], 5432).into())
        .timer(3, 30_000)
        .cookie(u64::from(port))
        .append_payload(&mut payload);
    let mut message = Vec::new();
    append_message(kind::TCPDIAG_GETSOCK, NLM_F_MULTI | flags, 0, 0, &payload, &mut message);
    message
}

fn sockets(ports: std::ops::Range<u16>) -> Vec<u8> {
    ports.flat_map(|port| socket(port, 0)).collect()
}

fn message(kind: u16, payload: &[u8]) -> Vec<u8> {
    let mut message = Vec::new();
    append_message(kind, NLM_F_MULTI, 0, 0, payload, &mut message);
    message
}

fn done(errno: i32) -> Vec<u8> {
    message(kind::DONE, &(-errno).to_ne_bytes())
}

fn refused(errno: i32) -> Vec<u8> {
    message(kind::ERROR, &(-errno).to_ne_bytes())
}

fn os(errno: i32) -> io::Error {
    io::Error::from_raw_os_error(errno)
}

/// A host whose n-th channel answers with the n-th script, and how many channels were opened.
fn host(scripts: impl IntoIterator<Item = Script>) -> (Host, Arc<AtomicUsize>) {
    let scripts = Mutex::new(scripts.into_iter().collect::<VecDeque<_>>());
    let opened = Arc::new(AtomicUsize::new(0));
    let counter = opened.clone();
    let open = move || {
        counter.fetch_add(1, Ordering::Relaxed);
        let script = scripts.lock().unwrap().pop_front().unwrap_or_default();
        Ok(Box::new(script) as Box<dyn Transport>)
    };
    (Host::new(open, ProcFs::new("/nonexistent")).with_source(Source::NetlinkOneWalk), opened)
}

fn patched(mut datagram: Vec<u8>, at: usize, bytes: &[u8]) -> Vec<u8> {
    datagram[at..at + bytes.len()].copy_from_slice(bytes);
    datagram
}

/// The faults of a dump that has begun: their name, the datagrams after two good sockets, the text to expect, and
/// whether another attempt is made.
fn faults() -> Vec<(&'static str, Vec<Answer>, &'static str, bool)> {
    let one = || sockets(2..3);
    vec![
        ("silence", vec![], "the kernel sent nothing", true),
        ("a datagram longer than the buffer", vec![Ok(vec![0; 40_000])], "does not fit the receive buffer", true),
        ("length 0", vec![Ok(patched(one(), 0, &0u32.to_ne_bytes()))], "malformed message length", true),
        ("length 15", vec![Ok(patched(one(), 0, &15u32.to_ne_bytes()))], "malformed message length", true),
        (
            "an odd length that cuts the socket",
            vec![Ok(patched(one(), 0, &87u32.to_ne_bytes()))],
            "inet_diag_msg",
            true,
        ),
        ("a length beyond the datagram", vec![Ok(patched(one(), 0, &90u32.to_ne_bytes()))], "malformed message", true),
        ("half a header", vec![Ok(vec![1; 9])], "malformed message header", true),
        ("another sequence", vec![Ok(patched(one(), 8, &7u32.to_ne_bytes()))], "sequence 7", true),
        ("a foreign port id", vec![Ok(patched(one(), 12, &7u32.to_ne_bytes()))], "port id 7", true),
        ("NLMSG_DONE with ENOBUFS", vec![Ok(done(105))], "ended the dump after 2 sockets: No buffer space", true),
        ("NLMSG_DONE with EPERM", vec![Ok(done(1))], "ended the dump after 2 sockets: Operation not permitted", false),
        ("NLMSG_ERROR with ENOMEM", vec![Ok(refused(12))], "the kernel is short of memory; try again", true),
        ("NLMSG_ERROR with EINVAL", vec![Ok(refused(22))], "ended the dump after 2 sockets: Invalid argument", false),
        ("NLMSG_ERROR without an errno", vec![Ok(message(kind::ERROR, &[]))], "ended the dump after 2 sockets", true),
        ("NLMSG_OVERRUN", vec![Ok(message(kind::OVERRUN, &[]))], "No buffer space", true),
        ("recv: ENOBUFS", vec![Err(Error::Receive { cause: os(105) })], "cannot receive the kernel's answer", true),
        ("recv: ENOMEM", vec![Err(Error::Receive { cause: os(12) })], "the kernel is short of memory", true),
        ("recv: EBADF", vec![Err(Error::Receive { cause: os(9) })], "cannot receive the kernel's answer", false),
        ("NLM_F_DUMP_INTR", vec![Ok([socket(2, 0x10), done(0)].concat())], "its table changed during the dump", true),
        (
            "datagrams without an end or a socket",
            (0..1100).map(|_| Ok(message(kind::NOOP, &[]))).collect(),
            "did not end",
            false,
        ),
        ("empty datagrams", (0..1100).map(|_| Ok(Vec::new())).collect(), "did not end", false),
    ]
}

fn broken(fault: &[Answer]) -> Script {
    let fault = fault.iter().map(|answer| match answer {
        Ok(datagram) => Ok(datagram.clone()),
        Err(Error::Receive { cause }) => Err(Error::Receive { cause: os(cause.raw_os_error().unwrap()) }),
        Err(other) => panic!("{other}"),
    });
    Script::new([Ok(sockets(0..2))].into_iter().chain(fault))
}

fn whole() -> Script {
    Script::new([Ok(sockets(0..5)), Ok(done(0))])
}

#[test]
fn a_fault_is_retried_twice_and_then_named_beside_what_there_is() {
    for (name, fault, text, again) in faults() {
        let (host, opened) = host([broken(&fault), broken(&fault), broken(&fault), whole()]);
        let walk = host.tally(StateSet::ALL, &[], Ports::default).unwrap();
        let error = walk.interruption.unwrap_or_else(|| panic!("{name}: a silent half")).chain();
        assert!(error.contains(text), "{name}: {error}");
        assert_eq!(opened.load(Ordering::Relaxed), if again { 3 } else { 1 }, "{name}");
        let ports = walk.tally.0;
        assert_eq!(ports[..2], [0, 1], "{name}: what came before the fault is kept, and once");
        assert!(ports.len() <= 3, "{name}: {ports:?}");
    }
}

#[test]
fn a_second_attempt_counts_from_zero() {
    for (name, fault, _, again) in faults() {
        if again {
            let (host, opened) = host([broken(&fault), whole()]);
            let walk = host.tally(StateSet::ALL, &[], Ports::default).unwrap();
            assert!(walk.interruption.is_none(), "{name}");
            assert_eq!((walk.tally.0.len(), walk.dump.sockets), (5, 5), "{name}");
            assert_eq!(opened.load(Ordering::Relaxed), 2, "{name}");
        }
    }
}

#[test]
fn counts_and_samples_retry_too_and_say_when_they_are_partial() {
    let fault = || broken(&[Ok(done(105))]);
    let (again, _) = host([fault(), whole()]);
    let count = Scan::of(again).count().unwrap();
    assert_eq!((count.sockets, count.complete), (5, true));

    let (never, _) = host([fault(), fault(), fault()]);
    let count = Scan::of(never).count().unwrap();
    assert_eq!((count.sockets, count.complete), (2, false));

    // The walk of the listeners comes first.
    let listeners = || Script::new([Ok(done(0))]);
    let (again, _) = host([listeners(), fault(), whole()]);
    let sample = Sampler::new(&again).take().unwrap();
    assert_eq!((sample.states.total(), sample.provenance.complete()), (5, true));

    let (never, opened) = host([listeners(), fault(), fault(), fault()]);
    let sample = Sampler::new(&never).take().unwrap();
    assert_eq!((sample.states.total(), opened.load(Ordering::Relaxed)), (2, 4));
    let Some(Incomplete::BrokenOff(error)) = sample.provenance.incomplete else { panic!("{:?}", sample.provenance) };
    assert!(matches!(*error, Error::Aborted { sockets: 2, .. }), "{error:?}");
}

#[test]
fn listeners_that_are_not_all_known_are_an_error() {
    let fault = || broken(&[Ok(done(105))]);
    let (host, _) = host([fault(), fault(), fault()]);
    assert!(matches!(host.listening_ports(), Err(Error::Aborted { sockets: 2, .. })));
}

#[test]
fn a_refusal_says_what_to_do_and_only_what_may_pass_is_asked_again() {
    for (errno, advice, attempts) in [
        (1, "CAP_NET_ADMIN", 1),
        (22, "does not know the request", 1),
        (2, "tcp_diag module is absent", 1),
        (95, "does not know the request", 1),
        (16, "another dump was under way", 3),
        (105, "short of memory", 3),
        (12, "short of memory", 3),
    ] {
        for answer in [refused(errno), done(errno)] {
            let (host, opened) = host((0..9).map(|_| Script::new([Ok(answer.clone())])));
            let error = host.tally(StateSet::ALL, &[], Ports::default).unwrap_err();
            assert!(matches!(&error, Error::Refused { .. }), "{error:?}");
            assert_eq!(error.raw_os_error(), Some(errno));
            assert!(error.chain().contains(advice), "{}", error.chain());
            assert_eq!(opened.load(Ordering::Relaxed), attempts, "errno {errno}");
        }
    }
}

#[test]
fn attributes_of_any_length_lose_no_socket() {
    for length in [0u16, 3, 4, 5, 7, 8, 9, u16::MAX] {
        let mut payload = Vec::new();
        InetDiagMsgBuilder::new(1).append_payload(&mut payload);
        payload.extend_from_slice(&length.to_ne_bytes());
        payload.extend_from_slice(&[15, 0, 1, 2, 3, 4]);
        let datagram = [message(kind::TCPDIAG_GETSOCK, &payload), done(0)].concat();
        let mut dump = Dump::start(Script::new([Ok(datagram)]), &DumpRequest::one_walk(StateSet::ALL)).unwrap();
        let mut marks = Vec::new();
        while let Some(batch) = dump.next_batch().unwrap() {
            marks.extend(batch.map(|record| record.mark()));
        }
        assert_eq!(marks.len(), 1, "attribute length {length}");
        assert_eq!(marks[0].is_some(), length == 8, "attribute length {length}");
    }
}

#[test]
fn an_endless_dump_is_given_up() {
    let scripts = Script::new((0..100).map(|n| Ok(sockets(n * 100..n * 100 + 100))));
    let mut dump = Dump::start(scripts, &DumpRequest::one_walk(StateSet::ALL)).unwrap().at_most(150);
    let mut seen = 0;
    let error = loop {
        match dump.next_batch() {
            Ok(Some(batch)) => seen += batch.count(),
            Ok(None) => panic!("an end"),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, Error::Endless { sockets: 150 }), "{error}");
    assert_eq!(seen, 150);
    assert!(dump.next_batch().unwrap().is_none(), "after the error it is at its end");
}

#[test]
fn a_batch_dropped_early_hides_no_error() {
    let scripts = Script::new([Ok([sockets(0..3), done(105)].concat())]);
    let mut dump = Dump::start(scripts, &DumpRequest::one_walk(StateSet::ALL)).unwrap();
    drop(dump.next_batch().unwrap());
    assert!(matches!(dump.next_batch(), Err(Error::Aborted { sockets: 3, .. })));
}

#[test]
fn the_kernel_is_asked_through_proc_where_its_memory_is_short() {
    let dir = tempfile::tempdir().unwrap();
    let net = dir.path().join("thread-self/net");
    std::fs::create_dir_all(&net).unwrap();
    let row = "   0: 0100007F:9C40 0100007F:1F90 06 00000000:00000000 03:00001742 00000000     0        0 0 3 0\n";
    std::fs::write(net.join("tcp"), format!("  sl  local_address\n{row}")).unwrap();
    let open = || Ok(Box::new(Script::new([Ok(refused(105))])) as Box<dyn Transport>);
    let host = Host::new(open, ProcFs::new(dir.path()));
    let walk = host.tally(StateSet::ALL, &[], Ports::default).unwrap();
    assert_eq!((walk.source, walk.tally.0.len()), (Source::Procfs, 1));
}

#[test]
fn a_silent_channel_times_out() {
    let (host, opened) = host([]);
    let error = host.sockets(StateSet::ALL, &[]).unwrap_err();
    assert!(matches!(error, Error::Timeout { waited: Duration::ZERO }), "{error}");
    assert_eq!(opened.load(Ordering::Relaxed), 3);
}

/// The local ports seen, in order.
#[derive(Debug, Default)]
struct Ports(Vec<u16>);

impl Tally for Ports {
    fn observe(&mut self, record: &SocketRecord<'_>) {
        self.0.push(record.local_port());
    }
}
