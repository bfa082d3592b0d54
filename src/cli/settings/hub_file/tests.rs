//! hub.toml: a right file means what it says, and nothing panics.

mod mistakes;

use std::fs;

use proptest::prelude::{Just, Strategy, any, prop_oneof, proptest};
use tempfile::TempDir;
use toml::de::DeTable;

use self::mistakes::mistakes;
use super::summary::summary;
use super::*;
use crate::address::Namespace;
use crate::server::accept::listener::ListenAddress;
use crate::server::{AckPayload, Database, EmitTo, Relay, Rights};

const EXAMPLE: &str = include_str!("../../../../examples/hub.toml");

/// A folder as the files below expect it.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in [
        ("hub.token", "hub-secret\n"),
        ("teacher.token", "teacher-secret\n"),
        ("teacher2.token", "another-secret\n"),
        ("empty.token", "\n"),
    ] {
        fs::write(folder.path().join(name), content).unwrap();
    }
    fs::create_dir(folder.path().join("chat")).unwrap();
    folder
}

fn parse(text: &str) -> Result<HubFile, InvalidFile> {
    let folder = folder();
    HubFile::parse(&folder.path().join("hub.toml"), text)
}

fn parsed(text: &str) -> HubFile {
    parse(text).unwrap_or_else(|invalid| panic!("{:#?}", invalid.lines()))
}

#[test]
fn what_the_file_says_is_what_is_meant() {
    let folder = folder();
    let text = "listen = [\"127.0.0.1:7\", \"unix:hub.sock\"]\ndb = \"rooms.db\"\nopen = true\nhost = \"a.example\"\n\
        max-message = 4096\nmax-payload = \"1MiB\"\nkeep = 0\nkeep-pending = \"1d/1MiB\"\nping-interval = \"300ms\"\n\
        ping-timeout = \"200ms\"\nconnect-timeout = \"1s\"\nrecovery = \"2m\"\ncors = \"*\"\nstatic = \"chat\"\n\
        echo = \"/engine.io/\"\ntoken-file = \"hub.token\"\n";
    let file = HubFile::parse(&folder.path().join("hub.toml"), text).unwrap();
    let beside = |name: &str| folder.path().join(name);
    assert_eq!(
        file.settings.listen[1],
        ListenAddress::Unix(beside("hub.sock"))
    );
    assert_eq!(file.settings.listen[0].to_string(), "ws://127.0.0.1:7");
    assert_eq!(file.settings.db, Some(Database::File(beside("rooms.db"))));
    assert!(file.settings.open && file.token.as_ref().unwrap().matches("hub-secret"));
    assert_eq!(
        (&*file.settings.host, &*file.settings.cors),
        (&["a.example".to_owned()][..], &["*".to_owned()][..])
    );
    assert_eq!(
        (file.settings.max_message, file.settings.max_payload),
        (Some(4096), Some(1 << 20))
    );
    assert_eq!(file.settings.keep.map(|keep| keep.bytes), Some(0));
    assert_eq!(
        file.settings.keep_pending.map(|keep| keep.bytes),
        Some(1 << 20)
    );
    let times = [
        file.settings.ping_interval,
        file.settings.ping_timeout,
        file.settings.connect_timeout,
        file.settings.recovery,
    ];
    let milliseconds = times.map(|time| time.unwrap().as_millis());
    assert_eq!(milliseconds, [300, 200, 1_000, 120_000]);
    assert_eq!(file.settings.static_dir, Some(beside("chat")));
    assert_eq!(file.settings.echo.as_deref(), Some("/engine.io/"));
    assert!(file.namespaces.tables().is_empty());
    assert!(!format!("{file:?}").contains("hub-secret"));
    // Beside the file, which may stand in the folder where the hub is started.
    let here = HubFile::parse(Path::new("hub.toml"), "db = \"rooms.db\"").unwrap();
    assert_eq!(here.settings.db, Some(Database::File("rooms.db".into())));
    let memory = parsed("db = \":memory:\"").settings.db;
    assert_eq!(memory, Some(Database::Memory));
}

#[test]
fn every_file_with_a_token_is_kept_secret() {
    let folder = folder();
    let text = "token-file = 'hub.token'\n[namespaces.'/x']\ntokens = [{token-file = 'teacher.token'}, {token = 'c'}]\n\
        [namespaces.'/y']\ntokens = [{token-file = 'teacher2.token'}]\n";
    let file = HubFile::parse(&folder.path().join("hub.toml"), text).unwrap();
    let expected = ["hub.token", "teacher.token", "teacher2.token"];
    let expected = expected.map(|name| folder.path().join(name));
    assert_eq!(file.secrets, expected);
}

