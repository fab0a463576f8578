//! The rate that is said to go on for ever, held against the kernel: at it nothing fails, at a little more something does.
#![cfg(all(feature = "live", target_os = "linux"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says what it expects by failing")]

use std::time::{Duration, Instant};

use twscan_core::Scan;
use twscan_lab::{Dial, First, Granted, Listener, Netns, connect_until_fails, test_in_netns, time_waits};

type Outcome = Result<(), twscan_lab::Error>;

#[test]
fn beside_live_connections_what_is_said_is_sustained_and_more_is_not() -> Outcome {
    test_in_netns(|net| {
        net.set_sysctl("net.ipv4.tcp_tw_reuse", "2").unwrap();
        net.set_port_range(40_000, 40_099).unwrap();
        let place = Place::new(net, "127.0.0.1:8080", 40);
        // 100 ports, each once a second, would bear nearly twice as many.
        assert_eq!(place.said(), 60.0);
        assert!(place.bears(60.0, Duration::from_secs(4)) && !place.bears(150.0, Duration::from_secs(4)));
    })
}

/// Takes more than the life of a TIME_WAIT: `.ci/parts/41-forecast` runs it.
#[test]
#[ignore = "takes more than a minute"]
fn beside_live_connections_time_waits_bear_what_is_said_and_no_more() -> Outcome {
    test_in_netns(|net| {
        net.set_sysctl("net.ipv4.tcp_tw_reuse", "0").unwrap();
        net.set_port_range(40_000, 40_619).unwrap();
        let cases = [("127.0.0.1:8080", 1.0, true), ("127.0.0.1:8081", 1.3, false)];
        std::thread::scope(|scope| {
            for (to, factor, borne) in cases {
                scope.spawn(move || {
                    // Three quarters of the ports: counted as if they came back too, 10 a second were sustained.
                    let place = Place::new(net, to, 465);
                    assert_eq!(place.said(), 2.5);
                    let bears = place.bears(2.5 * factor, Duration::from_secs(70));
                    assert_eq!(bears, borne, "{factor} times what is said");
                });
            }
        });
    })
}

/// A destination with live connections to it.
struct Place<'n> {
    net: &'n Netns,
    listener: Listener,
    _live: Granted,
}

impl<'n> Place<'n> {
    fn new(net: &'n Netns, to: &str, live: usize) -> Self {
        let made = net.run(|| {
            let listener = Listener::bind(to.parse().unwrap()).unwrap();
            let granted = connect_until_fails(&Dial::to(listener.address()), &listener, live).unwrap();
            (listener, granted)
        });
        let (listener, granted) = made.unwrap();
        assert_eq!(granted.count(), live);
        Self { net, listener, _live: granted }
    }

    fn said(&self) -> f64 {
        self.net.run(|| Scan::new().budget_to(self.listener.address()).unwrap().outlook().sustainable).unwrap()
    }

    /// Whether so many a second are opened and closed for so long without a refusal. What a busy machine is late with is
    /// not caught up on.
    fn bears(&self, rate: f64, time: Duration) -> bool {
        let (every, began) = (Duration::from_secs_f64(1.0 / rate), Instant::now());
        let dial = Dial::to(self.listener.address());
        let connect = || time_waits(&dial, &self.listener, 1, First::Client).unwrap().count == 1;
        let load = || {
            while began.elapsed() < time {
                let last = Instant::now();
                if !connect() {
                    return false;
                }
                std::thread::sleep(every.saturating_sub(last.elapsed()));
            }
            true
        };
        self.net.run(load).unwrap()
    }
}
