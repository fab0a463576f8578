use twscan_core::netns::{current_name, others_unread};
use twscan_core::procfs::ProcFs;
use twscan_core::sample::Provenance;

/// Notes the network namespace's name, and how many others a verdict does not speak of: an OK in the wrong namespace
/// would mislead.
pub(crate) fn note(provenance: &mut Provenance, procfs: &ProcFs) {
    if provenance.replayed_from.is_some() {
        // The namespaces of this host are none of the recording's.
        return;
    }
    if provenance.netns.name.is_none() {
        provenance.netns.name = current_name(procfs).map(|name| name.to_string());
    }
    provenance.other_netns = others_unread(procfs).ok();
}
