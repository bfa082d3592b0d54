//! config.toml through the binary: a named hub is reached with the settings in its table, the stronger source wins, and a
//! mistake is reported with its place.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::PathBuf;

use serde_json::Value;
use tempfile::TempDir;

use crate::harness::{Cmd, TestHub};

/// A home folder with a settings file.
struct Home {
    folder: TempDir,
}

impl Home {
    fn with(toml: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let home = Self { folder };
        fs::create_dir_all(home.file().parent().expect("it lies in a folder")).expect("a folder");
        fs::write(home.file(), toml).expect("a file can be written");
        home
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join(".config/roomcat/config.toml")
    }

    fn cmd(&self, arguments: &[&str]) -> Cmd {
        Cmd::new(arguments)
            .env("HOME", self.folder.path())
            .env("XDG_CONFIG_HOME", "")
    }
}

/// A hub with a token, and a home whose settings name it `school`, and a port without a listener `gone`.
fn school() -> (TestHub, Home) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("token"), "s3cret\n").expect("a file can be written");
    let token = folder.path().join("token");
    let hub = TestHub::with(&["--token-file", token.to_str().expect("a path in UTF-8")]);
    let home = Home::with(&format!(
        "[hubs.gone]\nurl = \"ws://127.0.0.1:1\"\n\n[hubs.school]\nurl = \"{}\"\nas = \"teacher\"\n\
         token-file = \"~/school.token\"\nheader = \"X-Key: s3cret\"\nnamespace = \"/class\"\n",
        hub.url()
    ));
    fs::write(home.folder.path().join("school.token"), "s3cret\n").expect("a file can be written");
    (hub, home)
}

#[test]
fn a_named_hub_is_reached_with_everything_in_its_table() {
    let (_hub, home) = school();
    home.cmd(&["-H", "school", "join", "lobby"]).check();
    home.cmd(&["pub", "lobby", "hi", "--hub", "school"]).check();
    home.cmd(&["sub", "--drain", "--json"])
        .env("ROOMCAT_HUB", "school")
        .stdout_has("\"namespace\":\"/class\"")
        .stdout_has("\"from\":\"teacher\"")
        .check();
    // The name as a flag wins over the variable.
    home.cmd(&["-H", "school", "rooms"])
        .env("ROOMCAT_URL", "ws://127.0.0.1:1")
        .env("ROOMCAT_HUB", "gone")
        .any_stdout()
        .check();
    home.cmd(&["rooms"])
        .env("ROOMCAT_HUB", "gone")
        .stderr_has("cannot reach ws://127.0.0.1:1")
        .status(3)
        .check();
}

#[test]
fn the_token_of_a_hub_is_not_sent_to_another() {
    let (hub, home) = school();
    let toml = fs::read_to_string(home.file()).expect("just written");
    fs::write(home.file(), format!("default = \"school\"\n{toml}")).expect("a file can be written");
    home.cmd(&["pub", "lobby", "hi"]).check();
    home.cmd(&["-u", hub.url(), "pub", "lobby", "hi"])
        .stderr_has("refused")
        .status(4)
        .check();
    home.cmd(&["pub", "lobby", "hi"])
        .env("ROOMCAT_URL", hub.url())
        .stderr_has("refused")
        .status(4)
        .check();
    // Two flags for a hub are an error; of two variables the URL wins.
    home.cmd(&["-H", "school", "pub", "lobby", "hi", "-u", hub.url()])
        .stderr_has("--url cannot be used with --hub: each names a hub")
        .status(2)
        .check();
    let other = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("ws://{}", other.local_addr().expect("its address"));
    home.cmd(&["config"])
        .env("ROOMCAT_HUB", "school")
        .env("ROOMCAT_URL", &url)
        .stdout_has(&url)
        .check();
    let asking = home
        .cmd(&["pub", "lobby", "hi"])
        .env("ROOMCAT_HUB", "school")
        .env("ROOMCAT_URL", &url)
        .spawn();
    let (stream, _) = other.accept().expect("a connection");
    let head = BufReader::new(stream).lines().map_while(Result::ok);
    let head: Vec<String> = head.take_while(|line| !line.is_empty()).collect();
    assert!(head.len() > 3, "{head:?}");
    assert!(!head.iter().any(|line| line.contains("s3cret")), "{head:?}");
    drop(asking);
    // A name and a URL that mean the same hub are no conflict.
    home.cmd(&["pub", "lobby", "hi"])
        .env("ROOMCAT_HUB", "school")
        .env("ROOMCAT_URL", hub.url())
        .check();
}

