//! Network namespaces that the tests make, found, counted and entered.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says what it expects by failing")]
#![cfg(all(feature = "live", target_os = "linux"))]

mod support;

use std::collections::HashMap;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::symlink;
use std::panic::catch_unwind;
use std::path::Path;
use std::process::Command;

use support::{Ends, is_child, run_again_unprivileged, run_as_child};
use twscan_core::host::{Host, Namespaces, Visit};
use twscan_core::netns::{NetnsError, NetnsName, NetnsRef, Surroundings, enter};
use twscan_core::procfs::ProcFs;
use twscan_core::{Error, Scan};
use twscan_lab::{Netns, test_in_netns};

/// A namespace with a known number of sockets, and what keeps it alive and known.
struct Populated {
    net: Netns,
    sockets: u64,
    _open: Vec<(TcpListener, Vec<TcpStream>)>,
    _process: Option<Ends>,
}

/// Every third is idle; every second has a process, the others a file in `directory`.
fn populate(number: usize, directory: &Path) -> Populated {
    let net = Netns::new().unwrap();
    let connections = number % 3;
    let open = net.run(|| if connections == 0 { vec![] } else { vec![connect(connections)] }).unwrap();
    let mut process = None;
    if number.is_multiple_of(2) {
        process = Some(Ends(net.run(|| Command::new("sleep").arg("600").spawn().unwrap()).unwrap()));
    } else {
        symlink(net.path(), directory.join(format!("blue{number}"))).unwrap();
    }
    let sockets = if connections == 0 { 0 } else { 1 + 2 * connections as u64 };
    Populated { net, sockets, _open: open, _process: process }
}

