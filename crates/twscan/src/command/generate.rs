//! What is made from the definition of the command line.

use std::io::Write;

use clap::CommandFactory;

use crate::Status;
use crate::args::Args;
use crate::failure::Failure;

pub(crate) fn completions(shell: clap_complete::Shell) -> Result<Status, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "twscan", &mut script);
    std::io::stdout().write_all(&script)?;
    Ok(Status::Done)
}

pub(crate) fn man() -> Result<Status, Failure> {
    let mut page = Vec::new();
    clap_mangen::Man::new(Args::command()).render(&mut page)?;
    std::io::stdout().write_all(&page)?;
    Ok(Status::Done)
}
