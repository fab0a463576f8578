//! Texts of other tools as people keep them: several outputs in one file, prints of one table behind each other,
//! indented, coloured, cut, with remarks between.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests say what they expect by failing")]

use std::collections::BTreeMap;
use std::path::PathBuf;

use twscan_core::Error;
use twscan_core::capture::{RecordOptions, RecordedSample, Recording};
use twscan_core::sample::{Sample, Sampler};
use twscan_core::socket::{SocketRecord, StateSet, TcpState};

/// Files of fixtures/foreign that show one population whole.
const WHOLE: [&str; 16] = [
    "ss-tan.txt",
    "ss-tano.txt",
    "ss-tano-seconds.txt",
    "ss-tanoH.txt",
    "ss-tanp.txt",
    "ss-tanoe.txt",
    "ss-tan-brackets.txt",
    "ss-tan-before-brackets.txt",
    "ss-an.txt",
    "netstat-nat.txt",
    "netstat-natW.txt",
    "netstat-nato.txt",
    "netstat-natoe.txt",
    "netstat-natpo.txt",
    "netstat-an.txt",
    "proc-net-tcp-both.txt",
];

fn golden(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/foreign").join(name);
    std::fs::read_to_string(path).unwrap()
}

/// State, family, local and remote side of each socket, with how often.
type Rows = BTreeMap<(TcpState, u8, String, String), usize>;

fn read(text: &str) -> Recording {
    Recording::read(text.as_bytes(), "file").unwrap()
}

fn rows(recording: &Recording) -> Rows {
    let mut rows = Rows::new();
    let host = recording.last().host("file");
    let outcome = host.sockets(StateSet::PORT_HOLDERS, &[]).unwrap().observe(&mut |record: &SocketRecord<'_>| {
        let key =
            (record.state(), record.raw().idiag_family(), record.local().to_string(), record.remote().to_string());
        *rows.entry(key).or_default() += 1;
    });
    // Half a recording gives what it has.
    assert!(matches!(outcome, Ok(()) | Err(Error::RecordedFault { .. })), "{outcome:?}");
    rows
}

fn sample(recording: &Recording) -> Sample {
    Sampler::new(&recording.last().host("file")).take().unwrap()
}

#[test]
fn a_table_that_is_printed_again_counts_once() {
    let expected = rows(&read(&golden("ss-tan.txt")));
    for first in WHOLE {
        for second in WHOLE {
            // Behind another of ss, nothing tells where the one without a heading begins; a host has one release of ss.
            let by_ss = first.starts_with("ss-") && second.starts_with("ss-");
            let is_old = |name: &str| name.ends_with("brackets.txt");
            if by_ss && (second == "ss-tanoH.txt" || is_old(first) != is_old(second)) {
                continue;
            }
            let both = read(&(golden(first) + &golden(second)));
            assert_eq!((rows(&both), both.missing()), (expected.clone(), None), "{first} and {second}");
            let sample = sample(&both);
            assert!(sample.provenance.complete(), "{first} and {second}");
            assert_eq!(sample.provenance.dump.duplicates, 16, "{first} and {second}");
        }
    }
    let three = read(&golden("ss-tano.txt").repeat(3));
    assert_eq!((rows(&three), sample(&three).provenance.dump.duplicates), (expected, 32));
    // Recorded again, it is no less known.
    let again = RecordedSample::record(&three.last().host("file"), &RecordOptions::new()).unwrap();
    let mut file = Vec::new();
    Recording::begin(&mut file).unwrap();
    again.write(&mut file).unwrap();
    assert_eq!(sample(&Recording::read(&file[..], "again").unwrap()).provenance.dump.duplicates, 32);
}

