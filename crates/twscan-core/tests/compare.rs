//! What a comparison says, and what it does not claim to know.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests say what they expect by failing")]

use std::time::{Duration, UNIX_EPOCH};

use serde_json::{Value, json};
use twscan_core::capture::{Absent, RecordOptions, RecordedSample, Recording};
use twscan_core::host::{Host, Source};
use twscan_core::procfs::{ProcFs, TwReuse};
use twscan_core::report::CompareReport;
use twscan_core::sample::{Incomplete, Sample, Sampler};
use twscan_core::transport::{Script, Transport};
use twscan_core::wire::{InetDiagMsgBuilder, append_message, kind};

/// A host with a listener, and a connection and so many TIME_WAITs to a database.
fn host(time_waits: u16, boot: &str) -> Host {
    let mut datagram = Vec::new();
    let mut socket = |state, local: u16, timer| {
        let mut payload = Vec::new();
        let socket = InetDiagMsgBuilder::new(state).local(([10, 0, 0, 1], local).into()).timer(timer, 30_000);
        let socket = if state == 10 { socket } else { socket.remote(([10, 0, 0, 2], 5432).into()) };
        socket.cookie(local.into()).append_payload(&mut payload);
        append_message(kind::TCPDIAG_GETSOCK, 0, 0, 0, &payload, &mut datagram);
    };
    socket(10, 80, 0);
    socket(1, 32_768, 0);
    (1..=time_waits).for_each(|n| socket(6, 32_768 + n, 3));
    append_message(kind::DONE, 0, 0, 0, &0i32.to_ne_bytes(), &mut datagram);
    let open = move || Ok(Box::new(Script::new([Ok(datagram.clone())])) as Box<dyn Transport>);
    let files = [
        ("sys/net/ipv4/ip_local_port_range", "32768\t33767\n"),
        ("sys/net/ipv4/tcp_tw_reuse", "0\n"),
        ("sys/kernel/hostname", "db-17\n"),
        ("sys/kernel/random/boot_id", boot),
        ("thread-self/ns/net", "net:[4026531840]"),
        ("thread-self/net/snmp", "Tcp: ActiveOpens\nTcp: 100\n"),
    ];
    let files = files.map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec()));
    Host::new(open, ProcFs::from_files(files)).with_source(Source::NetlinkOneWalk)
}

fn taken(host: &Host, seconds: u64) -> Sample {
    let mut sample = Sampler::new(host).ports().take().unwrap();
    sample.provenance.captured_at = UNIX_EPOCH + Duration::from_secs(seconds);
    sample
}

/// Two samples, 20 s apart.
fn pair(before: u16, after: u16) -> (Sample, Sample) {
    let (before, mut after) = (taken(&host(before, "one\n"), 0), taken(&host(after, "one\n"), 20));
    after.counters.active_opens = Some(300);
    (before, after)
}

fn report(before: &Sample, after: &Sample) -> Value {
    serde_json::to_value(CompareReport::new(before, after, None)).unwrap()
}

#[test]
fn a_comparison_says_what_changed_in_words() {
    let (before, mut after) = pair(30, 90);
    after.settings.tw_reuse = Some(TwReuse::On);
    let report = report(&before, &after);
    assert_eq!((&report["schema"], &report["elapsed_s"]), (&"twscan.compare/1".into(), &20.0.into()));
    assert_eq!(report["states"]["TIME_WAIT"], json!({"before": 30, "after": 90}));
    assert_eq!(report["counters"][0]["per_second"], 10.0);
    assert_eq!(report["parameters"], json!([{"name": "tcp_tw_reuse", "before": "0", "after": "1"}]));
    assert_eq!(
        (&report["destinations"][0]["sockets"], &report["groups"]),
        (&json!({"before": 31, "after": 91}), &1.into())
    );
    assert_eq!(report["caveats"], json!([]));
    assert_eq!(
        report["sentence"],
        "Within 20 s TIME_WAIT went from 30 to 90. The fullest destination, 10.0.0.1 to 10.0.0.2:5432, went from 3.1 % to \
         9.1 % of its ports held. Changed: tcp_tw_reuse from 0 to 1."
    );
}

#[test]
fn nothing_that_stayed_is_said_to_have_changed() {
    let (mut before, mut after) = pair(30, 30);
    before.settings.reserved = Some("8080,33000-33009".parse().unwrap());
    after.settings.reserved = Some("".parse().unwrap());
    // The host's table, seen from a namespace that shares it.
    (before.settings.ehash_entries, after.settings.ehash_entries) = (Some(-262_144), Some(262_144));
    let changed = report(&before, &after);
    assert_eq!(changed["parameters"].as_array().unwrap().len(), 1, "{changed}");
    let sentence = changed["sentence"].as_str().unwrap();
    for part in ["TIME_WAIT stayed at 30", "stayed at 3.1 %", "ip_local_reserved_ports from 8080,33000-33009 to none."]
    {
        assert!(sentence.contains(part), "{sentence}");
    }
    after.settings.ehash_entries = Some(1024);
    let sentence = report(&before, &after)["sentence"].to_string();
    assert!(sentence.contains("tcp_ehash_entries from 262144 to 1024"), "{sentence}");
    let same = report(&before, &before);
    assert_eq!((&same["groups"], &same["parameters"], &same["counters"]), (&0.into(), &json!([]), &json!([])));
}

