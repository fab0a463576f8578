//! What is measured beside each other.

use std::env;
use std::path::{Path, PathBuf};

/// A way to look at sockets, and how to run it.
#[derive(Debug, Clone)]
pub(crate) struct Contender {
    pub(crate) name: String,
    pub(crate) run: Run,
}

#[derive(Debug, Clone)]
pub(crate) enum Run {
    /// The kernel's walk, thrown away in this process.
    Floor { bytecode: Vec<u8>, marks: bool },
    /// A program with arguments.
    Program(Vec<String>),
    /// An HTTP request to an exporter that runs in the namespace.
    Scrape,
}

impl Contender {
    fn new(name: &str, run: Run) -> Self {
        Self { name: name.to_owned(), run }
    }

    /// A program, or a pipeline for the shell.
    fn command(line: &str) -> Self {
        let words = if line.contains('|') {
            ["sh", "-c", line].map(str::to_owned).to_vec()
        } else {
            line.split_ascii_whitespace().map(str::to_owned).collect()
        };
        Self::new(line, Run::Program(words))
    }

    fn twscan(binary: &Path, arguments: &str) -> Self {
        let words = arguments.split_ascii_whitespace().map(str::to_owned);
        let program = [binary.display().to_string()].into_iter().chain(words).collect();
        Self::new(&format!("twscan {arguments}"), Run::Program(program))
    }
}

/// All of them that are here, and a note for each that is not.
pub(crate) fn all(twscan: &Path) -> (Vec<Contender>, Vec<String>) {
    let mut contenders = vec![
        Contender::new(FLOOR, Run::Floor { bytecode: Vec::new(), marks: true }),
        Contender::new(FLOOR_WITHOUT_MARKS, Run::Floor { bytecode: Vec::new(), marks: false }),
        Contender::new(FILTERED_FLOOR, Run::Floor { bytecode: super::floor::port_9999(), marks: true }),
    ];
    contenders.extend(TWSCAN.iter().map(|arguments| Contender::twscan(twscan, arguments)));
    let mut notes = Vec::new();
    for (program, package, lines) in PEERS {
        if find(program).is_some() {
            contenders.extend(lines.iter().map(|line| Contender::command(line)));
        } else {
            notes.push(format!("{program} is not installed ({package}): left out"));
        }
    }
    match find(EXPORTER) {
        Some(_) => contenders.push(Contender::new("node_exporter, tcpstat alone, one scrape", Run::Scrape)),
        None => notes.push(format!("{EXPORTER} is not installed (Debian's package of that name): left out")),
    }
    (contenders, notes)
}

fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|dir| dir.join(program)).find(|file| file.is_file())
}

/// The row that the others are compared with.
pub(crate) const FLOOR: &str = "floor: one walk, thrown away";
/// What twscan asks for: it gives up the privilege that makes the kernel send more.
const FLOOR_WITHOUT_MARKS: &str = "floor: the same without CAP_NET_ADMIN";
pub(crate) const FILTERED_FLOOR: &str = "floor: port 9999, none match";
/// Debian's name of node_exporter.
pub(crate) const EXPORTER: &str = "prometheus-node-exporter";

const TWSCAN: &[&str] = &[
    "summary",
    "summary --quick",
    "by-dest",
    "by-dest 8080",
    "by-dest 9999",
    "list --format jsonl",
    "list",
    "ports",
    "diagnose",
    "summary -p",
    "by-dest --max-groups 1000",
    "capture -",
];

/// A program, where it comes from, and how it is run.
const PEERS: &[(&str, &str, &[&str])] = &[
    (
        "ss",
        "Debian's iproute2",
        &[
            "ss -s",
            "ss -tan",
            "ss -tanH | awk '{print $1, $5}' | sort | uniq -c",
            "ss -tanH dport = :8080 | wc -l",
            "ss -tanp",
        ],
    ),
    ("netstat", "Debian's net-tools", &["netstat -nat | wc -l", "netstat -napo | grep -ic 8080"]),
    ("cat", "Debian's coreutils", &["cat /proc/net/tcp"]),
    ("somo", "cargo install somo", &["somo --tcp --no-pager --no-config"]),
    ("lsof", "Debian's lsof", &["lsof -nP -iTCP"]),
];
