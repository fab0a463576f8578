//! Every file of `fixtures/scenarios` is a host, and what is to be found on it.
//!
//! `CODE.toml` raises the code, `CODE.not.toml` is close to it and must not. The list of findings is complete in both.
#![cfg(all(feature = "serde", feature = "tuning"))]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "ports and ticks of a file that is written here"
)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says what it expects by failing")]

mod scenario;

use std::collections::BTreeSet;
use std::fs;

use scenario::Scenario;
use twscan_core::diagnosis::{Code, Diagnosis, Finding, Remedy, Severity, When};
use twscan_core::tuning::{Goal, Key, Plan, Situation};

fn scenarios() -> Vec<(String, Scenario)> {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/scenarios");
    let mut found: Vec<(String, Scenario)> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            let scenario = toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            (path.file_stem().unwrap().to_str().unwrap().to_owned(), scenario)
        })
        .collect();
    found.sort_by(|(a, _), (b, _)| a.cmp(b));
    found
}

#[test]
fn every_scenario_finds_what_it_says_and_no_more() {
    let mut wrong = Vec::new();
    for (name, scenario) in scenarios() {
        let diagnosis = scenario.diagnose();
        wrong.extend(worded_badly(&diagnosis).map(|text| format!("{name}: {text}")));
        let found: BTreeSet<String> =
            diagnosis.findings.iter().map(|finding| format!("{} {}", finding.severity.name(), finding.code)).collect();
        let expected: BTreeSet<String> = scenario.expect.findings.iter().cloned().collect();
        if found != expected {
            wrong.push(format!("{name}: expected {expected:?}, found {found:?}"));
        }
        if let Some(headline) = &scenario.expect.headline
            && !diagnosis.verdict.headline.contains(headline.as_str())
        {
            wrong.push(format!("{name}: '{headline}' is not in '{}'", diagnosis.verdict.headline));
        }
        let serious = scenario.expect.findings.iter().any(|finding| !finding.starts_with("info"));
        assert_eq!(diagnosis.severity() > Severity::Info, serious, "{name}");
        for (title, expected) in &scenario.expect.remedies {
            let remedies = || diagnosis.findings.iter().flat_map(|finding| &finding.remedies);
            let Some(remedy) = remedies().find(|remedy| remedy.title == *title) else {
                let titles: Vec<_> = remedies().map(|remedy| &remedy.title).collect();
                wrong.push(format!("{name}: no '{title}' among {titles:?}"));
                continue;
            };
            let seen = (Some(&remedy.short), remedy.enough, remedy.met);
            if seen != (Some(&expected.gives), expected.enough, expected.met) {
                wrong.push(format!("{name}: '{title}' gives {seen:?}"));
            }
        }
        for advice in &scenario.expect.refused {
            if !diagnosis.findings.iter().flat_map(|finding| &finding.refused).any(|one| one.advice.contains(advice)) {
                wrong.push(format!("{name}: '{advice}' is not refused"));
            }
        }
        let text = texts(&diagnosis);
        let (says, says_not) = (&scenario.expect.says, &scenario.expect.says_not);
        wrong.extend(says.iter().filter(|one| !text.contains(*one)).map(|one| format!("{name}: no '{one}' in {text}")));
        wrong.extend(says_not.iter().filter(|one| text.contains(*one)).map(|one| format!("{name}: '{one}' in {text}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_code_has_a_scenario_that_raises_it_and_one_that_does_not() {
    let scenarios = scenarios();
    for code in Code::ALL {
        let of_code = |suffix: &str| {
            let name = format!("{code}{suffix}");
            let scenario = &scenarios.iter().find(|(found, _)| *found == name).unwrap_or_else(|| panic!("{name}")).1;
            scenario.expect.findings.iter().any(|finding| finding.ends_with(&format!(" {code}")))
        };
        assert!(of_code("") && !of_code(".not"), "{code}");
    }
}

/// What the findings say: a line each for what stands in one.
fn texts(diagnosis: &Diagnosis) -> String {
    let lines = diagnosis.findings.iter().flat_map(|finding| {
        let notes = finding.notes.iter().map(|note| format!("{}: {}", note.label, note.text));
        let remedies = finding.remedies.iter().map(|one| {
            let snippet = one.snippet.as_deref().unwrap_or_default();
            format!("{}: {}: {}: {snippet}", one.when.name(), one.title, one.gives)
        });
        let refused = finding.refused.iter().map(|one| format!("{}: {}: {}", one.verdict, one.advice, one.reason));
        let head = [finding.title.clone(), format!("why: {}", finding.cause)];
        head.into_iter().chain(notes).chain(remedies).chain(refused)
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_plan_and_a_diagnosis_recommend_the_same() {
    let mut recommended = 0;
    for (name, scenario) in scenarios() {
        let (sample, diagnosis) = (scenario.now(), scenario.diagnose());
        let situation = Situation::of(&sample);
        let short = diagnosis.findings.iter().filter(|finding| is_short(finding));
        // What a log alone tells has no source address, and no ports are held any more.
        let short: Vec<_> = short.filter(|finding| finding.subject.source.is_some()).collect();
        for finding in &short {
            let subject = finding.subject;
            let to = format!("{}:{}", subject.destination.unwrap(), subject.port.unwrap()).parse().unwrap();
            let plans = [Goal::new().to(to), Goal::new()].map(|goal| Plan::new(&situation, &goal).unwrap());
            // Of several destinations each finding is about one, and the plan without a target about all.
            for plan in plans.iter().take(if short.len() == 1 { 2 } else { 1 }) {
                // A finding may outlast its cause; then there is nothing to change.
                let sure = plan.reached == Some(true) && !plan.held_only && plan.changes_anything();
                let planned = sure.then(|| plan.values().into_iter().collect::<BTreeSet<_>>());
                assert_eq!(planned, recommendation(finding), "{name}: {:?}", plan.effects);
            }
            recommended += usize::from(recommendation(finding).is_some());
        }
        if short.is_empty() {
            let goal = scenario.target().map_or(Goal::new(), |target| Goal::new().to(target));
            let plan = Plan::new(&situation, &goal).unwrap();
            assert_eq!((plan.values(), plan.reached), (Vec::new(), Some(true)), "{name}: {:?}", plan.effects);
        }
    }
    assert!(recommended >= 5, "{recommended} scenarios have a cure");
}

fn is_short(finding: &Finding) -> bool {
    [Code::PortsExhausted, Code::PortsSlow, Code::PortsFilling].contains(&finding.code)
}

/// The parameters that the best cure sets, where it is enough.
fn recommendation(finding: &Finding) -> Option<BTreeSet<(Key, String)>> {
    let enough = |remedy: &&Remedy| remedy.when == When::Now && remedy.enough == Some(true) && !remedy.sets.is_empty();
    let best = finding.remedies.iter().find(enough)?;
    Some(best.sets.iter().map(|set| (Key::from_name(set.name).unwrap(), set.value.clone())).collect())
}

/// What a person reads is a clause that fits a terminal, and a remedy says what it gives.
fn worded_badly(diagnosis: &Diagnosis) -> impl Iterator<Item = String> {
    let texts = diagnosis.findings.iter().flat_map(|finding| {
        let notes = finding.notes.iter().map(|note| &note.text);
        let gives = finding.remedies.iter().flat_map(|remedy| [&remedy.gives, &remedy.short]);
        [&finding.title, &finding.cause].into_iter().chain(notes).chain(gives)
    });
    texts.filter(|text| text.is_empty() || text.ends_with('.') || text.len() > 220).cloned()
}
