//! Logs as streams: joined messages, times, filters, hostile input, compression.
#![cfg(feature = "logs")]
#![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use std::io::{self, Read, Write};
use std::process::{Command, Stdio};

use proptest::prelude::*;
use twscan_core::log::{
    LogClass, LogOptions, LogParser, LogProgram, LogReader, LogTally, LogTime, LogZone, decompress, tally_bytes,
};

const NGINX: &str = "2018/07/19 08:03:23 [crit] 2872#0: *338613 connect() to 127.0.0.1:8080 failed (99: Cannot assign requested address) while connecting to upstream, client: 10.0.0.7, server: , request: \"GET /availablePoint/1 HTTP/1.1\", upstream: \"http://127.0.0.1:8080/availablePoint/1\", host: \"web-1\"";

fn utc() -> LogOptions {
    LogOptions::new().zone(LogZone::Utc)
}

/// Class, time and line of each event.
fn events(mut reader: LogReader<impl Read>) -> Vec<(LogClass, String, String)> {
    let mut seen = Vec::new();
    while let Some(event) = reader.next_event().unwrap() {
        let time = event.time().map_or_else(|| "-".to_owned(), |time| time.to_string());
        seen.push((event.class(), time, String::from_utf8_lossy(event.line()).into_owned()));
    }
    seen
}

fn times(log: &str) -> Vec<String> {
    events(LogReader::new(log.as_bytes(), utc())).into_iter().map(|(_, time, _)| time).collect()
}

/// Gives its text a few bytes at a time.
struct Trickle<'a>(&'a [u8], usize);

impl Read for Trickle<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let (now, later) = self.0.split_at(self.0.len().min(self.1).min(buffer.len()));
        buffer[..now.len()].copy_from_slice(now);
        self.0 = later;
        Ok(now.len())
    }
}

#[test]
fn nginx_names_its_upstream_and_its_request() {
    let mut parser = LogParser::new(&utc());
    let event = parser.parse(NGINX.as_bytes()).unwrap();
    assert_eq!(event.program(), LogProgram::Nginx);
    assert_eq!(event.upstream().unwrap(), "http://127.0.0.1:8080/availablePoint/1");
    assert_eq!(event.request().unwrap(), "GET /availablePoint/1 HTTP/1.1");
    assert_eq!(event.time().unwrap().to_string(), "2018-07-19T08:03:23Z");
}

#[test]
fn haproxy_names_its_backend() {
    let mut parser = LogParser::default();
    let event = parser.parse(b"Connect() failed for backend app: no free ports.").unwrap();
    assert_eq!(event.upstream().unwrap(), "app");
    assert!(event.destination().is_none());
}

