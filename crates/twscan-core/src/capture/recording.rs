use std::io::{Read, Write};
use std::sync::Arc;
use std::time::SystemTime;

use super::container::{HEADER_LEN, MAGIC, Section, begins_a_section};
use super::faults::{Faults, not_a_recording};
use super::moment::Moment;
use super::namespaces::RecordedNetns;
use super::sample::cannot_write;
use super::sections::{Next, Sections};
use super::stored_namespaces::StoredNamespaces;
use super::written::{Belongs, NETNS, Rest, SAMPLE, TAIL};
use super::{RecordedSample, foreign};
use crate::Error;
use crate::port::{PortRange, PortSet};
use crate::procfs::TwReuse;

/// A file of samples.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Recording {
    name: String,
    samples: Vec<RecordedSample>,
    last: Box<RecordedSample>,
    missing: Option<String>,
}

impl Recording {
    /// Writes what a recording begins with; whole [samples](RecordedSample::write) follow.
    ///
    /// # Errors
    /// [`Error::WriteRecording`].
    pub fn begin(out: &mut impl Write) -> Result<(), Error> {
        out.write_all(&MAGIC).map_err(cannot_write)
    }

    /// Reads a recording of any kind, told by its content. `name` is what documents will say it was read from.
    ///
    /// Of a damaged or cut file every whole sample is there, and [`missing`](Self::missing) says what is not. Memory is
    /// bounded by the length of the input.
    ///
    /// # Errors
    /// [`Error::ReadRecording`], and [`Error::NotARecording`] where no reader knows the content or no sample is whole.
    pub fn read(input: impl Read, name: impl Into<String>) -> Result<Self, Error> {
        Self::read_written(input, name, SystemTime::now())
    }

    /// As [`read`](Self::read), for a file that was last written at this time, which foreign recordings do not tell.
    ///
    /// # Errors
    /// As for [`read`](Self::read).
    pub fn read_written(mut input: impl Read, name: impl Into<String>, written: SystemTime) -> Result<Self, Error> {
        let mut start = Vec::new();
        let cannot_read = |cause| Error::ReadRecording { cause };
        input.by_ref().take((MAGIC.len() + HEADER_LEN) as u64).read_to_end(&mut start).map_err(cannot_read)?;
        if start.is_empty() {
            return Err(not_a_recording("it is empty"));
        }
        let (magic, ahead) = start.split_at_checked(MAGIC.len()).unwrap_or((&start, &[]));
        let (samples, missing) = if magic == MAGIC {
            read_own(ahead.chain(input), Faults::default())?
        } else if MAGIC.starts_with(magic) {
            return Err(not_a_recording("it is a twscan capture cut off inside its first 8 bytes"));
        } else if magic.get(..MAGIC.len() - 1) == MAGIC.get(..MAGIC.len() - 1) {
            return Err(not_a_recording("it is of another version of the format; read it with a newer twscan"));
        } else if begins_a_section(ahead) {
            let mut faults = Faults::default();
            faults.add("its first 8 bytes are damaged".to_owned());
            read_own(ahead.chain(input), faults)?
        } else {
            foreign::read(start.as_slice().chain(input), written)?
        };
        let Some(last) = samples.last().cloned().map(Box::new) else {
            return Err(not_a_recording(missing.as_deref().unwrap_or("it has no sample")));
        };
        Ok(Self { name: name.into(), samples, last, missing })
    }

    /// The samples, in the order of their recording; at least one.
    #[must_use]
    pub fn samples(&self) -> &[RecordedSample] {
        &self.samples
    }

    /// The last sample.
    #[must_use]
    pub fn last(&self) -> &RecordedSample {
        &self.last
    }

    /// The last sample that holds every network namespace of the host, whole where there is one; `None` where one alone
    /// was recorded.
    #[must_use]
    pub fn last_everywhere(&self) -> Option<&RecordedSample> {
        let is_whole = |sample: &&RecordedSample| sample.namespaces().is_some_and(|namespaces| namespaces.is_whole());
        let everywhere = || self.samples.iter().rev().filter(|sample| sample.namespaces.is_some());
        everywhere().find(is_whole).or_else(|| everywhere().next())
    }

    /// The samples of one of the host's network namespaces alone, by the name of its file, its container's id, what
    /// `--netns` took for it then, or its inode.
    ///
    /// # Errors
    /// [`Error::NotARecording`] where the last sample has not exactly one such namespace.
    pub fn of_netns(mut self, name: &str) -> Result<Self, Error> {
        let refuse = |what: String| not_a_recording(&what);
        let alone = || refuse("it holds one network namespace alone: leave out --netns".to_owned());
        let last = self.last_everywhere().and_then(RecordedSample::namespaces).ok_or_else(alone)?;
        let wanted = last.find(name).map_err(refuse)?;
        let (inode, label) = (wanted.namespace.inode, &wanted.namespace.name);
        let mut samples = Vec::new();
        for namespaces in self.samples.iter().filter_map(RecordedSample::namespaces) {
            // By its inode, since a name may pass on to another.
            let same = |netns: &&RecordedNetns| match inode {
                Some(_) => netns.namespace.inode == inode,
                None => netns.namespace.name == *label,
            };
            let netns = namespaces.list.iter().find(same);
            if let Some((netns, sample)) = netns.and_then(|netns| Some((netns, netns.sample.as_ref()?))) {
                let surroundings = Some(netns.surroundings(namespaces.others));
                samples.push(RecordedSample::from(Moment { surroundings, ..sample.clone() }));
            }
        }
        let Some(last) = samples.last().cloned() else {
            return Err(refuse(format!("network namespace {label}: {}", wanted.outcome)));
        };
        (self.samples, *self.last) = (samples, last);
        Ok(self)
    }

