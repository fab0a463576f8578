use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::anonymize::Anonymizer;
use super::container::Section;
use super::directory::{self, DIRECTORY};
use super::files::{FILES, StoredFiles};
use super::namespaces::{RecordedNamespaces, StoredNamespaces};
use super::owners::{OWNERS, StoredOwners};
use super::replay::Replay;
use super::tape::Tape;
use super::walk::{DATA, RecordedWalk};
use crate::Error;
use crate::filter::explicit_binds;
use crate::host::{Channel, Host, Recorded, Source};
use crate::netns::{NetnsName, Others, Surroundings};
use crate::procfs::ProcFs;
use crate::procfs::owner::{Wanted, printable};
use crate::socket::{SocketRecord, StateSet};
use crate::tally::Tally;

/// One moment of a host as it was recorded.
#[derive(Debug, Clone)]
pub struct RecordedSample {
    pub(super) at: SystemTime,
    pub(super) source: Source,
    pub(super) anonymized: bool,
    /// States that its source may have left out.
    pub(super) left_out: StateSet,
    /// Rows of its source that were not taken, since others show the same sockets.
    pub(super) repeats: u64,
    pub(super) files: StoredFiles,
    pub(super) walks: Arc<Vec<RecordedWalk>>,
    /// `None` where they were not asked for.
    pub(super) owners: Option<Arc<StoredOwners>>,
    /// Those of the host, where this is the sample of the recorder's own.
    pub(super) namespaces: Option<Arc<StoredNamespaces>>,
    /// How its namespace is called, and what there was beside it; `None` where nobody looked.
    pub(super) surroundings: Option<Surroundings>,
}

/// What to record, and how.
#[derive(Debug, Clone, Default)]
pub struct RecordOptions {
    pub(super) anonymize: Option<Anonymizer>,
    owners: bool,
}

impl RecordOptions {
    /// Everything as it is.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes which processes have the sockets open, as far as the reader may see: [`Host::owners`] tells them again.
    #[must_use]
    pub fn owners(mut self) -> Self {
        self.owners = true;
        self
    }

    /// Replaces addresses and the host's name.
    ///
    /// The same address becomes the same other one in all samples recorded with these options (and their clones), and two
    /// addresses that share a prefix still do. The loopback, unspecified and multicast addresses stay as they are;
    /// private and other well-known prefixes keep their first bits. Ports, counters and parameters are kept.
    /// Of owners, process ids, user ids and the names of programs are kept; users' names and cgroups are not.
    #[must_use]
    pub fn anonymize(mut self) -> Self {
        self.anonymize = Some(Anonymizer::new());
        self
    }
}

