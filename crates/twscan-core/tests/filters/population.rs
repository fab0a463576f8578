use std::net::{IpAddr, SocketAddr};

use twscan_lab::{Connection, Dial, EveryState, First, Listener, Netns, Options, every_state};

/// Sockets of every state and family, at addresses that short and long prefixes tell apart.
pub(crate) struct Population {
    _listeners: Vec<Listener>,
    _open: Vec<Connection>,
    _states: Vec<EveryState>,
}

impl Population {
    /// Makes them in the namespace and leaves them alone from then on.
    pub(crate) fn make(net: &Netns) -> Self {
        net.set_sysctl("net.ipv4.tcp_tw_reuse", "0").unwrap();
        net.set_port_range(50_000, 60_999).unwrap();
        for (address, len) in
            [("10.1.2.3", 32), ("10.1.2.4", 32), ("192.0.2.1", 32), ("fd00::1", 128), ("fd00::2", 128)]
        {
            net.add_address("lo", address.parse::<IpAddr>().unwrap(), len).unwrap();
        }
        net.run(|| {
            let states = ["127.0.0.1", "::1", "::ffff:127.0.0.9"];
            let mut made = Self {
                _listeners: Vec::new(),
                _open: Vec::new(),
                _states: states.map(|ip| every_state(ip.parse().unwrap(), 1).unwrap()).into(),
            };
            made.connect("0.0.0.0:8080", "127.0.0.2:8080", "127.0.0.1:40000", &Options::default());
            made.connect("127.0.0.5:8084", "127.0.0.5:8084", "10.1.2.3:40010", &Options::default());
            made.connect("10.1.2.4:443", "10.1.2.4:443", "10.1.2.3:40020", &Options::default());
            made.connect("192.0.2.1:80", "192.0.2.1:80", "10.1.2.4:40030", &Options::default());
            made.connect("[::]:8081", "[::1]:8081", "[::1]:40040", &Options::default());
            made.connect("[::1]:8082", "[::1]:8082", "[::1]:40050", &Options::default());
            made.connect("[fd00::2]:8083", "[fd00::2]:8083", "[fd00::1]:40060", &Options::default());
            let mapped = "[::ffff:127.0.0.9]:8085";
            made.connect(mapped, mapped, "[::ffff:10.1.2.3]:40070", &Options::default());
            made.connect(
                "[::ffff:192.0.2.1]:81",
                "[::ffff:192.0.2.1]:81",
                "[::ffff:127.0.0.1]:40080",
                &Options::default(),
            );
            let bound = Options { device: Some("lo".to_owned()), mark: Some(0x17), ..Options::default() };
            made.connect("127.0.0.7:8086", "127.0.0.7:8086", "127.0.0.1:40090", &bound);
            made
        })
        .unwrap()
    }

    /// Three connections, two of them closed by the client.
    fn connect(&mut self, listen: &str, to: &str, from: &str, options: &Options) {
        let parse = |address: &str| address.parse::<SocketAddr>().unwrap();
        let (to, from) = (parse(to), parse(from));
        let listener = Listener::bind(parse(listen)).unwrap();
        for offset in 0..3 {
            let from = SocketAddr::new(from.ip(), from.port() + offset);
            let dial = Dial::to(to).from(from).with(options.clone());
            let connection = listener.connection(&dial).unwrap().unwrap();
            if offset == 0 {
                self._open.push(connection);
            } else {
                connection.close(First::Client).unwrap();
            }
        }
        self._listeners.push(listener);
    }
}