    /// Where it was read from.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What could not be read of the file; `None` where it is whole.
    #[must_use]
    pub fn missing(&self) -> Option<&str> {
        self.missing.as_deref()
    }

    /// Whether it tells the local port range; texts of other tools do not.
    #[must_use]
    pub fn has_parameters(&self) -> bool {
        self.last.moment.files.has("sys/net/ipv4/ip_local_port_range")
    }

    /// Supplies parameters that the recording lacks.
    ///
    /// # Errors
    /// [`Error::NotARecording`] where it has its own: what was recorded is not overruled.
    pub fn supply(mut self, absent: &Absent) -> Result<Self, Error> {
        let texts = [
            ("ip_local_port_range", absent.range.map(|range| format!("{}\t{}\n", range.low(), range.high()))),
            ("ip_local_reserved_ports", absent.reserved.as_ref().map(|ports| format!("{ports}\n"))),
            ("tcp_tw_reuse", absent.tw_reuse.map(|mode| format!("{}\n", mode.value()))),
        ];
        for (key, text) in texts {
            let Some(text) = text else { continue };
            let name = format!("sys/net/ipv4/{key}");
            for sample in self.samples.iter_mut().chain([&mut *self.last]) {
                if !sample.moment.files.supply(&name, text.clone().into_bytes()) {
                    return Err(not_a_recording(&format!("it has its own {key}, which is not overruled")));
                }
            }
        }
        Ok(self)
    }
}

/// Parameters for recordings without any, such as the text of `ss`.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Absent {
    /// `ip_local_port_range`.
    pub range: Option<PortRange>,
    /// `ip_local_reserved_ports`.
    pub reserved: Option<PortSet>,
    /// `tcp_tw_reuse`.
    pub tw_reuse: Option<TwReuse>,
}

/// The whole samples of a recording of our own, and what is wrong with the rest.
fn read_own(input: impl Read, mut faults: Faults) -> Result<(Vec<RecordedSample>, Option<String>), Error> {
    let mut sections = Sections::new(input);
    let mut samples = Vec::new();
    let mut open: Vec<Section> = Vec::new();
    // The samples behind which something was damaged: if they lack a namespace, that was said.
    let mut hit = Vec::new();
    loop {
        match sections.next()? {
            Next::Section(section) => {
                let kind = section.kind();
                let begins = kind == SAMPLE || kind == NETNS;
                if begins && !open.is_empty() {
                    faults.add("a sample without an end".to_owned());
                    open.clear();
                }
                if begins || !open.is_empty() {
                    open.push(section);
                }
                if kind == TAIL && !open.is_empty() {
                    match whole(&std::mem::take(&mut open)) {
                        Ok((moment, Rest::PartOf(belongs))) => add_part(samples.last_mut(), moment, belongs),
                        Ok((moment, Rest::Directory(directory))) => match StoredNamespaces::read(directory) {
                            Ok(namespaces) => samples.push(RecordedSample { moment, namespaces }),
                            Err(what) => faults.add(format!("sample {}: {what}", samples.len() + 1)),
                        },
                        Err(what) => faults.add(format!("sample {}: {what}", samples.len() + 1)),
                    }
                }
            }
            Next::BadContent { offset } => {
                faults.add(format!("the section at byte {offset} is damaged, so {}", left_out(samples.last())));
                hit.push(samples.len());
                open.clear();
            }
            Next::Lost { offset, bytes } => {
                let left_out = left_out(samples.last());
                faults.add(format!("{bytes} bytes from byte {offset} on have no readable beginning, so {left_out}"));
                hit.push(samples.len());
                open.clear();
            }
            Next::Cut { offset, bytes } => {
                faults.add(format!(
                    "the file ends {bytes} bytes into the section at byte {offset}; sample {} is incomplete",
                    samples.len() + 1
                ));
                break;
            }
            Next::End => {
                if !open.is_empty() {
                    faults.add(format!("the file ends inside sample {}", samples.len() + 1));
                }
                break;
            }
        }
    }
    for (place, sample) in samples.iter().enumerate() {
        let is_whole = sample.namespaces().is_none_or(|namespaces| namespaces.is_whole());
        if !is_whole && !hit.contains(&(place + 1)) {
            faults.add(format!("sample {} lacks network namespaces that were recorded", place + 1));
        }
    }
    Ok((samples, faults.text()))
}

/// What is left out for damage behind this sample: the next one, or one of the namespaces that follow it.
fn left_out(sample: Option<&RecordedSample>) -> &'static str {
    match sample.and_then(|sample| sample.namespaces.as_ref()) {
        Some(_) => "its sample, or one network namespace of it, is left out",
        None => "its sample is left out",
    }
}

/// Adds a namespace to its sample. Where that one is damaged, as was said already, it is of no use.
fn add_part(sample: Option<&mut RecordedSample>, part: Moment, belongs: Belongs) {
    if let Some(sample) = sample.filter(|sample| belongs.belongs_to(sample.moment.at))
        && let Some(namespaces) = &mut sample.namespaces
    {
        Arc::make_mut(namespaces).parts.push((belongs.place, part));
    }
}

fn whole(sections: &[Section]) -> Result<(Moment, Rest), &'static str> {
    let (tail, before) = sections.split_last().ok_or("no section")?;
    let declared = std::str::from_utf8(&tail.unpack()?).ok().and_then(|text| text.parse::<usize>().ok());
    if declared != Some(before.len()) {
        return Err("sections are missing");
    }
    Moment::from_sections(before)
}
