//! The sockets that everything is measured on: TIME_WAITs that stand still while it measures.

use std::error::Error;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use twscan_lab::Netns;

/// A namespace with a number of TIME_WAITs in it.
///
/// A TIME_WAIT lives for a minute, so the population is made in one go, stands for the rest of the minute, and is made
/// anew. Generations go to other addresses by turns: the ports of the one before are still taken.
pub(crate) struct Population {
    net: Netns,
    sockets: usize,
    destinations: usize,
    generation: u32,
    expires: Option<Instant>,
}

impl Population {
    pub(crate) fn new(sockets: usize, destinations: usize) -> Result<Self, Box<dyn Error>> {
        let net = Netns::new()?;
        // An exact number wants every port to stay taken, and room for two generations.
        net.set_sysctl("net.ipv4.tcp_tw_reuse", "0")?;
        net.set_sysctl("net.ipv4.tcp_max_tw_buckets", &(2 * sockets + 65_536).to_string())?;
        net.set_port_range(1024, 65_535)?;
        let destinations = destinations.min(sockets.max(1));
        Ok(Self { net, sockets, destinations, generation: 0, expires: None })
    }

    pub(crate) fn net(&self) -> &Netns {
        &self.net
    }

    pub(crate) fn sockets(&self) -> usize {
        self.sockets
    }

    pub(crate) fn destinations(&self) -> usize {
        self.destinations
    }

    /// TIME_WAITs now, by the kernel's own counter.
    pub(crate) fn count(&self) -> Result<usize, Box<dyn Error>> {
        let text = self.net.run(|| fs::read_to_string("/proc/thread-self/net/sockstat"))??;
        let mut words = text.split_ascii_whitespace().skip_while(|word| *word != "tw").skip(1);
        Ok(words.next().ok_or("/proc/net/sockstat has no tw")?.parse()?)
    }

    /// Makes sure that the population stands for as long as a measurement may take.
    ///
    /// # Errors
    /// Where it cannot be made, or less than 98 % of it are there.
    pub(crate) fn stand(&mut self, length: Duration) -> Result<(), Box<dyn Error>> {
        if self.sockets > 0 && self.expires.is_none_or(|expires| Instant::now() + length >= expires) {
            self.renew(length)?;
        }
        let standing = self.count()?;
        if standing < self.sockets - self.sockets / 50 {
            return Err(format!("{standing} TIME_WAITs instead of {}", self.sockets).into());
        }
        Ok(())
    }

    fn renew(&mut self, length: Duration) -> Result<(), Box<dyn Error>> {
        let mut made_in = Duration::ZERO;
        for _ in 0..TRIES {
            let begun = Instant::now();
            self.generation ^= 1;
            self.make()?;
            made_in = begun.elapsed();
            if made_in + length <= LIFETIME {
                self.expires = Some(begun + LIFETIME);
                return self.settle(begun);
            }
            // Others keep the machine busy. What was made goes meanwhile.
            thread::sleep(LIFETIME);
        }
        Err(format!("making {} sockets took {made_in:?}: the first ones would expire", self.sockets).into())
    }

    /// The generation before goes within a few seconds: it is a minute old.
    fn settle(&self, begun: Instant) -> Result<(), Box<dyn Error>> {
        while self.count()? > self.sockets + self.sockets / 50 + STRAYS {
            thread::sleep(Duration::from_millis(200));
            if begun.elapsed() > LIFETIME {
                return Err(format!("{} TIME_WAITs instead of {}", self.count()?, self.sockets).into());
            }
        }
        Ok(())
    }

    fn make(&self) -> Result<(), Box<dyn Error>> {
        let lanes = LANES.min(self.destinations);
        let (net, generation) = (&self.net, self.generation);
        thread::scope(|scope| {
            let lanes: Vec<_> = (0..lanes)
                .map(|lane| {
                    let (sockets, destinations) =
                        (part(self.sockets, lane, lanes), part(self.destinations, lane, lanes));
                    let lane = Lane { generation, lane, sockets, destinations };
                    scope.spawn(move || net.run(|| lane.make().map_err(|error| error.to_string())))
                })
                .collect();
            for lane in lanes {
                lane.join().map_err(|_| "a generator panicked")???;
            }
            Ok(())
        })
    }
}

/// The share of one thread. Its destinations are its own, and so are its listeners: a connection would be accepted by
/// either.
struct Lane {
    generation: u32,
    lane: usize,
    sockets: usize,
    destinations: usize,
}

impl Lane {
    /// Connects, closes, accepts and closes, a few hundred at a time, so that each close() finds the connection that it is
    /// about in a settled state.
    fn make(&self) -> Result<(), Box<dyn Error>> {
        let many = self.destinations > FEW;
        // A listener for all addresses shares its port with no other.
        let port = if many { PORT + u16::try_from(self.lane)? } else { PORT };
        let shared = if many { Some(TcpListener::bind((Ipv4Addr::UNSPECIFIED, port))?) } else { None };
        let mut clients = Vec::with_capacity(BATCH);
        for index in 0..self.destinations {
            let destination = SocketAddr::from((self.address(index)?, port));
            let own = if many { None } else { Some(TcpListener::bind(destination)?) };
            let Some(listener) = own.as_ref().or(shared.as_ref()) else { continue };
            let mut left = part(self.sockets, index, self.destinations);
            while left > 0 {
                let batch = left.min(BATCH);
                for _ in 0..batch {
                    clients.push(TcpStream::connect(destination)?);
                }
                clients.clear();
                for _ in 0..batch {
                    drop(listener.accept()?);
                }
                left -= batch;
            }
        }
        Ok(())
    }

    /// 127.0.0.0/8, a quarter for each lane of each generation.
    fn address(&self, index: usize) -> Result<Ipv4Addr, Box<dyn Error>> {
        let lane = u32::try_from(self.lane)? << 22 | self.generation << 23;
        Ok(Ipv4Addr::from(0x7f00_0100 + lane + u32::try_from(index)?))
    }
}

/// The size of one of `parts` parts of a whole; they differ by one at most.
fn part(whole: usize, index: usize, parts: usize) -> usize {
    whole / parts + usize::from(index < whole % parts)
}

/// TIME_WAITs of what is measured, such as a scrape's.
pub(crate) const STRAYS: usize = 200;
/// Every socket's remote port; the next one is for the second thread where it has very many destinations.
const PORT: u16 = 8080;
const LANES: usize = 2;
/// Listeners of their own for so many destinations.
const FEW: usize = 1000;
/// Less than `net.core.somaxconn`.
const BATCH: usize = 64;
/// A TIME_WAIT lives for 60 s at least; the last second is left for what takes longer than it should.
const LIFETIME: Duration = Duration::from_secs(59);
/// A busy machine makes a million too slowly now and then.
const TRIES: u32 = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_population_is_none() -> Result<(), twscan_lab::Error> {
        twscan_lab::test_in_netns(|_| {
            let mut population = Population::new(1000, 40).unwrap();
            population.stand(Duration::ZERO).unwrap();
            let mut short = Population::new(1000, 40).unwrap();
            // The kernel makes no more, and tells nobody.
            short.net().set_sysctl("net.ipv4.tcp_max_tw_buckets", "900").unwrap();
            let error = short.stand(Duration::ZERO).unwrap_err().to_string();
            assert!(error.ends_with(" TIME_WAITs instead of 1000"), "{error}");
        })
    }
}
