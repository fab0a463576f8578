//! Opening recordings.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufReader, Write};
use std::path::{Path, PathBuf};

use twscan_core::capture::{Absent, Recording};
use twscan_core::procfs::TwReuse;

use crate::args::SupplyArgs;
use crate::failure::Failure;

/// Reads a recording, and says on standard error what of it cannot be read.
pub(crate) fn open(file: &Path, args: &SupplyArgs) -> Result<Recording, Failure> {
    supply(read(file)?, args)
}

/// Reads recordings to compare: what is supplied is for those that lack it.
pub(crate) fn open_all(files: &[PathBuf], args: &SupplyArgs) -> Result<Vec<Recording>, Failure> {
    let recordings = files.iter().map(|file| read(file)).collect::<Result<Vec<_>, _>>()?;
    let all_have = recordings.iter().all(Recording::has_parameters);
    let supplied = recordings
        .into_iter()
        .map(|recording| if all_have || !recording.has_parameters() { supply(recording, args) } else { Ok(recording) });
    supplied.collect()
}

/// One network namespace of a recording.
pub(crate) fn of_netns(recording: Recording, netns: &OsStr) -> Result<Recording, Failure> {
    let name = recording.name().to_owned();
    recording.of_netns(&netns.to_string_lossy()).map_err(|error| Failure::Recording(name, error))
}

fn read(path: &Path) -> Result<Recording, Failure> {
    let name = path.display().to_string();
    let failed = |error| Failure::Recording(name.clone(), error);
    let recording = if path == Path::new("-") {
        Recording::read(io::stdin().lock(), &name).map_err(failed)?
    } else {
        let no_file = |error| Failure::File(name.clone(), error);
        let file = File::open(path).map_err(no_file)?;
        match file.metadata().and_then(|metadata| metadata.modified()) {
            Ok(written) => Recording::read_written(BufReader::new(file), &name, written).map_err(failed)?,
            Err(_) => Recording::read(BufReader::new(file), &name).map_err(failed)?,
        }
    };
    if let Some(missing) = recording.missing() {
        writeln!(io::stderr(), "warning: {name}: {missing}")?;
    }
    Ok(recording)
}

fn supply(recording: Recording, args: &SupplyArgs) -> Result<Recording, Failure> {
    let tw_reuse = match args.tw_reuse {
        None => None,
        Some(value) => Some(
            TwReuse::from_value(&value.to_string())
                .ok_or_else(|| Failure::Usage(format!("'{value}' is no tcp_tw_reuse; write 0, 1 or 2")))?,
        ),
    };
    let mut absent = Absent::default();
    (absent.range, absent.reserved, absent.tw_reuse) = (args.range, args.reserved.clone(), tw_reuse);
    let name = recording.name().to_owned();
    recording.supply(&absent).map_err(|error| Failure::Recording(name, error))
}
