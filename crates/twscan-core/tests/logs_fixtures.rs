//! Lines of real programs, and what each says: `fixtures/logs/cases.tsv`.
#![cfg(feature = "logs")]
#![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use std::path::{Path, PathBuf};

use twscan_core::log::{LogClass, LogOptions, LogReader, LogTally, LogZone};

#[derive(Debug)]
struct Case {
    name: String,
    expected: [String; 6],
    events: usize,
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/logs")
}

fn cases() -> Vec<Case> {
    let table = std::fs::read_to_string(fixtures().join("cases.tsv")).unwrap();
    let rows = table.lines().skip(1).map(|line| line.split('\t').map(str::to_owned).collect::<Vec<_>>());
    rows.map(|row| {
        assert_eq!(row.len(), 11, "{row:?}");
        let expected = std::array::from_fn(|column| row[3 + column].clone());
        Case { name: row[0].clone(), expected, events: row[9].parse().unwrap() }
    })
    .collect()
}

/// Class, program, errno, destination, its port and the local address of each event, as the table writes them.
fn read(name: &str) -> Vec<[String; 6]> {
    let text = std::fs::read(fixtures().join("lines").join(format!("{name}.log"))).unwrap();
    let mut reader = LogReader::new(text.as_slice(), LogOptions::new().zone(LogZone::Utc));
    let mut seen = Vec::new();
    while let Some(event) = reader.next_event().unwrap() {
        let (to, from) = (event.destination(), event.source());
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        seen.push([
            event.class().to_string(),
            event.program().to_string(),
            event.errno().name().to_owned(),
            or_dash(to.map(|to| to.host.to_string())),
            or_dash(to.and_then(|to| to.port).map(|port| port.to_string())),
            or_dash(from.map(|from| from.to_string())),
        ]);
    }
    seen
}

#[test]
fn every_line_of_every_program_is_read_for_what_it_is() {
    let mut wrong = Vec::new();
    let cases = cases();
    for case in &cases {
        let seen = read(&case.name);
        let first = seen.first().cloned().unwrap_or_else(|| std::array::from_fn(|_| "-".to_owned()));
        let same_class = seen.iter().all(|event| event[0] == first[0]);
        if first != case.expected || seen.len() != case.events || !same_class {
            wrong.push(format!("{}:\n  want {:?} x {}\n  seen {seen:?}", case.name, case.expected, case.events));
        }
    }
    assert!(cases.len() > 100, "only {} cases", cases.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_table_and_the_directory_name_the_same_cases() {
    let mut listed: Vec<_> = cases().into_iter().map(|case| format!("{}.log", case.name)).collect();
    let lines = std::fs::read_dir(fixtures().join("lines")).unwrap();
    let mut present: Vec<_> = lines.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    listed.sort();
    present.sort();
    assert_eq!(listed, present);
}

#[test]
fn the_count_of_a_real_nginx_log_is_that_of_grep() {
    let path = fixtures().join("scenario-error.log.gz");
    let text = std::process::Command::new("gzip").arg("-dc").arg(&path).output().unwrap().stdout;
    let text = String::from_utf8(text).unwrap();
    let grep = text.lines().filter(|line| line.contains("Cannot assign requested address")).count();
    assert!(grep > 1000, "only {grep}");
    let mut reader = twscan_core::log::open(&path, LogOptions::new().zone(LogZone::Utc)).unwrap();
    let mut tally = LogTally::new();
    while let Some(event) = reader.next_event().unwrap() {
        tally.observe(&event);
    }
    tally.add_read(&reader);
    assert_eq!(tally.events().events, grep as u64);
    assert_eq!((tally.lines(), tally.bytes()), (text.lines().count() as u64, text.len() as u64));
    let destinations = tally.destinations(LogClass::is_lack_of_port);
    assert_eq!((destinations.len(), destinations[0].0.to_string()), (1, "127.0.0.1:8080".to_owned()));
}
