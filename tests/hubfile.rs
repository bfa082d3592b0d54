//! hub.toml through the binary: a mistake is reported with its place and nothing starts; a right file applies, and flags win
//! over it.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::harness::{Cmd, TestHub};
use crate::raw::Raw;

/// A folder with a hub.toml.
fn folder(toml: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("hub.toml"), toml).expect("a file can be written");
    folder
}

fn serve(folder: &Path, arguments: &[&str]) -> Cmd {
    let all: Vec<&str> = [&["serve"], arguments].concat();
    Cmd::new(&all).directory(folder)
}

const WRONG: &str = "ping-interval = \"25\"\n[namespaces.\"/admin\"]\nrat = 50\ntokens = [{ token = \"s3cret\", as = \"\" }]\n";
const REPORTED: &str = "\
hub.toml:1:1: ping-interval: a duration is a number and a unit: 500ms, 60s, 5m, 1h, 7d
hub.toml:3:1: namespaces.\"/admin\".rat: there is no such key; did you mean \"rate\"?
hub.toml:4:31: namespaces.\"/admin\".tokens[0].as: a client name cannot be empty
roomcat: hub.toml has 3 mistakes
  hint: correct the file; \"roomcat serve --config FILE --check-config\" checks it again
";

#[test]
fn every_mistake_is_reported_with_its_place_by_a_check_and_by_a_start() {
    let folder = folder(WRONG);
    for arguments in [
        &["--config", "hub.toml", "--check-config"][..],
        &["--config", "hub.toml", "--db", "x.db"],
    ] {
        let serve = serve(folder.path(), arguments);
        serve.stderr(REPORTED).status(2).check();
    }
    let by_variable = serve(folder.path(), &["--check-config"]);
    let by_variable = by_variable.env("ROOMCAT_CONFIG", "hub.toml");
    by_variable.stderr(REPORTED).status(2).check();
    assert!(!folder.path().join("x.db").exists());
}

#[test]
fn a_check_lists_what_is_declared_and_starts_nothing() {
    let folder = folder("db = \"x.db\"\n[namespaces.\"/\"]\n[namespaces.\"/a\\u001b\"]\n");
    let check = serve(folder.path(), &["--config", "hub.toml", "--check-config"]);
    // A name contains no control character.
    check
        .any_stderr()
        .stderr_has("hub.toml:3:13: ")
        .status(2)
        .check();
    fs::write(
        folder.path().join("hub.toml"),
        "db = \"x.db\"\n[namespaces.\"/t-*\"]\nhandler = \"cat\"\n",
    )
    .expect("a file can be written");
    serve(folder.path(), &["--config", "hub.toml", "--check-config"])
        .stdout("hub.toml is fine: 1 namespace (/t-*), no tokens, no event handlers, 1 program\n")
        .check();
    assert!(!folder.path().join("x.db").exists());
}

#[test]
fn a_check_includes_the_flags() {
    let folder = folder("listen = \"0.0.0.0:7666\"\n");
    let check = |more: &[&str]| {
        let all = [&["--config", "hub.toml", "--check-config"], more].concat();
        serve(folder.path(), &all)
    };
    check(&[])
        .stderr_has("ws://0.0.0.0:7666 can be reached from other machines")
        .status(2)
        .check();
    check(&["--open"]).any_stdout().check();
    check(&["--listen", "127.0.0.1:7666"]).any_stdout().check();
    serve(folder.path(), &["--check-config"])
        .stderr_has("--config")
        .status(2)
        .check();
    serve(folder.path(), &["--config", "none.toml"])
        .stderr_has("cannot read none.toml: no such file or directory")
        .status(2)
        .check();
}

#[test]
fn tokens_in_every_namespace_are_enough_to_listen_for_other_machines() {
    let folder =
        folder("listen = \"0.0.0.0:7666\"\n[namespaces.\"/a\"]\ntokens = [{ token = \"t\" }]\n");
    let check = || serve(folder.path(), &["--config", "hub.toml", "--check-config"]);
    check().any_stdout().check();
    let toml = folder.path().join("hub.toml");
    let more = fs::read_to_string(&toml).expect("just written") + "[namespaces.\"/b\"]\n";
    fs::write(&toml, more).expect("a file can be written");
    check()
        .any_stderr()
        .stderr_has("can be reached")
        .status(2)
        .check();
}

#[test]
fn the_token_of_the_hub_is_no_token_of_a_namespace() {
    let folder =
        folder("[namespaces.\"/a\"]\ntokens = [{ token = \"s3cret\", may = [\"sub\"] }]\n");
    fs::write(folder.path().join("token"), "s3cret\n").expect("a file can be written");
    let arguments = [
        "--config",
        "hub.toml",
        "--check-config",
        "--token-file",
        "token",
    ];
    let refused = serve(folder.path(), &arguments)
        .stderr_has("is also one of namespaces.\"/a\"")
        .status(2)
        .check();
    assert!(!refused.stderr().contains("s3cret"));
}

#[test]
fn a_flag_wins_over_the_file_and_paths_begin_beside_it() {
    let folder = folder(
        "listen = \"127.0.0.1:1\"\ndb = \"beside.db\"\nping-interval = \"7s\"\nping-timeout = \"3s\"\ntoken-file = \"token\"\n",
    );
    fs::write(folder.path().join("token"), "s3cret\n").expect("a file can be written");
    let toml = folder.path().join("hub.toml").display().to_string();
    let hub = Cmd::new(&[
        "serve",
        "--config",
        &toml,
        "--listen",
        "127.0.0.1:0",
        "--ping-timeout",
        "4s",
    ]);
    let hub = hub.spawn();
    let line = hub.wait_for_stderr("listening on ");
    let (_, url) = line.split_once("listening on ").expect("just found");
    let url = url.trim_end();
    let open = Raw::open(url).handshake.clone();
    assert_eq!(
        (open["pingInterval"].as_u64(), open["pingTimeout"].as_u64()),
        (Some(7_000), Some(4_000))
    );
    assert!(folder.path().join("beside.db").exists());
    let published = |token: &str| {
        let command = Cmd::new(&["-u", url, "pub", "r", "hi"]);
        command
            .env("ROOMCAT_TOKEN_FILE", folder.path().join(token))
            .run()
            .status
    };
    fs::write(folder.path().join("wrong"), "other\n").expect("a file can be written");
    assert_eq!((published("token"), published("wrong")), (0, 4));
    assert!(!hub.stderr_so_far().contains("s3cret"));
}

#[test]
fn the_example_is_fine_and_starts_a_hub() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/hub.toml");
    let example = example.to_str().expect("a path of text");
    Cmd::new(&["serve", "--config", example, "--check-config"])
        .stdout_has("examples/hub.toml is fine: 3 namespaces (/, /admin, /tenant-*), 2 tokens")
        .check();
    let hub = TestHub::with(&["--config", example]);
    hub.publish("lobby", "hi\n");
    assert!(!hub.stderr().contains("change-me"));
}
