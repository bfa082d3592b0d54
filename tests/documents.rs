//! The documents name files that exist, their links lead somewhere, and README.md stays short.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::readme::{self, Document};

const README_LINES: usize = 250;

/// The documents beside README.md and docs/.
const OTHERS: [&str; 3] = ["ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md"];

/// Where a word in a code span begins when it is a path from the root of the repository.
const FOLDERS: [&str; 8] = [
    ".ci/",
    "benches/",
    "completions/",
    "docs/",
    "examples/",
    "man/",
    "src/",
    "tests/",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn documents() -> Vec<Document> {
    let mut documents = readme::documents();
    documents.extend(OTHERS.map(|name| Document {
        name: name.to_owned(),
        text: fs::read_to_string(root().join(name)).expect("a document can be read"),
    }));
    documents
}

/// The lines outside of code blocks, and those of `text` blocks, with their numbers.
fn prose(text: &str) -> Vec<(usize, &str)> {
    let (mut inside, mut shown) = (false, true);
    let lines = (1..).zip(text.lines());
    lines
        .filter(|(_, line)| {
            if let Some(info) = line.strip_prefix("```") {
                inside = !inside;
                shown = !inside || info == "text";
                return false;
            }
            shown
        })
        .collect()
}

/// The targets of the links in a line.
fn links(line: &str) -> Vec<&str> {
    let parts = line.split("](").skip(1);
    parts.filter_map(|part| part.split(')').next()).collect()
}

/// The words of the code spans in a line.
fn words_in_code(line: &str) -> Vec<&str> {
    let spans = line.split('`').skip(1).step_by(2);
    spans.flat_map(str::split_whitespace).collect()
}

/// The anchor that a heading has on a page.
fn anchor(heading: &str) -> String {
    let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
    let text: String = heading.to_lowercase().chars().filter(kept).collect();
    text.replace(' ', "-")
}

fn anchors(text: &str) -> BTreeSet<String> {
    let lines = prose(text).into_iter();
    lines
        .filter(|(_, line)| line.starts_with('#'))
        .map(|(_, line)| anchor(line.trim_start_matches('#').trim()))
        .collect()
}

/// Whether a link that is not to another host leads somewhere.
fn leads_somewhere(document: &Document, target: &str) -> bool {
    let (path, fragment) = target.split_once('#').unwrap_or((target, ""));
    let text = if path.is_empty() {
        document.text.clone()
    } else {
        let from = root().join(&document.name);
        let target = from.parent().expect("a folder").join(path);
        if fragment.is_empty() {
            return target.exists();
        }
        fs::read_to_string(target).unwrap_or_default()
    };
    anchors(&text).contains(fragment)
}

#[test]
fn the_readme_is_short() {
    let lines = readme::documents()[0].text.lines().count();
    assert!(lines <= README_LINES, "README.md has {lines} lines");
}

#[test]
fn every_link_leads_somewhere() {
    let mut broken = Vec::new();
    let mut found = 0;
    for document in documents() {
        for (number, line) in prose(&document.text) {
            let links = links(line).into_iter();
            for link in links.filter(|link| !link.contains("://")) {
                found += 1;
                if !leads_somewhere(&document, link) {
                    broken.push(format!("{}:{number}: {link}", document.name));
                }
            }
        }
    }
    assert!(found > 50, "{found} links");
    assert!(broken.is_empty(), "{broken:#?}");
}

/// A word in code that is a path from the root of the repository.
fn path(word: &str) -> Option<&str> {
    let word = word.trim_end_matches(['.', ',', ':', ';']);
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./*".contains(c);
    let known = FOLDERS.iter().any(|folder| word.starts_with(folder));
    let source = Path::new(word)
        .extension()
        .is_some_and(|extension| extension == "rs");
    ((known || source) && word.chars().all(plain)).then_some(word)
}

/// Whether it exists. `*` stands for any part of a name, and NAME for a file that is still to be written.
fn exists(path: &str) -> bool {
    let path = PathBuf::from(path);
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return root().join(path).exists();
    };
    let name = name.to_str().expect("a document is UTF-8");
    if name.contains("NAME") {
        return root().join(folder).is_dir();
    }
    let Some((begin, end)) = name.split_once('*') else {
        return root().join(&path).exists();
    };
    let entries = root().join(folder).read_dir();
    entries.is_ok_and(|mut entries| {
        entries.any(|entry| {
            let name = entry.expect("a folder can be read").file_name();
            let name = name.to_string_lossy();
            name.starts_with(begin) && name.ends_with(end)
        })
    })
}

#[test]
fn every_path_exists() {
    let mut missing = Vec::new();
    let mut found = 0;
    for document in documents() {
        for (number, line) in prose(&document.text) {
            for path in words_in_code(line).into_iter().filter_map(path) {
                found += 1;
                if !exists(path) {
                    missing.push(format!("{}:{number}: {path}", document.name));
                }
            }
        }
    }
    assert!(found > 100, "{found} paths");
    assert!(missing.is_empty(), "{missing:#?}");
}

/// The folders in `folder`, down to so many levels. A folder beside a file of the same name belongs to that file.
fn folders(folder: &Path, levels: usize) -> Vec<PathBuf> {
    let entries = folder.read_dir().expect("a folder can be read");
    let inner = entries
        .map(|entry| entry.expect("a folder can be read").path())
        .filter(|path| levels > 0 && path.is_dir() && !path.with_extension("rs").exists());
    inner
        .flat_map(|path| {
            let mut below = folders(&path, levels - 1);
            below.push(path);
            below
        })
        .collect()
}

#[test]
fn the_architecture_names_every_folder() {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    let folders = folders(&root().join("src"), 2);
    assert!(folders.len() > 10, "{folders:?}");
    let names = folders.iter().map(|folder| {
        let name = folder.strip_prefix(root()).expect("it lies below");
        format!("`{}/", name.display())
    });
    let missing: Vec<String> = names.filter(|name| !text.contains(name)).collect();
    assert!(missing.is_empty(), "{missing:?} are not in ARCHITECTURE.md");
}

#[test]
fn the_reader_of_documents_can_tell_right_from_wrong() {
    let text = "# A `b` c's\n[x](y.md#z) and `src/lib.rs`\n```sh\n[no](no)\n```\n```text\n`src/no.rs`\n```\nend";
    let lines = prose(text);
    let numbers: Vec<usize> = lines.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, [1, 2, 7, 9]);
    assert_eq!(links(lines[1].1), ["y.md#z"]);
    assert_eq!(words_in_code(lines[1].1), ["src/lib.rs"]);
    assert!(anchors(text).contains("a-b-cs"));
    assert_eq!(path("src/lib.rs,"), Some("src/lib.rs"));
    assert_eq!(path("lib.rs"), Some("lib.rs"));
    assert!(path("src").is_none() && path("there/docs").is_none());
    assert!(exists("src/lib.rs") && exists("src/NAME.rs") && exists("man/*.1"));
    assert!(!exists("src/no.rs") && !exists("no/NAME.rs") && !exists("man/*.9"));
}
