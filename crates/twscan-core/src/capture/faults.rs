use crate::Error;

/// The first fault in full, and how many more there are: memory does not grow with them.
#[derive(Debug, Default)]
pub(super) struct Faults {
    first: Option<String>,
    more: u64,
}

impl Faults {
    pub(super) fn add(&mut self, fault: String) {
        match self.first {
            None => self.first = Some(fault),
            Some(_) => self.more += 1,
        }
    }

    pub(super) fn text(self) -> Option<String> {
        let first = self.first?;
        Some(match self.more {
            0 => first,
            1 => format!("{first}; 1 more fault"),
            more => format!("{first}; {more} more faults"),
        })
    }
}

pub(super) fn not_a_recording(what: &str) -> Error {
    Error::NotARecording { what: what.to_owned() }
}
