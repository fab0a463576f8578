//! Printing: a report goes in, bytes come out of a writer.

pub(crate) mod by_dest;
pub(crate) mod check;
pub(crate) mod compare;
pub(crate) mod csv;
pub(crate) mod diagnose;
pub(crate) mod forecast;
mod histogram;
pub(crate) mod json;
pub(crate) mod logs;
pub(crate) mod namespaces;
pub(crate) mod owners;
mod port_map;
pub(crate) mod ports;
pub(crate) mod provenance;
pub(crate) mod rows;
#[cfg(test)]
mod scene;
pub(crate) mod selftest;
pub(crate) mod summary;
mod table;
pub(crate) mod tune;
mod verdict;
mod wrap;

use std::io::{BufWriter, Stdout, Write};

use crate::config::Config;

/// Standard output, with colours where they are wanted.
pub(crate) fn stdout(config: &Config) -> BufWriter<anstream::AutoStream<Stdout>> {
    BufWriter::new(anstream::AutoStream::new(std::io::stdout(), config.color))
}

/// A count, or that it is unknown.
fn or_unknown(count: Option<impl ToString>) -> String {
    count.map_or_else(|| "?".to_owned(), |count| count.to_string())
}

/// Columns of a terminal.
const WIDTH: usize = 80;

/// Ends the output; errors of the last bytes are not lost.
pub(crate) fn finish(out: &mut impl Write) -> std::io::Result<()> {
    out.flush()
}
