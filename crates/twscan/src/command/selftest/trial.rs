use std::net::SocketAddr;
use std::os::fd::OwnedFd;

use twscan_core::budget::{Certainty, LocalPorts};
use twscan_core::host::Host;
use twscan_core::sample::Sampler;
use twscan_core::tally::Tuple;
use twscan_lab::{
    Connection, Dial, Errno, Error, First, Listener, Netns, Options, Stop, bind_tcp, bind_udp, connect_until_fails,
    time_waits,
};

use super::scenario::{Fate, Probe, SERVICES, Scenario, Step};
use crate::failure::Failure;

/// What was predicted, and what the kernel then granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Trial {
    pub(crate) free: u32,
    pub(crate) free_min: u32,
    pub(crate) free_max: u32,
    pub(crate) certainty: Certainty,
    pub(crate) granted: u32,
    pub(crate) stop: Option<Stop>,
}

impl Trial {
    pub(crate) fn in_bounds(&self) -> bool {
        (self.free_min..=self.free_max).contains(&self.granted)
            && (self.certainty == Certainty::Estimate || self.granted == self.free)
    }

    pub(crate) fn exact(&self) -> bool {
        self.granted == self.free
    }
}

/// How a trial ended.
#[derive(Debug)]
pub(crate) enum Ended {
    Tried(Trial),
    /// This kernel lacks what the scenario needs.
    Skipped(String),
}

/// Makes the population in a namespace of its own, predicts, and connects until the kernel refuses.
pub(crate) fn run(scenario: &Scenario) -> Result<Ended, Failure> {
    match Stage::set(scenario) {
        Ok(mut stage) => {
            let near = stage.near.take().ok_or_else(|| Failure::Usage("no namespace".to_owned()))?;
            near.run(|| perform(&near, &mut stage, scenario))?
        }
        Err(error) => match missing(&error) {
            Some(what) => Ok(Ended::Skipped(what)),
            None => Err(error.into()),
        },
    }
}

fn perform(near: &Netns, stage: &mut Stage, scenario: &Scenario) -> Result<Ended, Failure> {
    for step in &scenario.steps {
        if let Err(error) = stage.take(near, step) {
            return match missing(&error) {
                Some(what) => Ok(Ended::Skipped(what)),
                None => Err(error.into()),
            };
        }
    }
    let host = Host::live();
    let sample = Sampler::new(&host).ports().take()?;
    let ports = LocalPorts::of(&sample).ok_or(twscan_core::Error::NoPortRange)?;
    let (dial, predicted) = match &scenario.probe {
        Probe::Connect { from, dial, interface } => {
            let tuple = Tuple { interface: *interface, ..Tuple::new(*from, dial.destination()) };
            let budget = ports.budget(&tuple);
            (dial, (budget.free(), budget.free_min(), budget.free_max(), budget.certainty()))
        }
        Probe::BindFirst { from, dial } => {
            let pool = ports.bind_first(*from);
            (dial, (pool.free(), pool.free_min(), pool.free(), Certainty::Estimate))
        }
    };
    let (free, free_min, free_max, certainty) = predicted;
    let granted = connect_until_fails(dial, stage.service(dial), LIMIT)?;
    let count = u32::try_from(granted.count()).unwrap_or(u32::MAX);
    Ok(Ended::Tried(Trial { free, free_min, free_max, certainty, granted: count, stop: granted.stopped }))
}

/// The namespaces and all that is kept open in them.
struct Stage {
    near: Option<Netns>,
    /// Lives as long as its sockets do.
    _far: Option<Netns>,
    services: [Listener; 2],
    live: Vec<Connection>,
    sockets: Vec<OwnedFd>,
    servers: Vec<OwnedFd>,
    next_client: u16,
}

