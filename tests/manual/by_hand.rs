//! What the pages by hand must name, so that neither the parser of hub.toml nor the wire knows more than they do.

use std::collections::BTreeSet;
use std::path::Path;

use roomcat::cli::settings::{config_file, hub_file};

use super::{literal, read};
use crate::harness::Cmd;

/// A source file of the program.
fn source(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The words in bold of a page, by the macros that make them so.
fn bold(page: &str) -> BTreeSet<String> {
    page.lines()
        .filter(|line| line.starts_with(".B"))
        .flat_map(|line| {
            let line = literal(line)
                .replace("(dq", "")
                .replace(['\\', '"', ','], " ");
            let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
            words
        })
        .collect()
}

#[test]
fn every_key_of_the_hub_file_stands_in_its_page() {
    let all: Vec<&str> = hub_file::all_keys()
        .into_iter()
        .flatten()
        .copied()
        .collect();
    let page = bold(&read("roomcat-hub.toml.5"));
    assert!(all.len() > 25, "{all:?}");
    let missing: Vec<&&str> = all
        .iter()
        .filter(|key| **key != "namespaces" && !page.contains(**key))
        .collect();
    assert!(
        missing.is_empty(),
        "{missing:?} are not in man/roomcat-hub.toml.5"
    );
}

/// The file that a page has as its example.
fn example(page: &str) -> String {
    let page = read(page);
    let (_, examples) = page.split_once(".SH EXAMPLES\n.nf\n").expect("an example");
    let (example, _) = examples.split_once("\n.fi").expect("it ends");
    let lines: Vec<String> = example.lines().map(literal).collect();
    lines.join("\n")
}

#[test]
fn every_key_of_the_settings_file_stands_in_its_page() {
    let keys: Vec<&str> = config_file::all_keys()
        .into_iter()
        .flatten()
        .copied()
        .collect();
    assert!(keys.len() > 12, "{keys:?}");
    let page = bold(&read("roomcat-config.toml.5"));
    let missing: Vec<&&str> = keys.iter().filter(|key| !page.contains(**key)).collect();
    assert!(
        missing.is_empty(),
        "{missing:?} are not in man/roomcat-config.toml.5"
    );
}

#[test]
fn the_example_of_a_settings_file_is_right() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join(".config/roomcat");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("config.toml"), example("roomcat-config.toml.5")).unwrap();
    for (hub, found) in [
        (&[][..], "wss://hub.school.example"),
        (&["-H", "board"], "/board.sock"),
        (&["-H", "shop"], "/realtime/"),
    ] {
        Cmd::new(&["config"])
            .args(hub)
            .env("HOME", home.path())
            .env("XDG_CONFIG_HOME", "")
            .stdout_has(found)
            .check();
    }
}

#[test]
fn the_example_of_a_hub_file_is_right() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("hub.toml"),
        example("roomcat-hub.toml.5"),
    )
    .unwrap();
    Cmd::new(&["serve", "--config", "hub.toml", "--check-config"])
        .directory(folder.path())
        .any_stdout()
        .stdout_has("hub.toml is fine: 3 namespaces")
        .check();
}

/// The codes that sessions say, wherever they do: by a `code()`, in an answer, or to the function that makes one.
fn said_codes() -> BTreeSet<String> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src/session")];
    let mut said = BTreeSet::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let source = std::fs::read_to_string(&path).expect("a source");
                said.extend(codes_in(&source));
            }
        }
    }
    said
}

fn codes_in(source: &str) -> Vec<String> {
    let mut codes = Vec::new();
    for (begin, end) in [
        ("fn code(&self) -> &'static str {", "\n    }"),
        ("\"code\": \"", "\""),
        (".refuse(", ";"),
        ("turn_away(", ";"),
        (".dismiss(", ";"),
    ] {
        for part in source.split(begin).skip(1) {
            let part = part.split(end).next().unwrap_or_default();
            let texts = if begin.ends_with('"') {
                vec![part]
            } else {
                part.split('"').skip(1).step_by(2).collect()
            };
            let is_code = |text: &&str| text.chars().all(|c| c.is_ascii_lowercase() || c == '_');
            codes.extend(texts.into_iter().filter(is_code).map(str::to_owned));
        }
    }
    codes
}

#[test]
fn every_verb_and_every_code_stands_in_the_page_of_the_protocol() {
    let page = bold(&read("roomcat-protocol.7"));
    let verbs = source("session/verbs/mod.rs");
    let (_, parse) = verbs
        .split_once("pub fn parse(event")
        .expect("verbs are parsed");
    let (parse, _) = parse
        .split_once("_ => return None")
        .expect("others are none");
    let codes = source("client/error.rs");
    let (_, known) = codes
        .split_once("pub fn parse(text")
        .expect("codes are parsed");
    let (known, _) = known.split_once("other =>").expect("others are other");
    let texts = |part: &str| -> Vec<String> {
        let found = part.split('"').skip(1).step_by(2);
        found.map(str::to_owned).collect()
    };
    let (verbs, codes) = (texts(parse), texts(known));
    assert!(verbs.len() > 5 && codes.len() > 10, "{verbs:?} {codes:?}");
    let said = said_codes();
    assert!(said.len() > 8, "{said:?}");
    let unknown: Vec<&String> = codes.iter().filter(|code| !said.contains(*code)).collect();
    // Said of the store by the way that it fails.
    let of_the_store = ["full", "disk", "out_of_order"];
    assert!(
        unknown
            .iter()
            .all(|code| of_the_store.contains(&code.as_str())),
        "no hub says {unknown:?}"
    );
    let missing: Vec<&String> = verbs
        .iter()
        .chain(&codes)
        .chain(&said)
        .filter(|word| !page.contains(*word))
        .collect();
    assert!(
        missing.is_empty(),
        "{missing:?} are not in man/roomcat-protocol.7"
    );
}
