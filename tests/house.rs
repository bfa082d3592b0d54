//! The order of the house: who may import whom, as the table in src/lib.rs says, and how a file is written.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

const LINES_PER_FILE: usize = 600;

struct Source {
    path: PathBuf,
    text: String,
}

impl Source {
    /// `hub` for src/hub/core.rs, `limits` for src/limits.rs.
    fn module(&self) -> String {
        let first = self.path.components().next().expect("a path in src");
        let name = first.as_os_str().to_string_lossy();
        name.trim_end_matches(".rs").to_owned()
    }

    /// How many `super`s lead out of this file to the crate's root.
    fn depth(&self) -> usize {
        let components = self.path.components().count();
        if self.path.ends_with("mod.rs") {
            components - 1
        } else {
            components
        }
    }

    fn is_test(&self) -> bool {
        self.path
            .iter()
            .any(|part| part == "tests" || part == "tests.rs")
    }

    /// The lines that are neither comments nor tests, with their numbers.
    fn code(&self) -> Vec<(usize, &str)> {
        let mut code = Vec::new();
        let mut lines = (1..).zip(self.text.lines());
        while let Some((number, line)) = lines.next() {
            if line.trim() == "#[cfg(test)]" {
                let indent = line.len() - line.trim_start().len();
                let end = format!("{}}}", " ".repeat(indent));
                // One item: to its semicolon, or to the brace that closes it.
                for (_, line) in lines.by_ref() {
                    if line.ends_with(';')
                        && !line.starts_with(&format!("{}  ", " ".repeat(indent)))
                        || line == end
                    {
                        break;
                    }
                }
            } else if !line.trim_start().starts_with("//") {
                code.push((number, line));
            }
        }
        code
    }

    /// Modules of the crate that are named, each with the line: `crate::hub::x` and `crate::{hub::x, store}`.
    fn imports(&self) -> Vec<(usize, String)> {
        let mut text = String::new();
        let mut starts = Vec::new();
        for (number, line) in self.code() {
            starts.push((text.len(), number));
            text.push_str(line);
            text.push('\n');
        }
        let line_of = |at: usize| {
            let before = starts.partition_point(|(start, _)| *start <= at);
            starts[before - 1].1
        };
        let mut found = Vec::new();
        for (at, _) in text.match_indices("crate::") {
            let rest = &text[at + "crate::".len()..];
            for name in heads(rest) {
                found.push((line_of(at), name));
            }
        }
        found
    }
}

