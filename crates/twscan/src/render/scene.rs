//! Samples with known sockets, for the snapshots of what is printed: a `/proc` is written and read back.

use std::fmt::Write;
use std::fs;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, SystemTime};

use twscan_core::Error;
use twscan_core::host::Host;
use twscan_core::procfs::ProcFs;
use twscan_core::sample::{Provenance, Sample, Sampler};

/// Sockets and parameters to write.
pub(crate) struct Scene {
    tcp: [String; 2],
    tw_reuse: u8,
}

impl Scene {
    pub(crate) fn new() -> Self {
        Self { tcp: [HEADING.to_owned(), HEADING.to_owned()], tw_reuse: 0 }
    }

    pub(crate) fn tw_reuse(mut self, mode: u8) -> Self {
        self.tw_reuse = mode;
        self
    }

    /// A socket in this state, by the kernel's number; a TIME_WAIT has 30 s left.
    pub(crate) fn socket(mut self, state: u8, local: &str, remote: &str) -> Self {
        let (local, remote): (SocketAddr, SocketAddr) = (local.parse().unwrap(), remote.parse().unwrap());
        let timer = if state == 6 { "03:00000BB8" } else { "00:00000000" };
        let line = format!(
            "   0: {} {} {state:02X} 00000000:00000000 {timer} 00000000     0        0 0 1 0\n",
            hex(local),
            hex(remote)
        );
        self.tcp[usize::from(local.is_ipv6())].push_str(&line);
        self
    }

    /// `count` TIME_WAITs from ports 32768 upward.
    pub(crate) fn time_waits(self, count: u16, source: &str, remote: &str) -> Self {
        (0..count).fold(self, |scene, index| {
            let local = SocketAddr::new(source.parse().unwrap(), 32768 + index);
            scene.socket(6, &local.to_string(), remote)
        })
    }

    pub(crate) fn sample(self) -> Sample {
        self.take(|sampler| sampler)
    }

    /// A sample that keeps so many destinations apart.
    pub(crate) fn capped_sample(self, groups: usize) -> Sample {
        self.take(|sampler| sampler.max_groups(groups))
    }

    /// A sample for port budgets, forecasts and diagnoses.
    pub(crate) fn ports_sample(self) -> Sample {
        self.take(|sampler| sampler.ports())
    }

    fn take(self, sampler: impl FnOnce(Sampler<'_>) -> Sampler<'_>) -> Sample {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("thread-self/net/tcp", &self.tcp[0]);
        write("thread-self/net/tcp6", &self.tcp[1]);
        write(
            "thread-self/net/sockstat",
            "sockets: used 212\nTCP: inuse 33 orphan 0 tw 30000 alloc 47 mem 2\nUDP: inuse 3 mem 1\nRAW: inuse 0\nFRAG: inuse 0 memory 0\n",
        );
        write("thread-self/net/sockstat6", "TCP6: inuse 12\nUDP6: inuse 1\nRAW6: inuse 0\nFRAG6: inuse 0 memory 0\n");
        write("thread-self/net/snmp", "Tcp: CurrEstab\nTcp: 41\n");
        write("sys/net/ipv4/ip_local_port_range", "32768\t60999\n");
        write("sys/net/ipv4/tcp_tw_reuse", &self.tw_reuse.to_string());
        write("sys/net/ipv4/tcp_mem", "1\t2\t3\n");
        write("sys/kernel/hostname", "web-1\n");
        write("sys/kernel/osrelease", "6.18.44\n");
        let open = || Err(Error::Open { cause: io::Error::from_raw_os_error(93) });
        let host = Host::new(open, ProcFs::new(dir.path()));
        let mut sample = sampler(Sampler::new(&host)).take().unwrap();
        sample.provenance.captured_at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_531_987_418);
        sample.provenance.dump.elapsed = Duration::from_millis(7);
        sample
    }
}

/// The origin of a result for which no host was asked.
pub(crate) fn nowhere() -> Provenance {
    let open = || Err(Error::Open { cause: io::Error::from_raw_os_error(93) });
    Provenance::of(&Host::new(open, ProcFs::new("/no/such/proc")))
}

/// A text that a renderer printed.
pub(crate) fn printed(write: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> String {
    let mut out = Vec::new();
    write(&mut out).unwrap();
    anstream::adapter::strip_str(&String::from_utf8(out).unwrap()).to_string()
}

fn hex(endpoint: SocketAddr) -> String {
    let mut text = String::new();
    let words = match endpoint.ip() {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    };
    for word in words.chunks(4) {
        write!(text, "{:08X}", u32::from_ne_bytes(word.try_into().unwrap())).unwrap();
    }
    write!(text, ":{:04X}", endpoint.port()).unwrap();
    text
}

const HEADING: &str =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
