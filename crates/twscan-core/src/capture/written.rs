//! A moment as sections, and back.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::container::Section;
use super::files::{FILES, StoredFiles};
use super::moment::Moment;
use super::netns_name::{kind_and_name, netns_name};
use super::owners::{OWNERS, StoredOwners};
use super::walk::{DATA, RecordedWalk};
use crate::host::Source;
use crate::netns::{Others, Surroundings};
use crate::procfs::owner::printable;
use crate::socket::StateSet;

/// What stands beside a moment.
pub(super) enum Rest {
    /// It is a sample, with the list of the host's namespaces, if it has one.
    Directory(Vec<Section>),
    /// It is of another namespace.
    PartOf(Belongs),
}

impl Moment {
    /// As a sample, with the list of the host's namespaces.
    pub(super) fn sample_sections(&self, directory: &[Section]) -> Vec<Section> {
        self.sections(SAMPLE, "", directory)
    }

    /// As that of the namespace at this place, of a sample that was taken at this time.
    pub(super) fn part_sections(&self, of: SystemTime, place: usize) -> Vec<Section> {
        self.sections(NETNS, &format!("of={}\nplace={place}\n", nanoseconds(of)), &[])
    }

    fn sections(&self, kind: [u8; 4], belongs: &str, directory: &[Section]) -> Vec<Section> {
        let mut sections = vec![Section::pack(kind, (self.heading() + belongs).as_bytes())];
        sections.extend(self.files.to_sections());
        for walk in self.walks.iter() {
            sections.push(Section::pack(WALK, &walk.encode()));
            sections.extend(walk.chunks.iter().cloned());
        }
        sections.extend(self.owners.iter().flat_map(|owners| owners.sections().iter().cloned()));
        sections.extend_from_slice(directory);
        let count = sections.len().to_string();
        sections.push(Section::pack(TAIL, count.as_bytes()));
        sections
    }

    fn heading(&self) -> String {
        let heading = format!(
            "at={}\nsource={}\nbyte_order={BYTE_ORDER}\nanonymized={}\nleft_out={:x}\nrepeats={}\nwriter=twscan {}\n",
            nanoseconds(self.at),
            self.source.name(),
            self.anonymized,
            self.left_out.bits(),
            self.repeats,
            env!("CARGO_PKG_VERSION"),
        );
        heading + &self.surroundings.as_ref().map_or_else(String::new, surroundings_in_words)
    }

