//! Are the predictions what this kernel grants? The matrix, and random mixtures: 20, or `TWSCAN_MIXTURES`, from the seed
//! `TWSCAN_SEED`. With `--nocapture` the table is shown.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says what it expects by failing")]
#![allow(clippy::print_stdout, reason = "the harness shows the table where it is asked to")]

use std::process::Command;

use serde_json::Value;
use twscan_lab::test_in_netns;

fn selftest(args: &[&str]) -> std::process::Output {
    Command::new(assert_cmd::cargo::cargo_bin("twscan")).arg("selftest").args(args).output().unwrap()
}

fn setting(key: &str, default: &str) -> String {
    std::env::var(key).unwrap_or_else(|_| default.to_owned())
}

#[test]
fn the_kernel_grants_what_is_predicted() -> Result<(), twscan_lab::Error> {
    test_in_netns(|_| {
        let (mixtures, seed) = (setting("TWSCAN_MIXTURES", "20"), setting("TWSCAN_SEED", "1"));
        let output = selftest(&["--json", "--mixtures", &mixtures, "--seed", &seed]);
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let rows = report["scenarios"].as_array().unwrap();
        for row in rows {
            println!("{row}");
        }
        let wrong: Vec<_> = rows.iter().filter(|row| row["verdict"] == "mismatch").collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        let fixed: Vec<_> = rows.iter().filter(|row| row["mixture"] == false).collect();
        let exact = fixed.iter().filter(|row| row["verdict"] == "exact").count();
        let skipped = fixed.iter().filter(|row| row["verdict"] == "skipped").count();
        assert!(exact * 10 >= (fixed.len() - skipped) * 9, "{exact} of {} are exact", fixed.len());
    })
}

#[test]
fn the_table_ends_with_the_verdict() -> Result<(), twscan_lab::Error> {
    test_in_netns(|_| {
        let output = selftest(&["--mixtures", "1"]);
        let table = String::from_utf8(output.stdout).unwrap();
        assert!(table.starts_with("SCENARIO"), "{table}");
        assert!(table.lines().rev().take(2).any(|line| line.starts_with("OK ")), "{table}");
    })
}
