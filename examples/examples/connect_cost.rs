//! What connect() costs as the ports to one destination fill with TIME_WAITs, with and without `tcp_tw_reuse`, and what
//! twscan calls it. Everything happens in a private network namespace; no privilege is needed where user namespaces are.
//!
//! `cargo run --release -p twscan-examples --example connect_cost -- 4000` (ports in the range; 28232 is the default range
//! of Linux and takes half a minute)

use std::error::Error;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use twscan_core::Scan;
use twscan_lab::{Dial, First, Listener, Netns, enter_user_namespace, time_waits};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Outcome<()> {
    if Netns::new().is_err() {
        enter_user_namespace()?;
    }
    let ports = std::env::args().nth(1).map_or(Ok(4000), |text| text.parse::<u16>())?.clamp(100, 32_000);
    let net = Netns::new()?;
    net.set_port_range(32_768, 32_768 + (ports & !1) - 1)?;
    net.set_sysctl("net.ipv4.tcp_tw_reuse_delay", "1")?;
    println!("connect() to one destination over {ports} ports, median of {PROBES}; a column is a doubling\n");
    println!("USED   tcp_tw_reuse=0                              tcp_tw_reuse=2");
    net.run(|| measure(&net, ports))?
}

fn measure(net: &Netns, ports: u16) -> Outcome<()> {
    let fill = Listener::bind(SERVICE)?;
    let step = usize::from(ports) / STEPS;
    for percent in (0..STEPS).map(|step| step * 100 / STEPS) {
        net.set_sysctl("net.ipv4.tcp_tw_reuse", "0")?;
        let kept = probe(&fill)?;
        let zone = Scan::new().budget_to(SERVICE)?.zone().name();
        net.set_sysctl("net.ipv4.tcp_tw_reuse", "2")?;
        std::thread::sleep(Duration::from_millis(20));
        let reused = probe(&fill)?;
        let reused_zone = Scan::new().budget_to(SERVICE)?.zone().name();
        println!("{percent:>3} %  {} {zone:<11}  {} {reused_zone}", bar(kept), bar(reused));
        net.set_sysctl("net.ipv4.tcp_tw_reuse", "0")?;
        let more = step.saturating_sub(PROBES);
        let _ = time_waits(&Dial::to(SERVICE), &fill, more, First::Client)?;
    }
    Ok(())
}

/// The median time of some connects, each of which is closed by the client first.
fn probe(listener: &Listener) -> Outcome<Duration> {
    let listener = TcpListener::from(std::os::fd::AsFd::as_fd(listener).try_clone_to_owned()?);
    let mut times = Vec::new();
    for _ in 0..PROBES {
        let begin = Instant::now();
        let client = TcpStream::connect(SERVICE)?;
        times.push(begin.elapsed());
        let (server, _) = listener.accept()?;
        drop(client);
        std::io::Read::read(&mut &server, &mut [0])?;
    }
    times.sort_unstable();
    Ok(times[PROBES / 2])
}

/// `########          128 us`, a mark for each doubling above 2 microseconds.
fn bar(time: Duration) -> String {
    let micros = time.as_secs_f64() * 1e6;
    let marks = "#".repeat((micros / 2.0).log2().clamp(0.0, 12.0).round() as usize);
    format!("{marks:<12} {micros:>7.1} us")
}

const SERVICE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9101);
const STEPS: usize = 20;
const PROBES: usize = 15;
