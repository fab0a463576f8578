//! Plans written to the kernel, in namespaces: what they buy, how they fail, and how they are undone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says what it expects by failing")]

use std::env;
use std::path::Path;
use std::process::Command;

use twscan_core::host::Host;
use twscan_core::procfs::ProcFs;
use twscan_core::sample::Sampler;
use twscan_core::tuning::apply::{Applier, Entry, Namespace, RolledBack, Store, Sysctls, TuneError, Undo, Undone};
use twscan_core::tuning::{Goal, Key, Plan, Situation};
use twscan_lab::{Dial, Error, Listener, Netns, connect_until_fails, test_in_netns};

const REUSE: &str = "net.ipv4.tcp_tw_reuse";
const RANGE: &str = "net.ipv4.ip_local_port_range";

/// The store of the namespace that the thread is in.
fn store(directory: &Path) -> Store {
    Store::new(directory, Namespace::of_thread(&ProcFs::default()))
}

fn value(key: Key, to: &str) -> (Key, Option<String>, String) {
    (key, None, to.to_owned())
}

fn apply(directory: &Path, plan: &Plan) -> Result<(), TuneError> {
    Applier::new(&Sysctls::default(), &store(directory)).apply(plan, |_| ()).map(drop)
}

/// The boot file of these tests is beside the journals.
fn undo(directory: &Path, force: bool) -> Result<Undone, TuneError> {
    let (sysctls, store) = (Sysctls::default(), store(directory));
    Undo::begin(&sysctls, &store, directory.join("etc/99-twscan.conf"))?.run(force)
}

fn journals(directory: &Path) -> usize {
    let entries = std::fs::read_dir(directory).unwrap().flatten();
    entries.filter(|entry| entry.file_name().to_string_lossy().ends_with(".journal")).count()
}

#[test]
fn the_kernel_grants_what_the_plan_says_and_undo_takes_it_back() -> Result<(), Error> {
    test_in_netns(|net| {
        let state = tempfile::tempdir().unwrap();
        net.set_port_range(40_000, 40_019).unwrap();
        net.run(|| {
            let listener = Listener::bind("127.0.0.1:9101".parse().unwrap()).unwrap();
            // A service in the part of the range that is new: reserved, so that it can start again.
            let service = Listener::bind("127.0.0.1:40030".parse().unwrap()).unwrap();
            let granted = || connect_until_fails(&Dial::to(listener.address()), &listener, 200).unwrap().count();
            let sample = Sampler::new(&Host::live()).take().unwrap();
            let goal = Goal::new().to("127.0.0.1:9101".parse().unwrap()).range("40000-40059".parse().unwrap());
            let plan = Plan::new(&Situation::of(&sample), &goal).unwrap();
            let effect = plan.effects[0];
            assert_eq!((effect.before.capacity, effect.after.capacity), (20, 59));
            assert_eq!(granted(), 20);
            apply(state.path(), &plan).unwrap();
            assert_eq!(granted(), 59);
            drop(service);
            assert_eq!(granted(), 59, "reserved without a listener too");
            let undone = undo(state.path(), false).unwrap();
            // The range goes back before its reservation does.
            assert_eq!(
                undone.restored.iter().map(|entry| entry.key).collect::<Vec<_>>(),
                [Key::PortRange, Key::ReservedPorts]
            );
            assert_eq!(granted(), 20);
            assert_eq!(journals(state.path()), 0);
        })
        .unwrap();
        assert_eq!(net.sysctl("net.ipv4.ip_local_reserved_ports").unwrap(), "");
    })
}

