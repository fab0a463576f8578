use crate::host::Host;
use crate::netns::Namespace;
use crate::sample::Provenance;

/// What is around the network namespace that is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Around {
    /// It is the thread's own: its name is looked for, and the others are counted, since a verdict does not speak of them.
    Here,
    /// It is one of all, which are asked too.
    OneOfAll {
        /// Its name.
        name: String,
    },
    /// It does not matter: nothing is looked for.
    Unknown,
}

impl Around {
    /// It is one of all; a container's name is the whole id.
    #[must_use]
    pub fn one_of_all(namespace: &Namespace) -> Self {
        let name = namespace.name();
        let name = name.container().map_or_else(|| name.to_string(), str::to_owned);
        Self::OneOfAll { name }
    }

    /// Notes the namespace's name, and how many others there are: an OK in the wrong namespace would mislead.
    pub fn note(&self, provenance: &mut Provenance, host: &Host) {
        match self {
            // The namespaces of this host are none of the recording's.
            Self::Here if provenance.replayed_from.is_none() => look_around(provenance, host),
            Self::OneOfAll { name } => provenance.netns.name = Some(name.clone()),
            Self::Here | Self::Unknown => {}
        }
    }
}

#[cfg(all(feature = "live", target_os = "linux"))]
fn look_around(provenance: &mut Provenance, host: &Host) {
    let surroundings = crate::netns::Surroundings::of_thread(host.procfs()).ok();
    provenance.other_netns = surroundings.as_ref().map(|surroundings| surroundings.others);
    if provenance.netns.name.is_none() {
        provenance.netns.name = surroundings.and_then(|surroundings| surroundings.name).map(|name| name.to_string());
    }
}

#[cfg(not(all(feature = "live", target_os = "linux")))]
fn look_around(_: &mut Provenance, _: &Host) {}
