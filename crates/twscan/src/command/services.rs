use twscan_core::Error;
use twscan_core::host::Host;
use twscan_core::port::PortSet;
use twscan_core::sample::Sample;
use twscan_core::tuning::Situation;

/// The ports that a wider range must not give away: of TCP and UDP services, and those that a cluster uses.
pub(super) fn of(host: &Host, sample: &Sample) -> Result<PortSet, Error> {
    let procfs = host.procfs();
    let devices = procfs.devices();
    let situation = Situation::new(sample.settings.clone())
        .with_services(sample.destinations.roles().listening())
        .with_services(&procfs.udp_services()?)
        .with_devices(devices.iter().map(String::as_str));
    Ok(situation.services().clone())
}
