//! The pages by hand name every key of the settings files, every variable, and every verb and error code of the wire.

use std::collections::BTreeSet;
use std::path::Path;

use roomcat::cli::settings::{self, config_file, hub_file};
use roomcat::wire::error_code::ErrorCode;
use roomcat::wire::verb::Verb;

use super::{literal, read};
use crate::harness::Cmd;

/// The words that a page sets in bold with macros.
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

/// The example file of a page.
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
fn every_variable_of_a_setting_stands_in_the_manual() {
    let page = read("roomcat.1");
    let missing: Vec<&str> = settings::VARIABLES
        .into_iter()
        .filter(|name| !page.contains(&format!("\\fB{name}\\fR")))
        .collect();
    assert!(missing.is_empty(), "{missing:?} are not in man/roomcat.1");
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

/// The content of all source files below src/session.
fn session_sources() -> String {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src/session")];
    let mut sources = String::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                sources.push_str(&std::fs::read_to_string(&path).expect("a source"));
            }
        }
    }
    sources
}

#[test]
fn every_verb_and_every_code_stands_in_the_page_of_the_protocol() {
    let page = bold(&read("roomcat-protocol.7"));
    let verbs = Verb::ALL.iter().map(|verb| verb.as_str());
    let codes = ErrorCode::ALL.iter().map(|code| code.as_str());
    let missing: Vec<&str> = verbs
        .chain(codes)
        .filter(|word| !page.contains(*word))
        .collect();
    assert!(
        missing.is_empty(),
        "{missing:?} are not in man/roomcat-protocol.7"
    );
}

#[test]
fn the_hub_sends_every_code_that_there_is() {
    let sources = session_sources();
    let unused: Vec<&ErrorCode> = ErrorCode::ALL
        .iter()
        .filter(|code| !sources.contains(&format!("ErrorCode::{code:?}")))
        .collect();
    assert!(unused.is_empty(), "no session sends {unused:?}");
}
