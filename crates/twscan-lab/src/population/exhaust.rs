use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::dial::Step;
use super::{Connection, Dial, First, Listener, Stop};
use crate::Error;
use crate::netns::require_private;

/// What [`connect_until_fails`] was granted. The connections live as long as this value.
#[derive(Debug)]
#[must_use]
pub struct Granted {
    /// The open connections, oldest first.
    pub connections: Vec<Connection>,
    /// The refusal that ended it; none if the limit was reached instead.
    pub stopped: Option<Stop>,
}

impl Granted {
    /// How many connections the kernel granted.
    #[must_use]
    pub fn count(&self) -> usize {
        self.connections.len()
    }

    /// Closes them all, leaving TIME_WAITs on the end that closes `first`.
    ///
    /// # Errors
    /// When an end does not hear of it within a few seconds.
    pub fn close(self, first: First) -> Result<(), Error> {
        self.connections
            .into_iter()
            .try_for_each(|connection| connection.close(first))
    }
}

/// Opens connections by `dial`, accepts and keeps them, until bind() or connect() fails or `limit`
/// of them are open.
///
/// # Errors
/// When the thread is not in a private namespace, the process runs out of file descriptors (see
/// [`raise_open_files`]; a connection takes two), or a connection is not accepted.
pub fn connect_until_fails(
    dial: &Dial,
    listener: &Listener,
    limit: usize,
) -> Result<Granted, Error> {
    require_private()?;
    let mut granted = Granted {
        connections: Vec::new(),
        stopped: None,
    };
    while granted.count() < limit {
        match listener.connection(dial)? {
            Ok(connection) => granted.connections.push(connection),
            Err(
                stop @ Stop {
                    step: Step::Socket | Step::Option,
                    ..
                },
            ) => {
                return Err(stop.into_error(format!("connect to {}", dial.destination())));
            }
            Err(stop) => {
                granted.stopped = Some(stop);
                break;
            }
        }
    }
    Ok(granted)
}

/// Raises this process's limit on open files as far as it may without privileges, and returns it;
/// none means without limit.
///
/// # Errors
/// When the kernel refuses.
pub fn raise_open_files() -> Result<Option<u64>, Error> {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: maximum,
        maximum,
    };
    setrlimit(Resource::Nofile, raised)
        .map_err(|errno| Error::os("raise the limit on open files", errno))?;
    Ok(maximum)
}
