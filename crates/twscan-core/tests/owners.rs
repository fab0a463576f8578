//! Owners of sockets, against what `ss` says of the same processes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says what it expects by failing")]
#![cfg(all(feature = "live", target_os = "linux"))]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use support::{Ends, is_child, run_again_unprivileged};
use twscan_core::host::Host;
use twscan_core::procfs::owner::{OwnerScan, Owners, Wanted};
use twscan_core::socket::{SocketRecord, StateSet};
use twscan_lab::test_in_netns;

/// Rows by local and remote address, with the pids of the owners.
type Rows = BTreeMap<String, BTreeSet<u32>>;

fn ours() -> (Rows, Wanted, Owners) {
    let host = Host::live();
    let mut sockets = Vec::new();
    let mut wanted = Wanted::new();
    host.sockets(StateSet::ALL, &[])
        .unwrap()
        .observe(&mut |record: &SocketRecord<'_>| {
            wanted.insert(record.inode().unwrap(), record.cgroup_id());
            sockets.push((format!("{} {}", record.local(), record.remote()), record.inode().unwrap()));
        })
        .unwrap();
    let owners = OwnerScan::new(host.procfs()).find(&wanted).unwrap();
    let pids = |inode| owners.of(inode).map(|process| process.pid).collect();
    let rows = sockets.into_iter().map(|(row, inode)| (row, pids(inode))).collect();
    (rows, wanted, owners)
}

fn of_ss() -> Rows {
    let output = Command::new("ss").args(["-Htanp"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let mut rows = Rows::new();
    for line in text.lines() {
        let fields: Vec<_> = line.split_whitespace().collect();
        let pids = line.split("pid=").skip(1).map(|rest| rest.split(',').next().unwrap().parse().unwrap());
        rows.insert(format!("{} {}", fields[3], fields[4]).replace(":*", ":0"), pids.collect());
    }
    rows
}

/// Starts a script that tells when it is ready.
fn python(script: &str) -> Ends {
    let mut child = Command::new("python3").args(["-c", script]).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    Ends(child)
}

const SERVER: &str = "
import os, socket, time
s = socket.create_server(('127.0.0.1', 9101))
ends = [socket.create_connection(('127.0.0.1', 9101)) for _ in range(5)]
ends += [s.accept()[0] for _ in range(5)]
ends.append(os.dup(ends[0].fileno()))
print('ready', flush=True)
time.sleep(600)
";

const FORKED_PAIR: &str = "
import os, signal, socket, time
s = socket.create_server(('127.0.0.1', 9102))
ends = [socket.create_connection(('127.0.0.1', 9102)), s.accept()[0]]
parent = os.getpid()
if os.fork() == 0:
    s.close()
    print('ready', flush=True)
    while os.getppid() == parent: time.sleep(0.05)
else:
    time.sleep(600)
";

#[test]
fn owners_are_those_that_ss_finds() -> Result<(), twscan_lab::Error> {
    test_in_netns(|net| {
        net.run(|| {
            let children = [python(SERVER), python(FORKED_PAIR)];
            let (rows, wanted, owners) = ours();
            assert_eq!(rows, of_ss());
            assert_eq!((rows.len(), owners.unowned(&wanted)), (14, 0));

            let pair = children[1].0.id();
            let shared: Vec<_> = rows.iter().filter(|(row, _)| row.contains(":9102")).collect();
            assert_eq!(shared.len(), 3);
            for (row, pids) in shared {
                let both = !row.ends_with(":0");
                assert!(pids.contains(&pair) && pids.len() == 1 + usize::from(both), "{row}: {pids:?}");
            }
            let process = owners.processes().iter().find(|process| process.pid == pair).unwrap();
            assert!(process.name.starts_with("python"), "{}", process.name);
            assert!(process.started > 0);
        })
        .unwrap();
    })
}

#[test]
fn a_process_that_hides_its_files_is_counted_and_its_sockets_are_unowned() -> Result<(), twscan_lab::Error> {
    if is_child() {
        let (rows, wanted, owners) = ours();
        assert!(owners.coverage().unreadable >= 1, "{}", owners.coverage());
        assert!(!owners.coverage().is_whole());
        assert_eq!((rows.len(), owners.unowned(&wanted), owners.processes().len()), (11, 11, 0));
        return Ok(());
    }
    test_in_netns(|net| {
        net.run(|| {
            let _server = python(SERVER);
            run_again_unprivileged("a_process_that_hides_its_files_is_counted_and_its_sockets_are_unowned");
        })
        .unwrap();
    })
}
