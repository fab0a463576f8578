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
    add_cluster(&mut services, &host.procfs().devices());
    Ok(services)
}

fn add_cluster(services: &mut PortSet, devices: &[String]) {
    let is_of_node = |name: &String| name.starts_with("kube-") || name.starts_with("cni");
    if services.contains(KUBELET) || devices.iter().any(is_of_node) {
        services.extend(NODE_PORTS);
    }
    if devices.iter().any(|name| name.contains("vxlan") || name.starts_with("flannel")) {
        services.extend(VXLAN);
    }
}

const KUBELET: u16 = 10_250;
const NODE_PORTS: std::ops::RangeInclusive<u16> = 30_000..=32_767;
const VXLAN: [u16; 2] = [4789, 8472];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_of_a_cluster_keeps_its_node_ports() {
        let of = |listening: &str, devices: &[&str]| {
            let mut services: PortSet = listening.parse().unwrap();
            add_cluster(&mut services, &devices.iter().map(ToString::to_string).collect::<Vec<_>>());
            services.to_string()
        };
        assert_eq!(of("10250", &["lo", "flannel.1"]), "4789,8472,10250,30000-32767");
        assert_eq!(of("80", &["lo", "cni0"]), "80,30000-32767");
        assert_eq!(of("80", &["lo", "eth0"]), "80");
    }
}
