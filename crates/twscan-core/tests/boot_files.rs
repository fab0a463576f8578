//! Trees of sysctl.d files: what [`BootFiles`] says of them, and what systemd-sysctl and procps do with them, each run in
//! a mount and a network namespace of its own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says what it expects by failing")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use twscan_core::tuning::{BootFiles, Key, Loader};
use twscan_lab::{Error, Netns, test_in_netns};

/// A tree, the key to look at, and for each loader the value and the line that wins.
struct Case {
    name: &'static str,
    /// Paths and contents; a content that begins with `->` is a link.
    files: &'static [(&'static str, &'static str)],
    key: Key,
    systemd: (&'static str, Option<&'static str>),
    procps: (&'static str, Option<&'static str>),
}

const CASES: &[Case] = &[
    Case {
        name: "no file: the kernel's default",
        files: &[],
        key: Key::TwReuse,
        systemd: ("2", None),
        procps: ("2", None),
    },
    Case {
        name: "a later name wins, whatever its directory",
        files: &[
            ("etc/sysctl.d/10-a.conf", "net.ipv4.tcp_tw_reuse = 1\n"),
            ("usr/lib/sysctl.d/20-b.conf", "# c\nnet.ipv4.tcp_tw_reuse = 0\n"),
        ],
        key: Key::TwReuse,
        systemd: ("0", Some("/usr/lib/sysctl.d/20-b.conf:2")),
        procps: ("0", Some("/usr/lib/sysctl.d/20-b.conf:2")),
    },
    Case {
        name: "the same name in etc masks the one in usr/lib",
        files: &[
            ("etc/sysctl.d/50-x.conf", "net.ipv4.tcp_timestamps = 0\n"),
            ("usr/lib/sysctl.d/50-x.conf", "net.ipv4.tcp_tw_reuse = 1\n"),
        ],
        key: Key::TwReuse,
        systemd: ("2", None),
        procps: ("2", None),
    },
    Case {
        name: "run comes between etc and usr/lib",
        files: &[
            ("run/sysctl.d/50-x.conf", "net.ipv4.tcp_tw_reuse = 0\n"),
            ("usr/local/lib/sysctl.d/50-x.conf", "net.ipv4.tcp_tw_reuse = 2\n"),
            ("usr/lib/sysctl.d/50-x.conf", "net.ipv4.tcp_tw_reuse = 1\n"),
        ],
        key: Key::TwReuse,
        systemd: ("0", Some("/run/sysctl.d/50-x.conf:1")),
        procps: ("0", Some("/run/sysctl.d/50-x.conf:1")),
    },
    Case {
        name: "a link to /dev/null masks",
        files: &[
            ("etc/sysctl.d/50-x.conf", "->/dev/null"),
            ("usr/lib/sysctl.d/50-x.conf", "net.ipv4.tcp_tw_reuse = 1\n"),
        ],
        key: Key::TwReuse,
        systemd: ("2", None),
        procps: ("2", None),
    },
    Case {
        name: "quotes are part of the value, and the kernel refuses them",
        files: &[("etc/sysctl.d/a.conf", "net.ipv4.ip_local_port_range = \"10240 65535\"\n")],
        key: Key::PortRange,
        systemd: ("32768 60999", None),
        procps: ("32768 60999", None),
    },
    Case {
        name: "a refused value after a good one: systemd has forgotten the good one",
        files: &[
            ("etc/sysctl.d/a.conf", "net.ipv4.ip_local_port_range = 10240 65535\n"),
            ("etc/sysctl.d/b.conf", "net.ipv4.ip_local_port_range = '1024 65535'\n"),
        ],
        key: Key::PortRange,
        systemd: ("32768 60999", None),
        procps: ("10240 65535", Some("/etc/sysctl.d/a.conf:1")),
    },
    Case {
        name: "a range that begins below the unprivileged ports",
        files: &[("etc/sysctl.d/a.conf", "net.ipv4.ip_local_port_range = 1000 65535\n")],
        key: Key::PortRange,
        systemd: ("32768 60999", None),
        procps: ("32768 60999", None),
    },
    Case {
        name: "a range of one number keeps the high end",
        files: &[("etc/sysctl.d/a.conf", "net.ipv4.ip_local_port_range = 2000\n")],
        key: Key::PortRange,
        systemd: ("2000 60999", Some("/etc/sysctl.d/a.conf:1")),
        procps: ("2000 60999", Some("/etc/sysctl.d/a.conf:1")),
    },
    Case {
        name: "a minus before an assignment sets it too",
        files: &[("etc/sysctl.d/a.conf", "-net.ipv4.tcp_tw_reuse = 1\n")],
        key: Key::TwReuse,
        systemd: ("1", Some("/etc/sysctl.d/a.conf:1")),
        procps: ("1", Some("/etc/sysctl.d/a.conf:1")),
    },
    Case {
        name: "an excluded key: systemd takes it out, procps keeps it",
        files: &[("etc/sysctl.d/a.conf", "net.ipv4.tcp_tw_reuse = 1\n-net.ipv4.tcp_tw_reuse\n")],
        key: Key::TwReuse,
        systemd: ("2", None),
        procps: ("1", Some("/etc/sysctl.d/a.conf:1")),
    },
    Case {
        name: "an excluded key stays out of a pattern",
        files: &[("etc/sysctl.d/a.conf", "net.ipv4.tcp_tw_reus* = 1\n-net.ipv4.tcp_tw_reuse\n")],
        key: Key::TwReuse,
        systemd: ("2", None),
        procps: ("2", None),
    },
    Case {
        name: "a pattern sets what it matches",
        files: &[("etc/sysctl.d/a.conf", "net.ipv[0-5].tcp_tw_reus? = 1\n")],
        key: Key::TwReuse,
        systemd: ("1", Some("/etc/sysctl.d/a.conf:1")),
        procps: ("1", Some("/etc/sysctl.d/a.conf:1")),
    },
    Case {
        name: "a pattern yields to an explicit key, before or after it",
        files: &[
            ("etc/sysctl.d/a.conf", "net.ipv4.tcp_tw_reuse = 0\n"),
            ("etc/sysctl.d/b.conf", "net.ipv4.tcp_tw_reus* = 1\n"),
        ],
        key: Key::TwReuse,
        systemd: ("0", Some("/etc/sysctl.d/a.conf:1")),
        procps: ("0", Some("/etc/sysctl.d/a.conf:1")),
    },
    Case {
        name: "a repeated pattern stands where it was first for systemd, and runs again for procps",
        files: &[(
            "etc/sysctl.d/a.conf",
            "net.ipv4.tcp_tw_reus* = 1\nnet.ipv4.tcp_*_reuse = 0\nnet.ipv4.tcp_tw_reus* = 1\n",
        )],
        key: Key::TwReuse,
        systemd: ("0", Some("/etc/sysctl.d/a.conf:2")),
        procps: ("1", Some("/etc/sysctl.d/a.conf:3")),
    },
    Case {
        name: "sysctl.conf: read last by procps, and not by systemd",
        files: &[
            ("etc/sysctl.d/99-twscan.conf", "net.ipv4.tcp_tw_reuse = 1\n"),
            ("etc/sysctl.conf", "net.ipv4.tcp_tw_reuse = 0\n"),
        ],
        key: Key::TwReuse,
        systemd: ("1", Some("/etc/sysctl.d/99-twscan.conf:1")),
        procps: ("0", Some("/etc/sysctl.conf:1")),
    },
    Case {
        name: "Debian's link to sysctl.conf: systemd reads it by the link's name",
        files: &[
            ("etc/sysctl.d/99-twscan.conf", "net.ipv4.tcp_tw_reuse = 1\n"),
            ("etc/sysctl.d/99-sysctl.conf", "->../sysctl.conf"),
            ("etc/sysctl.conf", "net.ipv4.tcp_tw_reuse = 0\n"),
        ],
        key: Key::TwReuse,
        systemd: ("1", Some("/etc/sysctl.d/99-twscan.conf:1")),
        procps: ("0", Some("/etc/sysctl.conf:1")),
    },
    Case {
        name: "a dot file: procps reads it",
        files: &[("etc/sysctl.d/.a.conf", "net.ipv4.tcp_tw_reuse = 1\n")],
        key: Key::TwReuse,
        systemd: ("2", None),
        procps: ("1", Some("/etc/sysctl.d/.a.conf:1")),
    },
    Case {
        name: "another ending is not read",
        files: &[
            ("etc/sysctl.d/a.conf.bak", "net.ipv4.tcp_tw_reuse = 1\n"),
            ("etc/sysctl.d/README", "net.ipv4.tcp_tw_reuse = 1\n"),
        ],
        key: Key::TwReuse,
        systemd: ("2", None),
        procps: ("2", None),
    },
    Case {
        name: "names are ordered by their bytes",
        files: &[
            ("etc/sysctl.d/b.conf", "net.ipv4.tcp_tw_reuse = 0\n"),
            ("etc/sysctl.d/Z.conf", "net.ipv4.tcp_tw_reuse = 1\n"),
            ("etc/sysctl.d/100.conf", "net.ipv4.tcp_tw_reuse = 1\n"),
        ],
        key: Key::TwReuse,
        systemd: ("0", Some("/etc/sysctl.d/b.conf:1")),
        procps: ("0", Some("/etc/sysctl.d/b.conf:1")),
    },
    Case {
        name: "slashes, blanks, comments, and lines that say nothing",
        files: &[(
            "etc/sysctl.d/a.conf",
            "; c\nnonsense\n\n  net/ipv4/tcp_tw_reuse  =  1  \n#net.ipv4.tcp_tw_reuse=0\n",
        )],
        key: Key::TwReuse,
        systemd: ("1", Some("/etc/sysctl.d/a.conf:4")),
        procps: ("1", Some("/etc/sysctl.d/a.conf:4")),
    },
    Case {
        name: "a comment behind a value",
        files: &[("etc/sysctl.d/a.conf", "net.ipv4.tcp_tw_reuse = 1 # all\n")],
        key: Key::TwReuse,
        systemd: ("1", Some("/etc/sysctl.d/a.conf:1")),
        procps: ("1", Some("/etc/sysctl.d/a.conf:1")),
    },
    Case {
        name: "reserved ports with blanks are refused",
        files: &[("etc/sysctl.d/a.conf", "net.ipv4.ip_local_reserved_ports = 8080, 9000-9010\n")],
        key: Key::ReservedPorts,
        systemd: ("", None),
        procps: ("", None),
    },
    Case {
        name: "reserved ports are put together",
        files: &[("etc/sysctl.d/a.conf", "net.ipv4.ip_local_reserved_ports = 9000-9001,9002,8080\n")],
        key: Key::ReservedPorts,
        systemd: ("8080,9000-9002", Some("/etc/sysctl.d/a.conf:1")),
        procps: ("8080,9000-9002", Some("/etc/sysctl.d/a.conf:1")),
    },
    Case {
        name: "a key in a file without a last newline, and with Windows line ends",
        files: &[("etc/sysctl.d/a.conf", "net.ipv4.tcp_tw_reuse = 0\r\nnet.ipv4.tcp_tw_reuse = 1")],
        key: Key::TwReuse,
        systemd: ("1", Some("/etc/sysctl.d/a.conf:2")),
        procps: ("1", Some("/etc/sysctl.d/a.conf:2")),
    },
];