/// A listener, and both ends of this many connections to it.
fn connect(connections: usize) -> (TcpListener, Vec<TcpStream>) {
    let listener = TcpListener::bind("[::]:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut ends = Vec::new();
    for _ in 0..connections {
        ends.push(TcpStream::connect(("127.0.0.1", port)).unwrap());
        ends.push(listener.accept().unwrap().0);
    }
    (listener, ends)
}

#[test]
fn sixty_namespaces_are_found_once_and_counted() -> Result<(), twscan_lab::Error> {
    test_in_netns(|_| {
        let directory = tempfile::tempdir().unwrap();
        let populated: HashMap<u64, Populated> = (0..60)
            .map(|number| populate(number, directory.path()))
            .map(|populated| (populated.net.inode().unwrap(), populated))
            .collect();
        let host = Host::live();
        let namespaces = Namespaces::with_run_directories(&host, [directory.path().to_owned()]).unwrap();

        let mut listed: Vec<_> = namespaces.iter().filter_map(|namespace| namespace.inode()).collect();
        listed.sort_unstable();
        let all = listed.len();
        listed.dedup();
        assert_eq!(listed.len(), all, "each once");
        let known = |inode: u64| populated.get(&inode);
        assert_eq!(listed.into_iter().filter_map(known).count(), 60);
        assert!(namespaces.others().found >= 60, "{:?}", namespaces.others());
        assert!(Surroundings::of_thread(host.procfs()).unwrap().others.found >= 30);

        let mut entered = 0;
        let visits: Vec<_> = namespaces
            .visit(|namespace, host| {
                entered += usize::from(namespace.inode().and_then(known).is_some());
                Scan::of(host.clone()).count().unwrap().sockets
            })
            .unwrap()
            .into_iter()
            .filter_map(|(namespace, visit)| Some((namespace, known(namespace.inode()?)?, visit)))
            .collect();
        assert_eq!(visits.len(), 60);
        for (namespace, populated, visit) in visits {
            match visit {
                Visit::Idle => assert_eq!(populated.sockets, 0, "{}", namespace.name()),
                Visit::Read(sockets) => assert_eq!(sockets, populated.sockets, "{}", namespace.name()),
                other => panic!("{}: {other:?}", namespace.name()),
            }
            let reference = namespace.reference().unwrap();
            match namespace.name() {
                NetnsName::File(name) => assert_eq!(reference, directory.path().join(name)),
                _ => assert!(reference.as_encoded_bytes().iter().all(u8::is_ascii_digit), "{reference:?}"),
            }
        }
        assert_eq!(entered, 40, "idle ones are not read");
    })
}

#[cfg(feature = "capture")]
#[test]
fn a_recording_has_the_namespaces_of_its_host_and_each_sees_the_others() -> Result<(), twscan_lab::Error> {
    use twscan_core::capture::{RecordOptions, RecordedSample};
    use twscan_core::netns::Namespace;

    test_in_netns(|own| {
        let directory = tempfile::tempdir().unwrap();
        // With two and one connections and without any; they have a process each.
        let others: Vec<_> = [2, 4, 6].map(|number| populate(number, directory.path())).into();
        let (_listener, _ends) = own.run(|| connect(1)).unwrap();
        let _resident = Ends(own.run(|| Command::new("sleep").arg("600").spawn().unwrap()).unwrap());
        let inodes: Vec<_> = others.iter().map(|one| &one.net).chain([own]).map(|net| net.inode().unwrap()).collect();
        let seen = |host: &Host| {
            let of_these = |namespace: &Namespace| inodes.contains(&namespace.inode().unwrap_or(0));
            let namespaces = Namespaces::of(host).unwrap();
            let visits = namespaces.visit(|_, host| Scan::of(host.clone()).count().unwrap().sockets).unwrap();
            let visits = visits.into_iter().filter(|(namespace, _)| of_these(namespace));
            visits.map(|(namespace, visit)| (namespace.clone(), format!("{visit:?}"))).collect::<Vec<_>>()
        };
        let (live, recorded) = own
            .run(|| {
                let live = Host::live();
                (seen(&live), RecordedSample::record_everywhere(&live, &RecordOptions::new()).unwrap().host("all"))
            })
            .unwrap();
        assert_eq!(live.len(), 4);
        assert_eq!(seen(&recorded), live);
        let found = Namespaces::of(&recorded).unwrap();
        let within = found.visit(|namespace, host| (namespace.inode(), seen(host))).unwrap();
        let mut readers = 0;
        for (_, visit) in within {
            let Visit::Read((inode, from_there)) = visit else { continue };
            if !inodes.contains(&inode.unwrap()) {
                continue;
            }
            readers += 1;
            let current: Vec<_> =
                from_there.iter().filter(|(one, _)| one.is_current()).map(|(one, _)| one.inode()).collect();
            assert_eq!((current, from_there[0].0.inode()), (vec![inode], inode), "the reader's own, and first");
            let mut counts: Vec<_> = from_there.into_iter().map(|(one, visit)| (one.inode(), visit)).collect();
            let mut expected: Vec<_> = live.iter().map(|(one, visit)| (one.inode(), visit.clone())).collect();
            counts.sort();
            expected.sort();
            assert_eq!(counts, expected);
        }
        assert_eq!(readers, 3, "the idle one was not recorded");
        let alone = RecordedSample::record(&Host::live(), &RecordOptions::new()).unwrap().host("one");
        assert!(matches!(Namespaces::of(&alone), Err(Error::NotRecorded { .. })));
    })
}

#[test]
fn without_privileges_each_namespace_that_could_not_be_entered_is_named() -> Result<(), twscan_lab::Error> {
    if is_child() {
        let namespaces = Namespaces::with_run_directories(&Host::live(), []).unwrap();
        let (mut read, mut refused, mut idle) = (0, 0, 0);
        for (namespace, visit) in namespaces.visit(|_, host| Scan::of(host.clone()).count().unwrap().sockets).unwrap() {
            match visit {
                Visit::Read(_) => {
                    assert!(namespace.is_current());
                    read += 1;
                }
                Visit::Refused(error) => {
                    assert!(error.is_permission_denied());
                    let said = error.to_string();
                    assert!(said.contains(&namespace.name().to_string()) && said.contains("CAP_SYS_ADMIN"), "{said}");
                    refused += 1;
                }
                Visit::Idle => idle += 1,
                // Other tests end theirs at any time.
                Visit::Ended => {}
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(read, 1, "its own");
        assert!(refused >= 4 && idle >= 2, "{refused} refused, {idle} idle");
        assert!(namespaces.others().found >= 6, "{:?}", namespaces.others());
        return Ok(());
    }
    test_in_netns(|own| {
        let directory = tempfile::tempdir().unwrap();
        let populated: Vec<_> = (0..6).map(|number| populate(2 * number, directory.path())).collect();
        let (_listener, _ends) = own.run(|| connect(1)).unwrap();
        own.run(|| {
            run_again_unprivileged("without_privileges_each_namespace_that_could_not_be_entered_is_named");
        })
        .unwrap();
        drop(populated);
    })
}

#[test]
fn a_namespace_that_is_mounted_somewhere_is_found_there() -> Result<(), twscan_lab::Error> {
    if is_child() {
        let point = std::env::var("TWSCAN_TEST_POINT").unwrap();
        let namespaces = Namespaces::with_run_directories(&Host::live(), []).unwrap();
        let mounted = namespaces.iter().find(|namespace| namespace.reference() == Some(point.as_ref())).unwrap();
        assert_eq!(mounted.name().to_string(), point);
        let inside = enter(&NetnsRef::parse(&point).unwrap(), || {
            (
                ProcFs::default().netns_inode("thread-self"),
                Surroundings::of_thread(&ProcFs::default()).unwrap().name.unwrap().to_string(),
            )
        });
        assert_eq!(inside.unwrap(), (mounted.inode(), point));
        return Ok(());
    }
    test_in_netns(|net| {
        let directory = tempfile::tempdir().unwrap();
        let point = directory.path().join("blue sky");
        std::fs::write(&point, "").unwrap();
        let mut command = Command::new("unshare");
        command.args(["--mount", "--", "sh", "-c", "mount --bind \"$0\" \"$TWSCAN_TEST_POINT\" && exec \"$@\""]);
        command.arg(net.path()).arg(std::env::current_exe().unwrap()).env("TWSCAN_TEST_POINT", &point);
        run_as_child(command, "a_namespace_that_is_mounted_somewhere_is_found_there");
    })
}

#[test]
fn inside_the_sockets_and_settings_are_the_namespaces_own() -> Result<(), twscan_lab::Error> {
    test_in_netns(|net| {
        net.set_port_range(40_000, 40_019).unwrap();
        let (_listener, _ends) = net.run(|| connect(2)).unwrap();
        let before = ProcFs::default().netns_inode("thread-self");
        let netns = NetnsRef::Path(net.path());
        let (inode, range, counters, sockets) = enter(&netns, || {
            let host = Host::live();
            let procfs = host.procfs();
            let sockets = Scan::new().count().unwrap().sockets;
            (procfs.netns_inode("thread-self"), procfs.settings().unwrap().range, procfs.counters().unwrap(), sockets)
        })
        .unwrap();
        assert_eq!(inode, Some(net.inode().unwrap()));
        assert_eq!(range.unwrap().low(), 40_000);
        assert_eq!((counters.tcp_inuse, counters.tcp6_inuse, sockets), (Some(2), Some(3), 5));
        assert_eq!(ProcFs::default().netns_inode("thread-self"), before, "the caller has not moved");
        assert_ne!(inode, before);
    })
}

#[test]
fn a_process_stands_for_its_namespace() -> Result<(), twscan_lab::Error> {
    test_in_netns(|net| {
        let process = Ends(net.run(|| Command::new("sleep").arg("600").spawn().unwrap()).unwrap());
        let inode = enter(&NetnsRef::Pid(process.0.id()), || ProcFs::default().netns_inode("thread-self"));
        assert_eq!(inode.unwrap(), Some(net.inode().unwrap()));
    })
}

#[test]
fn a_panic_inside_goes_on_in_the_caller() {
    let own = NetnsRef::parse("/proc/thread-self/ns/net").unwrap();
    let caught = catch_unwind(|| enter(&own, || panic!("inside")));
    assert_eq!(*caught.unwrap_err().downcast::<&str>().unwrap(), "inside");
}

#[test]
fn the_callers_own_namespace_needs_no_privilege() {
    if is_child() {
        let own = NetnsRef::Pid(std::process::id());
        let inside = enter(&own, || ProcFs::default().netns_inode("thread-self")).unwrap();
        assert_eq!(inside, ProcFs::default().netns_inode("thread-self"));
        return;
    }
    run_again_unprivileged("the_callers_own_namespace_needs_no_privilege");
}

#[test]
fn what_is_no_namespace_is_refused_with_the_reason() {
    let refusal = |text: &str| match enter(&NetnsRef::parse(text).unwrap(), || ()).unwrap_err() {
        Error::Netns(error) => error,
        other => panic!("{other}"),
    };
    assert!(matches!(refusal("4194305"), NetnsError::NoProcess { pid: 4_194_305 }));
    assert!(matches!(refusal("/dev/null"), NetnsError::NotANamespace { .. }));
    assert!(matches!(refusal("/proc/self/ns/uts"), NetnsError::NotANamespace { .. } | NetnsError::Enter { .. }));
    assert!(refusal("/no/such").to_string().starts_with("cannot open /no/such to enter network namespace"));
    let said = refusal("no-such-name").to_string();
    assert!(said.contains("\"no-such-name\" in /run/netns, /var/run/netns, /run/docker/netns;"), "{said}");
}
