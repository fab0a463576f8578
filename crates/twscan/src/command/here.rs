use twscan_core::netns::Surroundings;
use twscan_core::procfs::ProcFs;
use twscan_core::sample::Provenance;

/// Notes the network namespace's name, and how many others a verdict does not speak of: an OK in the wrong namespace
/// would mislead.
pub(crate) fn note(provenance: &mut Provenance, procfs: &ProcFs) {
    if provenance.replayed_from.is_some() {
        // The namespaces of this host are none of the recording's.
        return;
    }
    let surroundings = Surroundings::of_thread(procfs).ok();
    provenance.other_netns = surroundings.as_ref().map(|surroundings| surroundings.others);
    if provenance.netns.name.is_none() {
        provenance.netns.name = surroundings.and_then(|surroundings| surroundings.name).map(|name| name.to_string());
    }
}
