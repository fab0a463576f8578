use super::output::Output;
use super::outputs::Outputs;
use crate::host::Source;
use crate::socket::{StateSet, TcpState};

impl Outputs {
    /// The states that the outputs show, as far as can be told.
    fn states(&self) -> StateSet {
        self.iter().fold(StateSet::EMPTY, |states, output| states | output.shows())
    }

    /// The states that no output shows; CLOSE none of these tools ever shows.
    pub(super) fn left_out(&self) -> StateSet {
        !(self.states() | TcpState::Close.into())
    }

    /// Says what is left out, or may be, or may be too much; `None` where nothing is.
    pub(super) fn doubt(&self) -> Option<String> {
        let left_out = self.left_out();
        let names = |states: StateSet| states.iter().map(TcpState::name).collect::<Vec<_>>().join(", ");
        if !left_out.is_empty() {
            let shown = self.states().intersection(!StateSet::of(TcpState::Close));
            return Some(if shown.is_empty() {
                "it has no socket, and does not tell which states were asked for (-a is for all)".to_owned()
            } else if shown.iter().count() < left_out.iter().count() {
                format!("it has {} alone; ss and netstat show the other states when asked for all (-a)", names(shown))
            } else {
                format!("ss and netstat show {} when asked for all (-a), and none is there", names(left_out))
            });
        }
        // The kernel repeats a few rows of a table that changes.
        let prints = |output: &&Output| output.twice * 10 > output.rows.len();
        if let Some(Output { twice, rows, .. }) = self.iter().find(prints) {
            let rows = rows.len();
            return Some(format!(
                "{twice} of {rows} rows show connections that rows below show again, with no heading between: of \
                 several prints without headings (ss -H) the last one cannot be told"
            ));
        }
        let of_procfs = self.iter().last().is_some_and(|output| output.source == Some(Source::Procfs));
        let (ipv4, ipv6) = self
            .iter()
            .fold((false, false), |(ipv4, ipv6), output| (ipv4 || output.families.ipv4, ipv6 || output.families.ipv6));
        (of_procfs && ipv4 != ipv6).then(|| {
            let (this, other) = if ipv4 { ("tcp", "tcp6") } else { ("tcp6", "tcp") };
            format!(
                "it is /proc/net/{this} alone, and on hosts with IPv6 {other} has the other sockets: record both, one \
                 behind the other"
            )
        })
    }
}
