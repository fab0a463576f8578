//! One sample, one judgement: every document of it says the same.

use std::net::{IpAddr, SocketAddr};

use proptest::prelude::*;
use serde_json::{Value, to_value};

use super::{
    Budgets, ByDestReport, CheckReport, Destination, DiagnoseReport, ForecastReport, PortsReport, SummaryReport,
};
use crate::budget::LocalPorts;
use crate::diagnosis::Examination;
use crate::forecast::HORIZON;
use crate::judgement::{Severity, Verdict};
use crate::port::PortRange;
use crate::procfs::{Settings, TwReuse};
use crate::sample::{Incomplete, Sample, test_sample};
use crate::wire::{AF_INET, InetDiagMsgBuilder};

const DESTINATIONS: [&str; 3] = ["127.0.0.1:8080", "10.0.0.2:5432", "10.0.0.3:443"];

fn socket(state: u8, port: u16, remote: &str) -> InetDiagMsgBuilder {
    let remote: SocketAddr = remote.parse().unwrap();
    let local: IpAddr = if remote.ip().is_loopback() { [127, 0, 0, 1].into() } else { [10, 0, 0, 1].into() };
    InetDiagMsgBuilder::new(state).family(AF_INET).local((local, port).into()).remote(remote)
}

prop_compose! {
    /// A range of 20 ports, and for each of three destinations so many of its ports held, in a few states and ages.
    fn samples()(
        mode in 0u8..3,
        timestamps in prop::option::of(0u8..2),
        odd in any::<bool>(),
        complete in prop::bool::weighted(0.9),
        bound in 0u16..8,
        held in prop::array::uniform3((0u16..21, 1u16..3, 0u32..60_000, 0u8..3)),
    ) -> Sample {
        let settings = Settings {
            range: PortRange::new(40_000, if odd { 40_020 } else { 40_019 }),
            tw_reuse: TwReuse::from_value(&mode.to_string()),
            timestamps,
            ..Settings::default()
        };
        let mut sockets: Vec<_> = (0..bound).map(|port| socket(7, 40_000 + port, "0.0.0.0:0")).collect();
        for (to, (count, step, age, kind)) in DESTINATIONS.iter().zip(held) {
            sockets.extend((0..count).map(|index| {
                let port = 40_000 + (index * step) % 20 + u16::from(step == 2 && index >= 10);
                match kind {
                    0 => socket(1, port, to),
                    1 => socket(6, port, to).timer(3, 60_000 - age),
                    _ => socket(5, port, to).timer(3, age),
                }
            }));
        }
        let mut sample = test_sample(&settings, &sockets);
        if !complete {
            sample.provenance.incomplete = Some(Incomplete::Recorded { reason: "the walk broke off".to_owned() });
        }
        sample
    }
}

/// The documents by name, each with its verdict.
fn documents(sample: &Sample) -> Vec<(&'static str, Verdict, Value)> {
    let ports = LocalPorts::of(sample).unwrap();
    let budgets = Budgets::new(ports.budgets().collect(), None);
    let summary = SummaryReport::new(sample, 10);
    let by_dest = ByDestReport::new(sample, None, Destination::fullest_first, None);
    let of_ports = PortsReport::new(sample, &ports, None, &budgets, None, false);
    let forecast = ForecastReport::new(sample, None, None, &budgets, None, HORIZON);
    let check = CheckReport::new(sample, None, &budgets, None, None);
    vec![
        ("summary", summary.verdict.clone(), to_value(&summary).unwrap()),
        ("by-dest", by_dest.verdict.clone(), to_value(&by_dest).unwrap()),
        ("ports", of_ports.verdict.clone(), to_value(&of_ports).unwrap()),
        ("forecast", forecast.verdict.clone(), to_value(&forecast).unwrap()),
        ("check", check.verdict.clone(), to_value(&check).unwrap()),
    ]
}

proptest! {
    #[test]
    fn every_document_of_a_sample_judges_alike(sample in samples()) {
        let documents = documents(&sample);
        let (_, verdict, _) = &documents[0];
        for (name, other, _) in &documents {
            prop_assert_eq!(verdict, other, "{}", name);
        }
        let diagnosis = Examination::new(&sample).diagnose();
        let report = DiagnoseReport::new(&sample, None, &diagnosis);
        prop_assert!(report.verdict.severity >= verdict.severity, "{:?} {:?}", report.verdict, verdict);
        let of_ports = report.findings.iter().find(|finding| ["ports-exhausted", "ports-slow"].contains(&finding.code.name()));
        if let Some(finding) = of_ports {
            prop_assert!(finding.severity <= verdict.severity, "{:?} {:?}", finding, verdict);
        }
    }

    #[test]
    fn rows_have_the_same_numbers_and_do_not_contradict_the_verdict(sample in samples()) {
        let documents = documents(&sample);
        let rows = |name: &str, list: &str| {
            let (_, _, document) = documents.iter().find(|(found, _, _)| *found == name).unwrap();
            document[list].as_array().unwrap().iter().filter(|row| row.get("role").is_none_or(|role| role == "outbound"))
                .cloned().collect::<Vec<_>>()
        };
        let key = |row: &Value| ["source", "destination", "port"].map(|key| row[key].to_string());
        let of_ports = rows("ports", "budgets");
        for (name, list) in [("summary", "destinations"), ("by-dest", "destinations")] {
            let found = rows(name, list);
            prop_assert_eq!(found.iter().filter(|row| row["capacity"].is_u64()).count(), of_ports.len(), "{}", name);
            for row in found {
                let budget = of_ports.iter().find(|budget| key(budget) == key(&row)).unwrap();
                prop_assert_eq!(&row["capacity"], &budget["capacity"]);
                prop_assert_eq!(&row["zone"], &budget["zone"]);
                prop_assert_eq!(&row["percent"], &budget["percent"]);
                if !row["free"].is_null() {
                    prop_assert_eq!(&row["free"], &budget["free"]);
                }
            }
        }
        let (_, verdict, _) = &documents[0];
        let is = |zone: &str| of_ports.iter().any(|row| row["zone"] == zone);
        match verdict.severity {
            Severity::Ok => prop_assert!(!is("full") && !is("slow") && !is("nearly-full"), "{:?} {:?}", verdict, of_ports),
            Severity::Critical => prop_assert!(is("full") || verdict.code == "bind-pool-full", "{:?} {:?}", verdict, of_ports),
            _ => {}
        }
        for row in &of_ports {
            let [least, free, most] = ["free_min", "free", "free_max"].map(|key| row[key].as_u64().unwrap());
            prop_assert!(least <= free && free <= most, "{:?}", row);
        }
    }
}
