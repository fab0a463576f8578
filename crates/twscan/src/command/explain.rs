use std::io::Write;

use serde::Serialize;
use twscan_core::diagnosis::{Page, Topic, explain};
use twscan_core::log::{LogClass, LogParser};

use crate::Status;
use crate::config::{Config, Format};
use crate::failure::Failure;
use crate::render::json;

pub(super) fn run(config: &Config, words: &[String]) -> Result<Status, Failure> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match explain(&words) {
        Some(Page::One(topic)) => show(config, &[topic], true),
        Some(Page::Several(topics)) => show(config, &topics, false),
        None => explain_line(config, &words.join(" ")),
    }
}

/// A line of a log, pasted.
fn explain_line(config: &Config, line: &str) -> Result<Status, Failure> {
    let mut parser = LogParser::default();
    let Some(event) = parser.parse(line.as_bytes()) else {
        return Err(Failure::Usage(format!("no page speaks of '{line}'; twscan explain --list shows them all")));
    };
    let (verdict, page) = match event.class() {
        LogClass::PortsExhausted => ("connect() found no free local port", "ports-exhausted"),
        LogClass::BindPoolExhausted => ("a client that binds first found no free port", "bind-pool-full"),
        LogClass::LocalhostIpv6 => ("localhost was tried as ::1", "localhost-ipv6"),
        LogClass::AddressNotLocal => ("no lack of ports: bind() on an address that this host does not have", ""),
        LogClass::AddressInUse => ("no lack of ports: a listener has this address and port already", ""),
        LogClass::SourcePortCollision => ("no lack of ports: the one local port asked for is taken", ""),
        _ => ("the line does not say which call failed", "EADDRNOTAVAIL"),
    };
    let destination = event.destination().map_or(String::new(), |destination| format!(", to {destination}"));
    if matches!(config.format, Format::Table | Format::Csv) {
        writeln!(std::io::stdout(), "{}: {verdict}{destination}\n", event.program().name())?;
    }
    match explain(&[page]).filter(|_| !page.is_empty()) {
        Some(Page::One(topic)) => show(config, &[topic], true),
        Some(Page::Several(topics)) => show(config, &topics, false),
        None => show(config, &[], false),
    }
}

pub(super) fn list(config: &Config) -> Result<Status, Failure> {
    show(config, &Topic::all().collect::<Vec<_>>(), false)
}

fn show(config: &Config, topics: &[Topic], whole: bool) -> Result<Status, Failure> {
    let mut out = crate::render::stdout(config);
    let pages = topics.iter().map(|topic| PageRow {
        name: topic.name(),
        title: title(*topic),
        text: whole.then(|| topic.page()),
    });
    let document = Pages { schema: "twscan.explain/1", pages: pages.collect() };
    match config.format {
        Format::Json => json::write_pretty(&document, &mut out)?,
        Format::Jsonl => json::write_line(&document, &mut out)?,
        Format::Table | Format::Csv => {
            for page in &document.pages {
                match &page.text {
                    Some(text) => write!(out, "{text}")?,
                    None => writeln!(out, "{:<20}{}", page.name, page.title)?,
                }
            }
            crate::render::finish(&mut out)?;
        }
    }
    Ok(Status::Done)
}

/// The heading without the name before it.
fn title(topic: Topic) -> &'static str {
    topic.title().split_once(": ").map_or(topic.title(), |(_, title)| title)
}

#[derive(Serialize)]
struct Pages {
    schema: &'static str,
    pages: Vec<PageRow>,
}

#[derive(Serialize)]
struct PageRow {
    name: &'static str,
    title: &'static str,
    text: Option<String>,
}
