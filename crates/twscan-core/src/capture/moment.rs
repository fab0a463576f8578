use std::sync::Arc;
use std::time::SystemTime;

use super::RecordOptions;
use super::files::StoredFiles;
use super::owners::StoredOwners;
use super::replay::Replay;
use super::tape::Tape;
use super::walk::RecordedWalk;
use crate::Error;
use crate::filter::explicit_binds;
use crate::host::{Channel, Host, Recorded, Source};
use crate::netns::{NetnsName, Surroundings};
use crate::procfs::ProcFs;
use crate::procfs::owner::Wanted;
use crate::socket::{SocketRecord, StateSet};
use crate::tally::Tally;

/// One network namespace at one moment as it was recorded.
#[derive(Debug, Clone)]
pub(super) struct Moment {
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
    /// How its namespace is called, and what there was beside it; `None` where nobody looked.
    pub(super) surroundings: Option<Surroundings>,
}

impl Moment {
    /// Records a host, as [`RecordedSample::record`](super::RecordedSample::record) says.
    pub(super) fn record(host: &Host, options: &RecordOptions) -> Result<Self, Error> {
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
        if let Some(error) = walk.interruption {
            // Begun again, it could not begin: what was written down before is forgotten.
            if tape.is_empty() {
                return Err(error);
            }
            tape.fault(error.chain());
        }
        let owners = walk.tally.wanted.map(|wanted| host.owners(&wanted)).transpose()?;
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
            surroundings: None,
        }
        .in_surroundings(host.recorded().and_then(|recorded| recorded.surroundings.clone()), options))
    }

    pub(super) fn in_surroundings(mut self, surroundings: Option<Surroundings>, options: &RecordOptions) -> Self {
        let may_be_known = |name: &NetnsName| options.anonymize.is_none() || *name == NetnsName::Host;
        self.surroundings = surroundings.map(|known| Surroundings::new(known.name.filter(may_be_known), known.others));
        self
    }

    /// What broke off the walk; `None` where it reached its end.
    pub(super) fn fault(&self) -> Option<&str> {
        self.walks.iter().find_map(|walk| walk.fault.as_deref())
    }

    /// The host as it was; documents will name `from` as where it was read.
    pub(super) fn host(&self, from: &str) -> Host {
        let walks = self.walks.clone();
        let open = move || Ok(Box::new(Replay::new(walks.clone())) as Channel);
        let recorded = Recorded {
            at: self.at,
            from: from.to_owned(),
            surroundings: self.surroundings.clone(),
            anonymized: self.anonymized,
            left_out: self.left_out,
            repeats: self.repeats,
        };
        let host = Host::of_recording(open, ProcFs::of_record(Arc::new(self.files.unpack())), self.source, recorded);
        match self.owners.clone() {
            Some(owners) => host.with_owners(move |wanted| owners.find(wanted)),
            None => host,
        }
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