#[test]
fn a_child_roomcat_is_admitted_like_its_parent() {
    let (hub, home) = school();
    let folder = home.folder.path();
    fs::write(folder.join("plain.token"), "s3cret\n").expect("a file can be written");
    // With a token file of a relative path, and with the name of a hub.
    for (flags, told) in [
        (
            &[
                "-u",
                hub.url(),
                "--namespace",
                "/class",
                "--as",
                "w",
                "--token-file",
                "plain.token",
            ][..],
            format!("{}|-|{}/plain.token", hub.url(), folder.display()),
        ),
        (
            &["-H", "school", "--as", "w"],
            format!("{}|school|-", hub.url()),
        ),
    ] {
        home.cmd(flags)
            .args(&["join", "jobs"])
            .directory(folder)
            .any_stderr()
            .check();
        home.cmd(flags)
            .args(&["pub", "jobs", "hi"])
            .directory(folder)
            .check();
        let script = r#"echo "$ROOMCAT_URL|${ROOMCAT_HUB--}|${ROOMCAT_TOKEN_FILE--}"; cd / && roomcat pub results done"#;
        home.cmd(flags)
            .args(&["sub", "jobs", "-n", "1", "-x", script])
            .directory(folder)
            .env("ROOMCAT_AS", "")
            .stdout(format!("{told}\n"))
            .check();
        home.cmd(flags)
            .args(&["sub", "results", "--last", "1", "-n", "1"])
            .directory(folder)
            .stdout("done\n")
            .check();
    }
}

#[test]
fn a_file_that_cannot_be_settings_is_refused_with_the_reason() {
    let home = Home::with("");
    let said = |content: &[u8], reason: &str, hint: &str| {
        fs::write(home.file(), content).expect("a file can be written");
        home.cmd(&["-u", "ws://127.0.0.1:1", "rooms"])
            .stderr_has(&format!("config.toml: {reason}"))
            .stderr_has(&format!("  hint: {hint}"))
            .status(2)
            .check();
    };
    said(
        b"# one\ndefault = \"\xff\"\n",
        "line 2 is not text in UTF-8",
        "save the file as UTF-8",
    );
    let long = vec![b'#'; 2 << 20];
    said(&long, "it has more than ", "is it a settings file?");
}

#[test]
fn an_unknown_hub_names_the_known_ones() {
    let (_hub, home) = school();
    let file = home.file().display().to_string();
    home.cmd(&["-H", "shool", "rooms"])
        .stderr_has(&format!(
            "roomcat: there is no hub \"shool\": {file} has gone, school\n  hint: "
        ))
        .status(2)
        .check();
    fs::remove_file(home.file()).expect("it was there");
    home.cmd(&["-H", "school", "rooms"])
        .stderr_has(&format!("{file} does not exist"))
        .status(2)
        .check();
    home.cmd(&["-H", "school", "serve"])
        .stderr_has("serve does not take --hub: it runs a hub")
        .status(2)
        .check();
}

#[test]
fn every_mistake_is_reported_with_its_place_before_anything_is_done() {
    let home = Home::with("[hubs.school]\nurl = \"h\"\n[defaults]\ncolour = \"s3cret\"\n");
    let file = home.file().display().to_string();
    for command in [&["config"][..], &["pub", "lobby", "hi"], &["rooms"]] {
        home.cmd(command)
            .stderr(&format!(
                "{file}:2:1: hubs.school.url: a hub's URL begins with ws://, wss://, http://, https:// or unix:, as in ws://127.0.0.1:7666\n\
                 {file}:4:1: defaults.colour: there is no such key; did you mean \"color\"?\n\
                 roomcat: {file} has 2 mistakes\n  hint: correct the file; every command that connects to a hub reads it, even with -u; \"roomcat config\" checks it again\n"
            ))
            .status(2)
            .check();
    }
    // A hub does not read it.
    home.cmd(&["serve", "--listen", "nonsense"])
        .any_stderr()
        .status(2)
        .check();
    let hub = home.cmd(&["serve", "--listen", "127.0.0.1:0", "--db", ":memory:"]);
    hub.spawn().wait_for_stderr("listening on ");
}

#[test]
fn an_unreadable_file_is_not_an_absent_one() {
    let home = Home::with("");
    home.cmd(&["config"]).any_stdout().check();
    fs::remove_file(home.file()).expect("it was there");
    home.cmd(&["config"]).stdout_has("not there").check();
    fs::create_dir(home.file()).expect("a folder in its place");
    let file = home.file().display().to_string();
    home.cmd(&["config"])
        .stderr_has(&format!("cannot read {file}: is a directory"))
        .status(2)
        .check();
}

