//! Owners side by side: `ss -tnp` against a dump with an [`OwnerScan`], on 10000 sockets in 100 processes of a private
//! network namespace.
//!
//! `cargo run --release -p twscan-benches --bin owners [ROUNDS]`

use std::env;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use twscan_core::host::Host;
use twscan_core::procfs::owner::{OwnerScan, Wanted};
use twscan_core::socket::{SocketRecord, StateSet};
use twscan_lab::Netns;

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["hold", "server"] => hold_server(),
        ["hold", "client", port] => hold_client(port.parse()?),
        ["once"] => once(&mut io::stdout().lock()),
        [] => compare(15),
        [rounds] => compare(rounds.parse()?),
        _ => Err("usage: owners [ROUNDS]".into()),
    }
}

/// Takes turns, so that both meet the same machine, and tells the best of each.
fn compare(rounds: u32) -> Result<(), Failure> {
    let net = Netns::new()?;
    let this = env::current_exe()?;
    let children = net.run(|| populate(&this))??;
    let run = |program: &std::path::Path, arguments: &[&str]| -> Result<(Duration, usize), Failure> {
        net.run(|| {
            let started = Instant::now();
            let output = Command::new(program).args(arguments).stderr(Stdio::inherit()).output()?;
            let owned = output
                .stdout
                .split(|byte| *byte == b'\n')
                .filter(|line| line.windows(4).any(|part| part == b"pid="))
                .count();
            Ok((started.elapsed(), owned))
        })?
    };
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let mut rows = (0, 0);
    for _ in 0..rounds {
        let (elapsed, owned) = run(&this, &["once"])?;
        ours.push(elapsed);
        rows.0 = owned;
        let (elapsed, owned) = run("ss".as_ref(), &["-tnp", "state", "connected"])?;
        theirs.push(elapsed);
        rows.1 = owned;
    }
    ours.sort_unstable();
    theirs.sort_unstable();
    let at = |times: &[Duration], place: usize| times.get(place).map_or(0.0, Duration::as_secs_f64) * 1e3;
    let mut out = io::stdout().lock();
    writeln!(out, "{:8} {:>8} {:>10} {:>10}", "", "rows", "min ms", "median ms")?;
    for (name, times, rows) in [("twscan", &ours, rows.0), ("ss -tnp", &theirs, rows.1)] {
        writeln!(out, "{name:8} {rows:>8} {:>10.2} {:>10.2}", at(times, 0), at(times, times.len() / 2))?;
    }
    let ratio = |place: usize| at(&theirs, place) / at(&ours, place);
    writeln!(out, "ratio {:.2} by the best, {:.2} by the median", ratio(0), ratio(ours.len() / 2))?;
    for mut child in children {
        child.kill()?;
        child.wait()?;
    }
    Ok(())
}

/// The rows of `ss -tnp`, as far as the comparison needs them.
fn once(out: &mut impl io::Write) -> Result<(), Failure> {
    let host = Host::live();
    let mut rows = Vec::new();
    let mut wanted = Wanted::new();
    let states = StateSet::from_bits(StateSet::ALL.bits() & !StateSet::LISTEN.bits());
    host.sockets(states, &[])?.observe(&mut |record: &SocketRecord<'_>| {
        wanted.insert(record.inode().unwrap_or(0), record.cgroup_id());
        rows.push((record.state(), record.local(), record.remote(), record.inode().unwrap_or(0)));
    })?;
    let owners = OwnerScan::new(host.procfs()).find(&wanted)?;
    let mut out = io::BufWriter::new(out);
    for (state, local, remote, inode) in rows {
        write!(out, "{} {local} {remote} users:(", state.name())?;
        for process in owners.of(inode) {
            write!(out, "({},pid={})", process.name, process.pid)?;
        }
        writeln!(out, ")")?;
    }
    out.flush()?;
    Ok(())
}

fn populate(this: &std::path::Path) -> io::Result<Vec<Child>> {
    let mut children = Vec::new();
    for _ in 0..PAIRS {
        let spawn = |arguments: &[&str]| {
            Command::new(this).arg("hold").args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()
        };
        let first_line = |child: &mut Child| {
            let mut line = String::new();
            if let Some(stdout) = child.stdout.as_mut() {
                BufReader::new(stdout).read_line(&mut line)?;
            }
            io::Result::Ok(line)
        };
        let mut server = spawn(&["server"])?;
        let port = first_line(&mut server)?;
        let mut client = spawn(&["client", port.trim()])?;
        first_line(&mut client)?;
        children.extend([server, client]);
    }
    Ok(children)
}

fn hold_server() -> Result<(), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    writeln!(io::stdout(), "{}", listener.local_addr()?.port())?;
    let mut held = Vec::new();
    for _ in 0..CONNECTIONS {
        held.push(listener.accept()?.0);
    }
    wait_for_the_end()
}

fn hold_client(port: u16) -> Result<(), Failure> {
    let held: Vec<_> = (0..CONNECTIONS).map(|_| TcpStream::connect(("127.0.0.1", port))).collect::<Result<_, _>>()?;
    writeln!(io::stdout(), "{} held", held.len())?;
    wait_for_the_end()
}

/// The parent's end of the pipe closes with it.
fn wait_for_the_end() -> Result<(), Failure> {
    io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

const PAIRS: usize = 50;
const CONNECTIONS: usize = 100;
