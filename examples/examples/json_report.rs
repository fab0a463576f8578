//! The documents of the command line from a program of one's own: the same summary as `twscan summary --json`.
//!
//! `cargo run -p twscan-examples --example json_report`

use std::error::Error;

use twscan_core::host::Host;
use twscan_core::question::{Question, Summary};

fn main() -> Result<(), Box<dyn Error>> {
    let report = Summary::default().ask(&Host::live())?;
    println!("{}", serde_json::to_string_pretty(&report)?);
    Ok(())
}
