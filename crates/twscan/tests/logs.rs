//! `twscan logs` over the logs of real programs, over what no program would write, and over logs that grow.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says what it expects by failing")]

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::Value;
use twscan_lab::{Dial, First, Listener, test_in_netns, time_waits};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/logs")
}

fn scenario() -> String {
    fixtures().join("scenario-error.log.gz").display().to_string()
}

fn twscan(args: &[&str]) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("twscan"));
    command.env("TZ", "UTC").arg("logs").args(args);
    command
}

fn run(args: &[&str]) -> Output {
    twscan(args).output().unwrap()
}

fn json(args: &[&str]) -> Value {
    let output = run(args);
    assert_eq!(output.status.code(), Some(0), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn failure(second: u32, to: &str) -> String {
    format!(
        "2018/07/19 08:03:{second:02} [crit] 28#28: *9 connect() to {to} failed (99: Cannot assign requested address) while \
         connecting to upstream\n"
    )
}

#[test]
fn the_log_of_a_real_nginx_counts_as_grep_counts_it() {
    let script = format!("gzip -dc {} | grep -c 'Cannot assign requested address'", scenario());
    let grep = text(&Command::new("sh").args(["-c", &script]).output().unwrap().stdout);
    let report = json(&["--no-host", "--json", &scenario()]);
    assert_eq!(report["events"].to_string(), grep.trim());
    assert_eq!((&report["schema"], &report["lines"]), (&"twscan.logs/1".into(), &4839.into()));
    assert_eq!(report["by_destination"][0]["destination"], "127.0.0.1");
    assert_eq!(report["by_destination"][0]["now"], Value::Null);
    assert_eq!(report["by_program"][0]["program"], "nginx");
    let shown = text(&run(&["--no-host", &scenario()]).stdout);
    assert!(shown.lines().all(|line| line.len() <= 80), "{shown}");
    insta::assert_snapshot!(shown);
}

#[test]
fn every_programs_lines_are_counted_in_one_go() {
    let cases = fs::read_to_string(fixtures().join("cases.tsv")).unwrap();
    let rows: Vec<Vec<&str>> = cases.lines().skip(1).map(|line| line.split('\t').collect()).collect();
    let sum = |wanted: &[&str]| -> u64 {
        rows.iter().filter(|row| wanted.contains(&row[3])).map(|row| row[9].parse::<u64>().unwrap()).sum()
    };
    let files: Vec<_> = rows.iter().map(|row| format!("{}/lines/{}.log", fixtures().display(), row[0])).collect();
    let mut args = vec!["--json", "--no-host"];
    args.extend(files.iter().map(String::as_str));
    let report = json(&args);
    assert_eq!(report["events"], sum(&["ports-exhausted", "bind-pool-exhausted"]));
    for other in report["other"].as_array().unwrap() {
        assert_eq!(other["events"], sum(&[other["class"].as_str().unwrap()]), "{other}");
    }
    assert_eq!(report["other"].as_array().unwrap().len(), 5);
    assert_eq!(report["files"].as_array().unwrap().len(), rows.len());
}

#[test]
fn a_file_that_cannot_be_read_is_named_and_the_others_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let (whole, cut) = (dir.path().join("error.log"), dir.path().join("cut.log.gz"));
    fs::write(&whole, failure(23, "127.0.0.1:8080")).unwrap();
    let compressed = fs::read(scenario()).unwrap();
    fs::write(&cut, &compressed[..compressed.len() / 2]).unwrap();
    let [whole, cut] = [whole, cut].map(|path| path.display().to_string());
    let output = run(&["--no-host", "--json", "/no/such.log", &whole, &cut]);
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output.stderr);
    assert!(said.starts_with("error: cannot open /no/such.log: No such file"), "{said}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let read = report["files"][2]["lines"].as_u64().unwrap();
    assert!(read > 100, "{read} lines of half a log");
    assert!(said.contains(&format!("cannot read {cut} from line {} on: ", read + 1)), "{said}");
    assert!(report["events"].as_u64().unwrap() > 100);
    assert_eq!((&report["complete"], &report["files"][1]["error"]), (&false.into(), &Value::Null));
    let table = text(&run(&["--no-host", "/no/such.log", &whole]).stdout);
    assert!(table.starts_with("WARNING   partial: cannot open /no/such.log"), "{table}");
    assert!(table.contains("1 failure to 127.0.0.1:8080"), "{table}");
    let directory = run(&["--no-host", &dir.path().display().to_string()]);
    assert_eq!(directory.status.code(), Some(2));
    assert!(text(&directory.stderr).contains(": Is a directory"));
}

#[test]
fn hostile_bytes_are_read_and_none_of_them_reaches_the_terminal() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("hostile\u{1b}[2J.log");
    let mut bytes = vec![b'x'; 3_000_000];
    bytes.extend(
        b"\n\0\0\xff\xfe\x1b]0;t\x07 bind() to 10.0.0.9:80 failed (99: Cannot assign requested address) \x1b[31m\n",
    );
    bytes.extend(failure(23, "127.0.0.1:8080").as_bytes());
    bytes.extend(failure(24, "evil\u{1b}[31m.example:80").as_bytes());
    bytes.extend(vec![0xff; 1_000_000]);
    fs::write(&path, bytes).unwrap();
    let name = path.display().to_string();
    for format in ["table", "json", "jsonl", "csv"] {
        let output = run(&["--no-host", "--format", format, &name]);
        assert_eq!(output.status.code(), Some(0), "{format}");
        assert!(!output.stdout.contains(&0x1b) && !output.stderr.contains(&0x1b), "{format}");
    }
    let report = json(&["--no-host", "--json", &name]);
    assert_eq!((&report["lines"], &report["cut_lines"]), (&5.into(), &2.into()));
    assert_eq!((&report["events"], &report["other"][0]["events"]), (&2.into(), &1.into()));
    let missing = run(&["--no-host", "/no/\u{1b}[2J.log"]);
    assert!(!missing.stdout.contains(&0x1b) && !missing.stderr.contains(&0x1b));
}

