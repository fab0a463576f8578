//! node_exporter with its TCP collector alone, kept running in the namespace as it would be on a host.

use std::error::Error;
use std::fs;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use twscan_lab::Netns;

use super::contender::EXPORTER;
use super::peak::high_water_mark;
use super::printed::Printed;
use super::usage::Usage;

/// A running exporter; ended when it is dropped.
pub(crate) struct Exporter {
    process: Child,
}

impl Exporter {
    pub(crate) fn start(net: &Netns) -> Result<Self, Box<dyn Error>> {
        let process = net.run(|| {
            Command::new(EXPORTER)
                .args(["--collector.disable-defaults", "--collector.tcpstat"])
                .arg(format!("--web.listen-address={ADDRESS}"))
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
        })??;
        let exporter = Self { process };
        let started = Instant::now();
        while net.run(|| TcpStream::connect(ADDRESS))?.is_err() {
            if started.elapsed() > Duration::from_secs(5) {
                return Err(format!("{EXPORTER} does not listen on {ADDRESS}").into());
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(exporter)
    }

    /// One scrape, by a thread in the namespace. Processor time in steps of 10 ms, as `/proc/PID/stat` gives it.
    pub(crate) fn scrape(&self) -> Result<(Usage, Printed), Box<dyn Error>> {
        let (user, system) = self.processor_time()?;
        let started = Instant::now();
        let mut stream = TcpStream::connect(ADDRESS)?;
        write!(stream, "GET /metrics HTTP/1.1\r\nHost: {ADDRESS}\r\nConnection: close\r\n\r\n")?;
        let printed = Printed::read(&mut stream)?;
        let wall = started.elapsed();
        let (user_after, system_after) = self.processor_time()?;
        let (user, system) = (user_after.saturating_sub(user), system_after.saturating_sub(system));
        Ok((Usage { wall, user, system }, printed))
    }

    /// KiB, since it was started.
    pub(crate) fn peak(&self) -> Option<u64> {
        high_water_mark(self.process.id())
    }

    fn processor_time(&self) -> Result<(Duration, Duration), Box<dyn Error>> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.process.id()))?;
        // The name in brackets may hold blanks; utime and stime are the 12th and 13th field behind it (proc(5)).
        let (_, fields) = stat.rsplit_once(')').ok_or("no name in /proc/PID/stat")?;
        let mut fields = fields.split_ascii_whitespace().skip(11).map(str::parse::<u64>);
        let (Some(user), Some(system)) = (fields.next(), fields.next()) else {
            return Err("no times in /proc/PID/stat".into());
        };
        Ok((Duration::from_millis(user? * 10), Duration::from_millis(system? * 10)))
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        // It may have ended by itself; there is nothing to do about it then.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

const ADDRESS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 9100);