    /// Puts a moment together from its sections, but for its tail; with the list of the host's namespaces, or of which
    /// sample it is a part.
    pub(super) fn from_sections(sections: &[Section]) -> Result<(Self, Rest), &'static str> {
        let (first, rest) = sections.split_first().ok_or(HEADLESS)?;
        let text = first.unpack()?;
        let text = std::str::from_utf8(&text).map_err(|_| "a sample's heading is no text")?;
        let heading: BTreeMap<&str, &str> = text.lines().filter_map(|line| line.split_once('=')).collect();
        let field = |key| heading.get(key).copied().ok_or("a sample's heading lacks a line");
        if field("byte_order")? != BYTE_ORDER {
            return Err("it comes from a machine with another byte order; read it on such a machine");
        }
        let nanoseconds = field("at")?.parse().map_err(|_| "a sample's time is no number")?;
        let at = UNIX_EPOCH.checked_add(Duration::from_nanos(nanoseconds)).ok_or("a sample's time is out of range")?;
        let name = field("source")?;
        let source = Source::ALL.into_iter().find(|source| source.name() == name);
        let source = source.ok_or("a sample's source is unknown; read it with a newer twscan")?;
        let left_out = heading.get("left_out").map_or(Ok(0), |bits| u32::from_str_radix(bits, 16));
        let left_out = left_out.map_err(|_| "a sample's states are no number")?;
        let left_out = StateSet::from_bits(left_out);
        let repeats = heading.get("repeats").map_or(Ok(0), |count| count.parse());
        let mut moment = Self {
            at,
            source,
            anonymized: field("anonymized")? == "true",
            left_out,
            repeats: repeats.map_err(|_| "a sample's repeats are no number")?,
            files: StoredFiles::default(),
            walks: Arc::default(),
            owners: None,
            surroundings: surroundings(&heading),
        };
        let belongs = match first.kind() {
            SAMPLE => None,
            NETNS => Some(Belongs {
                of: field("of")?.parse().map_err(|_| "a part's time is no number")?,
                place: field("place")?.parse().map_err(|_| "a part's place is no number")?,
            }),
            _ => return Err(HEADLESS),
        };
        let (mut walks, mut owners, mut directory) = (Vec::new(), None, Vec::new());
        for section in rest {
            match section.kind() {
                FILES => moment.files.add(section)?,
                WALK if walks.len() < MOST_WALKS => {
                    walks.push(RecordedWalk::decode(&section.unpack()?).ok_or("a walk's heading is broken")?);
                }
                WALK => return Err("a sample has more walks than there are"),
                DATA => walks.last_mut().ok_or("datagrams before any walk")?.chunks.push(section.clone()),
                OWNERS => owners.get_or_insert_with(StoredOwners::default).add(section)?,
                DIRECTORY => directory.push(section.clone()),
                // What a later version adds.
                _ => {}
            }
        }
        (moment.walks, moment.owners) = (Arc::new(walks), owners.map(Arc::new));
        let rest = belongs.map_or(Rest::Directory(directory), Rest::PartOf);
        Ok((moment, rest))
    }
}

/// As lines of a heading; one that knows no name has a line less.
fn surroundings_in_words(surroundings: &Surroundings) -> String {
    let Others { found, at_least, .. } = surroundings.others;
    let name = surroundings.name.as_ref().map(kind_and_name);
    let name = name.map_or_else(String::new, |(kind, name)| format!("netns={kind} {name}\n"));
    format!("{name}others={found}\nothers_at_least={at_least}\n")
}

/// The reverse; `None` where they were not noted.
fn surroundings(heading: &BTreeMap<&str, &str>) -> Option<Surroundings> {
    let name = || {
        let (kind, name) = heading.get("netns")?.split_once(' ')?;
        netns_name(kind, printable(name), None)
    };
    let found = heading.get("others")?.parse().ok()?;
    let at_least = heading.get("others_at_least").is_none_or(|value| *value != "false");
    Some(Surroundings::new(name(), Others::new(found, at_least)))
}

/// Which sample a namespace is a part of, and its place among those of the host.
#[derive(Debug, Clone, Copy)]
pub(super) struct Belongs {
    of: u128,
    pub(super) place: usize,
}

impl Belongs {
    /// Of a sample that was taken at this time.
    pub(super) fn belongs_to(self, at: SystemTime) -> bool {
        nanoseconds(at) == self.of
    }
}

fn nanoseconds(at: SystemTime) -> u128 {
    at.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos()
}

/// A sample begins: its time and source, a `key=value` a line.
pub(super) const SAMPLE: [u8; 4] = *b"SMPL";
/// A sample of another network namespace begins: as above, and which sample it is a part of.
pub(super) const NETNS: [u8; 4] = *b"NETN";
/// A dump begins: the request.
const WALK: [u8; 4] = *b"WALK";
/// A sample is whole: how many sections came before.
pub(super) const TAIL: [u8; 4] = *b"TAIL";

const HEADLESS: &str = "a sample without a beginning";
const BYTE_ORDER: &str = if cfg!(target_endian = "big") { "big" } else { "little" };

/// One for both families or one for each, and the same by a filter.
const MOST_WALKS: usize = 16;
/// The network namespaces of the host, of which the others follow as parts of their own.
pub(super) const DIRECTORY: [u8; 4] = *b"NETS";
