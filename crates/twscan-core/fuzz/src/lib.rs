//! One function for each kind of bytes that come from elsewhere. None may panic, hang, or take memory beyond its input.
//! The fuzz targets call them, and so do the tests on the stable compiler (tests/hostile.rs).

use std::collections::HashSet;

use twox_hash::XxHash64;
use twscan_core::capture::{RecordOptions, RecordedSample, Recording};
use twscan_core::filter::{NumbersOnly, Selection};
use twscan_core::host::{Host, Namespaces, Source};
use twscan_core::port::{PortRange, PortSet};
use twscan_core::procfs::{Counters, ProcFs, Settings};
use twscan_core::report::{ByDestReport, Destination, SummaryReport};
use twscan_core::sample::Sampler;
use twscan_core::sock_diag::{Dump, DumpRequest};
use twscan_core::socket::{SocketRecord, StateSet, TIME_WAIT_LENGTH};
use twscan_core::target::Target;
use twscan_core::transport::Script;
use twscan_core::wire::{Attributes, InetDiagMsg, Messages};

/// A datagram as a kernel would send it.
pub fn netlink(data: &[u8]) {
    for message in Messages::new(data).map_while(Result::ok) {
        let _ = message.errno();
        if let Ok(msg) = InetDiagMsg::new(message.payload()) {
            read(&SocketRecord::new(msg));
        }
    }
    Attributes::new(data).map_while(Result::ok).for_each(|attribute| {
        let _ = (attribute.kind(), attribute.as_u32(), attribute.as_u64());
    });
    let _ = DumpRequest::decode(data);
    let Ok(mut dump) = Dump::start(Script::new([Ok(data.to_vec())]), &DumpRequest::one_walk(StateSet::ALL)) else {
        return;
    };
    while let Ok(Some(batch)) = dump.next_batch() {
        batch.for_each(|record| read(&record));
    }
}

/// A file that somebody calls a recording, of any kind: as it is, and with its checksums put right.
pub fn recording(data: &[u8]) {
    for bytes in [data.to_vec(), sealed(data)] {
        let Ok(recording) = Recording::read(bytes.as_slice(), "fuzz") else { continue };
        for sample in recording.samples() {
            judge(&sample.host(recording.name()));
            // An interface that a text names is not kept, and may be all that two connections differ by.
            if matches!(sample.source(), Source::SsText | Source::NetstatText) && !bytes.contains(&b'%') {
                each_connection_once(&sample.host(recording.name()));
            }
            let _ = sample.write_ss_dump(&mut Vec::new());
            let options = RecordOptions::new().anonymize();
            if let Ok(again) = RecordedSample::record(&sample.host("again"), &options) {
                judge(&again.host("again"));
            }
            let host = sample.host(recording.name());
            let _ = Namespaces::of(&host).and_then(|found| found.visit(|_, host| judge(host)).map(|_| ()));
            let again = RecordedSample::record_everywhere(&host, &options.owners());
            let _ = again.map(|again| again.write(&mut Vec::new()));
        }
        let _ = recording.last_everywhere().map(|sample| sample.at());
        let _ = recording.of_netns("sleep").map(|one| judge(&one.last().host("sleep")));
    }
}

/// Of a text, however often it shows a connection.
fn each_connection_once(host: &Host) {
    let mut seen = HashSet::new();
    let Ok(mut sockets) = host.sockets(StateSet::ALL, &[]) else { return };
    let _ = sockets.observe(&mut |record: &SocketRecord<'_>| {
        let ends = (record.local(), record.remote());
        assert!(record.remote_port() == 0 || seen.insert(ends), "{ends:?} counts twice");
    });
}

/// A file below `/proc`, whichever it may be.
pub fn proc_files(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    Counters::default().parse(&text);
    let _ = Settings::read(|_| Ok(Some(text.clone().into_owned())));
    let names = ["thread-self/net/sockstat", "sys/net/ipv4/ip_local_port_range", "thread-self/ns/net", "uptime"];
    let procfs = ProcFs::from_files(names.map(|name| (name.to_owned(), data.to_vec())));
    let _ = (procfs.counters(), procfs.settings(), procfs.netns_inode("thread-self"), procfs.hostname());
}

/// What a user types.
pub fn words(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let _ = text.parse::<Target>().map(|target| target.to_string());
    let _ = text.parse::<PortRange>();
    let _ = text.parse::<PortSet>().map(|ports| ports.len());
    let _ = StateSet::from_name(&text);
    if let Ok(selection) = Selection::parse(&text, &NumbersOnly) {
        let filter = selection.filter.unwrap_or_default();
        // What a filter says of itself reads back as the same filter, and its bytecode stays below its bound.
        assert!(filter.bytecode().len() <= u16::MAX.into());
        let _ = filter.to_string();
    }
}

/// A log of any program.
pub fn log(data: &[u8]) {
    let tally = twscan_core::log::tally_bytes(data);
    assert_eq!(tally.bytes(), data.len() as u64);
}

fn read(record: &SocketRecord<'_>) {
    let _ = (record.local(), record.remote(), record.state(), record.timer(), record.time_wait_age(TIME_WAIT_LENGTH));
    let _ = (record.expires(), record.retransmits(), record.uid(), record.inode(), record.send_queue());
    let _ = (record.mark(), record.cgroup_id(), record.cookie(), record.is_loopback(), format!("{record:?}"));
}

fn judge(host: &Host) {
    let _ = host.owners(&(0..1000).map(|inode| (inode, None)).collect());
    if let Ok(sample) = Sampler::new(host).states(StateSet::PORT_HOLDERS).take() {
        let _ = SummaryReport::new(&sample, 5);
        let _ = ByDestReport::new(&sample, None, Destination::most_sockets_first, Some(5));
    }
}

/// The same sections with the checksums that their bytes should have, so that mutations get past them.
fn sealed(data: &[u8]) -> Vec<u8> {
    let mut bytes = data.to_vec();
    let mut at = MAGIC_LEN;
    let sum = |bytes: &[u8]| (XxHash64::oneshot(0, bytes) as u32).to_le_bytes();
    while let Some(header) = bytes.get(at..at + HEADER_LEN) {
        let stored = u32::from_le_bytes([header[4], header[5], header[6], header[7]]) as usize;
        let end = (at + HEADER_LEN).saturating_add(stored).min(bytes.len());
        let content = sum(&bytes[at + HEADER_LEN..end]);
        bytes[at + 12..at + 16].copy_from_slice(&content);
        let header = sum(&bytes[at..at + 16]);
        bytes[at + 16..at + 20].copy_from_slice(&header);
        at = end;
    }
    bytes
}

const MAGIC_LEN: usize = 8;
const HEADER_LEN: usize = 20;
