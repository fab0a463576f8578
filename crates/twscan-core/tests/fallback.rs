//! What happens where sock_diag is missing, old or forbidden.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says what it expects by failing")]

use std::fs;
use std::io;
use std::sync::{Arc, Mutex};

use twscan_core::Error;
use twscan_core::filter::{Filter, NumbersOnly};
use twscan_core::host::{Host, Source};
use twscan_core::procfs::ProcFs;
use twscan_core::sample::Sampler;
use twscan_core::socket::{StateSet, TcpState};
use twscan_core::transport::{Script, Transport};
use twscan_core::wire::{InetDiagMsgBuilder, Messages, NLM_F_MULTI, append_message, kind};

const ENOENT: i32 = 2;
const EACCES: i32 = 13;
const EPERM: i32 = 1;
const EINVAL: i32 = 22;
const EOPNOTSUPP: i32 = 95;
const EPROTONOSUPPORT: i32 = 93;
const EAFNOSUPPORT: i32 = 97;

const HEADING: &str =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";

/// A `/proc` with three TIME_WAITs and a listener.
fn procfs() -> (tempfile::TempDir, ProcFs) {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("thread-self/net")).unwrap();
    let mut text = HEADING.to_owned();
    text.push_str(
        "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0\n",
    );
    for port in 0x9C40..0x9C43 {
        text.push_str(&format!(
            "   1: 0100007F:{port:04X} 0100007F:1F90 06 00000000:00000000 03:00001000 00000000     0        0 0 3 0\n"
        ));
    }
    fs::write(dir.path().join("thread-self/net/tcp"), text).unwrap();
    let procfs = ProcFs::new(dir.path());
    (dir, procfs)
}

/// Answers each request by its kind: an errno, or so many sockets.
#[derive(Debug)]
struct Kernel {
    refuse: fn(u16) -> Option<(u16, i32)>,
    script: Script,
}

impl Transport for Kernel {
    fn send(&mut self, request: &[u8]) -> Result<(), Error> {
        let message = Messages::new(request).next().unwrap().unwrap();
        let (asked, sequence) = (message.kind(), message.sequence());
        let mut answer = Vec::new();
        match (self.refuse)(asked) {
            Some((kind, errno)) => append_message(kind, 0, sequence, 0, &(-errno).to_ne_bytes(), &mut answer),
            None => {
                let family = message.payload()[0];
                let mut payload = Vec::new();
                InetDiagMsgBuilder::new(6).family(family.max(2)).cookie(u64::from(family)).append_payload(&mut payload);
                append_message(asked, NLM_F_MULTI, sequence, 0, &payload, &mut answer);
                append_message(kind::DONE, NLM_F_MULTI, sequence, 0, &0i32.to_ne_bytes(), &mut answer);
            }
        }
        self.script = Script::new([Ok(answer)]);
        Ok(())
    }

    fn receive(&mut self, buffer: &mut Vec<u8>) -> Result<(), Error> {
        self.script.receive(buffer)
    }

    fn port_id(&self) -> u32 {
        0
    }
}

fn host(refuse: fn(u16) -> Option<(u16, i32)>, procfs: ProcFs) -> Host {
    Host::new(move || Ok(Box::new(Kernel { refuse, script: Script::default() })), procfs)
}

#[test]
fn a_kernel_without_the_legacy_request_is_walked_twice() {
    let (_dir, procfs) = procfs();
    let host = host(|asked| (asked == kind::TCPDIAG_GETSOCK).then_some((kind::ERROR, EINVAL)), procfs);
    let sample = Sampler::new(&host).take().unwrap();
    assert_eq!(sample.provenance.source, Some(Source::NetlinkTwoWalks));
    assert_eq!(sample.states.of(TcpState::TimeWait).total(), 2, "one of each family");
}

#[test]
fn a_refused_dump_falls_back_to_procfs() {
    type Refuse = fn(u16) -> Option<(u16, i32)>;
    let refusals: [(&str, Refuse); 8] = [
        ("ENOENT in NLMSG_DONE", |_| Some((kind::DONE, ENOENT))),
        ("ENOENT in NLMSG_ERROR", |_| Some((kind::ERROR, ENOENT))),
        ("EOPNOTSUPP", |_| Some((kind::ERROR, EOPNOTSUPP))),
        ("EPROTONOSUPPORT", |_| Some((kind::ERROR, EPROTONOSUPPORT))),
        ("EAFNOSUPPORT", |_| Some((kind::ERROR, EAFNOSUPPORT))),
        ("EPERM", |_| Some((kind::ERROR, EPERM))),
        ("EACCES", |_| Some((kind::ERROR, EACCES))),
        ("EINVAL", |_| Some((kind::ERROR, EINVAL))),
    ];
    for (name, refuse) in refusals {
        let (_dir, procfs) = procfs();
        let sample = Sampler::new(&host(refuse, procfs)).take().unwrap();
        assert_eq!(sample.provenance.source, Some(Source::Procfs), "{name}");
        assert_eq!(sample.states.of(TcpState::TimeWait).total(), 3, "{name}");
    }
}

