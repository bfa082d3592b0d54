//! The layout of src: which file may import which, what the pure parts may use, how long files and functions may be.

mod circles;
mod imports;
pub mod source;
mod table;

use std::collections::BTreeMap;

use circles::{Circle, circles};
use imports::{Crate, Import};
use source::{File, files, is_test, texts};
use table::Table;

const LINES_PER_FILE: usize = 500;
const LINES_PER_TEST_FILE: usize = 600;
const LINES_PER_FUNCTION: usize = 70;

/// Longer files, each with its reason.
const LONG_FILES: &[(&str, &str)] = &[];

/// Longer functions, as `file: function`, each with its reason.
const LONG_FUNCTIONS: &[(&str, &str)] = &[
    (
        "hub/core.rs: answer",
        "one table: an arm for each request and outcome",
    ),
    (
        "store/sqlite/queues.rs: scan_room",
        "one scan, whose sums depend on each other row by row",
    ),
];

/// Names that more than one type has, each with its reason.
const SHARED_NAMES: &[(&str, &str)] = &[];

fn assert_none(wrong: &[String]) {
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

/// Compares what was found with a list of exceptions: nothing else may be found, and each exception must be needed.
fn compare(found: &BTreeMap<String, String>, exceptions: &[(&str, &str)], wrong: &mut Vec<String>) {
    for (name, why) in found {
        if !exceptions.iter().any(|(exception, _)| exception == name) {
            wrong.push(format!("{name}: {why}"));
        }
    }
    for (exception, reason) in exceptions {
        if !found.contains_key(*exception) {
            wrong.push(format!("{exception} is no exception any more: delete it"));
        }
        if reason.is_empty() {
            wrong.push(format!("{exception} has no reason"));
        }
    }
}

#[test]
fn no_file_imports_a_file_that_imports_it_back() {
    let imports = Crate::new(files()).imports();
    assert!(imports.len() > 1000, "only {} imports", imports.len());
    let circles = circles(&imports);
    let circles: Vec<String> = circles.iter().map(Circle::describe).collect();
    assert_none(&circles);
}

#[test]
fn files_import_only_what_the_tables_allow() {
    let imports = Crate::new(files()).imports();
    let mut wrong = Vec::new();
    let tables: Vec<Table> = files()
        .iter()
        .filter_map(|file| Table::of(file, files(), &mut wrong))
        .collect();
    assert!(tables.iter().any(|it| it.file == "lib.rs"), "no table");
    for table in &tables {
        for import in &imports {
            let Import {
                from,
                through,
                name,
                line,
                ..
            } = import;
            if let Some((one, other)) = table.forbids(from, through) {
                wrong.push(format!(
                    "src/{from}:{line}: {one} may not import {other} ({name}, src/{through})"
                ));
            }
        }
    }
    assert_none(&wrong);
}

/// Whether a file must not know time, the operating system, other threads or chance.
fn is_pure(path: &str) -> bool {
    path.starts_with("wire/") || path == "hub/core.rs" || path.starts_with("hub/core/")
}

#[test]
fn the_pure_parts_know_no_runtime_no_clock_and_no_chance() {
    let impure = [
        "tokio",
        "std::net",
        "std::fs",
        "std::env",
        "std::process",
        "std::thread",
        "std::time::Instant",
        "std::time::SystemTime",
        "Instant",
        "SystemTime",
        "getrandom",
        "RandomState",
        "jiff",
        "tracing",
    ];
    let mut wrong = Vec::new();
    let pure: Vec<&File> = files().iter().filter(|file| is_pure(&file.path)).collect();
    assert!(pure.len() > 10, "{}", pure.len());
    for file in pure {
        for path in &file.contents.paths {
            let path_text = path.segments.join("::");
            let is_impure = |word: &&&str| {
                path_text == **word
                    || path_text.starts_with(&format!("{word}::"))
                    || !word.contains("::") && path.segments.iter().any(|it| it == **word)
            };
            if impure.iter().any(|word| is_impure(&word)) {
                wrong.push(format!("src/{}:{}: {path_text}", file.path, path.line));
            }
        }
    }
    assert_none(&wrong);
}

#[test]
fn a_name_stands_for_one_type() {
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in files() {
        for name in &file.contents.types {
            let files = places.entry(name.clone()).or_default();
            files.push(file.path.clone());
        }
    }
    let shared = places.into_iter().filter(|(_, files)| files.len() > 1);
    let shared = shared
        .map(|(name, files)| (name, files.join(", ")))
        .collect();
    let mut wrong = Vec::new();
    compare(&shared, SHARED_NAMES, &mut wrong);
    assert_none(&wrong);
}

#[test]
fn a_file_says_its_job_and_is_not_too_long() {
    let mut wrong = Vec::new();
    let mut long = BTreeMap::new();
    for (path, text) in texts() {
        if !is_test(&path) && !text.starts_with("//! ") {
            wrong.push(format!("src/{path}: does not begin with //!"));
        }
        let most = if is_test(&path) {
            LINES_PER_TEST_FILE
        } else {
            LINES_PER_FILE
        };
        let lines = text.lines().count();
        if lines > most {
            long.insert(path, format!("{lines} lines, at most {most}"));
        }
    }
    compare(&long, LONG_FILES, &mut wrong);
    assert_none(&wrong);
}

#[test]
fn a_function_fits_a_screen() {
    let mut long = BTreeMap::new();
    for file in files() {
        for function in &file.contents.functions {
            if function.lines > LINES_PER_FUNCTION {
                long.insert(
                    format!("{}: {}", file.path, function.name),
                    format!("{} lines at line {}", function.lines, function.line),
                );
            }
        }
    }
    let mut wrong = Vec::new();
    compare(&long, LONG_FUNCTIONS, &mut wrong);
    assert_none(&wrong);
}

#[test]
fn nothing_is_unwrapped_and_nothing_is_imported_by_a_glob() {
    let mut wrong = Vec::new();
    for file in files() {
        let path = &file.path;
        for line in &file.contents.unwraps {
            wrong.push(format!(
                "src/{path}:{line}: unwrap; expect names the invariant"
            ));
        }
        for line in &file.contents.globs {
            wrong.push(format!("src/{path}:{line}: a glob"));
        }
    }
    assert_none(&wrong);
}

/// Parses a small crate of files with these paths and texts.
fn parsed(texts: &[(&str, &str)]) -> Vec<File> {
    let texts = texts.iter();
    texts
        .map(|(path, text)| File::parse(path, (*text).to_owned()))
        .collect()
}

#[test]
fn imports_are_followed_to_the_file_that_defines_the_name() {
    let files = parsed(&[
        ("lib.rs", "pub mod a; pub mod b; pub mod c;"),
        (
            "a/mod.rs",
            "mod leaf; pub use leaf::{Leaf, leaf as twig}; pub struct A;",
        ),
        (
            "a/leaf.rs",
            "pub struct Leaf; pub fn leaf() {} name_type!(Room);",
        ),
        (
            "b.rs",
            "use crate::a::{self, Leaf};\n\
             use std::fmt;\n\
             fn f() { a::twig(); Leaf::new(); fmt::x(); b::c() }\n\
             #[cfg(test)] mod tests { use crate::c::C; }\n\
             #[cfg(test)] use crate::c::C;\n",
        ),
        (
            "c.rs",
            "#[derive(Args)] struct C { #[arg(value_parser = super::b::f)] a: u8 }\n\
             fn g() { print!(\"{}\", crate::a::A); let x: crate::a::leaf::Room; }\n\
             fn h() { x.unwrap(); matches!(y.unwrap(), 1) }\n",
        ),
    ]);
    let resolved = Crate::new(&files).imports();
    let mut found: Vec<String> = resolved
        .iter()
        .map(|it| {
            format!(
                "{} {}:{} {} {}",
                it.line, it.from, it.name, it.to, it.through
            )
        })
        .collect();
    found.sort();
    assert_eq!(
        found,
        [
            "1 b.rs:Leaf a/leaf.rs a/mod.rs",
            "1 c.rs:f b.rs b.rs",
            "2 c.rs:A a/mod.rs a/mod.rs",
            "2 c.rs:Room a/leaf.rs a/leaf.rs",
            "3 b.rs:Leaf a/leaf.rs a/mod.rs",
            "3 b.rs:leaf a/leaf.rs a/mod.rs",
        ]
    );
    let c = &files[4].contents;
    assert_eq!((&c.unwraps[..], c.functions.len()), (&[3, 3][..], 2));
}

#[test]
fn circles_are_found_over_several_files() {
    let files = parsed(&[
        ("lib.rs", "mod a; mod b; mod c; mod d;"),
        ("a.rs", "use crate::b::B; pub struct A;"),
        ("b.rs", "use crate::c::C; pub struct B;"),
        ("c.rs", "use crate::a::A; use crate::d::D; pub struct C;"),
        ("d.rs", "pub struct D;"),
        // A parent that only hands on what its child defines imports nothing.
        ("e/mod.rs", "mod f; pub use f::F; pub struct E;"),
        ("e/f.rs", "use super::E; pub struct F;"),
    ]);
    let imports = Crate::new(&files).imports();
    let circles = circles(&imports);
    let found: Vec<Vec<&str>> = circles
        .iter()
        .map(|circle| circle.files.iter().copied().collect())
        .collect();
    assert_eq!(found, [["a.rs", "b.rs", "c.rs"]]);
    assert_eq!(
        circles[0].describe(),
        "a circle of 3 files:\n    src/a.rs -> src/b.rs: B\n    src/b.rs -> src/c.rs: C\n    \
         src/c.rs -> src/a.rs: A"
    );
}

#[test]
fn a_table_says_who_may_import_whom() {
    let table = "//! | folder | may import |\n//! |---|---|\n\
        //! | a, b | nobody (a: b; b: b/leaf) |\n//! | `c/`, d | all but a, b and b/leaf |\n//! | b/leaf | nobody |\n";
    let files = parsed(&[
        ("x/mod.rs", table),
        ("x/a.rs", ""),
        ("x/b/mod.rs", ""),
        ("x/b/tree.rs", ""),
        ("x/b/leaf.rs", ""),
        ("x/c/mod.rs", ""),
        ("x/d.rs", ""),
        ("x/e.rs", ""),
    ]);
    let mut wrong = Vec::new();
    let table = Table::of(&files[0], &files, &mut wrong).expect("a table");
    assert_eq!(wrong, ["src/x/mod.rs: e is not in the table"]);
    assert_eq!(table.forbids("x/a.rs", "x/b/tree.rs"), None);
    assert_eq!(table.forbids("x/b/tree.rs", "x/a.rs"), Some(("b", "a")));
    assert_eq!(table.forbids("x/b/tree.rs", "x/b/leaf.rs"), None);
    assert_eq!(
        table.forbids("x/a.rs", "x/b/leaf.rs"),
        Some(("a", "b/leaf"))
    );
    assert_eq!(table.forbids("x/d.rs", "x/b/mod.rs"), Some(("d", "b")));
    assert_eq!(table.forbids("x/d.rs", "x/c/mod.rs"), None);
    assert_eq!(table.forbids("x/d.rs", "y.rs"), None);
    assert_eq!(table.forbids("x/mod.rs", "x/d.rs"), None);
    assert_eq!(table.forbids("x/d.rs", "x/mod.rs"), Some(("d", "mod")));
}
