//! The manual: pages of commands are rendered from the command line's definitions, pages by hand are complete and true, and
//! mandoc accepts all of them.

mod by_hand;
mod examples;
mod pages;
mod transcript;

use std::path::{Path, PathBuf};
use std::process::Command;

pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("man")
}

pub fn read(page: &str) -> String {
    std::fs::read_to_string(folder().join(page)).unwrap_or_else(|error| panic!("{page}: {error}"))
}

/// A source line as a reader of the page sees it.
fn literal(line: &str) -> String {
    line.replace("\\-", "-")
        .replace("\\(aq", "'")
        .replace("\\&", "")
        .replace("\\e", "\\")
}

/// The names of all pages.
fn names() -> Vec<String> {
    let entries = std::fs::read_dir(folder()).expect("man/ can be read");
    let names = entries.map(|entry| entry.expect("man/ can be read").file_name());
    let mut names: Vec<String> = names
        .map(|name| name.into_string().expect("a page's name is text"))
        .collect();
    names.sort();
    names
}

#[test]
fn mandoc_finds_nothing_wrong_with_any_page() {
    let pages = names();
    assert!(pages.len() > 12, "{pages:?}");
    let lint = Command::new("mandoc")
        .args(["-T", "lint"])
        .args(pages.iter().map(|page| folder().join(page)))
        .output()
        .expect("mandoc is needed: apt-get install mandoc");
    let said = String::from_utf8_lossy(&lint.stdout);
    assert!(lint.status.success() && said.is_empty(), "{said}");
}
