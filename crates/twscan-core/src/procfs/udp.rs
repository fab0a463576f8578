use crate::port::PortSet;

/// Adds the local ports of the UDP sockets in a text such as `/proc/net/udp` that wait for anybody: those with a remote
/// side are clients.
pub(super) fn add_services(text: &str, ports: &mut PortSet) {
    for line in text.lines().skip(1) {
        let mut fields = line.split_ascii_whitespace().skip(1);
        let (Some(local), Some(remote)) = (fields.next(), fields.next()) else { continue };
        let unconnected = remote.rsplit_once(':').is_some_and(|(_, port)| port == "0000");
        let port = local.rsplit_once(':').and_then(|(_, port)| u16::from_str_radix(port, 16).ok());
        ports.extend(port.filter(|_| unconnected));
    }
}

#[cfg(test)]
mod tests {
    use crate::procfs::ProcFs;

    #[test]
    fn udp_services_of_both_families_are_found_and_clients_are_not() -> Result<(), twscan_lab::Error> {
        twscan_lab::test_in_netns(|net| {
            let found = net.run(|| {
                let v4 = std::net::UdpSocket::bind("127.0.0.1:20001").unwrap();
                let v6 = std::net::UdpSocket::bind("[::1]:20002").unwrap();
                let client = std::net::UdpSocket::bind("127.0.0.1:20003").unwrap();
                client.connect("127.0.0.1:20001").unwrap();
                let found = ProcFs::default().udp_services().unwrap();
                drop((v4, v6));
                found
            });
            assert_eq!(found.unwrap().to_string(), "20001-20002");
        })
    }
}