#[test]
fn the_table_says_what_the_model_says() {
    for case in CASES {
        let tree = tree(case.files);
        for (loader, expected) in [(Loader::Systemd, case.systemd), (Loader::Procps, case.procps)] {
            let boot = BootFiles::read(tree.path()).unwrap().boot(loader, case.key, 1024);
            let winner = boot.winner.as_ref().map(ToString::to_string);
            assert_eq!((boot.value.as_deref(), winner.as_deref()), (Some(expected.0), expected.1), "{}", case.name);
        }
    }
}

#[test]
fn systemd_sysctl_does_what_the_table_says() -> Result<(), Error> {
    let Some(program) = tool(&["/usr/lib/systemd/systemd-sysctl", "/lib/systemd/systemd-sysctl"]) else {
        return Ok(());
    };
    run_all(program, |case| case.systemd.0)
}

#[test]
fn procps_does_what_the_table_says() -> Result<(), Error> {
    let Some(program) = tool(&["/usr/sbin/sysctl", "/sbin/sysctl"]) else { return Ok(()) };
    run_all(&format!("{program} --system"), |case| case.procps.0)
}

#[test]
fn refused_and_overridden_lines_are_named() {
    let tree = tree(&[
        ("etc/sysctl.d/a.conf", "net.ipv4.tcp_tw_reuse = 0\n"),
        ("etc/sysctl.d/b.conf", "net.ipv4.tcp_tw_reuse = 1\nnet.ipv4.tcp_tw_reuse = \"2\"\nwhat\n"),
    ]);
    let files = BootFiles::read(tree.path()).unwrap();
    let boot = files.boot(Loader::Procps, Key::TwReuse, 1024);
    assert_eq!(boot.overridden.iter().map(ToString::to_string).collect::<Vec<_>>(), ["/etc/sysctl.d/a.conf:1"]);
    assert_eq!(boot.rejected[0].0.to_string(), "/etc/sysctl.d/b.conf:2");
    let boot = files.boot(Loader::Systemd, Key::TwReuse, 1024);
    assert_eq!((boot.winner, boot.overridden.len(), boot.rejected.len()), (None, 2, 1));
    assert_eq!(files.bad_lines().map(|bad| (bad.line, bad.text)).collect::<Vec<_>>(), [(3, "what".to_owned())]);
}