#[test]
fn config_shows_the_settings_in_force_and_their_sources() {
    let home = Home::with(
        "default = \"school\"\n[hubs.school]\nurl = \"wss://hub.example/class\"\ntoken-file = \"~/t\"\n\
         header = \"Cookie: s3cret\"\nauth = { key = \"s3cret\" }\n[defaults]\nquiet = true\n",
    );
    let (file, folder) = (home.file(), home.folder.path().display());
    let file = file.display();
    let shown = home
        .cmd(&["config", "--query", "k=s3cret", "--color", "never"])
        .env("ROOMCAT_AS", "bob")
        .any_stdout()
        .check();
    let shown = shown.stdout().into_owned();
    let lines: Vec<Vec<&str>> = shown
        .lines()
        .map(|line| {
            line.split("  ")
                .map(str::trim)
                .filter(|it| !it.is_empty())
                .collect()
        })
        .collect();
    let from = |line: usize| format!("{file}:{line}");
    let expected = [
        ("SETTING", "VALUE".to_owned(), "FROM".to_owned()),
        ("file", file.to_string(), "read".to_owned()),
        ("hub", "school".to_owned(), from(1)),
        ("url", "wss://hub.example".to_owned(), from(3)),
        ("namespace", "/class".to_owned(), from(3)),
        ("as", "bob".to_owned(), "ROOMCAT_AS".to_owned()),
        ("token-file", format!("{folder}/t"), from(4)),
        ("path", "/socket.io/".to_owned(), "default".to_owned()),
        ("query", "k=…".to_owned(), "--query".to_owned()),
        ("header", "cookie: …".to_owned(), from(5)),
        ("auth", "{…}".to_owned(), from(6)),
        ("quiet", "true".to_owned(), from(8)),
        ("verbose", "false".to_owned(), "default".to_owned()),
        ("color", "never".to_owned(), "--color".to_owned()),
    ];
    let expected: Vec<Vec<&str>> = expected
        .iter()
        .map(|(setting, value, from)| vec![*setting, &**value, &**from])
        .collect();
    assert_eq!(lines, expected, "{shown}");
    // The columns are aligned.
    let column = |line: &str, what: &str| line.find(what).map(|at| line[..at].chars().count());
    let heads = shown.lines().next().expect("a head");
    let url = shown.lines().nth(3).expect("the line of the URL");
    assert_eq!(column(heads, "FROM"), column(url, &from(3)));
    assert_eq!(column(heads, "VALUE"), column(url, "wss"));

    let json = home
        .cmd(&["config", "--json", "--auth", "@f"])
        .any_stdout()
        .check();
    let json = json.stdout().into_owned();
    let find = |setting: &str| {
        let objects = json
            .lines()
            .map(|line| serde_json::from_str(line).expect("JSON"));
        let mut objects = objects.filter(|it: &Value| it["setting"] == setting);
        objects.next().expect("a line a setting")
    };
    let url = find("url");
    assert_eq!(url["value"], "wss://hub.example");
    assert_eq!(
        (&url["from"]["line"], &url["from"]["file"]),
        (&3.into(), &file.to_string().into())
    );
    assert_eq!(
        (&find("as")["value"], &find("as")["from"]),
        (&Value::Null, &"default".into())
    );
    assert_eq!(
        (&find("auth")["value"], &find("auth")["from"]["flag"]),
        (&"@f".into(), &"--auth".into())
    );
    assert!(!shown.contains("s3cret") && !json.contains("s3cret"));
}

#[test]
fn an_empty_variable_is_unset() {
    let hub = TestHub::start();
    let cmd = |arguments: &[&str]| {
        let mut cmd = hub.cmd(arguments);
        for name in ["HUB", "NAMESPACE", "AS", "TOKEN_FILE", "CONFIG"] {
            cmd = cmd.env(&format!("ROOMCAT_{name}"), "");
        }
        cmd
    };
    cmd(&["pub", "lobby", "hi"]).check();
    Cmd::new(&["config"])
        .env("ROOMCAT_URL", "")
        .stdout_has("ws://127.0.0.1:7666")
        .check();
    cmd(&["serve", "--check-config"])
        .stderr_has("--config FILE")
        .status(2)
        .check();
    Cmd::new(&["rooms"])
        .env("ROOMCAT_URL", "nonsense")
        .stderr_has("roomcat: ROOMCAT_URL: a hub's URL begins with")
        .status(2)
        .check();
    // A variable beside its flag is not read.
    hub.cmd(&["-u", hub.url(), "rooms"])
        .env("ROOMCAT_URL", "nonsense")
        .any_stdout()
        .check();
}

#[test]
fn a_usage_error_is_about_what_was_typed() {
    let outcome = Cmd::new(&["pub"])
        .env("ROOMCAT_URL", "ws://h:1")
        .env("ROOMCAT_AS", "alice")
        .any_stderr()
        .status(2)
        .check();
    let said = outcome.stderr();
    assert!(said.contains("missing ROOM"), "{said}");
    assert!(!said.contains("--url") && !said.contains("--as"), "{said}");
}

#[test]
fn defaults_for_the_output_yield_to_flags() {
    let home = Home::with("[defaults]\nquiet = true\ncolor = \"always\"\n");
    let hub = TestHub::start();
    let said = |arguments: &[&str], variables: &[(&str, &str)]| {
        let arguments = [&["join", "lobby", "--as", "a"], arguments].concat();
        let mut cmd = home.cmd(&arguments).env("ROOMCAT_URL", hub.url());
        for (name, value) in variables {
            cmd = cmd.env(name, value);
        }
        let outcome = cmd.any_stderr().check();
        outcome.stderr().into_owned()
    };
    assert_eq!(said(&[], &[]), "");
    assert!(said(&["-v"], &[]).contains("\u{1b}["));
    assert!(!said(&["-v"], &[("NO_COLOR", "1")]).contains('\u{1b}'));
    assert!(!said(&["-v", "--color", "never"], &[]).contains('\u{1b}'));
}
