//! Forecasts held against what happens: a load on a destination with few ports, and the second in which connect() fails.
#![cfg(all(feature = "live", target_os = "linux"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says what it expects by failing")]
#![allow(clippy::print_stdout, reason = "the comparison is for people")]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use twscan_core::Scan;
use twscan_core::budget::LocalPorts;
use twscan_core::forecast::{Forecast, Window};
use twscan_core::host::Host;
use twscan_core::sample::Sampler;
use twscan_core::socket::TcpState;
use twscan_lab::{Dial, First, Listener, Netns, test_in_netns, time_waits};

#[test]
fn what_is_closed_now_is_the_rate_and_comes_back_in_a_minute() -> Result<(), twscan_lab::Error> {
    test_in_netns(|net| {
        net.set_sysctl("net.ipv4.tcp_tw_reuse", "0").unwrap();
        net.run(|| {
            let to: SocketAddr = "127.0.0.1:8080".parse().unwrap();
            let listener = Listener::bind(to).unwrap();
            assert_eq!(time_waits(&Dial::to(to), &listener, 900, First::Client).unwrap().count, 900);
            let forecast = forecast();
            assert_eq!(forecast.closings.iter().sum::<u32>(), 900);
            assert_eq!(forecast.releases.iter().sum::<u32>(), 900);
            assert!(forecast.releases.iter().take(30).all(|back| *back == 0), "none of them before its minute is over");
            assert_eq!(Scan::new().state(TcpState::TimeWait).to(to).count().unwrap().sockets, 900);
        })
        .unwrap();
    })
}

/// Connections a second, by the seconds since the start.
type Load = fn(f64) -> f64;

/// Takes a quarter of a minute, and a machine that is not too busy to keep a rate: `.ci/parts/41-forecast` runs it. A load
/// that the machine did not keep up is another one, and is tried again.
#[test]
#[ignore = "compares times"]
fn the_first_refusal_comes_when_it_was_foretold() {
    let loads: [(&str, Load); 3] = [
        ("steady 200/s", |_| 200.0),
        ("rising, 100/s and 20/s more each second", |seconds| 100.0 + 20.0 * seconds),
        ("falling, 400/s and 15/s less each second", |seconds| 400.0 - 15.0 * seconds),
    ];
    let steady = std::thread::scope(|scope| {
        let runs: Vec<_> = loads.map(|(name, load)| (name, scope.spawn(move || kept(load)))).into();
        let mut results = Vec::new();
        for (name, run) in runs {
            let (refused, predictions) = run.join().unwrap();
            println!("{name}: first EADDRNOTAVAIL after {refused:.2} s");
            for (at, window) in &predictions {
                let window = window.unwrap_or_else(|| panic!("{name}: at {at:.2} s it was never to come"));
                let shown = |time: Option<Duration>| {
                    time.map_or("never".to_owned(), |time| format!("{:.2}", at + time.as_secs_f64()))
                };
                let [earliest, expected, latest] = [Some(window.earliest), window.expected, window.latest].map(shown);
                println!("  at {at:5.2} s: expected {expected} s, from {earliest} to {latest}");
                // Half a second beyond, since closings are counted by the second.
                let holds = at + window.earliest.as_secs_f64() <= refused + 0.5
                    && window.latest.is_none_or(|latest| refused <= at + latest.as_secs_f64() + 0.5);
                assert!(holds, "{name}: the truth is not in the window");
            }
            results.push((refused, predictions));
        }
        results.swap_remove(0)
    });
    let (refused, predictions) = steady;
    for (at, window) in predictions {
        let expected = window.and_then(|window| window.expected).unwrap().as_secs_f64();
        let error = (expected - (refused - at)).abs() / (refused - at);
        assert!(error <= 0.1, "at {at:.2} s the forecast is wrong by {:.0} %", error * 100.0);
    }
}

/// A load that was kept up, within half a second.
fn kept(load: Load) -> (f64, Vec<(f64, Option<Window>)>) {
    for _ in 0..6 {
        let (refused, predictions, longest_pause) = drive(load);
        if longest_pause <= 0.5 {
            return (refused, predictions);
        }
        println!("the machine stood still for {longest_pause:.2} s: once more");
    }
    panic!("the machine keeps no rate");
}

/// Opens and closes connections at a rate until one is refused: when that was, what was foretold at several moments, and the
/// longest time in which nothing was opened that was due.
fn drive(load: Load) -> (f64, Vec<(f64, Option<Window>)>, f64) {
    let net = Netns::new().unwrap();
    net.set_sysctl("net.ipv4.tcp_tw_reuse", "0").unwrap();
    net.set_port_range(40_000, 42_999).unwrap();
    net.run(|| {
        let to: SocketAddr = "127.0.0.1:8080".parse().unwrap();
        let (listener, dial) = (Listener::bind(to).unwrap(), Dial::to(to));
        let (started, mut due, mut made, mut predictions) = (Instant::now(), 0.0, 0.0, Vec::new());
        let mut moments = [3.0, 4.5, 6.0, 7.5].into_iter().peekable();
        let (mut last, mut longest_pause) = (0.0, 0.0_f64);
        loop {
            let now = started.elapsed().as_secs_f64();
            assert!(now < 55.0, "the ports do not run out");
            longest_pause = longest_pause.max(now - last);
            due += load(now) * (now - last);
            last = now;
            while made < due {
                if time_waits(&dial, &listener, 1, First::Client).unwrap().stopped.is_some() {
                    return (started.elapsed().as_secs_f64(), predictions, longest_pause);
                }
                made += 1.0;
            }
            if moments.next_if(|moment| now >= *moment).is_some() {
                predictions.push((started.elapsed().as_secs_f64(), forecast().to_full));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    })
    .unwrap()
}

/// The forecast of the one destination there is.
fn forecast() -> Forecast {
    let sample = Sampler::new(&Host::live()).ports().take().unwrap();
    let ports = LocalPorts::of(&sample).unwrap();
    let budget = ports.budgets().next().unwrap();
    Forecast::new(&sample, None, &budget, Duration::from_secs(300)).unwrap()
}
