//! Opening recordings, and writing them so that there is a whole file or none.

use std::fs::File;
use std::io::{self, BufReader, Write};
use std::path::{Path, PathBuf};

use twscan_core::capture::{Absent, Recording};
use twscan_core::procfs::TwReuse;

use crate::args::SupplyArgs;
use crate::failure::Failure;

/// Reads a recording, and says on standard error what of it cannot be read.
pub(crate) fn open(name: &str, args: &SupplyArgs) -> Result<Recording, Failure> {
    supply(read(name)?, args)
}

/// Reads recordings to compare: what is supplied is for those that lack it.
pub(crate) fn open_all(names: &[&str], args: &SupplyArgs) -> Result<Vec<Recording>, Failure> {
    let recordings = names.iter().map(|name| read(name)).collect::<Result<Vec<_>, _>>()?;
    let all_have = recordings.iter().all(Recording::has_parameters);
    let supplied = recordings
        .into_iter()
        .map(|recording| if all_have || !recording.has_parameters() { supply(recording, args) } else { Ok(recording) });
    supplied.collect()
}

fn read(name: &str) -> Result<Recording, Failure> {
    let failed = |error| Failure::Recording(name.to_owned(), error);
    let recording = if name == "-" {
        Recording::read(io::stdin().lock(), name).map_err(failed)?
    } else {
        let no_file = |error| Failure::File(name.to_owned(), error);
        let file = File::open(name).map_err(no_file)?;
        match file.metadata().and_then(|metadata| metadata.modified()) {
            Ok(written) => Recording::read_written(BufReader::new(file), name, written).map_err(failed)?,
            Err(_) => Recording::read(BufReader::new(file), name).map_err(failed)?,
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

/// A file under a temporary name, which [`keep`](Self::keep) changes to the real one and anything else removes.
#[derive(Debug)]
pub(crate) struct Draft {
    file: File,
    temporary: Option<PathBuf>,
    target: PathBuf,
}

impl Draft {
    pub(crate) fn new(target: &str) -> Result<Self, Failure> {
        let failed = |error| Failure::File(target.to_owned(), error);
        let path = Path::new(target);
        // A device or a pipe is written as it is: to rename over it would replace it.
        if path.metadata().is_ok_and(|metadata| !metadata.is_file()) {
            let file = File::options().write(true).open(path).map_err(failed)?;
            return Ok(Self { file, temporary: None, target: path.to_owned() });
        }
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.twcap.tmp", std::process::id()));
        let temporary = path.with_file_name(name);
        let file = File::options().write(true).create_new(true).open(&temporary).map_err(failed)?;
        Ok(Self { file, temporary: Some(temporary), target: path.to_owned() })
    }

    /// Whether nobody sees it before it is kept.
    pub(crate) fn is_temporary(&self) -> bool {
        self.temporary.is_some()
    }

    pub(crate) fn keep(mut self) -> Result<(), Failure> {
        let failed = |error| Failure::File(self.target.display().to_string(), error);
        if let Some(temporary) = &self.temporary {
            self.file.sync_all().map_err(failed)?;
            std::fs::rename(temporary, &self.target).map_err(failed)?;
        }
        self.temporary = None;
        Ok(())
    }
}

impl Write for Draft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if let Some(temporary) = &self.temporary {
            // There is nothing to be done about a file that cannot be removed either.
            let _ = std::fs::remove_file(temporary);
        }
    }
}
