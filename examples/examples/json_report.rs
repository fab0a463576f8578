//! The documents of the command line from a program of one's own: the same summary as `twscan summary --json`.
//!
//! `cargo run -p twscan-examples --example json_report`

use std::error::Error;

use twscan_core::Scan;
use twscan_core::report::SummaryReport;

fn main() -> Result<(), Box<dyn Error>> {
    let report = SummaryReport::new(&Scan::new().sample()?, 5);
    println!("{}", serde_json::to_string_pretty(&report)?);
    Ok(())
}
