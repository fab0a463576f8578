//! A health check in a few lines: fails while some destination has less than a tenth of its local ports left.
//!
//! `cargo run -p twscan-examples --example health_check`

use std::process::ExitCode;

use twscan_core::Scan;
use twscan_core::report::Destination;

fn main() -> Result<ExitCode, twscan_core::Error> {
    let sample = Scan::new().sample()?;
    if let Some(reason) = &sample.provenance.incomplete {
        println!("unknown: not all sockets were seen: {reason}");
        return Ok(ExitCode::FAILURE);
    }
    let mut destinations = Destination::outbound(&sample);
    destinations.sort_by(Destination::fullest_first);
    let Some(fullest) = destinations.first().filter(|fullest| fullest.percent >= Some(90.0)) else {
        println!("ok: every destination has local ports to spare");
        return Ok(ExitCode::SUCCESS);
    };
    println!("{:?} port {}: {:?} local ports left", fullest.destination, fullest.port, fullest.free);
    Ok(ExitCode::FAILURE)
}