#[test]
fn a_socket_that_cannot_be_opened_falls_back_to_procfs() {
    for errno in [EPERM, EACCES, EPROTONOSUPPORT, EAFNOSUPPORT] {
        let (_dir, procfs) = procfs();
        let host = Host::new(move || Err(Error::Open { cause: io::Error::from_raw_os_error(errno) }), procfs);
        let sample = Sampler::new(&host).states(StateSet::TIME_WAIT).take().unwrap();
        assert_eq!(sample.provenance.source, Some(Source::Procfs), "errno {errno}");
        assert_eq!(sample.states.total(), 3);
        assert!(sample.destinations.roles().listening().contains(8080), "listeners are read from the same source");
    }
}

#[test]
fn without_any_source_the_first_reason_is_told() {
    let empty = tempfile::tempdir().unwrap();
    fs::create_dir_all(empty.path().join("thread-self/net/tcp")).unwrap();
    let open = || Err(Error::Open { cause: io::Error::from_raw_os_error(EPERM) });
    let error = Sampler::new(&Host::new(open, ProcFs::new(empty.path()))).take().unwrap_err();
    assert_eq!(error.raw_os_error(), Some(EPERM));
    assert_eq!(error.to_string(), "cannot open a sock_diag netlink socket");
}

/// Refuses bytecode with an errno, and takes requests without.
fn without_bytecode(procfs: ProcFs, errno: i32) -> (Host, Arc<Mutex<Vec<bool>>>) {
    let requests = Arc::new(Mutex::new(Vec::new()));
    let shared = requests.clone();
    let open = move || {
        let requests = shared.clone();
        Ok(Box::new(Picky { errno, requests, script: Script::default() }) as Box<dyn Transport>)
    };
    (Host::new(open, procfs), requests)
}

/// Writes down whether a request had bytecode.
#[derive(Debug)]
struct Picky {
    errno: i32,
    requests: Arc<Mutex<Vec<bool>>>,
    script: Script,
}

impl Transport for Picky {
    fn send(&mut self, request: &[u8]) -> Result<(), Error> {
        let message = Messages::new(request).next().unwrap().unwrap();
        let has_bytecode = message.payload().len() > 60;
        self.requests.lock().unwrap().push(has_bytecode);
        let (kind, errno) = if has_bytecode { (kind::ERROR, -self.errno) } else { (kind::DONE, 0) };
        let mut answer = Vec::new();
        append_message(kind, 0, message.sequence(), 0, &errno.to_ne_bytes(), &mut answer);
        self.script = Script::new([Ok(answer)]);
        Ok(())
    }

    fn receive(&mut self, buffer: &mut Vec<u8>) -> Result<(), Error> {
        self.script.receive(buffer)
    }

    fn port_id(&self) -> u32 {
        0
    }
}

fn filter(text: &str) -> Filter {
    Filter::parse(text, &NumbersOnly).unwrap()
}

#[test]
fn a_kernel_that_refuses_bytecode_is_asked_again_without() {
    for errno in [EPERM, EINVAL, EOPNOTSUPP] {
        let (_dir, procfs) = procfs();
        let (host, requests) = without_bytecode(procfs, errno);
        let sockets = host.sockets_matching(StateSet::ALL, &filter("dport = :8080 or dev 3")).unwrap();
        assert_eq!(sockets.source(), Source::NetlinkOneWalk, "errno {errno}");
        assert_eq!(*requests.lock().unwrap(), [true, false]);
    }
}

#[test]
fn a_refusal_for_another_reason_is_not_blamed_on_bytecode() {
    let (_dir, procfs) = procfs();
    let (host, requests) = without_bytecode(procfs, ENOENT);
    let sockets = host.sockets_matching(StateSet::ALL, &filter("dport = :8080")).unwrap();
    assert_eq!(sockets.source(), Source::Procfs);
    assert_eq!(*requests.lock().unwrap(), [true, true], "one walk, two walks, and no third request");
}

#[test]
fn a_condition_that_the_source_cannot_tell_is_an_error() {
    for (errno, text, expected) in [
        (EPERM, "fwmark 1 or dport 1", "fwmark: the kernel tells it to a reader with CAP_NET_ADMIN alone"),
        (EINVAL, "not cgroup 7", "cgroup: this kernel does not tell it; 5.8 and later do"),
        (ENOENT, "dev 1", "dev: /proc/net/tcp does not show it"),
        (ENOENT, "not fwmark 1", "fwmark: /proc/net/tcp does not show it"),
        (ENOENT, "cgroup 7", "cgroup: /proc/net/tcp does not show it"),
    ] {
        let (_dir, procfs) = procfs();
        let (host, _) = without_bytecode(procfs, errno);
        let error = host.sockets_matching(StateSet::ALL, &filter(text)).unwrap_err();
        assert_eq!(error.to_string(), format!("cannot filter by {expected}"));
    }
}

#[test]
fn the_text_of_proc_is_filtered_by_the_predicate() {
    let (_dir, procfs) = procfs();
    let host = Host::new(|| Err(Error::Open { cause: io::Error::from_raw_os_error(EPERM) }), procfs);
    for (text, expected) in [("dport = :8080", 3), ("sport = :40001", 1), ("src 127/8", 4), ("not src 127/8", 0)] {
        assert_eq!(Sampler::new(&host).filter(filter(text)).take().unwrap().states.total(), expected, "{text}");
    }
}