#[test]
fn the_count_of_an_nginx_log_is_that_of_grep() {
    let mut log = Vec::new();
    for request in 0..20_000 {
        let line = match request % 7 {
            0 => {
                "2018/07/19 08:03:24 [error] 2872#0: *9 connect() failed (111: Connection refused) while connecting to upstream"
            }
            3 => "2018/07/19 08:03:24 [warn] 2872#0: *9 an upstream response is buffered to a temporary file",
            _ => NGINX,
        };
        writeln!(log, "{line}").unwrap();
    }
    let mut grep = Command::new("grep")
        .args(["-c", "Cannot assign requested address"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = grep.stdin.take().unwrap();
    let copy = log.clone();
    let writer = std::thread::spawn(move || stdin.write_all(&copy));
    let counted = String::from_utf8(grep.wait_with_output().unwrap().stdout).unwrap();
    writer.join().unwrap().unwrap();
    let tally = LogTally::read(log.as_slice(), utc()).unwrap();
    assert_eq!(tally.events().events.to_string(), counted.trim());
    assert_eq!((tally.lines(), tally.bytes()), (20_000, log.len() as u64));
    let rows = tally.destinations(LogClass::is_lack_of_port);
    assert_eq!((rows.len(), rows[0].0.to_string()), (1, "127.0.0.1:8080".to_owned()));
}

#[test]
fn the_size_of_the_reads_changes_nothing() {
    let mut log = String::new();
    for number in 0..40 {
        log += "2024-03-05 10:20:30,123 INFO request done\nTraceback (most recent call last):\n  File \"a.py\", line 3, in fetch\n";
        log += "    sock.connect(sa)\nOSError: [Errno 99] Cannot assign requested address\n\n";
        log += "During handling of the above exception, another exception occurred:\n\nTraceback (most recent call last):\n";
        log += "  File \"b.py\", line 9, in get\n    raise NewConnectionError(e)\n";
        log += &format!(
            "app.Error: HTTPConnectionPool(host='10.0.0.{number}', port=80): [Errno 99] Cannot assign requested address\n"
        );
        log += NGINX;
        log += "\n";
    }
    let whole = events(LogReader::new(log.as_bytes(), utc()));
    assert_eq!(whole.len(), 80);
    for size in [1, 7, 64, 4096] {
        assert!(events(LogReader::new(Trickle(log.as_bytes(), size), utc())) == whole, "reads of {size} bytes");
    }
}

#[test]
fn a_chain_of_exceptions_is_one_event_with_the_destination_of_its_end() {
    let log = "Traceback (most recent call last):\n    sock.connect(sa)\nOSError: [Errno 99] Cannot assign requested address\n\n\
               During handling of the above exception, another exception occurred:\n\nTraceback (most recent call last):\n    x()\n\
               E: HTTPConnectionPool(host='10.0.0.1', port=80): [Errno 99] Cannot assign requested address\nnext line\n";
    let tally = tally_bytes(log.as_bytes());
    assert_eq!(tally.events().events, 1);
    assert_eq!(tally.destinations(LogClass::is_lack_of_port)[0].0.to_string(), "10.0.0.1:80");
}

#[test]
fn a_line_without_a_time_inherits_its_neighbours() {
    let java = "java.net.NoRouteToHostException: Cannot assign requested address";
    assert_eq!(times(&format!("2024-03-05 10:20:30 one\nsome words\n{java}\n")), ["2024-03-05T10:20:30Z"]);
    assert_eq!(times(&format!("{java}\n{java}\nwords\n2024-03-05 10:20:31 two\n")), ["2024-03-05T10:20:31Z"; 2]);
    assert_eq!(
        times(&format!(
            "2024-03-05 10:20:30 one\n{java}\n2024-03-05 10:20:31 two\n{java}\n2024-03-05 10:20:32 three\n{java}"
        )),
        ["2024-03-05T10:20:30Z", "2024-03-05T10:20:31Z", "2024-03-05T10:20:32Z"]
    );
    assert_eq!(times(&format!("{java}\n")), ["-"]);
}

#[test]
fn a_log_without_times_is_read_in_a_time_that_grows_with_its_length_alone() {
    let lines = "Connect() failed for backend app: no free ports.\n".repeat(50_000);
    let tally = tally_bytes(lines.as_bytes());
    assert_eq!(tally.events().events, 50_000);
    assert_eq!(tally.events().first, None);
}

#[test]
fn since_until_and_program_choose_the_events() {
    let log: String = (0..60).map(|second| NGINX.replace("08:03:23", &format!("08:03:{second:02}")) + "\n").collect();
    let log = log + "Connect() failed for backend app: no free ports.\n";
    let at = |second: i64| LogTime::from_unix_seconds(1_531_987_380 + second);
    let count = |options: LogOptions| LogTally::read(log.as_bytes(), options).unwrap().events().events;
    assert_eq!(count(utc()), 61);
    assert_eq!(count(utc().since(at(10)).until(at(20))), 10);
    assert_eq!(count(utc().since(at(59))), 2);
    assert_eq!(count(utc().program(LogProgram::Haproxy)), 1);
}

#[test]
fn minutes_and_spans_are_those_of_the_lines() {
    let log = NGINX.to_owned() + "\n" + &NGINX.replace("08:03:23", "08:05:01") + "\n" + NGINX;
    let tally = tally_bytes(log.as_bytes());
    let minutes: Vec<_> = tally.minutes().map(|(minute, events)| (minute.to_string(), events)).collect();
    assert_eq!(minutes, [("2018-07-19T08:03:00Z".to_owned(), 2), ("2018-07-19T08:05:00Z".to_owned(), 1)]);
    assert_eq!(tally.events().first.unwrap().to_string(), "2018-07-19T08:03:23Z");
    assert_eq!(tally.events().last.unwrap().to_string(), "2018-07-19T08:05:01Z");
}

#[test]
fn a_followed_log_gives_an_event_when_its_line_is_whole_and_once() {
    struct Growing(Vec<&'static str>);
    impl Read for Growing {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if self.0.is_empty() {
                return Ok(0);
            }
            let part = self.0.remove(0).as_bytes();
            buffer[..part.len()].copy_from_slice(part);
            Ok(part.len())
        }
    }
    let parts = vec![
        "java.net.NoRouteToHostException: Cannot assign req",
        "",
        "uested address\n",
        "",
        "\tat java.net.PlainSocketImpl.socketConnect(Native Method)\n",
        "Caused by: java.net.BindException: Cannot assign requested address\n",
        "",
        "done\nConnect() failed for backend app: no free ports.\n",
    ];
    let mut reader = LogReader::new(Growing(parts), utc().follow(true));
    let mut seen = Vec::new();
    for _ in 0..6 {
        let event = reader.next_event().unwrap().map(|event| event.program());
        seen.push(event);
    }
    use LogProgram::{Haproxy, Java};
    assert_eq!(seen, [None, Some(Java), None, Some(Haproxy), None, None]);
    assert_eq!(reader.lines(), 5);
}

#[test]
fn a_hundred_megabytes_without_a_newline_are_one_cut_line() {
    let head = io::Cursor::new(NGINX.as_bytes());
    let endless = io::repeat(b'x').take(100_000_000);
    let tail = io::Cursor::new(format!("\n{NGINX}\n"));
    let tally = LogTally::read(head.chain(endless).chain(tail), utc()).unwrap();
    assert_eq!((tally.events().events, tally.lines(), tally.cut_lines()), (2, 2, 1));
    assert_eq!(tally.bytes(), 100_000_000 + 2 * NGINX.len() as u64 + 2);
}

#[test]
fn a_hostile_line_of_nothing_but_cues_is_read_in_time() {
    for word in
        ["connect ", "connector ", "File \"connect ", "bind(((( ", "@ closing because: connect failed", "eaddrinuse"]
    {
        let mut line = word.repeat(200_000 / word.len());
        line += " Cannot assign requested address\n";
        let tally = tally_bytes(line.repeat(3).as_bytes());
        assert_eq!(tally.lines(), 3, "{word}");
    }
}

#[test]
fn nuls_and_bytes_that_are_not_text_are_passed_over() {
    let mut log =
        b"\0\0\xff\xfe\n2018/07/19 08:03:23 [crit] 1#1: \xff\0 connect() to 127.0.0.1:8080 failed (99: Cannot assign \
                    requested address), request: \"GET /\xff\0 HTTP/1.1\"\n\0\n"
            .to_vec();
    log.extend_from_slice(&[0x80; 1000]);
    let mut reader = LogReader::new(log.as_slice(), utc());
    let event = reader.next_event().unwrap().unwrap();
    assert_eq!(event.destination().unwrap().to_string(), "127.0.0.1:8080");
    assert_eq!(event.request().unwrap(), "GET /\u{fffd}\0 HTTP/1.1");
    assert!(reader.next_event().unwrap().is_none());
    assert_eq!(reader.lines(), 4);
}

#[test]
fn lines_of_any_length_around_the_buffers_size_are_counted_right() {
    for padding in [262_000, 262_143, 262_144, 262_145, 229_375, 229_376, 229_377, 600_000] {
        let log = format!("{NGINX}\n{}\n{NGINX}\n", "y".repeat(padding));
        let tally = tally_bytes(log.as_bytes());
        assert_eq!((tally.lines(), tally.events().events), (3, 2), "{padding}");
    }
}

#[test]
fn gzip_and_zstd_are_opened_by_their_contents() {
    let log = format!("{NGINX}\n").repeat(5000);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(log.as_bytes()).unwrap();
    let zstd = ruzstd::encoding::compress_to_vec(log.as_bytes(), ruzstd::encoding::CompressionLevel::Fastest);
    let directory = tempfile::tempdir().unwrap();
    for (packed, parts) in [(gzip.finish().unwrap(), 3), (zstd, 3), (log.into_bytes(), 1)] {
        let path = directory.path().join("error.log");
        std::fs::write(&path, packed.repeat(parts)).unwrap();
        let mut reader = twscan_core::log::open(&path, utc()).unwrap();
        let mut events = 0;
        while reader.next_event().unwrap().is_some() {
            events += 1;
        }
        assert_eq!(events, 5000 * parts, "{:x?}", &packed[..4]);
    }
    for short in [b"".as_slice(), b"a", b"\x1f", b"\x28\xb5\x2f"] {
        let text = short.to_vec();
        let tally = LogTally::read(decompress(io::Cursor::new(text)).unwrap(), utc()).unwrap();
        assert_eq!(tally.bytes(), short.len() as u64);
    }
}

#[test]
fn a_truncated_or_broken_compressed_log_is_an_error_after_what_could_be_read() {
    for broken in
        [b"\x1f\x8b\x08\x00garbage that is no deflate stream".to_vec(), b"\x28\xb5\x2f\xfd\xff\xff\xff\xff".to_vec()]
    {
        assert!(LogTally::read(decompress(io::Cursor::new(broken)).unwrap(), utc()).is_err());
    }
}

/// Pieces that parsers stumble over, in any order.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let known = prop::sample::select(vec![
        "Cannot assign requested address",
        "Address already in use",
        "connect() to ",
        "bind() to ",
        "127.0.0.1:8080",
        "[::1]:80",
        "dial tcp ",
        "->",
        ":::",
        "[",
        "]",
        "(",
        "\"",
        "'",
        " port ",
        ", port ",
        "upstream: \"",
        "request: \"",
        "\n",
        "\n\t",
        "\n  ",
        "\r\n",
        "Traceback (most recent call last)\n",
        "Caused by: ",
        "\n\n",
        "2024-03-05 10:20:30",
        "Mar  5 10:20:30 h a[1]: ",
        "0000-00-00 ",
        "{\"time\":",
        "+99:99",
        " | ",
        "EADDRINUSE",
        "- Local (",
        "@",
        "://",
        "tcp://a:b@",
        "99999",
        "%",
    ]);
    prop_oneof![
        4 => known.prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..12),
    ]
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic_and_every_line_is_counted(pieces in prop::collection::vec(piece(), 0..60)) {
        let log = pieces.concat();
        let tally = tally_bytes(&log);
        let newlines = log.iter().filter(|b| **b == b'\n').count();
        let last = usize::from(!log.is_empty() && !log.ends_with(b"\n"));
        prop_assert_eq!(tally.lines(), (newlines + last) as u64);
        prop_assert_eq!(tally.bytes(), log.len() as u64);
        let mut reader = LogReader::new(log.as_slice(), utc());
        while let Some(event) = reader.next_event().unwrap() {
            let _ = (event.destination(), event.source(), event.upstream(), event.request(), event.record());
            prop_assert!(!event.line().contains(&b'\n'));
        }
    }

    #[test]
    fn the_size_of_the_reads_never_changes_the_events(pieces in prop::collection::vec(piece(), 0..40), size in 1usize..50) {
        let log = pieces.concat();
        prop_assert_eq!(events(LogReader::new(Trickle(&log, size), utc())), events(LogReader::new(log.as_slice(), utc())));
    }
}