#[test]
fn of_several_prints_the_last_is_the_state() {
    for (name, begins, prints) in [("netstat-natoc.txt", "Active Internet", 3), ("ss-tano-series.txt", "Mon Nov", 3)] {
        let text = golden(name);
        let last = format!("{begins}{}", text.rsplit(begins).next().unwrap());
        assert_eq!(text.matches(begins).count(), prints, "{name}");
        let (all, last) = (read(&text), read(&last));
        assert_eq!((rows(&all), all.missing()), (rows(&last), None), "{name}");
        let (all, last) = (sample(&all), sample(&last));
        assert!(all.provenance.complete(), "{name}: {:?}", all.provenance.incomplete);
        let dropped = all.provenance.dump.duplicates;
        assert_eq!(dropped + last.states.total(), rows_of(&text), "{name}");
    }
    // Nothing but the listeners is left of the first print, and one of three is gone.
    let head = "State Recv-Q Send-Q Local Address:Port Peer Address:Port\n";
    let listen = |ports: &[u16]| -> String {
        ports.iter().map(|port| format!("LISTEN 0 9 0.0.0.0:{port} 0.0.0.0:*\n")).collect()
    };
    let connection = |port: u16| format!("TIME-WAIT 0 0 10.0.0.1:{port} 10.0.0.2:80 timer:(timewait,9sec,0)\n");
    let (before, after) =
        (head.to_owned() + &listen(&[1, 2, 3]) + &connection(4), head.to_owned() + &listen(&[1, 3]) + &connection(5));
    assert_eq!(rows(&read(&(before + &after))), rows(&read(&after)));
}

#[test]
fn hosts_that_listen_alike_add_up() {
    let head = "State Recv-Q Send-Q Local Address:Port Peer Address:Port\nLISTEN 0 9 0.0.0.0:80 0.0.0.0:*\n";
    let of = |address: &str| {
        let loopback = "ESTAB 0 0 127.0.0.1:5 127.0.0.1:6\n";
        format!("{head}{loopback}TIME-WAIT 0 0 {address}:4000 10.0.0.9:5432 timer:(timewait,9sec,0)\n")
    };
    let both = rows(&read(&(of("10.0.0.1") + &of("10.0.0.2"))));
    assert_eq!(both.keys().filter(|row| row.0 == TcpState::TimeWait).count(), 2);
    assert_eq!(rows(&read(&of("10.0.0.1").repeat(2))), rows(&read(&of("10.0.0.1"))));
}

/// Lines that name a state of TCP.
fn rows_of(text: &str) -> u64 {
    let is_row = |line: &&str| line.split_whitespace().any(|word| TcpState::from_name(word).is_some());
    text.lines().filter(is_row).count() as u64
}

#[test]
fn outputs_of_one_family_or_state_add_up() {
    let text = golden("ss-tan.txt");
    let expected = rows(&read(&text));
    let head = text.lines().next().unwrap();
    let of = |wanted: &dyn Fn(&str) -> bool| -> String {
        let rows = text.lines().skip(1).filter(|line| wanted(line));
        [head].into_iter().chain(rows).map(|line| format!("{line}\n")).collect()
    };
    let is_v6 = |line: &str| line.contains('[') || line.contains(" *:");
    let (v4, v6) = (of(&|line| !is_v6(line)), of(&is_v6));
    let parked = golden("ss-tano-state-time-wait.txt");
    let (tcp, tcp6) = (golden("proc-net-tcp.txt"), golden("proc-net-tcp6.txt"));
    let (listening, connected) = (of(&|line| line.starts_with("LISTEN")), of(&|line| !line.starts_with("LISTEN")));
    for (what, parts) in [
        ("families", vec![&v4, &v6]),
        ("families, twice", vec![&v4, &v6, &v4, &v6]),
        ("one family again", vec![&text, &v6]),
        ("both families behind one", vec![&v4, &text]),
        ("/proc/net", vec![&tcp, &tcp6]),
        ("/proc/net, twice", vec![&tcp, &tcp6, &tcp, &tcp6]),
        ("one state again", vec![&text, &parked]),
        ("all states behind one", vec![&parked, &text]),
        ("listeners between two prints", vec![&text, &listening, &text]),
        ("listeners again", vec![&text, &listening]),
        ("listeners of one family", vec![&tcp, &tcp6, &listening]),
    ] {
        let parts = parts.into_iter().map(String::as_str).collect::<String>();
        let recording = read(&parts);
        assert_eq!((rows(&recording), recording.missing()), (expected.clone(), None), "{what}");
        assert!(sample(&recording).provenance.complete(), "{what}");
    }
    assert_eq!(rows(&read(&(listening + &connected))), expected);
    // A filter's rows are no table printed again.
    let to_9102 = of(&|line| line.contains("9102 "));
    assert_eq!(rows(&read(&(text.clone() + &to_9102))), expected);
}

