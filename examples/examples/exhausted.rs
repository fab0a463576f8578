//! An exhausted destination to look at, in a private network namespace; the host's own network is not touched.
//!
//! 10,000 local ports, all of them in TIME_WAIT to 127.0.0.1:8080, `tcp_tw_reuse` off. Then a command runs there:
//!
//! `cargo run -p twscan-examples --example exhausted -- target/release/twscan summary`
//!
//! Needs no privilege where the host allows user namespaces.

use std::error::Error;
use std::process::{Command, ExitCode};

use twscan_lab::{Dial, First, Listener, Netns, enter_user_namespace, time_waits};

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let words: Vec<_> = std::env::args_os().skip(1).collect();
    let (program, args) =
        words.split_first().ok_or("say a command to run in the namespace: target/release/twscan summary")?;
    let net = match Netns::new() {
        Err(error) if error.is_permission_denied() => {
            enter_user_namespace()?;
            Netns::new()?
        }
        made => made?,
    };
    net.set_sysctl("net.ipv4.tcp_tw_reuse", "0")?;
    net.set_port_range(32768, 42767)?;
    let status = net.run(|| -> Result<_, Box<dyn Error + Send + Sync>> {
        let listener = Listener::bind(([127, 0, 0, 1], 8080).into())?;
        let made = time_waits(&Dial::to(listener.address()), &listener, 20_000, First::Client)?;
        let stopped = made.stopped.map_or("nothing".to_owned(), |stop| stop.to_string());
        eprintln!("{} connections opened and closed, then: {stopped}\n", made.count);
        Ok(Command::new(program).args(args).status()?)
    })?;
    let status = status.map_err(|error| error as Box<dyn Error>)?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}
