use crate::Error;
use crate::host::Host;
use crate::port::PortSet;
use crate::sample::Sample;

/// The ports that a wider range must not give away: those of TCP and UDP services, and those that a cluster uses without
/// listening on them, where devices or the kubelet's port show that this is a node of one.
///
/// # Errors
/// Where the UDP sockets cannot be read.
pub fn services(host: &Host, sample: &Sample) -> Result<PortSet, Error> {
    let mut services = sample.destinations.roles().listening().clone();
    services.union_with(&host.procfs().udp_services()?);
    let mut node = services.contains(KUBELET);
    for name in host.procfs().devices() {
        node |= name.starts_with("kube-") || name.starts_with("cni");
        if name.contains("vxlan") || name.starts_with("flannel") {
            services.extend(VXLAN);
        }
    }
    if node {
        services.extend(NODE_PORTS);
    }
    Ok(services)
}

const KUBELET: u16 = 10_250;
const NODE_PORTS: std::ops::RangeInclusive<u16> = 30_000..=32_767;
const VXLAN: [u16; 2] = [4789, 8472];