#[test]
fn listeners_share_a_port_within_an_output_and_connections_do_not() {
    let listener = "LISTEN 0 9 0.0.0.0:80 0.0.0.0:*\n";
    let (one, other) = ("ESTAB 0 0 10.0.0.1:80 10.0.0.2:4\n", "ESTAB 0 0 10.0.0.1:80 10.0.0.2:5\n");
    let link_local = |interface| format!("ESTAB 0 0 [fe80::1]%{interface}:80 [fe80::2]:4\n");
    let count = |text: String| rows(&read(&text)).values().sum::<usize>();
    assert_eq!(count(listener.repeat(4) + one + other), 6);
    let head = "State Recv-Q Send-Q Local Address:Port Peer Address:Port\n";
    assert_eq!(count((head.to_owned() + &listener.repeat(4) + one).repeat(2)), 5);
    assert_eq!(
        count([head, &listener.repeat(4), one, head, &listener.repeat(3)].concat()),
        4,
        "the last listeners count"
    );
    assert_eq!(count(link_local("eth0") + &link_local("eth1") + &link_local("eth0")), 2);
    assert_eq!(count(one.to_owned() + &"ESTAB 0 0 [::ffff:10.0.0.1]:80 [::ffff:10.0.0.2]:4\n".repeat(2)), 1);
    // The last row counts: what was open is parked now.
    let text = one.to_owned() + other + &one.replace("ESTAB", "TIME-WAIT");
    let states: Vec<_> = rows(&read(&text)).into_keys().map(|row| (row.0, row.3)).collect();
    let expected = [(TcpState::Established, "10.0.0.2:5"), (TcpState::TimeWait, "10.0.0.2:4")];
    assert_eq!(states, expected.map(|(state, remote)| (state, remote.to_owned())));
}

#[test]
fn of_prints_without_headings_the_last_cannot_be_told() {
    let partial = |text: &str| sample(&read(text)).provenance.incomplete.map(|reason| reason.to_string());
    let bare = golden("ss-tanoH.txt");
    let said = partial(&bare.repeat(3)).unwrap();
    assert!(said.starts_with("24 of 48 rows show connections that rows below show again"), "{said}");
    assert_eq!(partial(&bare), None);
    // One row of many is the kernel's doing.
    let many: String = (1..40).map(|port| format!("ESTAB 0 0 10.0.0.1:{port} 10.0.0.2:4\n")).collect();
    let repeated = bare + &many + "ESTAB 0 0 10.0.0.1:39 10.0.0.2:4\n";
    assert_eq!((partial(&repeated), sample(&read(&repeated)).provenance.dump.duplicates), (None, 1));
}

#[test]
fn dumps_of_ss_behind_each_other_count_once() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/foreign/ss-dump.bin");
    let dump = std::fs::read(path).unwrap();
    let once = Recording::read(&dump[..], "file").unwrap();
    let twice = Recording::read(&dump.repeat(2)[..], "file").unwrap();
    assert_eq!(rows(&twice), rows(&once));
    assert_eq!(sample(&twice).provenance.dump.duplicates, 16);
    assert!(sample(&twice).provenance.complete());
}

