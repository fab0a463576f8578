//! Which file of a crate uses which other, by its imports and paths.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::code_of;

/// A module by its path from the crate's root: `["capture", "foreign"]`.
type Module = Vec<String>;

/// The files of a crate.
pub(crate) struct Crate {
    files: BTreeMap<Module, File>,
}

struct File {
    name: PathBuf,
    /// Each path that is imported or written out, with the name it has here, and whether that is handed on.
    paths: Vec<Import>,
}

struct Import {
    path: Vec<String>,
    name: String,
    is_public: bool,
}

impl Crate {
    pub(crate) fn read(source: &Path) -> Self {
        let mut found = Self { files: BTreeMap::new() };
        found.add(source, &Vec::new());
        found
    }

    fn add(&mut self, directory: &Path, module: &Module) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let is_root = ["mod", "lib", "main"].contains(&stem.as_str());
            let inner = if is_root { module.clone() } else { [module.as_slice(), &[stem]].concat() };
            if path.is_dir() {
                self.add(&path, &inner);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let paths = imports(&code_of(&path));
                self.files.insert(inner, File { name: path, paths });
            }
        }
    }

    /// The circles, each by the uses that tie it: files that use each other, directly or by way of others. What a module
    /// only hands on from its children it does not use.
    pub(crate) fn circles(&self) -> BTreeSet<Vec<String>> {
        let uses: BTreeMap<_, _> = self.files.keys().map(|module| (module, self.used_by(module))).collect();
        let reach = |from: &Module| {
            let (mut seen, mut ahead) = (BTreeSet::new(), vec![from]);
            while let Some(module) = ahead.pop() {
                ahead.extend(uses[module].iter().filter(|next| seen.insert((*next).clone())));
            }
            seen
        };
        let reached: BTreeMap<_, _> = self.files.keys().map(|module| (module, reach(module))).collect();
        let ties = |module: &Module| -> Vec<String> {
            let together = |other: &Module| reached[module].contains(other) && reached[other].contains(module);
            let (name, members) =
                (|module| self.files[module].name.display(), self.files.keys().filter(|one| together(one)));
            let tie = |one| {
                uses[one]
                    .iter()
                    .filter(|used| together(used))
                    .map(move |used| format!("{} -> {}", name(one), name(used)))
            };
            members.flat_map(tie).collect()
        };
        self.files.keys().map(ties).filter(|ties| !ties.is_empty()).collect()
    }

    fn used_by(&self, module: &Module) -> BTreeSet<Module> {
        let paths = self.files[module].paths.iter().filter(|import| !import.is_public);
        let used = paths.filter_map(|import| self.home(module, &import.path, 0));
        used.filter(|used| used != module).collect()
    }

    /// The file in which what a path leads to is defined.
    fn home(&self, from: &Module, path: &[String], depth: usize) -> Option<Module> {
        let (first, mut rest) = path.split_first()?;
        let mut module = match first.as_str() {
            "crate" => Vec::new(),
            "self" => from.clone(),
            "super" => {
                let mut parent = from.clone();
                parent.pop()?;
                while rest.first().is_some_and(|next| next == "super") {
                    parent.pop()?;
                    rest = &rest[1..];
                }
                parent
            }
            child => {
                let inner = [from.as_slice(), &[child.to_owned()]].concat();
                self.files.contains_key(&inner).then_some(inner)?
            }
        };
        while let Some((next, after)) = rest.split_first() {
            let inner = [module.as_slice(), std::slice::from_ref(next)].concat();
            if self.files.contains_key(&inner) {
                (module, rest) = (inner, after);
                continue;
            }
            // A name that is handed on is at home where it comes from.
            let handed_on =
                self.files.get(&module)?.paths.iter().find(|import| import.is_public && import.name == *next);
            return match handed_on {
                Some(import) if depth < 8 => self.home(&module, &import.path, depth + 1).or(Some(module)),
                _ => Some(module),
            };
        }
        Some(module)
    }
}

/// The paths of a file's imports and those that its code writes out.
fn imports(code: &str) -> Vec<Import> {
    let mut found = Vec::new();
    let mut rest = code;
    let mut other = String::new();
    while let Some(at) = rest.find("use ") {
        let before = &rest[..at];
        let starts = before.chars().next_back().is_none_or(|c| c.is_whitespace() || c == ')');
        let (line, end) = (before.rsplit('\n').next().unwrap_or_default(), rest[at..].find(';'));
        match end.filter(|_| starts && line.trim_start().chars().all(|c| c.is_alphanumeric() || "() _".contains(c))) {
            Some(end) => {
                other.push_str(before);
                add_tree(&rest[at + 4..at + end], &[], line.contains("pub"), &mut found);
                rest = &rest[at + end..];
            }
            None => {
                other.push_str(&rest[..at + 4]);
                rest = &rest[at + 4..];
            }
        }
    }
    other.push_str(rest);
    add_written(&other, &mut found);
    found
}

/// The paths of a tree of imports: `a::{self, b::C as D}`.
fn add_tree(tree: &str, above: &[String], is_public: bool, found: &mut Vec<Import>) {
    let tree = tree.trim();
    if let Some((start, list)) = tree.split_once('{') {
        let above = [above, &segments(start)].concat();
        let list = list.trim_end().strip_suffix('}').unwrap();
        let (mut depth, mut begin) = (0, 0);
        for (at, c) in list.char_indices().chain([(list.len(), ',')]) {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    add_tree(&list[begin..at], &above, is_public, found);
                    begin = at + 1;
                }
                _ => {}
            }
        }
        return;
    }
    let (path, renamed) = tree.split_once(" as ").map_or((tree, None), |(path, name)| (path, Some(name.trim())));
    let mut path = [above, &segments(path)].concat();
    if path.last().is_some_and(|last| last == "self") && path.len() > 1 {
        path.pop();
    }
    let Some(last) = path.last().cloned() else { return };
    found.push(Import { path, name: renamed.map_or(last, str::to_owned), is_public });
}

/// The paths that code writes out: `super::name(..)`, `child::name(..)`.
fn add_written(code: &str, found: &mut Vec<Import>) {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut at = 0;
    while let Some(next) = code[at..].find(is_word) {
        let start = at + next;
        let end = code[start..].find(|c| !is_word(c) && c != ':').map_or(code.len(), |length| start + length);
        let path = segments(&code[start..end]);
        if path.len() > 1 && !code[..start].ends_with('.') {
            found.push(Import { name: path[path.len() - 1].clone(), path, is_public: false });
        }
        at = end;
    }
}

fn segments(path: &str) -> Vec<String> {
    path.split("::").map(str::trim).filter(|segment| !segment.is_empty()).map(str::to_owned).collect()
}