/// The first names of a path, or of each path of a group in braces.
fn heads(path: &str) -> Vec<String> {
    let name = |text: &str| -> String {
        let text = text.trim_start();
        let end = text.find(|c: char| !c.is_alphanumeric() && c != '_');
        text[..end.unwrap_or(text.len())].to_owned()
    };
    let Some(group) = path.strip_prefix('{') else {
        return vec![name(path)];
    };
    let mut heads = vec![name(group)];
    let mut depth = 1;
    for (at, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => heads.push(name(&group[at + 1..])),
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    heads.retain(|head| !head.is_empty());
    heads
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn sources() -> Vec<Source> {
    fn walk(folder: &Path, found: &mut Vec<Source>) {
        let mut entries: Vec<PathBuf> = fs::read_dir(folder)
            .expect("src can be read")
            .map(|entry| entry.expect("src can be read").path())
            .collect();
        entries.sort();
        for path in entries {
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|it| it == "rs") {
                found.push(Source {
                    text: fs::read_to_string(&path).expect("sources are text"),
                    path: path.strip_prefix(root()).expect("below src").to_owned(),
                });
            }
        }
    }
    let mut found = Vec::new();
    walk(&root(), &mut found);
    found
}

fn modules(sources: &[Source]) -> BTreeSet<String> {
    let names = sources.iter().map(Source::module);
    names
        .filter(|name| name != "lib" && name != "main")
        .collect()
}

/// The table in src/lib.rs: module → modules that it may import.
fn allowed(table: &str, all: &BTreeSet<String>) -> BTreeMap<String, BTreeSet<String>> {
    let mut allowed = BTreeMap::new();
    let rows = table
        .lines()
        .filter_map(|line| line.strip_prefix("//! |"))
        .filter_map(|row| row.trim_end().trim_end_matches('|').split_once('|'))
        .filter(|(module, _)| !module.contains("---") && module.trim() != "module");
    for (modules, may) in rows {
        for module in names(modules) {
            allowed.insert(module.clone(), may_import(may, &module, all));
        }
    }
    allowed
}

/// `a, b and c`
fn names(list: &str) -> Vec<String> {
    let list = list.replace(" and ", ", ");
    let names = list.split(',').map(|name| name.trim().to_owned());
    names.filter(|name| !name.is_empty()).collect()
}

/// `a, b`, `all but a and b`, or `nobody (module: a, b)`.
fn may_import(text: &str, module: &str, all: &BTreeSet<String>) -> BTreeSet<String> {
    let text = text.trim();
    if let Some(but) = text.strip_prefix("all but ") {
        let but = names(but);
        return all
            .iter()
            .filter(|name| !but.contains(name))
            .cloned()
            .collect();
    }
    if let Some(exception) = text.strip_prefix("nobody") {
        let exception = exception.trim().trim_matches(['(', ')']);
        return match exception.split_once(':') {
            Some((who, list)) if who.trim() == module => names(list).into_iter().collect(),
            _ => BTreeSet::new(),
        };
    }
    names(text).into_iter().collect()
}

/// All that is wrong at once, not only the first.
fn assert_none(wrong: &[String]) {
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn modules_import_only_what_the_table_allows() {
    let sources = sources();
    let all = modules(&sources);
    let table = fs::read_to_string(root().join("lib.rs")).expect("src/lib.rs");
    let allowed = allowed(&table, &all);
    assert_eq!(
        allowed.keys().collect::<Vec<_>>(),
        all.iter().collect::<Vec<_>>(),
        "the table in src/lib.rs names each module once"
    );
    let mut wrong = Vec::new();
    for source in sources.iter().filter(|source| !source.is_test()) {
        let module = source.module();
        let Some(may) = allowed.get(&module) else {
            continue;
        };
        for (line, import) in source.imports() {
            if import != module && all.contains(&import) && !may.contains(&import) {
                let path = source.path.display();
                wrong.push(format!(
                    "src/{path}:{line}: {module} may not import {import}"
                ));
            }
        }
        let out = "super::".repeat(source.depth());
        for (line, text) in source.code() {
            if text.contains(&out) {
                let path = source.path.display();
                wrong.push(format!(
                    "src/{path}:{line}: say crate::, so that the table can be held"
                ));
            }
        }
    }
    assert_none(&wrong);
}

#[test]
fn the_pure_parts_know_no_runtime_and_no_clock() {
    let impure = [
        "tokio",
        "std::net",
        "std::fs",
        "Instant",
        "SystemTime",
        "std::thread",
    ];
    let mut wrong = Vec::new();
    for source in sources() {
        let pure = source.path.starts_with("wire") || source.path == Path::new("hub/core.rs");
        if !pure || source.is_test() {
            continue;
        }
        for (line, text) in source.code() {
            for word in impure.iter().filter(|word| text.contains(**word)) {
                wrong.push(format!("src/{}:{line}: {word}", source.path.display()));
            }
        }
    }
    assert_none(&wrong);
}

#[test]
fn a_file_says_what_its_job_is_and_is_not_too_long() {
    let mut wrong = Vec::new();
    for source in sources() {
        let path = source.path.display();
        if !source.is_test() && !source.text.starts_with("//! ") {
            wrong.push(format!("src/{path}: opens without //!"));
        }
        let lines = source.text.lines().count();
        if lines > LINES_PER_FILE {
            wrong.push(format!(
                "src/{path}: {lines} lines, at most {LINES_PER_FILE}"
            ));
        }
    }
    assert_none(&wrong);
}

#[test]
fn nothing_is_unwrapped_and_nothing_is_imported_wholesale() {
    let mut wrong = Vec::new();
    for source in sources().iter().filter(|source| !source.is_test()) {
        for (line, text) in source.code() {
            let path = source.path.display();
            if text.contains(".unwrap()") {
                wrong.push(format!(
                    "src/{path}:{line}: unwrap; expect names the invariant"
                ));
            }
            if text.trim_start().starts_with("use ") && text.contains("::*") {
                wrong.push(format!("src/{path}:{line}: a glob"));
            }
        }
    }
    assert_none(&wrong);
}

#[test]
fn the_readers_of_this_file_read_what_is_there() {
    let source = |path: &str, text: &str| Source {
        path: path.into(),
        text: text.to_owned(),
    };
    let text = "//! x\nuse crate::{limits, wire::{batch, engine}, store};\n// crate::hub\n\
        #[cfg(test)]\nmod tests {\n    use crate::server;\n}\nfn f() { crate::client::g() }\n\
        #[cfg(test)]\nmod tests;\nuse crate::address::Seq;\n";
    let imports: Vec<_> = source("cli/x.rs", text).imports();
    let names: Vec<_> = imports
        .iter()
        .map(|(line, name)| (*line, name.as_str()))
        .collect();
    assert_eq!(
        names,
        [
            (2, "limits"),
            (2, "wire"),
            (2, "store"),
            (8, "client"),
            (11, "address")
        ]
    );
    assert_eq!(source("cli/x.rs", "").module(), "cli");
    assert_eq!(source("cli/x.rs", "").depth(), 2);
    assert_eq!(source("cli/mod.rs", "").depth(), 1);

    let all: BTreeSet<String> = names_of(&["a", "b", "c"]);
    let table = "//! | module | may import |\n//! |---|---|\n//! | a, b | nobody (a: b) |\n//! | c | all but b |\n";
    let allowed = allowed(table, &all);
    assert_eq!(allowed["a"], names_of(&["b"]));
    assert_eq!(allowed["b"], names_of(&[]));
    assert_eq!(allowed["c"], names_of(&["a", "c"]));
}

fn names_of(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}