#[test]
fn a_star_is_ipv4_where_the_file_tells_an_old_ss() {
    let families = |text: &str| {
        let mut families: Vec<_> = rows(&read(text)).into_keys().map(|row| (row.1, row.2)).collect();
        families.sort();
        families.into_iter().map(|(family, local)| format!("{family} {local}")).collect::<Vec<_>>()
    };
    let (v4, v6) = ("2 0.0.0.0:22", "10 [::]:22");
    let star = "LISTEN 0 128 *:22 *:*\n";
    assert_eq!(families(star), [v6]);
    assert_eq!(families(&format!("{star}LISTEN 0 128 0.0.0.0:80 0.0.0.0:*\n")), ["2 0.0.0.0:80", v6]);
    assert_eq!(families(&format!("{star}LISTEN 0 128 :::22 :::*\n")), [v4, v6]);
    assert_eq!(families(&format!("{star}LISTEN 0 128 [::]:22 [::]:*\n")), [v4, v6]);
    assert_eq!(families(&format!("{star}LISTEN 0 128 127.0.0.1:25 *:*\n")), [v4, "2 127.0.0.1:25"]);
    assert_eq!(families(&format!("{star}ESTAB 0 0 ::1:25 ::1:26\n")), [v4, "10 [::1]:25"]);
    // The sign may stand in another output: ss -4, then ss -6.
    let head = "State Recv-Q Send-Q Local Address:Port Peer Address:Port\n";
    assert_eq!(families(&format!("{head}{star}{head}LISTEN 0 128 :::22 :::*\n")), [v4, v6]);
    assert_eq!(families("tcp 0 0 *:8080 *:* LISTEN\n"), ["2 0.0.0.0:8080"], "netstat names the family");
}

#[test]
fn rows_may_be_indented_or_coloured() {
    let expected = rows(&read(&golden("ss-tan.txt")));
    for name in WHOLE {
        let text = golden(name);
        for indent in [" ", "    ", "\t"] {
            let indented: String = text.lines().map(|line| format!("{indent}{line}\n")).collect();
            let recording = read(&indented);
            assert_eq!((rows(&recording), recording.missing()), (expected.clone(), None), "{name}");
        }
        // As grep --color marks what it finds.
        let mut coloured = text.clone();
        for word in ["TIME-WAIT", "TIME_WAIT", "LISTEN", "127.0.0.1"] {
            coloured = coloured.replace(word, &format!("\x1b[01;31m\x1b[K{word}\x1b[m\x1b[K"));
        }
        assert_eq!(rows(&read(&coloured)), expected, "{name}");
        let windows = format!("\u{feff}{}", text.replace('\n', "\r\n"));
        let recording = read(&windows);
        assert_eq!((rows(&recording), recording.missing()), (expected.clone(), None), "{name}");
    }
    // Below a row, more about it: ss -i, -m.
    let more =
        "ESTAB 0 0 10.0.0.1:22 10.0.0.2:4\n\t cubic wscale:7,7 rto:204 skmem:(r0,rb131072) lastsnd:12 10.5Mbps\n";
    assert_eq!((read(more).missing(), rows(&read(more)).len()), (None, 1));
}

