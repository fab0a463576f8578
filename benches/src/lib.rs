//! A kernel's answer made beforehand, for what measures reading it.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;

use twscan_core::Error;
use twscan_core::host::Host;
use twscan_core::procfs::ProcFs;
use twscan_core::transport::{BUFFER_LEN, Transport};
use twscan_core::wire::{AF_INET, InetDiagMsgBuilder, Messages, NLM_F_MULTI, append_message, kind};

/// A dump of TIME_WAITs, the same each time: 72 bytes each behind a netlink header, as many to a datagram as a kernel puts
/// there.
#[derive(Debug, Clone)]
pub struct Answer {
    datagrams: Arc<Vec<Vec<u8>>>,
    sockets: usize,
}

impl Answer {
    /// This many TIME_WAITs from 127.0.0.1 to port 8080 of 127.1.0.0 upward, in no order, as a hash table gives them.
    ///
    /// Each destination has as many, so they have to divide.
    #[must_use]
    pub fn new(sockets: usize, destinations: usize) -> Self {
        let mut order = Lcg(1);
        let mut numbers: Vec<usize> = (0..sockets).collect();
        for index in (1..sockets).rev() {
            numbers.swap(index, order.below(index + 1));
        }
        let datagrams = numbers.chunks(PER_DATAGRAM).map(|numbers| {
            let mut datagram = Vec::with_capacity(BUFFER_LEN);
            for number in numbers {
                append_time_wait(number % destinations, number / destinations, &mut datagram);
            }
            datagram
        });
        let mut done = Vec::new();
        append_message(kind::DONE, NLM_F_MULTI, 0, 0, &0i32.to_ne_bytes(), &mut done);
        Self { datagrams: Arc::new(datagrams.chain([done]).collect()), sockets }
    }

    /// How many sockets it holds.
    #[must_use]
    pub fn sockets(&self) -> usize {
        self.sockets
    }

    /// Its datagrams; the last one is the end.
    #[must_use]
    pub fn datagrams(&self) -> &[Vec<u8>] {
        &self.datagrams
    }

    /// A host that answers each dump with this. It has no `/proc`, so the local port range is unknown.
    #[must_use]
    pub fn host(&self) -> Host {
        let answer = self.clone();
        let open = move || Ok(Box::new(Replay { answer: answer.clone(), next: 0, sequence: 0 }) as Box<dyn Transport>);
        Host::new(open, ProcFs::new("/nonexistent"))
    }
}

/// Gives an answer out, stamped with the request's number.
#[derive(Debug)]
struct Replay {
    answer: Answer,
    next: usize,
    sequence: u32,
}

impl Transport for Replay {
    fn send(&mut self, request: &[u8]) -> Result<(), Error> {
        self.sequence = Messages::new(request).next().and_then(Result::ok).map_or(0, |message| message.sequence());
        Ok(())
    }

    fn receive(&mut self, buffer: &mut Vec<u8>) -> Result<(), Error> {
        let waited = std::time::Duration::ZERO;
        let datagram = self.answer.datagrams.get(self.next).ok_or(Error::Timeout { waited })?;
        self.next += 1;
        buffer.clear();
        buffer.extend_from_slice(datagram);
        for message in buffer.chunks_mut(MESSAGE_LEN) {
            message[SEQUENCE_AT..SEQUENCE_AT + 4].copy_from_slice(&self.sequence.to_ne_bytes());
        }
        Ok(())
    }

    fn port_id(&self) -> u32 {
        0
    }
}

fn append_time_wait(destination: usize, number: usize, datagram: &mut Vec<u8>) {
    // Neither wraps within what is ever asked for.
    let host = u32::try_from(destination).unwrap_or(u32::MAX);
    let port = u16::try_from(number % 60_000).unwrap_or(u16::MAX);
    let mut payload = Vec::with_capacity(MESSAGE_LEN);
    InetDiagMsgBuilder::new(6)
        .family(AF_INET)
        .local(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 1024 + port).into())
        .remote(SocketAddrV4::new(Ipv4Addr::from(0x7f01_0000 + host), 8080).into())
        .cookie(u64::from(host) << 32 | u64::from(port) + 1)
        .timer(3, 30_000 + u32::from(port) / 4)
        .append_payload(&mut payload);
    append_message(kind::TCPDIAG_GETSOCK, NLM_F_MULTI, 0, 0, &payload, datagram);
}

/// A linear congruential generator: the same numbers on every machine.
struct Lcg(u64);

impl Lcg {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or_default() % limit
    }
}

const MESSAGE_LEN: usize = 88;
const PER_DATAGRAM: usize = BUFFER_LEN / MESSAGE_LEN;
/// Where `struct nlmsghdr` has `nlmsg_seq`.
const SEQUENCE_AT: usize = 8;
