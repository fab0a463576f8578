//! A host in a file, turned into samples: a `/proc` is written and read back.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, SystemTime};

use serde::Deserialize;
use twscan_core::Error;
use twscan_core::diagnosis::{Diagnosis, Examination, Facts, LogFact, NamespaceFact, OwnerFact};
use twscan_core::host::Host;
use twscan_core::port::PortRange;
use twscan_core::procfs::ProcFs;
use twscan_core::sample::{Sample, Sampler};
use twscan_core::socket::TcpState;
use twscan_core::target::Target;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scenario {
    /// What the file is about, for its reader.
    #[allow(dead_code, reason = "for people")]
    about: String,
    target: Option<String>,
    #[serde(default)]
    settings: BTreeMap<String, toml::Value>,
    #[serde(default)]
    counters: BTreeMap<String, u64>,
    #[serde(default)]
    sockets: Vec<Group>,
    earlier: Option<Earlier>,
    #[serde(default)]
    facts: FactFile,
    pub(crate) expect: Expect,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Earlier {
    seconds_before: f64,
    #[serde(default)]
    counters: BTreeMap<String, u64>,
    #[serde(default)]
    sockets: Vec<Group>,
}

/// Sockets with one state and one destination.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    state: String,
    #[serde(default = "one")]
    count: u16,
    /// The local address, with the port where others connected; ports of the range are taken as connect() does.
    local: String,
    #[serde(default)]
    remote: Option<String>,
    /// Whether those in FIN_WAIT2 are mini-sockets.
    #[serde(default)]
    mini: bool,
    /// The least and the greatest age of TIME_WAITs in seconds; they are spread evenly between. For mini-sockets: of the
    /// last minute that they have.
    #[serde(default = "half_a_minute")]
    ages: [f64; 2],
    /// Takes ports as bind(address, 0) does: the other parity first.
    #[serde(default)]
    bound: bool,
    /// Leaves out so many ports, which others of its destination have.
    #[serde(default)]
    skip: u16,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct FactFile {
    #[serde(default)]
    log: Vec<LogFile>,
    ipv6_loopback: Option<bool>,
    /// Whether this namespace is the one that the kernel booted with.
    #[serde(default)]
    initial_netns: bool,
    /// Other namespaces; one of the name `host` is the one that the kernel booted with.
    #[serde(default)]
    namespaces: BTreeMap<String, NamespaceFile>,
    #[serde(default)]
    owners: Vec<OwnerFile>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NamespaceFile {
    range: String,
    #[serde(default)]
    sockets: u64,
    inode: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OwnerFile {
    process: String,
    sockets: u64,
    destination: Option<SocketAddr>,
    local_port: Option<u16>,
    state: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LogFile {
    destination: Option<SocketAddr>,
    #[serde(default)]
    localhost: bool,
    #[serde(default)]
    ports_exhausted: bool,
    #[serde(default)]
    bind_pool: bool,
    events: u64,
    program: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expect {
    pub(crate) findings: Vec<String>,
    pub(crate) headline: Option<String>,
    #[serde(default)]
    pub(crate) remedies: BTreeMap<String, ExpectedRemedy>,
    #[serde(default)]
    pub(crate) refused: Vec<String>,
    /// What the findings say, in any of their texts, and what they must not.
    #[serde(default)]
    pub(crate) says: Vec<String>,
    #[serde(default)]
    pub(crate) says_not: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExpectedRemedy {
    pub(crate) gives: String,
    pub(crate) enough: Option<bool>,
    pub(crate) met: Option<bool>,
}

impl Scenario {
    pub(crate) fn target(&self) -> Option<Target> {
        self.target.as_ref().map(|target| target.parse().unwrap())
    }

    /// The later moment, or the only one.
    pub(crate) fn now(&self) -> Sample {
        let mut sample = self.sample(&self.counters, &self.sockets, 0.0);
        sample.provenance.initial_netns = self.facts.initial_netns;
        sample
    }

    pub(crate) fn diagnose(&self) -> Diagnosis {
        let sample = self.now();
        let earlier = self.earlier.as_ref();
        let earlier = earlier.map(|earlier| self.sample(&earlier.counters, &earlier.sockets, earlier.seconds_before));
        Examination::new(&sample).earlier(earlier.as_ref()).target(self.target()).facts(self.facts()).diagnose()
    }

    fn facts(&self) -> Facts {
        let mut facts = Facts::default();
        facts.ipv6_loopback = self.facts.ipv6_loopback;
        facts.log.extend(self.facts.log.iter().map(|log| {
            let mut fact = LogFact::default();
            (fact.destination, fact.localhost, fact.events) = (log.destination, log.localhost, log.events);
            (fact.ports_exhausted, fact.bind_pool) = (log.ports_exhausted, log.bind_pool);
            fact.program.clone_from(&log.program);
            fact
        }));
        facts.namespaces.extend(self.facts.namespaces.iter().map(|(name, file)| {
            let mut fact = NamespaceFact::new(name, Some(file.range.parse().unwrap()));
            (fact.initial, fact.sockets, fact.inode) = (name == "host", file.sockets, file.inode);
            fact
        }));
        facts.owners.extend(self.facts.owners.iter().map(|file| {
            let mut fact = OwnerFact::new(&file.process, file.sockets);
            (fact.destination, fact.local_port) = (file.destination, file.local_port);
            fact.state = file.state.as_deref().map(|name| TcpState::from_name(name).unwrap());
            fact
        }));
        facts
    }

    fn sample(&self, counters: &BTreeMap<String, u64>, groups: &[Group], seconds_before: f64) -> Sample {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let mut settings: BTreeMap<String, String> = DEFAULTS.map(|(key, value)| (key.into(), value.into())).into();
        for (key, value) in &self.settings {
            if value.as_bool() == Some(false) {
                assert!(settings.remove(key).is_some(), "{key}");
                continue;
            }
            let number = || {
                value
                    .as_integer()
                    .expect("a setting is a text, a number, or false where the kernel has none")
                    .to_string()
            };
            let text = value.as_str().map_or_else(number, str::to_owned);
            assert!(settings.insert(key.clone(), text).is_some() || KNOWN.contains(&key.as_str()), "{key}");
        }
        for (key, value) in &settings {
            write(&format!("sys/net/ipv4/{key}"), value);
        }
        let mut tcp_ext = (String::from("TcpExt:"), String::from("TcpExt:"));
        let mut sockstat = String::new();
        for (key, value) in counters {
            match key.as_str() {
                "tw" | "orphan" => write!(sockstat, " {key} {value}").unwrap(),
                "conntrack_count" | "conntrack_max" => {
                    write(&format!("sys/net/netfilter/nf_{key}"), &value.to_string());
                }
                "TW" | "TWRecycled" | "TCPTimeWaitOverflow" => {
                    write!(tcp_ext.0, " {key}").unwrap();
                    write!(tcp_ext.1, " {value}").unwrap();
                }
                _ => panic!("{key} is no counter"),
            }
        }
        write("thread-self/net/netstat", &format!("{}\n{}\n", tcp_ext.0, tcp_ext.1));
        write("thread-self/net/sockstat", &format!("TCP:{sockstat}\n"));
        let range: PortRange = settings["ip_local_port_range"].parse().unwrap();
        let (mut tcp, mut tcp6) = (HEADING.to_owned(), HEADING.to_owned());
        for group in groups {
            let text = if group.local.starts_with('[') || group.local.contains("::") { &mut tcp6 } else { &mut tcp };
            group.write(range, text);
        }
        write("thread-self/net/tcp", &tcp);
        write("thread-self/net/tcp6", &tcp6);
        let open = || Err(Error::Open { cause: std::io::Error::from_raw_os_error(93) });
        let mut sample = Sampler::new(&Host::new(open, ProcFs::new(dir.path()))).ports().take().unwrap();
        sample.provenance.captured_at =
            SystemTime::UNIX_EPOCH + Duration::from_secs(1_600_000_000) - Duration::from_secs_f64(seconds_before);
        sample
    }
}

impl Group {
    fn write(&self, range: PortRange, text: &mut String) {
        let state = TcpState::from_name(&self.state).unwrap_or_else(|| panic!("{} is no state", self.state));
        let remote: SocketAddr = self.remote.as_deref().map_or("0.0.0.0:0", |remote| remote).parse().unwrap();
        let [youngest, oldest] = self.ages;
        for index in 0..self.count {
            let (local, remote) = match self.local.parse::<SocketAddr>() {
                // Others connect from ports of their own.
                Ok(local) if remote.port() != 0 => (local, SocketAddr::new(remote.ip(), remote.port() + index)),
                Ok(local) => (local, remote),
                Err(_) => {
                    let ip: IpAddr = self.local.parse().unwrap();
                    (SocketAddr::new(ip, nth_port(range, self.skip + index, self.bound)), remote)
                }
            };
            let age = youngest + (oldest - youngest) * (f64::from(index) + 0.5) / f64::from(self.count);
            let ticks = ((60.0 - age).max(0.0) * 100.0) as u32;
            let closed = state == TcpState::TimeWait || self.mini;
            let timer = if closed { format!("03:{ticks:08X}") } else { "00:00000000".to_owned() };
            let (local, remote, state) = (hex(local), hex(remote), state.number());
            writeln!(
                text,
                "   0: {local} {remote} {state:02X} 00000000:00000000 {timer} 00000000     0        0 0 1 0"
            )
            .unwrap();
        }
    }
}

/// The ports in the order in which connect() takes them: those of the parity of the range's low end first.
fn nth_port(range: PortRange, index: u16, bound: bool) -> u16 {
    let half = range.size().div_ceil(2) as u16;
    let (first, rest) = if bound { (range.size() as u16 - half, 1) } else { (half, 0) };
    let port =
        if index < first { range.low() + rest + 2 * index } else { range.low() + 1 - rest + 2 * (index - first) };
    assert!(range.contains(port), "more sockets than ports");
    port
}

fn hex(endpoint: SocketAddr) -> String {
    let octets = match endpoint.ip() {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    };
    let words = octets.chunks(4).map(|word| format!("{:08X}", u32::from_ne_bytes(word.try_into().unwrap())));
    format!("{}:{:04X}", words.collect::<String>(), endpoint.port())
}

fn one() -> u16 {
    1
}

fn half_a_minute() -> [f64; 2] {
    [0.0, 60.0]
}

/// A namespace as the kernel makes it.
const DEFAULTS: [(&str, &str); 8] = [
    ("ip_local_port_range", "32768 60999"),
    ("ip_local_reserved_ports", ""),
    ("ip_unprivileged_port_start", "1024"),
    ("tcp_tw_reuse", "2"),
    ("tcp_tw_reuse_delay", "1000"),
    ("tcp_timestamps", "1"),
    ("tcp_fin_timeout", "60"),
    ("tcp_max_tw_buckets", "131072"),
];
const KNOWN: [&str; 1] = ["tcp_max_orphans"];
const HEADING: &str =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
