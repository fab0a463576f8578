//! What is measured beside each other.

use std::env;
use std::path::{Path, PathBuf};

use super::printed::Answer;

/// A way to look at sockets, how to run it, and how it tells what it saw.
#[derive(Debug, Clone)]
pub(crate) struct Contender {
    pub(crate) name: String,
    pub(crate) run: Run,
    pub(crate) answer: Answer,
    /// Whether it asks for the sockets of the population.
    pub(crate) wants_them: bool,
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
    fn new(name: &str, run: Run, answer: Answer) -> Self {
        Self { name: name.to_owned(), run, answer, wants_them: !name.contains("9999") }
    }

    fn floor(name: &str, bytecode: Vec<u8>, marks: bool) -> Self {
        Self::new(name, Run::Floor { bytecode, marks }, Answer::Records(if marks { RECORD + MARK } else { RECORD }))
    }

    /// A program, or a pipeline for the shell.
    fn command(line: &str, answer: Answer) -> Self {
        let words = if line.contains('|') {
            ["sh", "-c", line].map(str::to_owned).to_vec()
        } else {
            line.split_ascii_whitespace().map(str::to_owned).collect()
        };
        Self::new(line, Run::Program(words), answer)
    }

    fn twscan(binary: &Path, arguments: &str, answer: Answer) -> Self {
        let words = arguments.split_ascii_whitespace().map(str::to_owned);
        let program = [binary.display().to_string()].into_iter().chain(words).collect();
        Self::new(&format!("twscan {arguments}"), Run::Program(program), answer)
    }
}

/// All of them that are here, and a note for each that is not.
pub(crate) fn all(twscan: &Path) -> (Vec<Contender>, Vec<String>) {
    let mut contenders = vec![
        Contender::floor(FLOOR, Vec::new(), true),
        Contender::floor(FLOOR_WITHOUT_MARKS, Vec::new(), false),
        Contender::floor(FILTERED_FLOOR, super::floor::port_9999(), true),
    ];
    contenders.extend(TWSCAN.iter().map(|(arguments, answer)| Contender::twscan(twscan, arguments, *answer)));
    let mut notes = Vec::new();
    for (program, package, lines) in PEERS {
        if find(program).is_some() {
            contenders.extend(lines.iter().map(|(line, answer)| Contender::command(line, *answer)));
        } else {
            notes.push(format!("{program} is not installed ({package}): left out"));
        }
    }
    match find(EXPORTER) {
        Some(_) => contenders.push(Contender::new(SCRAPE, Run::Scrape, Answer::Behind(EXPORTED))),
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

const SCRAPE: &str = "node_exporter, tcpstat alone, one scrape";
/// The metric in its answer.
const EXPORTED: &str = "node_tcp_connection_states{state=\"time_wait\"}";

/// A TIME_WAIT's `struct inet_diag_msg` behind a netlink header.
const RECORD: u64 = 72 + 16;
/// The attribute that a reader with CAP_NET_ADMIN is sent too.
const MARK: u64 = 8;

const TWSCAN: &[Line] = &[
    ("summary", Answer::Behind("TIME_WAIT")),
    ("summary --quick", Answer::Behind("timewait")),
    ("by-dest", Answer::Before("sockets")),
    ("by-dest 8080", Answer::Before("sockets")),
    ("by-dest 9999", Answer::Before("sockets")),
    ("list --format jsonl", Answer::Lines(1)),
    ("list", Answer::Lines(1)),
    ("ports", Answer::Before("sockets,")),
    ("diagnose", Answer::Before("sockets,")),
    ("summary -p", Answer::Behind("TIME_WAIT")),
    ("by-dest --max-groups 1000", Answer::Before("sockets")),
    // Less than ten bytes a socket were never seen.
    ("capture -", Answer::Packed(8)),
];

/// How something is run, and how it tells what it saw.
type Line = (&'static str, Answer);

/// A program, where it comes from, and how it is run.
const PEERS: &[(&str, &str, &[Line])] = &[
    (
        "ss",
        "Debian's iproute2",
        &[
            ("ss -s", Answer::Behind("timewait")),
            ("ss -tan", Answer::Lines(1)),
            ("ss -tanH | awk '{print $1, $5}' | sort | uniq -c", Answer::Counts),
            ("ss -tanH dport = :8080 | wc -l", Answer::Counts),
            ("ss -tanp", Answer::Lines(1)),
        ],
    ),
    (
        "netstat",
        "Debian's net-tools",
        &[("netstat -nat | wc -l", Answer::Counts), ("netstat -napo | grep -ic 8080", Answer::Counts)],
    ),
    ("cat", "Debian's coreutils", &[("cat /proc/net/tcp", Answer::Lines(1))]),
    // Its table takes a minute for two thousand sockets.
    ("somo", "cargo install somo", &[("somo --tcp --json --no-config", Answer::Lines(10))]),
    ("lsof", "Debian's lsof", &[("lsof -nP -iTCP", Answer::NotTold)]),
];
