//! The least that reading the table can cost: the kernel's own walk, received and thrown away.

use std::error::Error;

use rustix::thread::{CapabilitySet, capabilities, set_capabilities};
use twscan_core::sock_diag::DumpRequest;
use twscan_core::socket::StateSet;
use twscan_core::target::Target;
use twscan_core::transport::{BUFFER_LEN, NetlinkSocket, Transport};
use twscan_core::wire::{Messages, kind};

/// Asks for every socket of both families in one walk and reads nothing but the kind of each datagram's first message;
/// how many bytes came.
///
/// Without `marks`, this thread gives up CAP_NET_ADMIN first, for which the kernel appends a firewall mark to each socket.
pub(crate) fn walk(bytecode: &[u8], marks: bool) -> Result<u64, Box<dyn Error>> {
    if !marks {
        let mut sets = capabilities(None)?;
        sets.effective.remove(CapabilitySet::NET_ADMIN);
        set_capabilities(None, sets)?;
    }
    let mut socket = NetlinkSocket::open()?;
    socket.send(&DumpRequest::one_walk(StateSet::ALL).bytecode(bytecode.to_vec()).encode(1))?;
    let mut buffer = Vec::with_capacity(BUFFER_LEN);
    let mut bytes = 0;
    loop {
        socket.receive(&mut buffer)?;
        bytes += buffer.len() as u64;
        match Messages::new(&buffer).next() {
            // The end has a datagram of its own, or follows the last sockets in theirs.
            Some(Ok(message)) if message.kind() == kind::ERROR => return Err("the kernel refuses the walk".into()),
            Some(Ok(message)) if message.kind() != kind::DONE && !ends(&buffer) => {}
            _ => return Ok(bytes),
        }
    }
}

/// Whether the last twenty bytes are NLMSG_DONE: the header and a number.
fn ends(datagram: &[u8]) -> bool {
    let last = datagram.len().checked_sub(20).and_then(|start| datagram.get(start..)).unwrap_or_default();
    matches!(Messages::new(last).next(), Some(Ok(message)) if message.kind() == kind::DONE && message.payload().len() == 4)
}

/// The filter of `twscan by-dest 9999`.
pub(crate) fn port_9999() -> Vec<u8> {
    Target::port(9999).filter().bytecode()
}