#[test]
fn a_value_that_the_kernel_refuses_half_way_leaves_the_old_values() -> Result<(), Error> {
    test_in_netns(|net| {
        let state = tempfile::tempdir().unwrap();
        let old = net.sysctl(RANGE).unwrap();
        let plan = Plan::of_values([
            value(Key::PortRange, "10240 65535"),
            value(Key::Timestamps, "0"),
            value(Key::TwReuse, "3"),
        ]);
        let error = net.run(|| apply(state.path(), &plan)).unwrap().unwrap_err();
        let text = error.chain();
        assert!(matches!(error, TuneError::Write { rolled_back: RolledBack::Whole, .. }), "{text}");
        for part in ["net.ipv4.tcp_tw_reuse", "'3'", "Invalid argument", "old values"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert_eq!(net.sysctl(RANGE).unwrap(), old);
        assert_eq!(net.sysctl("net.ipv4.tcp_timestamps").unwrap(), "1");
        assert_eq!(journals(state.path()), 0);
    })
}

#[test]
fn a_range_that_the_namespace_refuses_writes_nothing_else() -> Result<(), Error> {
    test_in_netns(|net| {
        let state = tempfile::tempdir().unwrap();
        net.set_sysctl("net.ipv4.ip_unprivileged_port_start", "20000").unwrap();
        let plan = Plan::of_values([value(Key::ReservedPorts, "8080"), value(Key::PortRange, "10240 65535")]);
        net.run(|| apply(state.path(), &plan)).unwrap().unwrap_err();
        assert_eq!(net.sysctl("net.ipv4.ip_local_reserved_ports").unwrap(), "");
    })
}

#[test]
fn a_plan_for_other_values_is_stale() -> Result<(), Error> {
    test_in_netns(|net| {
        let state = tempfile::tempdir().unwrap();
        net.set_sysctl(REUSE, "0").unwrap();
        let plan = Plan::of_values([(Key::TwReuse, Some("2".to_owned()), "1".to_owned())]);
        let error = net.run(|| apply(state.path(), &plan)).unwrap().unwrap_err();
        assert!(matches!(error, TuneError::Stale { .. }), "{error}");
        assert_eq!(net.sysctl(REUSE).unwrap(), "0");
    })
}

#[test]
fn undo_refuses_where_somebody_else_has_changed_a_value() -> Result<(), Error> {
    test_in_netns(|net| {
        let state = tempfile::tempdir().unwrap();
        net.set_sysctl(REUSE, "2").unwrap();
        net.run(|| apply(state.path(), &Plan::of_values([value(Key::TwReuse, "1")]))).unwrap().unwrap();
        net.set_sysctl(REUSE, "0").unwrap();
        let undo = |force| net.run(|| undo(state.path(), force)).unwrap();
        let error = undo(false).unwrap_err();
        assert!(matches!(&error, TuneError::ChangedSince { set, found, .. } if set == "1" && found == "0"), "{error}");
        assert_eq!(net.sysctl(REUSE).unwrap(), "0");
        undo(true).unwrap();
        assert_eq!(net.sysctl(REUSE).unwrap(), "2");
        assert!(matches!(undo(false), Err(TuneError::NothingToUndo { .. })));
    })
}

#[test]
fn two_applies_are_undone_one_after_the_other() -> Result<(), Error> {
    test_in_netns(|net| {
        let state = tempfile::tempdir().unwrap();
        net.set_sysctl(REUSE, "2").unwrap();
        for to in ["1", "0"] {
            net.run(|| apply(state.path(), &Plan::of_values([value(Key::TwReuse, to)]))).unwrap().unwrap();
        }
        for before in ["1", "2"] {
            net.run(|| undo(state.path(), false)).unwrap().unwrap();
            assert_eq!(net.sysctl(REUSE).unwrap(), before);
        }
    })
}

#[test]
fn the_journal_of_one_namespace_is_not_anothers() -> Result<(), Error> {
    test_in_netns(|net| {
        let state = tempfile::tempdir().unwrap();
        net.run(|| apply(state.path(), &Plan::of_values([value(Key::TwReuse, "1")]))).unwrap().unwrap();
        let other = Netns::new().unwrap();
        let outcome = other.run(|| undo(state.path(), false)).unwrap();
        assert!(matches!(outcome, Err(TuneError::NothingToUndo { .. })));
    })
}

#[test]
fn a_boot_file_keeps_what_was_in_it_and_undo_puts_it_back() -> Result<(), Error> {
    test_in_netns(|net| {
        let state = tempfile::tempdir().unwrap();
        let file = state.path().join("etc/99-twscan.conf");
        let persist = |plan: &Plan| {
            let applied = net.run(|| {
                let (sysctls, store) = (Sysctls::default(), store(state.path()));
                Applier::new(&sysctls, &store).persist(&file).apply(plan, |_| ())
            });
            applied.unwrap().unwrap()
        };
        persist(&Plan::of_values([value(Key::TwReuse, "1")]));
        let first = std::fs::read_to_string(&file).unwrap();
        persist(&Plan::of_values([value(Key::ReservedPorts, "8080")]));
        let second = std::fs::read_to_string(&file).unwrap();
        assert!(second.contains("tcp_tw_reuse = 1") && second.contains("reserved_ports = 8080"), "{second}");
        for expected in [Some(first), None] {
            net.run(|| undo(state.path(), false)).unwrap().unwrap();
            assert_eq!(std::fs::read_to_string(&file).ok(), expected);
        }
    })
}

#[test]
fn a_boot_file_that_cannot_be_written_leaves_the_old_values() -> Result<(), Error> {
    test_in_netns(|net| {
        let state = tempfile::tempdir().unwrap();
        net.set_sysctl(REUSE, "2").unwrap();
        // A file where a directory is needed.
        std::fs::write(state.path().join("etc"), "").unwrap();
        let outcome = net.run(|| {
            let (sysctls, store) = (Sysctls::default(), store(state.path()));
            let applier = Applier::new(&sysctls, &store).persist(state.path().join("etc/99-twscan.conf"));
            applier.apply(&Plan::of_values([value(Key::TwReuse, "1")]), |_| ())
        });
        outcome.unwrap().unwrap_err();
        assert_eq!((net.sysctl(REUSE).unwrap().as_str(), journals(state.path())), ("2", 0));
    })
}

/// The test starts itself as a process of its own, which kills itself before its second write.
#[test]
fn a_process_killed_between_two_writes_leaves_a_journal_that_undo_follows() -> Result<(), Error> {
    const STATE: &str = "TWSCAN_TEST_KILLED_STATE";
    let plan = || Plan::of_values([value(Key::PortRange, "10240 65535"), value(Key::TwReuse, "1")]);
    if let Some(state) = env::var_os(STATE) {
        // In the namespace that the parent made; an ordinary parent's is the first one of its user namespace.
        let (sysctls, store) = (Sysctls::default(), store(Path::new(&state)));
        let _ = Applier::new(&sysctls, &store).apply(&plan(), |entry: &Entry| {
            if entry.key == Key::TwReuse {
                std::process::abort();
            }
        });
        unreachable!("it was to be killed");
    }
    test_in_netns(|net| {
        let state = tempfile::tempdir().unwrap();
        net.set_sysctl(RANGE, "32768 60999").unwrap();
        net.set_sysctl(REUSE, "2").unwrap();
        let status = net.run(|| {
            let name = "a_process_killed_between_two_writes_leaves_a_journal_that_undo_follows";
            let mut child = Command::new(env::current_exe().unwrap());
            child.args(["--exact", name]).env(STATE, state.path()).output().unwrap().status
        });
        assert!(std::os::unix::process::ExitStatusExt::signal(&status.unwrap()).is_some());
        assert_eq!(net.sysctl(RANGE).unwrap(), "10240\t65535");
        assert_eq!(net.sysctl(REUSE).unwrap(), "2");
        net.run(|| undo(state.path(), false)).unwrap().unwrap();
        assert_eq!(net.sysctl(RANGE).unwrap(), "32768\t60999");
        assert_eq!((net.sysctl(REUSE).unwrap().as_str(), journals(state.path())), ("2", 0));
    })
}

#[test]
fn a_journal_that_was_cut_off_is_passed_over() -> Result<(), Error> {
    test_in_netns(|net| {
        let state = tempfile::tempdir().unwrap();
        net.set_sysctl(REUSE, "2").unwrap();
        net.run(|| apply(state.path(), &Plan::of_values([value(Key::TwReuse, "1")]))).unwrap().unwrap();
        let first = std::fs::read_dir(state.path()).unwrap().flatten().map(|entry| entry.path());
        let first = first.into_iter().find(|path| path.extension().is_some_and(|end| end == "journal")).unwrap();
        let cut = first.to_string_lossy().replace("-1.journal", "-2.journal");
        std::fs::write(cut, "twscan tune journal 1\nsysctl\tnet.ip").unwrap();
        net.run(|| undo(state.path(), false)).unwrap().unwrap();
        assert_eq!(net.sysctl(REUSE).unwrap(), "2");
    })
}
