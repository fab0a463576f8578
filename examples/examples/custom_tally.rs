//! A tally of one's own over the batches: how old are the TIME_WAITs, in steps of ten seconds?
//!
//! `cargo run -p twscan-examples --example custom_tally`

use twscan_core::Error;
use twscan_core::sock_diag::{Dump, DumpRequest};
use twscan_core::socket::{StateSet, TIME_WAIT_LENGTH};
use twscan_core::transport::NetlinkSocket;

fn main() -> Result<(), Error> {
    let mut ages = [0u64; 7];
    let mut dump = Dump::start(NetlinkSocket::open()?, &DumpRequest::one_walk(StateSet::TIME_WAIT))?;
    // A batch is one datagram, borrowed from the dump's buffer: no allocation, no copy.
    while let Some(batch) = dump.next_batch()? {
        for record in batch {
            let age = record.time_wait_age(TIME_WAIT_LENGTH).unwrap_or_default().as_secs();
            if let Some(count) = usize::try_from(age / 10).ok().and_then(|step| ages.get_mut(step)) {
                *count += 1;
            }
        }
    }
    for (step, count) in ages.iter().enumerate() {
        println!("{:>2} s and older: {count}", step * 10);
    }
    println!("{} sockets in {} datagrams", dump.stats().sockets, dump.stats().datagrams);
    Ok(())
}