impl Stage {
    fn set(scenario: &Scenario) -> Result<Self, Error> {
        let near = Netns::new()?;
        near.set_port_range(scenario.range.0, scenario.range.1)?;
        for (key, value) in &scenario.settings {
            near.set_sysctl(&format!("net.ipv4.{key}"), value)?;
        }
        let far = match scenario.across {
            None => {
                // A local address that is not of the loopback, though its packets go over lo.
                near.add_address("lo", [10, 9, 9, 9], 32)?;
                None
            }
            Some(side) => {
                let far = Netns::new()?;
                near.join(&far, "v0")?;
                near.add_address("v0", [10, 77, 0, 1], 24)?;
                far.add_address("v0", [10, 77, 0, 2], 24)?;
                far.set_sysctl("net.ipv4.tcp_timestamps", if side.timestamps { "1" } else { "0" })?;
                Some(far)
            }
        };
        let services = far.as_ref().unwrap_or(&near).run(|| Ok([listen(SERVICES[0])?, listen(SERVICES[1])?]))??;
        let (live, sockets, servers) = (Vec::new(), Vec::new(), Vec::new());
        Ok(Self { near: Some(near), _far: far, services, live, sockets, servers, next_client: FIRST_CLIENT })
    }

    fn take(&mut self, near: &Netns, step: &Step) -> Result<(), Error> {
        match step {
            Step::Live(dial, count) => {
                let granted = connect_until_fails(dial, self.service(dial), *count)?;
                self.live.extend(granted.connections);
            }
            Step::Closed(dial, count, first) => {
                let _ = time_waits(dial, self.service(dial), *count, *first)?;
            }
            Step::HalfClosed(dial, count) => {
                let granted = connect_until_fails(dial, self.service(dial), *count)?;
                self.servers.extend(granted.close_one(First::Client)?);
            }
            Step::Accepted { listener, count, fate, listener_stays } => {
                self.accept(*listener, *count, *fate, *listener_stays)?;
            }
            Step::Bound(address, options) => self.keep(bind_tcp(*address, options))?,
            Step::BoundUdp(address) => self.keep(bind_udp(*address, &Options::default()))?,
            Step::Release => self.sockets.clear(),
            Step::Set(key, value) => near.set_sysctl(&format!("net.ipv4.{key}"), value)?,
            Step::CloseServers => {
                self.servers.clear();
                // The FINs go over the loopback; a few milliseconds are plenty.
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
            Step::Wait(time) => std::thread::sleep(*time),
        }
        Ok(())
    }

    /// That an address is taken already is no failure: a mixture may ask for it twice.
    fn keep(&mut self, bound: Result<OwnedFd, Error>) -> Result<(), Error> {
        match bound {
            Err(Error::Os { source, .. }) if source.raw_os_error() == Some(Errno::ADDRINUSE.raw_os_error()) => Ok(()),
            bound => bound.map(|socket| self.sockets.push(socket)),
        }
    }

    fn accept(&mut self, address: SocketAddr, count: usize, fate: Fate, listener_stays: bool) -> Result<(), Error> {
        let listener = match Listener::bind(address) {
            Err(Error::Os { source, .. }) if source.raw_os_error() == Some(Errno::ADDRINUSE.raw_os_error()) => {
                return Ok(());
            }
            listener => listener?,
        };
        for _ in 0..count {
            self.next_client += 1;
            let client = SocketAddr::new(address.ip(), self.next_client);
            let Ok(connection) = listener.connection(&Dial::to(address).from(client))? else { continue };
            match fate {
                Fate::Live => self.live.push(connection),
                Fate::TimeWait => connection.close(First::Server)?,
            }
        }
        if listener_stays {
            self.sockets.push(listener.into());
        }
        Ok(())
    }

    fn service(&self, dial: &Dial) -> &Listener {
        let [first, second] = &self.services;
        if dial.destination().port() == SERVICES[1] { second } else { first }
    }
}

fn listen(port: u16) -> Result<Listener, Error> {
    Listener::bind(SocketAddr::from(([0u16; 8], port)))
}

/// What a kernel without a module or a parameter answers.
fn missing(error: &Error) -> Option<String> {
    let Error::Os { operation, source } = error else { return None };
    let absent = [Errno::NOENT, Errno::OPNOTSUPP, Errno::AFNOSUPPORT, Errno::NOPROTOOPT];
    let errno = source.raw_os_error()?;
    absent.iter().any(|absent| absent.raw_os_error() == errno).then(|| format!("{operation}: {source}"))
}

/// More than any range here.
const LIMIT: usize = 200;
/// Clients of listeners inside the range bind to ports from here on, outside every range.
const FIRST_CLIENT: u16 = 20_000;