#[test]
fn time_and_program_choose_among_the_failures() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("error.log");
    let log: String = (20..30).map(|second| failure(second, "127.0.0.1:8080")).collect();
    fs::write(&path, log).unwrap();
    let name = path.display().to_string();
    let events = |args: &[&str]| json(&[&["--no-host", "--json", &name], args].concat())["events"].as_u64().unwrap();
    assert_eq!(events(&["--since", "2018-07-19T08:03:25Z"]), 5);
    assert_eq!(events(&["--since", "2018/07/19 08:03:21", "--until", "2018-07-19 08:03:23"]), 2);
    assert_eq!(events(&["--until", "2018-07-19"]), 0);
    assert_eq!(events(&["--since", "1h"]), 0);
    assert_eq!(events(&["--zone", "+02:00", "--since", "2018-07-19T06:03:25Z"]), 5);
    assert_eq!((events(&["--program", "NGINX"]), events(&["--program", "go"])), (10, 0));
    for (args, part) in [
        (["--since", "soon"], "'soon' is no time; say 15m"),
        (["--program", "tomcat"], "'tomcat' is no program that is known here; known are curl, envoy"),
        (["--zone", "Mars"], "'Mars' is no time zone"),
    ] {
        let output = run(&[&args[..], &[&name]].concat());
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(text(&output.stderr).contains(part), "{args:?}: {}", text(&output.stderr));
    }
}

