//! What ss and netstat leave behind, read as recordings: golden files of the real tools (fixtures/foreign/README.md), and
//! the real `ss` of the machine both ways.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests say what they expect by failing")]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use twscan_core::Error;
use twscan_core::capture::{Absent, RecordOptions, RecordedSample, Recording};
use twscan_core::host::{Host, Source};
use twscan_core::port::PortRange;
use twscan_core::sample::Sampler;
use twscan_core::socket::{SocketRecord, StateSet, TIME_WAIT_LENGTH, TcpState, Timer};
use twscan_core::tally::Role;
use twscan_lab::{Dial, First, Listener, every_state, test_in_netns, time_waits};

/// A file of fixtures/foreign.
fn golden(name: &str) -> Recording {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/foreign").join(name);
    read(&std::fs::read(path).unwrap())
}

fn read(bytes: &[u8]) -> Recording {
    let recording = Recording::read(bytes, "file").unwrap();
    assert_eq!(recording.missing(), None);
    recording
}

/// State, family, local and remote side of each socket, with how often.
type Rows = BTreeMap<(TcpState, u8, String, String), usize>;

fn each(host: &Host, mut see: impl FnMut(&SocketRecord<'_>)) {
    let mut sockets = host.sockets(StateSet::PORT_HOLDERS, &[]).unwrap();
    let outcome = sockets.observe(&mut |record: &SocketRecord<'_>| see(record));
    // Half a recording gives what it has.
    assert!(matches!(outcome, Ok(()) | Err(Error::RecordedFault { .. })), "{outcome:?}");
}

fn rows(host: &Host) -> Rows {
    let mut rows = Rows::new();
    each(host, |record| {
        let family = record.raw().idiag_family();
        let key = (record.state(), family, record.local().to_string(), record.remote().to_string());
        *rows.entry(key).or_default() += 1;
    });
    rows
}

#[test]
fn every_tool_tells_the_same_sockets() {
    let expected = rows(&golden("ss-dump.bin").last().host("file"));
    assert_eq!(expected.values().sum::<usize>(), 16);
    for (name, source) in [
        ("ss-tan.txt", Source::SsText),
        ("ss-tano.txt", Source::SsText),
        ("ss-tano-old-milliseconds.txt", Source::SsText),
        ("ss-tano-seconds.txt", Source::SsText),
        ("ss-tanoH.txt", Source::SsText),
        ("ss-tanp.txt", Source::SsText),
        ("ss-tanoe.txt", Source::SsText),
        ("ss-tan-brackets.txt", Source::SsText),
        ("ss-tan-before-brackets.txt", Source::SsText),
        ("ss-an.txt", Source::SsText),
        ("netstat-nat.txt", Source::NetstatText),
        ("netstat-natW.txt", Source::NetstatText),
        ("netstat-nato.txt", Source::NetstatText),
        ("netstat-natoe.txt", Source::NetstatText),
        ("netstat-natpo.txt", Source::NetstatText),
        ("netstat-an.txt", Source::NetstatText),
        ("proc-net-tcp-both.txt", Source::Procfs),
    ] {
        let recording = golden(name);
        assert_eq!(recording.last().source(), source, "{name}");
        assert_eq!(rows(&recording.last().host("file")), expected, "{name}");
    }
    let halves = [golden("proc-net-tcp.txt"), golden("proc-net-tcp6.txt")];
    let halves: usize = halves.iter().map(|half| rows(&half.last().host("file")).values().sum::<usize>()).sum();
    assert_eq!(halves, 16);
}

/// What the real tool prints of the namespace at hand, as a recording. Rows that it prints without their states are faults.
fn printed(command: &str) -> Recording {
    let output = Command::new("sh").args(["-c", command]).output().unwrap();
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    Recording::read(&output.stdout[..], "file").unwrap()
}

#[test]
fn states_that_a_tool_was_not_asked_for_are_unknown() -> Result<(), twscan_lab::Error> {
    const EVERY: StateSet = StateSet::ALL;
    let connected = !(StateSet::LISTEN | StateSet::TIME_WAIT | TcpState::SynRecv.into());
    test_in_netns(|net| {
        net.run(|| {
            let listener = Listener::bind("127.0.0.1:9201".parse().unwrap()).unwrap();
            assert_eq!(time_waits(&Dial::to(listener.address()), &listener, 20, First::Client).unwrap().count, 20);
            let _states = every_state("127.0.0.1".parse().unwrap(), 2).unwrap();
            for (command, known) in [
                ("ss -tan", EVERY),
                ("ss -tanoH", EVERY),
                ("ss -tn", connected),
                ("ss -tnH", connected),
                ("ss -tn state connected", !StateSet::LISTEN),
                ("ss -tn state established", StateSet::EMPTY),
                ("ss -tnl sport = :1", StateSet::EMPTY),
                ("ss -tn; ss -tnl", connected | StateSet::LISTEN),
                ("ss -tano state time-wait; netstat -nt", !StateSet::LISTEN),
                ("netstat -ntl; ss -tn", connected | StateSet::LISTEN),
                ("ss -tnD -", connected),
                ("ss -tanD -", EVERY),
                ("ss -tnl", StateSet::LISTEN),
                ("ss -tnlD -", StateSet::LISTEN),
                ("ss -tano state time-wait", StateSet::TIME_WAIT),
                ("netstat -nat", EVERY),
                ("netstat -nt", !StateSet::LISTEN),
                ("netstat -ntl", StateSet::LISTEN),
                ("netstat -ntl | head -2", StateSet::LISTEN),
                ("netstat -nat | grep -v LISTEN", EVERY),
                ("cat /proc/net/tcp /proc/net/tcp6", EVERY),
            ] {
                let recording = printed(command);
                // Recorded again, it is no better known.
                let again = RecordedSample::record(&recording.last().host("file"), &RecordOptions::new()).unwrap();
                let mut file = Vec::new();
                Recording::begin(&mut file).unwrap();
                again.write(&mut file).unwrap();
                for recording in [&recording, &read(&file)] {
                    let sample = Sampler::new(&recording.last().host("file")).take().unwrap();
                    // Other than CLOSE, which none of them shows.
                    let shown: StateSet = TcpState::ALL.into_iter().filter(|state| sample.knows(*state)).collect();
                    assert_eq!(shown, known.intersection(!StateSet::of(TcpState::Close)), "{command}");
                    assert_eq!(
                        sample.provenance.complete(),
                        known == EVERY,
                        "{command}: {:?}",
                        sample.provenance.incomplete
                    );
                    let missing = (!known).iter().map(|state| sample.states.of(state).total()).sum::<u64>();
                    assert_eq!(missing, 0, "{command}");
                }
            }
            for (file, other) in [("tcp", "tcp6"), ("tcp6", "tcp")] {
                let half = printed(&format!("cat /proc/net/{file}"));
                let partial =
                    Sampler::new(&half.last().host("file")).take().unwrap().provenance.incomplete.unwrap().to_string();
                let said = [format!("it is /proc/net/{file} alone"), format!("{other} has the other sockets")];
                assert!(said.iter().all(|part| partial.contains(part)), "{partial}");
            }
        })
        .unwrap();
    })
}

#[test]
fn a_list_of_one_state_without_its_column_is_read() {
    let all = rows(&golden("ss-dump.bin").last().host("file"));
    let parked = rows(&golden("ss-tano-state-time-wait.txt").last().host("file"));
    assert!(!parked.is_empty());
    assert!(parked.iter().all(|(row, count)| row.0 == TcpState::TimeWait && all[row] == *count));
}

/// The least and most milliseconds that TIME_WAITs have left.
fn left(name: &str) -> (u128, u128) {
    let mut left = Vec::new();
    each(&golden(name).last().host("file"), |record| {
        if record.state() == TcpState::TimeWait {
            assert_eq!(record.timer(), Some(Timer::TimeWait), "{name}");
            left.push(record.expires().unwrap().as_millis());
        }
    });
    (*left.iter().min().unwrap(), *left.iter().max().unwrap())
}

#[test]
fn timers_are_read_in_every_spelling() {
    for name in ["ss-dump.bin", "ss-tano.txt", "netstat-nato.txt", "netstat-natpo.txt", "proc-net-tcp.txt"] {
        let (least, most) = left(name);
        assert!((57_000..=60_000).contains(&least) && most <= 60_000, "{name}: {least} to {most}");
    }
    // `9.373ms` is nine seconds, not nine milliseconds.
    let (least, most) = left("ss-tano-old-milliseconds.txt");
    assert!((7_000..=8_000).contains(&least) && most <= 8_000, "{least} to {most}");
}

#[test]
fn releases_of_ss_before_and_after_6_11_tell_the_same_times() {
    let times = |name: &str| {
        let mut times = BTreeMap::new();
        each(&golden(name).last().host("file"), |record| {
            let key = (record.state(), record.local().to_string(), record.remote().to_string());
            assert_eq!(
                times.insert(key, (record.timer(), record.expires(), record.time_wait_age(TIME_WAIT_LENGTH))),
                None
            );
        });
        times
    };
    let old = times("ss-tano-old-milliseconds.txt");
    assert_eq!(old, times("ss-tano-seconds.txt"));
    assert!(old.values().any(|(_, left, _)| left.is_some_and(|left| left.as_millis() % 1000 != 0)));
}

#[test]
fn what_a_text_does_not_tell_is_unknown() {
    let host = golden("ss-tan.txt").last().host("file");
    each(&host, |record| {
        assert_eq!((record.timer(), record.time_wait_age(TIME_WAIT_LENGTH), record.cookie()), (None, None, None));
    });
    for (name, timer, owner, backlog) in [
        ("ss-dump.bin", true, true, true),
        ("ss-tan.txt", false, false, true),
        ("ss-tano.txt", true, false, true),
        ("ss-tanp.txt", false, false, true),
        ("ss-tanoe.txt", true, true, true),
        ("ss-tano-state-time-wait.txt", true, false, true),
        ("netstat-nat.txt", false, false, false),
        ("netstat-nato.txt", true, false, false),
        ("netstat-natoe.txt", true, true, false),
        ("netstat-natpo.txt", true, false, false),
        ("proc-net-tcp-both.txt", true, true, false),
    ] {
        each(&golden(name).last().host("file"), |record| {
            assert_eq!((record.timer().is_some(), record.retransmits().is_some()), (timer, timer), "{name}");
            assert_eq!((record.uid().is_some(), record.inode().is_some()), (owner, owner), "{name}");
            let queue = backlog || record.state() != TcpState::Listen;
            assert_eq!(record.send_queue().is_some(), queue, "{name}");
        });
    }
    let sample = Sampler::new(&host).take().unwrap();
    assert_eq!((sample.settings.range, sample.counters.tcp_tw), (None, None));
    assert_eq!((sample.provenance.kernel, sample.provenance.netns.inode), (None, None));
    assert!(sample.destinations.iter().all(|(key, _)| key.role != Role::Outbound), "without a range nobody knows");

    let mut absent = Absent::default();
    absent.range = PortRange::new(41_000, 41_019);
    let supplied = golden("ss-tan.txt").supply(&absent).unwrap();
    let sample = Sampler::new(&supplied.last().host("file")).take().unwrap();
    let outbound = sample.destinations.iter().filter(|(key, _)| key.role == Role::Outbound);
    assert_eq!(outbound.map(|(_, counts)| counts.sockets()).sum::<u64>(), 8);
}

#[test]
fn whether_ss_was_asked_for_timers_is_told_by_other_rows() {
    let (listen, live) = ("LISTEN 0 16 0.0.0.0:80 0.0.0.0:*\n", "ESTAB 0 0 10.0.0.1:1 10.0.0.2:2\n");
    let (timed, untimed) =
        ("TIME-WAIT 0 0 10.0.0.1:3 10.0.0.2:2 timer:(timewait,5sec,0)\n", "TIME-WAIT 0 0 10.0.0.1:4 10.0.0.2:2\n");
    let timers = |rows: &[&str]| {
        let mut timers = Vec::new();
        each(&read(rows.concat().as_bytes()).last().host("file"), |record| timers.push(record.timer()));
        timers
    };
    let (off, time_wait) = (Some(Timer::Off), Some(Timer::TimeWait));
    assert_eq!(timers(&[listen, timed, live]), [off, time_wait, off]);
    assert_eq!(timers(&[listen, untimed, live]), [None, None, None]);
    assert_eq!(timers(&[listen, live]), [None, None]);
    let extended = "ESTAB 0 0 10.0.0.1:1 10.0.0.2:2 ino:7 sk:1 <->\n";
    assert_eq!(timers(&[listen, extended]), [off, off], "-e is more than -o");
    // Two outputs in one file.
    let other = "ESTAB 0 0 10.0.0.1:5 10.0.0.2:2\n";
    assert_eq!(timers(&[live, untimed, timed, other]), [None, None, time_wait, off]);
    let heading = "State Recv-Q Send-Q Local Address:Port Peer Address:Port\n";
    assert_eq!(timers(&[heading, live, timed, heading, other]), [off, time_wait, None]);
}

#[test]
fn what_is_unknown_stays_so_in_a_capture_and_is_zero_for_ss() {
    let told = |host: &Host| {
        let mut told = Vec::new();
        each(host, |record| told.push((record.timer(), record.uid(), record.send_queue())));
        told
    };
    let text = golden("netstat-nat.txt");
    let mut capture = Vec::new();
    Recording::begin(&mut capture).unwrap();
    text.last().write(&mut capture).unwrap();
    assert_eq!(told(&read(&capture).last().host("file")), told(&text.last().host("file")));
    let mut dump = Vec::new();
    text.last().write_ss_dump(&mut dump).unwrap();
    for (timer, uid, queue) in told(&read(&dump).last().host("file")) {
        assert!(matches!(timer, None | Some(Timer::Off)), "{timer:?}");
        assert_eq!((uid, queue), (Some(0), Some(0)));
    }
}

#[test]
fn rows_that_are_not_understood_make_the_result_partial() {
    let head = "State Recv-Q Send-Q Local Address:Port Peer Address:Port\n";
    for (row, part) in [
        ("ESTAB 0 0 10.0.0.1:ssh 10.0.0.2:40000\n", "line 2: a port is no number"),
        ("ESTAB 0 0 db:22 10.0.0.2:40000\n", "line 2: an address is not whole"),
        ("ESTAB 0 0 10.0.0.1:22\n", "line 2: it is no row"),
        ("tcp6 0 0 2001:db8:aaaa:bbb:40000 ::1:22 ESTABLISHED\n", "line 2: an IPv6 address may be cut short"),
        ("TIME-WAIT 0 0 10.0.0.1:22 10.0.0.2:1 timer:(timewait,soon,0)\n", "line 2: its timer"),
        ("0 0 10.0.0.1:22 10.0.0.2:1\n", "line 2: it has no state"),
    ] {
        let text = format!("{head}{row}ESTAB 0 0 10.0.0.1:1 10.0.0.2:2\n");
        let recording = Recording::read(text.as_bytes(), "file").unwrap();
        assert!(recording.missing().unwrap().starts_with(part), "{row}: {:?}", recording.missing());
        let sample = Sampler::new(&recording.last().host("file")).take().unwrap();
        assert!(sample.provenance.incomplete.unwrap().to_string().starts_with(part));
        assert_eq!(sample.states.total(), 1);
    }
}

#[test]
fn dumps_of_ss_end_where_they_are_cut() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/foreign/ss-dump.bin");
    let bytes = std::fs::read(path).unwrap();
    let cut = Recording::read(&bytes[..bytes.len() - 30], "file").unwrap();
    assert!(cut.missing().unwrap().starts_with("the file ends inside the message"), "{:?}", cut.missing());
}

fn ss(arguments: &[&str], file: Option<&std::path::Path>) -> String {
    let mut command = Command::new("ss");
    command.args(arguments);
    if let Some(file) = file {
        command.env("TCPDIAG_FILE", file);
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_real_ss_reads_what_is_written_and_writes_what_is_read() -> Result<(), twscan_lab::Error> {
    if Command::new("ss").arg("-V").output().is_err() {
        assert!(std::env::var_os("CI").is_none(), "ss is required here: install iproute2");
        return Ok(());
    }
    test_in_netns(|net| {
        net.run(|| {
            let listener = Listener::bind("127.0.0.1:9201".parse().unwrap()).unwrap();
            let v6 = Listener::bind("[::1]:9202".parse().unwrap()).unwrap();
            assert_eq!(time_waits(&Dial::to(listener.address()), &listener, 300, First::Client).unwrap().count, 300);
            assert_eq!(time_waits(&Dial::to(v6.address()), &v6, 200, First::Client).unwrap().count, 200);
            let _states = every_state("127.0.0.1".parse().unwrap(), 2).unwrap();
            let dir = tempfile::tempdir().unwrap();
            let (ours, theirs) = (dir.path().join("ours"), dir.path().join("theirs"));

            let recorded = RecordedSample::record(&Host::live(), &RecordOptions::new()).unwrap();
            let mut file = std::fs::File::create(&ours).unwrap();
            recorded.write_ss_dump(&mut file).unwrap();
            let mut expected = rows(&recorded.host("memory"));
            // ss shows a bound-but-idle socket of a dump as it shows any other.
            let shown = rows(&read(ss(&["-tanoe"], Some(&ours)).as_bytes()).last().host("file"));
            assert_eq!(shown, expected);
            assert!(shown.keys().any(|row| row.1 == 10), "IPv6 rows are among them");
            assert_eq!(rows(&read(&std::fs::read(&ours).unwrap()).last().host("file")), expected);

            ss(&["-tan", "-D", theirs.to_str().unwrap()], None);
            expected.retain(|row, _| row.0 != TcpState::Close);
            assert_eq!(rows(&read(&std::fs::read(&theirs).unwrap()).last().host("file")), expected);
        })
        .unwrap();
    })
}
