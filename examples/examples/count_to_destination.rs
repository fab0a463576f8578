//! How many connections to one destination are parked in TIME_WAIT?
//!
//! `cargo run -p twscan-examples --example count_to_destination -- 10.0.0.5:5432`

use std::error::Error;
use std::net::SocketAddr;

use twscan_core::Scan;
use twscan_core::socket::TcpState;

fn main() -> Result<(), Box<dyn Error>> {
    let destination: SocketAddr = std::env::args().nth(1).unwrap_or("127.0.0.1:8080".to_owned()).parse()?;
    let parked = Scan::new().state(TcpState::TimeWait).to(destination).count()?;
    println!("{} in TIME_WAIT to {destination}, complete: {}", parked.sockets, parked.complete);
    Ok(())
}