#[test]
fn what_is_of_another_place_is_told_by_what_differs() {
    type Change = fn(&mut Sample);
    let cases: [(Change, &[&str]); 8] = [
        (|_| (), &[]),
        (|after| after.provenance.netns.inode = Some(7), &["the samples are of different network namespaces"]),
        // A container of the same boot has a name of its own.
        (|after| after.provenance.hostname = Some("web".into()), &[]),
        (
            |after| after.provenance.boot_id = Some("two".into()),
            &["the host was restarted in between, or is another one of the same name"],
        ),
        (
            |after| {
                after.provenance.boot_id = Some("two".into());
                after.provenance.hostname = Some("web".into());
            },
            &["the samples are of different hosts"],
        ),
        (
            |after| {
                after.provenance.boot_id = None;
                after.counters.active_opens = Some(5);
            },
            &["counters began anew in between, so the host was restarted or the network namespace made anew"],
        ),
        (
            |after| after.counters.active_opens = Some(5),
            &["counters began anew in between, so the network namespace was made anew"],
        ),
        (
            |after| after.provenance.incomplete = Some(Incomplete::Recorded { reason: "silence".into() }),
            &["the second sample is partial: silence"],
        ),
    ];
    for (place, (change, caveats)) in cases.into_iter().enumerate() {
        let (before, mut after) = pair(30, 90);
        change(&mut after);
        let report = report(&before, &after);
        assert_eq!(report["caveats"], json!(caveats), "{place}");
        let is_rated = report["counters"][0]["per_second"].is_number();
        assert_eq!(is_rated, matches!(place, 0 | 2 | 7), "a rate is of one namespace of one boot: {place}");
    }
    let (before, after) = pair(30, 90);
    assert_eq!(report(&after, &before)["caveats"], json!(["the first sample is the later one"]));
}

#[test]
fn without_the_port_range_the_fullest_is_unknown_and_nothing_has_gone() {
    let (before, _) = pair(30, 30);
    let text = "LISTEN 0 128 10.0.0.1:80 0.0.0.0:*\nESTAB 0 0 10.0.0.1:32768 10.0.0.2:5432\n";
    let time_waits: String = (1..=30)
        .map(|n| format!("TIME-WAIT 0 0 10.0.0.1:{} 10.0.0.2:5432 timer:(timewait,30sec,0)\n", 32_768 + n))
        .collect();
    let recording = Recording::read((text.to_owned() + &time_waits).as_bytes(), "text").unwrap();
    let after = taken(&recording.last().host("text"), 20);
    let report = report(&before, &after);
    assert_eq!((&report["groups"], &report["destinations"]), (&0.into(), &json!([])), "{report}");
    let sentence = report["sentence"].as_str().unwrap();
    let fullest = "The fullest destination was 10.0.0.1 to 10.0.0.2:5432 with 3.1 % of its ports held and is unknown.";
    assert!(sentence.contains(fullest), "{sentence}");
    assert!(report["caveats"][0].as_str().unwrap().contains("--range"), "{report}");
}

#[test]
fn states_that_one_does_not_tell_are_left_out_of_the_counts() {
    let (before, _) = pair(30, 30);
    let text = "State Recv-Q Send-Q Local Address:Port Peer Address:Port\nESTAB 0 0 10.0.0.1:32768 10.0.0.2:5432\n";
    let recording = Recording::read(text.as_bytes(), "text").unwrap();
    let mut absent = Absent::default();
    absent.range = before.settings.range;
    let after = taken(&recording.supply(&absent).unwrap().last().host("text"), 20);
    let report = report(&before, &after);
    let of_database =
        report["destinations"].as_array().unwrap().iter().find(|row| row["destination"] == "10.0.0.2").cloned();
    assert_eq!(of_database, None, "the one connection is still there: {report}");
    assert!(
        report["states"]["TIME_WAIT"].is_null() && report["caveats"][0].to_string().contains("partial"),
        "{report}"
    );
}

#[test]
fn addresses_replaced_by_unlike_keys_do_not_compare() {
    let recorded = |options: &RecordOptions| {
        let sample = RecordedSample::record(&host(30, "one\n"), options).unwrap();
        taken(&sample.host("x"), 20)
    };
    let options = RecordOptions::new().anonymize();
    let (hidden, of_another_key) = (recorded(&options), recorded(&RecordOptions::new().anonymize()));
    for (one, other) in [(&hidden, &of_another_key), (&hidden, &recorded(&RecordOptions::new()))] {
        let report = report(one, other);
        assert_eq!((&report["groups"], &report["destinations"]), (&Value::Null, &json!([])));
        assert!(report["caveats"][0].as_str().unwrap().starts_with("addresses were replaced"), "{report}");
        assert_eq!(report["caveats"].as_array().unwrap().len(), 1, "{report}");
        let sentence = report["sentence"].as_str().unwrap();
        assert!(sentence.contains("was one with 3.1 % of its ports held") && !sentence.contains(":5432"), "{sentence}");
    }
    let report = report(&hidden, &recorded(&options));
    assert_eq!((&report["groups"], &report["caveats"]), (&0.into(), &json!([])));
    // What was anonymized once stays so, whoever records it again.
    let again = RecordedSample::record(
        &RecordedSample::record(&host(1, "one\n"), &options).unwrap().host("x"),
        &RecordOptions::new(),
    );
    assert!(again.unwrap().is_anonymized());
}