impl RecordedSample {
    /// Records a host: its files of `/proc`, then every socket, bound-but-idle ones included.
    ///
    /// A walk that breaks off is begun again as [`Host::tally`] does it; what is left of the last attempt is recorded with
    /// the reason, and a replay tells it again.
    ///
    /// # Errors
    /// What [`Host::sockets`] gives where no walk could begin.
    pub fn record(host: &Host, options: &RecordOptions) -> Result<Self, Error> {
        let at = host.recorded().map_or_else(SystemTime::now, |recorded| recorded.at);
        let mut files = host.procfs().record();
        if let Some(anonymizer) = &options.anonymize {
            anonymizer.files(&mut files);
        }
        let tape = Tape::new(options.anonymize.clone());
        let recorder = tape.clone();
        let teed = host.tee(move |channel| recorder.record(channel));
        let walk = teed.tally(StateSet::PORT_HOLDERS, &[], || {
            tape.rewind(0);
            Sockets { wanted: options.owners.then(Wanted::new) }
        })?;
        let owners = walk.tally.wanted.map(|wanted| host.owners(&wanted)).transpose()?;
        if let Some(error) = &walk.interruption {
            tape.fault(error.chain());
        }
        // What no message tells: whose ports were chosen by bind().
        let live = !(StateSet::LISTEN | StateSet::TIME_WAIT);
        let filtered = teed
            .sockets(live, &explicit_binds())
            .is_ok_and(|mut sockets| sockets.is_filtered() && sockets.observe(&mut |_: &SocketRecord<'_>| ()).is_ok());
        let mut walks = tape.finish();
        walks.retain(|recorded| recorded.request.filter().is_empty() || filtered);
        // What a source was asked before it gave way to another.
        let two = walk.source == Source::NetlinkTwoWalks;
        walks.retain(|recorded| recorded.request.family().is_some() == two);
        Ok(Self {
            at,
            source: walk.source,
            anonymized: options.anonymize.is_some() || host.recorded().is_some_and(|recorded| recorded.anonymized),
            left_out: host.recorded().map_or(StateSet::EMPTY, |recorded| recorded.left_out),
            repeats: host.recorded().map_or(0, |recorded| recorded.repeats),
            files: StoredFiles::pack(&files),
            walks: Arc::new(walks),
            owners: owners.map(|owners| Arc::new(StoredOwners::pack(owners, options.anonymize.as_ref()))),
            namespaces: None,
            surroundings: None,
        }
        .in_surroundings(host.recorded().and_then(|recorded| recorded.surroundings.clone()), options))
    }

    /// Notes how the network namespace is called and what there is beside it, which a recorder leaves to its caller to
    /// find out. An anonymized sample keeps no name but `host`.
    #[must_use]
    pub fn in_surroundings(mut self, surroundings: Option<Surroundings>, options: &RecordOptions) -> Self {
        let may_be_known = |name: &NetnsName| options.anonymize.is_none() || *name == NetnsName::Host;
        self.surroundings = surroundings.map(|known| Surroundings::new(known.name.filter(may_be_known), known.others));
        self
    }

    /// When the walk began; of a foreign recording, when its file was last written.
    #[must_use]
    pub fn at(&self) -> SystemTime {
        self.at
    }

    /// What had served the walk.
    #[must_use]
    pub fn source(&self) -> Source {
        self.source
    }

    /// What broke off the walk; `None` where it reached its end.
    #[must_use]
    pub fn fault(&self) -> Option<&str> {
        self.walks.iter().find_map(|walk| walk.fault.as_deref())
    }

    /// Whether its addresses are not the real ones.
    #[must_use]
    pub fn is_anonymized(&self) -> bool {
        self.anonymized
    }

    /// The host as it was; documents will name `from` as where it was read.
    #[must_use]
    pub fn host(&self, from: &str) -> Host {
        let walks = self.walks.clone();
        let open = move || Ok(Box::new(Replay::new(walks.clone())) as Channel);
        let recorded = Recorded {
            at: self.at,
            from: from.to_owned(),
            surroundings: self.surroundings(),
            anonymized: self.anonymized,
            left_out: self.left_out,
            repeats: self.repeats,
        };
        let mut host =
            Host::of_recording(open, ProcFs::of_record(Arc::new(self.files.unpack())), self.source, recorded);
        if self.namespaces.is_some() {
            let (own, from) = (self.clone(), from.to_owned());
            host = host.with_namespaces(move || Some(Arc::new(own.namespaces()?).found(&from, None)));
        }
        match self.owners.clone() {
            Some(owners) => host.with_owners(move |wanted| owners.find(wanted)),
            None => host,
        }
    }

    /// Every network namespace of the host at this moment; `None` where one alone was recorded.
    pub(super) fn namespaces(&self) -> Option<RecordedNamespaces> {
        self.namespaces.as_ref()?.unpack(self)
    }

    fn surroundings(&self) -> Option<Surroundings> {
        let of_own = || {
            let namespaces = self.namespaces()?;
            Some(namespaces.list.iter().find(|netns| netns.namespace.is_current)?.surroundings(&namespaces))
        };
        self.surroundings.clone().or_else(of_own)
    }

    /// Writes a whole sample; it follows the beginning of a [recording](super::Recording::begin) or another sample.
    ///
    /// # Errors
    /// [`Error::WriteRecording`].
    pub fn write(&self, out: &mut impl Write) -> Result<(), Error> {
        // In one go, so that a reader of what is still being written sees few halves.
        let mut bytes = Vec::new();
        let mut write = |sections: Vec<Section>| sections.iter().try_for_each(|section| section.write(&mut bytes));
        write(self.sections(SAMPLE, "")).map_err(cannot_write)?;
        for (place, part) in self.namespaces.iter().flat_map(|namespaces| &namespaces.parts) {
            let belongs = format!("of={}\nplace={place}\n", nanoseconds(self.at));
            write(part.sections(NETNS, &belongs)).map_err(cannot_write)?;
        }
        out.write_all(&bytes).map_err(cannot_write)
    }

    fn sections(&self, kind: [u8; 4], belongs: &str) -> Vec<Section> {
        let mut sections = vec![Section::pack(kind, (self.heading() + belongs).as_bytes())];
        sections.extend(self.files.to_sections());
        for walk in self.walks.iter() {
            sections.push(Section::pack(WALK, &walk.encode()));
            sections.extend(walk.chunks.iter().cloned());
        }
        sections.extend(self.owners.iter().flat_map(|owners| owners.sections().iter().cloned()));
        sections.extend(self.namespaces.iter().flat_map(|namespaces| namespaces.directory.iter().cloned()));
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

    /// Puts a sample together from its sections, but for its tail; and of which sample it is a part.
    pub(super) fn from_sections(sections: &[Section]) -> Result<(Self, Option<Belongs>), &'static str> {
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
        let mut sample = Self {
            at,
            source,
            anonymized: field("anonymized")? == "true",
            left_out,
            repeats: repeats.map_err(|_| "a sample's repeats are no number")?,
            files: StoredFiles::default(),
            walks: Arc::default(),
            owners: None,
            namespaces: None,
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
        let (mut walks, mut owners, mut namespaces) = (Vec::new(), None, None);
        for section in rest {
            match section.kind() {
                FILES => sample.files.add(section)?,
                WALK if walks.len() < MOST_WALKS => {
                    walks.push(RecordedWalk::decode(&section.unpack()?).ok_or("a walk's heading is broken")?);
                }
                WALK => return Err("a sample has more walks than there are"),
                DATA => walks.last_mut().ok_or("datagrams before any walk")?.chunks.push(section.clone()),
                OWNERS => owners.get_or_insert_with(StoredOwners::default).add(section)?,
                DIRECTORY if belongs.is_none() => {
                    namespaces.get_or_insert_with(StoredNamespaces::default).add(section)?;
                }
                // What a later version adds.
                _ => {}
            }
        }
        (sample.walks, sample.owners) = (Arc::new(walks), owners.map(Arc::new));
        sample.namespaces = namespaces.map(Arc::new);
        Ok((sample, belongs))
    }
}

/// As lines of a heading; one that knows no name has a line less.
fn surroundings_in_words(surroundings: &Surroundings) -> String {
    let Others { found, at_least, .. } = surroundings.others;
    let name = surroundings.name.as_ref().map(directory::kind_and_name);
    let name = name.map_or_else(String::new, |(kind, name)| format!("netns={kind} {name}\n"));
    format!("{name}others={found}\nothers_at_least={at_least}\n")
}

/// The reverse; `None` where they were not noted.
fn surroundings(heading: &BTreeMap<&str, &str>) -> Option<Surroundings> {
    let name = || {
        let (kind, name) = heading.get("netns")?.split_once(' ')?;
        directory::netns_name(kind, printable(name), None)
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
    pub(super) fn belongs_to(self, sample: &RecordedSample) -> bool {
        nanoseconds(sample.at) == self.of
    }
}

/// What the recorder itself notes of the sockets that pass.
struct Sockets {
    wanted: Option<Wanted>,
}

impl Tally for Sockets {
    fn observe(&mut self, record: &SocketRecord<'_>) {
        if let Some(wanted) = &mut self.wanted {
            wanted.observe(record);
        }
    }
}

fn nanoseconds(at: SystemTime) -> u128 {
    at.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos()
}

pub(super) fn cannot_write(cause: io::Error) -> Error {
    Error::WriteRecording { cause }
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