#[test]
fn remarks_are_no_rows() {
    let expected = rows(&read(&golden("ss-tan.txt")));
    for name in WHOLE {
        let text = golden(name);
        for remark in [
            "$ ss -tano",
            "[root@db1 ~]# netstat -natp | tee /tmp/n",
            "(Not all processes could be identified, non-owned process info",
            " will not be shown, you would have to be root to see it all.)",
            "Mon Nov 23 18:27:42 UTC 2026",
            "TCP:   8 (estab 3, closed 1, orphaned 0, timewait 1)",
            "-- taken at 10:32 by ops, while it hung --",
            "```",
        ] {
            for with in [format!("{remark}\n{text}"), format!("{text}{remark}\n"), format!("{text}{remark}")] {
                let recording = read(&with);
                assert_eq!((rows(&recording), recording.missing()), (expected.clone(), None), "{name}: {remark}");
            }
        }
    }
    // Above a heading, nothing is a row; without one, a row may be cut at its beginning.
    let text = golden("ss-tan.txt");
    assert_eq!(read(&format!("$ ss -tan dst 10.0.0.2:80\n{text}")).missing(), None);
    let (_, bare) = text.split_once('\n').unwrap();
    let cut = read(&bare[30..]);
    assert!(cut.missing().unwrap().starts_with("line 1: it is no row"), "{:?}", cut.missing());
    // Behind the rows, what may be the beginning of one.
    for end in ["TIME-W", "TIME-WAIT  0", "0 0 10.0.0.1:22"] {
        let cut = read(&format!("{text}{end}"));
        assert!(cut.missing().unwrap().starts_with("line 18: it is no row"), "{end}: {:?}", cut.missing());
    }
}

#[test]
fn a_state_whose_rows_could_not_be_read_is_unknown() {
    for name in WHOLE {
        let text = golden(name);
        let whole = sample(&read(&text));
        for columns in 1..=text.lines().map(str::len).max().unwrap() {
            let cut: String = text.lines().map(|line| format!("{}\n", line.get(..columns).unwrap_or(line))).collect();
            // Of the first columns alone nothing is known.
            let Ok(recording) = Recording::read(cut.as_bytes(), "cut") else { continue };
            let sample = sample(&recording);
            for state in TcpState::ALL {
                let (found, truth) = (sample.states.of(state).total(), whole.states.of(state).total());
                let zero = sample.knows(state) && found == 0;
                assert!(!zero || truth == 0, "{name} cut to {columns} columns: {state:?}");
                // A port at the end of a row may be cut, and then two connections look like one.
                let told = found == truth || !sample.provenance.complete() || name.starts_with("ss-");
                assert!(told, "{name} cut to {columns} columns: {state:?}");
            }
        }
    }
    // Half a cookie is none: two sockets that share it are two.
    let half: String = (1..5).map(|port| format!("TIME-WAIT 0 0 10.0.0.1:{port} 10.0.0.2:4 ino:0 sk:5\n")).collect();
    assert_eq!(rows(&read(&half)).len(), 4);
    let cut = |columns: usize| {
        let text = golden("proc-net-tcp-both.txt");
        let cut: String = text.lines().map(|line| format!("{}\n", line.get(..columns).unwrap_or(line))).collect();
        read(&cut).missing().unwrap().to_owned()
    };
    let said = "line 2: it is cut short; a row goes on to the inode; 15 more faults";
    assert_eq!([cut(50), cut(70)], [said, said]);
}

#[test]
fn what_is_no_recording_is_named() {
    let refused = |bytes: &[u8]| Recording::read(bytes, "file").unwrap_err().to_string();
    for (bytes, part) in [
        (&b""[..], "it is empty"),
        (b"\x89TWSC\r\n", "cut off inside its first 8 bytes"),
        (b"\x89", "cut off inside its first 8 bytes"),
        (b"\x89TWSC\r\n\x02", "another version of the format"),
        (b"\x1f\x8b\x08\x00\x00\x00\x00\x00", "compressed by gzip: unpack it first (zcat FILE"),
        (b"\x28\xb5\x2f\xfd\x04\x00", "compressed by zstd: unpack it first (zstdcat FILE"),
        (b"\xfd7zXZ\x00\x00", "compressed by xz"),
        (b"BZh91AY", "compressed by bzip2"),
        (b"root:x:0:0:root:/root:/bin/bash\n", "its content is none that is known"),
    ] {
        assert!(refused(bytes).contains(part), "{bytes:?}: {}", refused(bytes));
    }
}