#[test]
fn standard_input_and_csv() {
    let mut child =
        twscan(&["--no-host", "--format", "csv", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(failure(23, "[fd00::5]:80").as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        text(&output.stdout),
        "destination,port,events,first,last,zone,free,range_size\n\
         fd00::5,80,1,2018-07-19T08:03:23Z,2018-07-19T08:03:23Z,,,\n"
    );
}

/// A `twscan logs -f` that is told to stop at the latest when the test ends.
struct Following {
    child: Child,
    lines: Receiver<String>,
}

impl Following {
    fn start(args: &[&str]) -> Self {
        let mut child = twscan(&[&["-f", "--no-host"], args].concat()).stdout(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Self { child, lines }
    }

    /// Passes over lines until one holds this.
    fn wait_for(&self, part: &str) -> String {
        loop {
            let line = self.lines.recv_timeout(Duration::from_secs(60)).expect(part);
            if line.contains(part) {
                return line;
            }
        }
    }

    fn stop(&mut self, signal: &str) -> Option<i32> {
        assert!(Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap().success());
        self.child.wait().unwrap().code()
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_log_is_followed_through_rotation_and_truncation_until_sigint() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("error.log");
    fs::write(&path, failure(20, "127.0.0.1:8080")).unwrap();
    let mut following = Following::start(&[&path.display().to_string()]);
    following.wait_for("WARNING   1 failure to 127.0.0.1:8080 since");
    following.wait_for("1 line, ");
    let mut writer = File::options().append(true).open(&path).unwrap();
    writer.write_all(failure(21, "127.0.0.1:8080").as_bytes()).unwrap();
    assert_eq!(following.wait_for("+"), "08:03:21  +1  2 failures to 127.0.0.1:8080");
    writer.write_all(b"half a line, ").unwrap();
    fs::rename(&path, dir.path().join("error.log.1")).unwrap();
    fs::write(&path, failure(22, "10.0.0.1:80").repeat(2)).unwrap();
    assert_eq!(following.wait_for("+"), "08:03:22  +2  2 failures to 10.0.0.1:80");
    fs::write(&path, failure(23, "10.0.0.1:80")).unwrap();
    assert_eq!(following.wait_for("+"), "08:03:23  +1  3 failures to 10.0.0.1:80");
    assert_eq!(following.stop("-INT"), Some(0));
}

#[test]
fn following_ends_with_its_reader_with_its_input_and_on_sigterm() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("error.log");
    fs::write(&path, failure(20, "127.0.0.1:8080")).unwrap();
    let name = path.display().to_string();
    let mut jsonl = Following::start(&["--format", "jsonl", &name]);
    jsonl.wait_for("\"events\":1,");
    File::options().append(true).open(&path).unwrap().write_all(failure(21, "[::1]:80").as_bytes()).unwrap();
    let line: Value = serde_json::from_str(&jsonl.wait_for("localhost-ipv6")).unwrap();
    assert_eq!((&line["events"], &line["other"][0]["events"]), (&1.into(), &1.into()));
    assert_eq!(jsonl.stop("-TERM"), Some(0));

    let binary = assert_cmd::cargo::cargo_bin("twscan");
    let script = format!("{} logs -f --no-host {name} | head -1; echo ${{PIPESTATUS[0]}}", binary.display());
    let output = Command::new("timeout").args(["60", "bash", "-c", &script]).output().unwrap();
    assert!(text(&output.stdout).ends_with("\n0\n"), "{}", text(&output.stdout));

    let script = format!("head -c -1 {name} | {} logs -f --no-host --json -", binary.display());
    let output = Command::new("timeout").args(["60", "bash", "-c", &script]).output().unwrap();
    let last = text(&output.stdout).lines().last().unwrap().to_owned();
    assert_eq!(serde_json::from_str::<Value>(&last).unwrap()["other"][0]["class"], "localhost-ipv6");

    let missing = Command::new("timeout").arg("60").arg(&binary).args(["logs", "-f", "/no/such.log"]).output().unwrap();
    assert_eq!(missing.status.code(), Some(2));
}

#[test]
fn the_log_is_joined_with_what_the_host_has_left() -> Result<(), twscan_lab::Error> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("error.log");
    let log =
        ["127.0.0.1:8080", "127.0.0.1:8080", "[::1]:8080", "[::1]:9090", "db.example:5432"].map(|to| failure(23, to));
    fs::write(&path, log.concat()).unwrap();
    let name = path.display().to_string();
    test_in_netns(|net| {
        net.set_sysctl("net.ipv4.tcp_tw_reuse", "0").unwrap();
        net.set_port_range(40_000, 40_019).unwrap();
        net.run(|| {
            for to in ["127.0.0.1:8080", "[::1]:8080"] {
                let to: SocketAddr = to.parse().unwrap();
                let listener = Listener::bind(to).unwrap();
                assert_eq!(time_waits(&Dial::to(to), &listener, 30, First::Client).unwrap().count, 20);
            }
            let shown = text(&run(&[&name]).stdout);
            let lines: Vec<_> = shown.lines().collect();
            assert_eq!(lines[0], "CRITICAL  2 failures to 127.0.0.1:8080 since 2018-07-19T08:03:23Z");
            assert!(
                lines[1].starts_with("          That destination is full now: 0 of 20 local ports free."),
                "{shown}"
            );
            assert!(lines.iter().all(|line| line.len() <= 80), "{shown}");
            let report = json(&["--json", &name]);
            let rows = report["by_destination"].as_array().unwrap();
            let of = |name: &str| rows.iter().find(|row| row["destination"] == name).unwrap();
            assert_eq!((&of("127.0.0.1")["now"]["zone"], &of("127.0.0.1")["now"]["free"]), (&"full".into(), &0.into()));
            assert_eq!((&of("::1")["events"], &of("::1")["port"]), (&1.into(), &8080.into()), "IPv6 is on, and full");
            assert_eq!(of("db.example")["now"], Value::Null);
            assert_eq!((&report["events"], &report["by_program"][0]["events"]), (&4.into(), &4.into()));
            assert_eq!(
                (&report["other"][0]["class"], &report["other"][0]["events"]),
                (&"localhost-ipv6".into(), &1.into())
            );
            assert_eq!(report["source"], "netlink-one-walk");
            let alone = json(&["--json", "--no-host", &name]);
            assert_eq!((&alone["events"], &alone["source"]), (&3.into(), &Value::Null));
        })
        .unwrap();
    })
}