#[test]
fn what_is_declared_is_what_sessions_ask() {
    let file = parsed(
        "[namespaces.\"/\"]\n[namespaces.\"/\".on]\nconnect.emit = \"auth\"\nm.ack = [\"ok\", { a = 1 }]\nm.reply = \"back\"\n\
         c = { relay = \"others\", emit = { event = \"typing\", args = [false], to = \"others\" }, ack = \"args\" }\n\
         [[namespaces.\"/t-*\".tokens]]\ntoken-file = \"teacher.token\"\nas = \"teacher\"\n\
         [[namespaces.\"/t-*\".tokens]]\ntoken = \"s3cret\"\nmay = [\"sub\"]\n\
         [namespaces.\"/t-1\"]\nrate = 50\nhandler = \"cat\"\n",
    );
    let rules = |name: &str| {
        file.namespaces
            .rules(&Namespace::parse(name).unwrap())
            .cloned()
    };
    assert!(rules("/other").is_none());
    let root = rules("/").unwrap();
    assert!(root.grants.is_empty() && root.rate.is_none() && root.handler.is_none());
    let auth = root.reactions["connect"].emit.as_ref().unwrap();
    assert_eq!(
        (auth.event.as_str(), auth.to, auth.args.is_none()),
        ("auth", EmitTo::Sender, true)
    );
    let fixed = |ack: &Option<AckPayload>| match ack {
        Some(AckPayload::Fixed(args)) => args.iter().map(|arg| arg.get().to_owned()).collect(),
        _ => Vec::new(),
    };
    assert_eq!(fixed(&root.reactions["m"].ack), ["\"ok\"", "{\"a\":1}"]);
    assert_eq!(root.reactions["m"].relay, Relay::Off);
    let chat = &root.reactions["c"];
    assert!(matches!(chat.ack, Some(AckPayload::Args)) && chat.relay == Relay::Others);
    let typing = chat.emit.as_ref().unwrap();
    assert_eq!(
        (typing.event.as_str(), typing.to),
        ("typing", EmitTo::Others)
    );
    assert_eq!(typing.args.as_ref().unwrap()[0].get(), "false");

    let tenant = rules("/t-2").unwrap();
    assert!(tenant.grants[0].token.matches("teacher-secret"));
    assert_eq!(tenant.grants[0].name.as_ref().unwrap().as_str(), "teacher");
    assert_eq!(
        (tenant.grants[0].rights, tenant.grants[1].rights),
        (Rights::PubAndSub, Rights::Sub)
    );
    let one = rules("/t-1").unwrap();
    assert_eq!(one.rate.unwrap().get(), 50);
    assert_eq!(one.handler.as_ref().unwrap().command, "cat");
    assert!(!file.namespaces.all_want_tokens());
    assert!(
        parsed("[namespaces.\"/a\"]\ntokens = [{ token = \"t\" }]")
            .namespaces
            .all_want_tokens()
    );
    assert_eq!(
        summary(&file.namespaces),
        "3 namespaces (/, /t-*, /t-1), 2 tokens, 3 event handlers, 1 program"
    );
}

/// The example with what is off by default in it switched on.
fn whole_example() -> String {
    let lines = EXAMPLE.lines().map(|line| {
        let bare = line.trim_start().strip_prefix('#');
        let is_off = bare.is_some_and(|bare| {
            let bare = bare.trim_start_matches("  ");
            bare.starts_with(|c: char| c.is_ascii_lowercase() || c == '{')
        });
        bare.filter(|_| is_off).unwrap_or(line)
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_example_is_right_and_shows_every_key() {
    assert_eq!(mistakes(EXAMPLE), [""; 0]);
    let whole = whole_example();
    assert_eq!(mistakes(&whole), [""; 0], "{whole}");
    let (table, _) = DeTable::parse_recoverable(&whole);
    let [top, inner @ ..] = all_keys();
    for key in top {
        let is_there = table.get_ref().contains_key(*key);
        assert!(is_there, "{key} is not in the example");
    }
    for key in inner.into_iter().flatten() {
        let shown = [format!("{key} = "), format!(".{key}")];
        let is_shown = shown.iter().any(|shown| whole.contains(shown));
        assert!(is_shown, "{key} is not in the example");
    }
}

#[test]
fn an_unreadable_file_is_an_error() {
    let folder = folder();
    let read = |content: Option<&[u8]>| {
        let path = folder.path().join("hub.toml");
        if let Some(content) = content {
            fs::write(&path, content).unwrap();
        }
        HubFile::read(&path).unwrap_err().to_string()
    };
    assert!(read(None).ends_with("hub.toml: no such file or directory"));
    assert!(read(Some(b"db = \"\xff\"")).ends_with("hub.toml: line 1 is not text in UTF-8"));
    let long = read(Some(&vec![b'\n'; limits::HUB_FILE_BYTES + 1]));
    assert!(
        long.ends_with("hub.toml: it has more than 1048576 bytes"),
        "{long}"
    );
    assert!(HubFile::read(folder.path()).is_err());
}

/// Pieces of which files with a meaning are likely.
fn pieces() -> impl Strategy<Value = String> {
    let words = EXAMPLE.split_inclusive(|c: char| !c.is_alphanumeric() && c != '-');
    let words: Vec<String> = words.map(str::to_owned).collect();
    let word = (0..words.len()).prop_map(move |index| words[index].clone());
    let odd = prop_oneof![
        Just("[[".to_owned()),
        Just("{".to_owned()),
        Just("\"\"\"".to_owned()),
        Just("\r\n".to_owned()),
        Just("\u{0}".to_owned()),
        Just("99999999999999999999999999999999999999999999".to_owned()),
        Just("1979-05-27T07:32:00Z".to_owned()),
        Just("[".repeat(200)),
        Just("a.".repeat(200)),
        any::<String>(),
    ];
    let piece = prop_oneof![4 => word, 1 => odd];
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_text_panics(text in any::<String>()) {
        let _ = HubFile::parse(Path::new("hub.toml"), &text);
    }

    #[test]
    fn no_mutation_of_the_example_panics(
        from in 0..EXAMPLE.len(),
        length in 0..200_usize,
        piece in pieces(),
    ) {
        let from = EXAMPLE.floor_char_boundary(from);
        let to = EXAMPLE.floor_char_boundary((from + length).min(EXAMPLE.len()));
        let text = format!("{}{piece}{}", &EXAMPLE[..from], &EXAMPLE[to..]);
        let lines = text.lines().count() + 1;
        if let Err(invalid) = HubFile::parse(Path::new("hub.toml"), &text) {
            assert!(!invalid.lines().is_empty());
            for reported in invalid.lines() {
                let line = reported.split(':').nth(1).and_then(|line| line.parse().ok());
                assert!((1..=lines).contains(&line.unwrap()), "{reported}");
            }
        }
    }
}