fn run_all(program: &str, expected: impl Fn(&Case) -> &'static str + Sync) -> Result<(), Error> {
    test_in_netns(|_| {
        for case in CASES {
            let net = Netns::new().unwrap();
            // The table's defaults are the kernel's; a host may hand down others.
            for key in [Key::TwReuse, Key::PortRange, Key::ReservedPorts, Key::Timestamps] {
                net.set_sysctl(key.name(), key.kernel_default().unwrap()).unwrap();
            }
            let tree = tree(case.files);
            net.run(|| load(program, tree.path())).unwrap();
            let live = net.sysctl(case.key.name()).unwrap().replace('\t', " ");
            assert_eq!(live, expected(case), "{program}: {}", case.name);
        }
    })
}

/// Runs a loader where the tree's files are the host's.
fn load(program: &str, tree: &Path) {
    let script = format!(
        "set -e; cd '{}'
         for dir in etc/sysctl.d usr/lib/sysctl.d usr/local/lib run; do mount --bind $dir /$dir; done
         mount --bind etc/sysctl.conf /etc/sysctl.conf
         {program} || true",
        tree.display()
    );
    let output = Command::new("unshare").args(["--mount", "sh", "-c", &script]).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !stderr.contains("mount:"), "{stderr}");
}

fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
    let tree = tempfile::tempdir().unwrap();
    for directory in ["etc/sysctl.d", "run/sysctl.d", "usr/local/lib/sysctl.d", "usr/lib/sysctl.d"] {
        fs::create_dir_all(tree.path().join(directory)).unwrap();
    }
    fs::write(tree.path().join("etc/sysctl.conf"), "").unwrap();
    for (path, content) in files {
        match content.strip_prefix("->") {
            Some(target) => symlink(target, tree.path().join(path)).unwrap(),
            None => fs::write(tree.path().join(path), content).unwrap(),
        }
    }
    tree
}

#[expect(clippy::print_stderr, reason = "a test says what it leaves out")]
fn tool<'a>(paths: &[&'a str]) -> Option<&'a str> {
    let found = paths.iter().copied().find(|path| Path::new(path).exists());
    if found.is_none() {
        let required = ["CI", "TWSCAN_REQUIRE_PRIVILEGES"].iter().any(|key| std::env::var_os(key).is_some());
        assert!(!required, "none of {paths:?} is installed, and it is required here");
        eprintln!("skipped: none of {paths:?} is installed");
    }
    found
}
