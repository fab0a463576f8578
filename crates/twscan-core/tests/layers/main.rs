//! The map in crates/README.md is true: a module uses those below it in the table, and no other; and no file of a crate uses
//! one that uses it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says what it expects by failing")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

mod graph;

#[test]
fn a_module_uses_only_what_is_below_it() {
    let core = Path::new(env!("CARGO_MANIFEST_DIR"));
    let map = fs::read_to_string(core.join("../README.md")).unwrap();
    let table = map.split("## Modules of twscan-core").nth(1).unwrap();
    let cells = table.lines().filter_map(|line| line.strip_prefix("| `")?.split(" |").next());
    let order: Vec<String> =
        cells.flat_map(|names| names.split(", ").map(|name| name.trim_matches('`').to_owned())).collect();
    let entries = fs::read_dir(core.join("src")).unwrap();
    let there: BTreeSet<String> = entries
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .filter(|name| name != "lib")
        .collect();
    assert_eq!(order.iter().cloned().collect::<BTreeSet<_>>(), there, "every module stands in the table");
    for (place, module) in order.iter().enumerate() {
        let file = core.join("src").join(format!("{module}.rs"));
        let path = if file.exists() { file } else { core.join("src").join(module) };
        for used in used_in(&path) {
            let below = order.iter().position(|name| *name == used);
            // Whatever fails is an error, which tells of everything.
            let fine = below.is_none_or(|below| below >= place) || module == "error";
            assert!(fine, "{module} uses {used}, which is above it");
        }
    }
}

#[test]
fn no_file_uses_one_that_uses_it() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let sources = ["twscan-core", "twscan", "twscan-lab"].map(|name| crates.join(name).join("src"));
    let circles: Vec<_> = sources.iter().flat_map(|source| graph::Crate::read(source).circles()).collect();
    assert!(circles.is_empty(), "{circles:#?}");
}

/// The modules that a file, or all files of a directory, name in an import or a path; unit tests aside.
fn used_in(path: &Path) -> BTreeSet<String> {
    if path.is_dir() {
        return fs::read_dir(path).unwrap().flat_map(|entry| used_in(&entry.unwrap().path())).collect();
    }
    if path.extension().is_none_or(|extension| extension != "rs") {
        return BTreeSet::new();
    }
    let code = code_of(path);
    let paths = code.split("crate::").skip(1);
    paths.map(|rest| rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()).collect()
}

/// A file without comments and unit tests.
fn code_of(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let text = text.split("#[cfg(test)]\nmod tests").next().unwrap();
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    code.flat_map(|line| [line, "\n"]).collect()
}

#[test]
fn a_circle_is_found_through_a_name_that_is_handed_on() {
    let source = tempfile::tempdir().unwrap();
    fs::create_dir(source.path().join("b")).unwrap();
    let write = |name: &str, text: &str| fs::write(source.path().join(name), text).unwrap();
    write("lib.rs", "mod a;\nmod b;\npub use b::B;\n");
    write("a.rs", "use super::b::{self, B};\n// use crate::no;\npub fn f(_: B) {}\n");
    write("b/mod.rs", "mod c;\nmod d;\npub use c::B;\npub const ONE: u8 = 1;\n");
    write("b/c.rs", "pub struct B(u8);\nfn g() -> u8 { super::d::two() }\n");
    write("b/d.rs", "use super::ONE;\npub fn two() -> u8 { ONE + ONE }\n");
    assert_eq!(graph::Crate::read(source.path()).circles(), [].into());
    write("b/d.rs", "pub fn two() { crate::a::f(unknown::new()) }\n");
    let circles = graph::Crate::read(source.path()).circles();
    let ties: Vec<_> = circles.into_iter().flatten().collect();
    let tie = |from: &str, to: &str| format!("{0}/{from} -> {0}/{to}", source.path().display());
    assert_eq!(ties, [tie("a.rs", "b/c.rs"), tie("b/c.rs", "b/d.rs"), tie("b/d.rs", "a.rs")]);
}
