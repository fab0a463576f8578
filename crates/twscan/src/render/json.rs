use std::io::Write;

use serde::Serialize;

use crate::failure::Failure;

/// A document over several lines.
pub(crate) fn write_pretty(report: &impl Serialize, out: &mut impl Write) -> Result<(), Failure> {
    serde_json::to_writer_pretty(&mut *out, report)?;
    writeln!(out)?;
    Ok(super::finish(out)?)
}

/// A document in one line.
pub(crate) fn write_line(report: &impl Serialize, out: &mut impl Write) -> Result<(), Failure> {
    serde_json::to_writer(&mut *out, report)?;
    writeln!(out)?;
    Ok(super::finish(out)?)
}

#[cfg(test)]
mod tests {
    use twscan_core::report::{ByDestReport, Destination, SummaryReport};

    use super::*;
    use crate::render::scene::Scene;

    fn pretty(report: &impl Serialize) -> String {
        let mut out = Vec::new();
        write_pretty(report, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    /// The documents are a contract: a field that is renamed or gone shows here.
    #[test]
    fn documents() {
        let scene = Scene::new()
            .time_waits(40, "127.0.0.1", "127.0.0.1:8080")
            .socket(1, "[::1]:50000", "[::1]:9090")
            .socket(10, "0.0.0.0:8080", "0.0.0.0:0");
        let sample = scene.sample();
        insta::assert_snapshot!("summary", pretty(&SummaryReport::new(&sample, 1)));
        let report = ByDestReport::new(&sample, None, Destination::most_sockets_first, None);
        insta::assert_snapshot!("by-dest", pretty(&report));
    }
}
