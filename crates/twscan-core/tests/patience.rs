//! How long a reader waits for a kernel that is silent, endless or interrupted, and how it is made to stop.
#![cfg(all(feature = "live", target_os = "linux"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says what it expects by failing")]

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use twscan_core::host::{Host, Source};
use twscan_core::procfs::ProcFs;
use twscan_core::sample::{Incomplete, Sampler};
use twscan_core::socket::StateSet;
use twscan_core::tally::StateCounts;
use twscan_core::transport::{Cancel, NetlinkSocket, Patience, Script, Transport};
use twscan_core::wire::{InetDiagMsgBuilder, NLM_F_MULTI, append_message, kind};
use twscan_core::{Error, Scan};

mod support;

/// What a channel brings.
#[derive(Debug, Clone, Copy)]
enum Kernel {
    /// Nothing but the end.
    Empty,
    /// Two sockets, and then nothing any more.
    Silent,
    /// A socket to a datagram, for ever.
    Endless,
}

/// A channel to it, which waits as the one to the running kernel does: on a socket that was asked for nothing.
#[derive(Debug)]
struct Channel {
    kernel: Kernel,
    script: Script,
    silence: NetlinkSocket,
    sockets: u64,
}

impl Channel {
    fn socket(&mut self) -> Vec<u8> {
        self.sockets += 1;
        let (mut payload, mut message) = (Vec::new(), Vec::new());
        InetDiagMsgBuilder::new(1).cookie(self.sockets).append_payload(&mut payload);
        append_message(kind::TCPDIAG_GETSOCK, NLM_F_MULTI, 0, 0, &payload, &mut message);
        message
    }
}

impl Transport for Channel {
    fn send(&mut self, request: &[u8]) -> Result<(), Error> {
        let first = match self.kernel {
            Kernel::Empty => {
                let mut end = Vec::new();
                append_message(kind::DONE, NLM_F_MULTI, 0, 0, &0i32.to_ne_bytes(), &mut end);
                end
            }
            Kernel::Silent | Kernel::Endless => [self.socket(), self.socket()].concat(),
        };
        self.script = Script::new([Ok(first)]);
        self.script.send(request)
    }

    fn receive(&mut self, buffer: &mut Vec<u8>) -> Result<(), Error> {
        match self.script.receive(buffer) {
            Err(_) if matches!(self.kernel, Kernel::Endless) => {
                let next = self.socket();
                let request = self.script.sent()[0].clone();
                self.script = Script::new([Ok(next)]);
                self.script.send(&request)?;
                self.script.receive(buffer)
            }
            Err(_) => self.silence.receive(buffer),
            outcome => outcome,
        }
    }

    fn be_patient(&mut self, patience: &Patience) {
        self.silence.be_patient(patience);
    }

    fn port_id(&self) -> u32 {
        0
    }
}

fn channel(kernel: Kernel) -> Result<Box<dyn Transport>, Error> {
    Ok(Box::new(Channel { kernel, script: Script::default(), silence: NetlinkSocket::open()?, sockets: 0 }))
}

/// A host whose channels bring these in turn, and the last one from then on; and how many were opened.
fn host(kernels: &'static [Kernel]) -> (Host, Arc<AtomicUsize>) {
    let opened = Arc::new(AtomicUsize::new(0));
    let count = opened.clone();
    let open = move || channel(kernels[count.fetch_add(1, Ordering::Relaxed).min(kernels.len() - 1)]);
    (Host::new(open, ProcFs::new("/nonexistent")).with_source(Source::NetlinkOneWalk), opened)
}

/// The result, and that it came neither earlier nor, by far, later than this.
fn within<T>(time: Duration, body: impl FnOnce() -> T) -> T {
    let started = Instant::now();
    let result = body();
    let taken = started.elapsed();
    assert!(taken >= time && taken < time + Duration::from_secs(3), "{taken:?} instead of {time:?}");
    result
}

const MOMENT: Duration = Duration::from_millis(100);

#[test]
fn silence_is_borne_as_long_as_one_wants_and_the_walk_begun_again_twice() {
    let (host, opened) = host(&[Kernel::Silent]);
    let count = within(3 * MOMENT, || Scan::of(host.with_patience(MOMENT)).count().unwrap());
    assert_eq!((count.sockets, count.complete, opened.load(Ordering::Relaxed)), (2, false, 3));
    let error = Error::Timeout { waited: MOMENT };
    assert_eq!(error.to_string(), "the kernel sent nothing for 0.1 s and no end of the dump; try again");
}

#[test]
fn a_deadline_ends_a_silent_walk_and_an_endless_one_with_what_was_counted() {
    for kernels in [&[Kernel::Empty, Kernel::Silent], &[Kernel::Empty, Kernel::Endless]] {
        let (host, opened) = host(kernels);
        let host = host.with_deadline(Instant::now() + MOMENT);
        let sample = within(MOMENT, || Sampler::new(&host).take().unwrap());
        assert!(matches!(sample.provenance.incomplete, Some(Incomplete::Deadline)), "{:?}", sample.provenance);
        assert!(sample.states.total() >= 2, "{:?}", sample.states);
        assert_eq!(opened.load(Ordering::Relaxed), 2, "nothing is tried again behind it");
        // Nothing more begins.
        assert!(matches!(within(Duration::ZERO, || Sampler::new(&host).take()), Err(Error::Deadline)));
    }
}

#[test]
fn another_thread_cancels_a_silent_walk_and_an_endless_one() {
    for kernels in [&[Kernel::Empty, Kernel::Silent], &[Kernel::Empty, Kernel::Endless]] {
        let (cancel, (host, opened)) = (Cancel::new(), host(kernels));
        let host = host.with_patience(Duration::from_secs(600)).with_cancel(cancel.clone());
        let walk = || Sampler::new(&host).take().unwrap();
        let cancelled = || {
            std::thread::sleep(MOMENT);
            cancel.cancel();
        };
        let sample = within(MOMENT, || {
            std::thread::scope(|scope| {
                scope.spawn(cancelled);
                walk()
            })
        });
        assert!(matches!(sample.provenance.incomplete, Some(Incomplete::Cancelled)), "{:?}", sample.provenance);
        assert!(sample.states.total() >= 2, "{:?}", sample.states);
        assert_eq!(opened.load(Ordering::Relaxed), 2);
        assert!(matches!(Scan::of(host).count(), Err(Error::Cancelled)));
    }
}

#[test]
fn what_was_counted_is_not_lost_where_the_walk_cannot_be_begun_again() {
    let (cancel, opened) = (Cancel::new(), AtomicUsize::new(0));
    let handle = cancel.clone();
    let open = move || {
        if opened.fetch_add(1, Ordering::Relaxed) == 1 {
            handle.cancel();
        }
        channel(Kernel::Silent)
    };
    let host = Host::new(open, ProcFs::new("/nonexistent")).with_patience(MOMENT).with_cancel(cancel);
    let walk = host.tally(StateSet::ALL, &[], StateCounts::default).unwrap();
    assert_eq!(walk.tally.total(), 2);
    assert!(matches!(walk.interruption, Some(Error::Cancelled)), "{:?}", walk.interruption);
}

#[test]
fn calls_that_are_interrupted_without_end_end() {
    if support::is_child() {
        let host = || Host::live().with_source(Source::NetlinkOneWalk);
        let deadline = host().with_deadline(Instant::now() + MOMENT);
        let error = within(MOMENT, || Scan::of(deadline).count().unwrap_err());
        assert!(matches!(error, Error::Deadline), "{error}");
        let error = within(3 * MOMENT, || Scan::of(host().with_patience(MOMENT)).count().unwrap_err());
        assert!(matches!(error, Error::Timeout { .. } | Error::Send { .. }), "{error}");
        return;
    }
    if !Command::new("strace").args(["-o", "/dev/null", "true"]).status().is_ok_and(|status| status.success()) {
        assert!(std::env::var_os("CI").is_none(), "strace is required here: install it");
        return;
    }
    for call in ["sendto", "recvfrom"] {
        let mut traced = Command::new("strace");
        let inject = format!("inject={call}:error=EINTR");
        traced.args(["-f", "-o", "/dev/null", "-e", &format!("trace={call}"), "-e", &inject]);
        traced.arg(std::env::current_exe().unwrap());
        support::run_as_child(traced, "calls_that_are_interrupted_without_end_end");
    }
}
