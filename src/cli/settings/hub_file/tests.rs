//! hub.toml by a table: what is wrong is told with its line, what is right is what was meant, and nothing panics.

use std::fs;

use proptest::prelude::{Just, Strategy, any, prop_oneof, proptest};
use tempfile::TempDir;
use toml::de::DeTable;

use super::*;
use crate::address::Namespace;
use crate::server::{AckPayload, EmitTo, Relay, Rights};

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

fn parse(text: &str) -> Result<HubFile, Mistakes> {
    let folder = folder();
    HubFile::parse(&folder.path().join("hub.toml"), text)
}

fn parsed(text: &str) -> HubFile {
    parse(text).unwrap_or_else(|mistakes| panic!("{:#?}", mistakes.told()))
}

/// What is told, without the folder.
fn mistakes(text: &str) -> Vec<String> {
    let folder = folder();
    let file = folder.path().join("hub.toml");
    let told = HubFile::parse(&file, text).map_or_else(|mistakes| mistakes.told(), |_| Vec::new());
    let place = format!("{}/", folder.path().display());
    told.iter().map(|told| told.replace(&place, "")).collect()
}

#[test]
fn a_mistake_is_told_with_its_line_and_key() {
    let cases: &[(&str, &[&str])] = &[
        ("", &[]),
        (
            "\nping-intervall = \"25s\"",
            &["hub.toml:2: ping-intervall: there is no such key; did you mean \"ping-interval\"?"],
        ),
        (
            "max_message = 1",
            &["hub.toml:1: max_message: there is no such key; did you mean \"max-message\"?"],
        ),
        (
            "[namespaces.\"/a\"]\ncolour = 1\n",
            &[
                "hub.toml:2: namespaces.\"/a\".colour: there is no such key; there are tokens, rate, on, handler",
            ],
        ),
        (
            "ping-interval = \"25\"\nping-timeout = 20\nrecovery = \"0s\"\nconnect-timeout = true",
            &[
                "hub.toml:1: ping-interval: a duration is a number and a unit: 500ms, 60s, 5m, 1h, 7d",
                "hub.toml:2: ping-timeout: a duration is a number and a unit: 500ms, 60s, 5m, 1h, 7d",
                "hub.toml:3: recovery: at least 1ms",
                "hub.toml:4: connect-timeout: a string or a whole number belongs here, not true or false",
            ],
        ),
        (
            "max-message = \"1X\"\nmax-payload = 0\nkeep = \"1h\"\nkeep-pending = 1.5",
            &[
                "hub.toml:1: max-message: a size is a number of bytes, with a unit if need be: 4096, 64KiB, 1MiB, 10GiB",
                "hub.toml:2: max-payload: a request can have 1 to 89565868 bytes",
                "hub.toml:3: keep: what is kept is an age and a size, as in 1h/1GiB, or 0 for nothing",
                "hub.toml:4: keep-pending: a string or a whole number belongs here, not a number with a fraction",
            ],
        ),
        (
            "listen = [\n  \"127.0.0.1:0\",\n  \"7666\",\n]\nhost = [\"a b\", \"\", 1]\nopen = \"yes\"\ndb = 1",
            &[
                "hub.toml:3: listen[1]: an address to listen on is HOST:PORT, as in 127.0.0.1:7666, or unix:/path",
                "hub.toml:5: host[0]: a name as browsers know it, as in hub.school.example",
                "hub.toml:5: host[1]: a name cannot be empty",
                "hub.toml:5: host[2]: a string belongs here, not a whole number",
                "hub.toml:6: open: true or false belongs here, not a string",
                "hub.toml:7: db: a string belongs here, not a whole number",
            ],
        ),
        (
            "cors = [\"https://app.example/\"]",
            &[
                "hub.toml:1: cors[0]: an origin is a scheme and a host, as in https://app.example or http://localhost:8000, or * for any",
            ],
        ),
        (
            "echo = \"/engine.io\"",
            &["hub.toml:1: echo: a path begins and ends with a slash, as in /engine.io/"],
        ),
        (
            "echo = \"/socket.io/\"",
            &["hub.toml:1: echo: Socket.IO is at this path; name another, as in /engine.io/"],
        ),
        (
            "static = \"nowhere\"\ntoken-file = \"none.token\"",
            &[
                "hub.toml:1: static: nowhere is not a folder",
                "hub.toml:2: token-file: cannot read none.token: no such file or directory",
            ],
        ),
        // The syntax of the file, and a namespace declared twice.
        (
            "open = maybe\nlisten = \"127.0.0.1:0\n",
            &[
                "hub.toml:1: string values must be quoted, expected literal string",
                "hub.toml:2: invalid basic string, expected `\"`",
            ],
        ),
        (
            "[namespaces.\"/a\"]\n\n[namespaces.\"/a\"]\nrate = 0",
            &[
                "hub.toml:3: \"/a\" is here a second time",
                "hub.toml:4: namespaces.\"/a\".rate: a rate is a whole number of messages a second, at least 1",
            ],
        ),
        (
            "namespaces = 1",
            &["hub.toml:1: namespaces: a table belongs here, not a whole number"],
        ),
        (
            "\n[namespaces]",
            &[
                "hub.toml:2: namespaces: this would let nobody in anywhere: declare one, as in [namespaces.\"/\"], or leave it out",
            ],
        ),
        (
            "[namespaces.admin]\n[namespaces.\"/a,b\"]\n[namespaces.\"/a**\"]\n[namespaces.\"\"]",
            &[
                "hub.toml:1: namespaces.admin: a namespace starts with \"/\", as in \"/admin\"",
                "hub.toml:2: namespaces.\"/a,b\": a namespace cannot contain ','",
                "hub.toml:3: namespaces.\"/a**\": a namespace begins with '/'; each * in it stands for a part of its name",
                "hub.toml:4: namespaces.\"\": a namespace starts with \"/\", as in \"/admin\"",
            ],
        ),
        (
            "[namespaces.\"/a\"]\nrate = -1\nhandler = \" \"\ntokens = []\non = []",
            &[
                "hub.toml:2: namespaces.\"/a\".rate: a rate is a whole number of messages a second, at least 1",
                "hub.toml:3: namespaces.\"/a\".handler: a command cannot be empty",
                "hub.toml:4: namespaces.\"/a\".tokens: there is none in it: name one, or leave it out to let anyone in whom the hub lets in",
                "hub.toml:5: namespaces.\"/a\".on: a table belongs here, not an array",
            ],
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(mistakes(text), *expected, "{text}");
    }
}

#[test]
fn a_mistake_in_tokens_never_tells_the_token() {
    let cases: &[(&str, &[&str])] = &[
        ("[\"s3cret\"]", &["[0]: a table belongs here, not a string"]),
        (
            "[{}]",
            &["[0]: it has neither \"token\" nor \"token-file\""],
        ),
        (
            "[{ token = \"\" }]",
            &["[0].token: an empty token keeps nobody out"],
        ),
        (
            "[{ token = 3 }]",
            &["[0].token: a string belongs here, not a whole number"],
        ),
        (
            "[{ token = \"s3cret\", token-file = \"teacher.token\" }]",
            &["[0].token-file: there is a \"token\" beside it: one of the two"],
        ),
        (
            "[{ token-file = \"none\" }, { token-file = \"empty.token\" }]",
            &[
                "[0].token-file: cannot read none: no such file or directory",
                "[1].token-file: cannot read empty.token: its first line is empty",
            ],
        ),
        (
            "[{ token = \"s3cret\", as = \"\", may = [] }]",
            &[
                "[0].as: a client name cannot be empty",
                "[0].may: a token that allows nothing is of no use: \"pub\", \"sub\" or both",
            ],
        ),
        (
            "[{ token = \"s3cret\", may = [\"pub\", \"publish\"] }]",
            &["[0].may[1]: \"pub\" or \"sub\" belongs here"],
        ),
        (
            "[{ token = \"s3cret\", may = \"pub\" }]",
            &["[0].may: an array belongs here, not a string"],
        ),
        (
            "[{ token = \"teacher-secret\" }, { token-file = \"teacher.token\" }]",
            &["[1]: this is the token of line 3 once more"],
        ),
        (
            "[{ token = \"hub-secret\", may = [\"sub\"] }]",
            &["[0]: this is the hub's own token, whose holder may do everything everywhere"],
        ),
        (
            "[{ token = \"s3cret\", name = \"a\" }]",
            &["[0].name: there is no such key; there are token, token-file, as, may"],
        ),
    ];
    for (tokens, expected) in cases {
        let text = format!("token-file = \"hub.token\"\n[namespaces.\"/a\"]\ntokens = {tokens}");
        let told = mistakes(&text);
        let expected: Vec<String> = expected
            .iter()
            .map(|what| format!("hub.toml:3: namespaces.\"/a\".tokens{what}"))
            .collect();
        assert_eq!(told, expected, "{tokens}");
        assert!(!told.iter().any(|told| told.contains("s3cret")), "{tokens}");
    }
    let long = format!(
        "[namespaces.\"/a\"]\ntokens = [{{ token = \"{}\" }}]",
        "x".repeat(4097)
    );
    assert_eq!(
        mistakes(&long),
        ["hub.toml:2: namespaces.\"/a\".tokens[0].token: a token has at most 4096 bytes"]
    );
}

#[test]
fn a_mistake_in_what_is_declared_for_an_event_says_what_would_do() {
    let gone = "who disconnected cannot be sent anything; emit = { event = \"…\", to = \"all\" } reaches those who are there";
    let reserved = "this name is reserved by Socket.IO and cannot be sent on; \"emit\" can tell others under another";
    let no_answer = "nobody waits for an answer here";
    let is_reserved =
        |name: &str| format!("\"{name}\" is reserved by Socket.IO; name the event otherwise");
    let cases: &[(&str, &[(&str, &str)])] = &[
        (
            "connect = { relay = \"all\", ack = \"args\" }",
            &[("connect.ack", no_answer), ("connect.relay", reserved)],
        ),
        (
            "disconnect = { relay = \"off\", ack = [] }",
            &[
                ("disconnect.ack", no_answer),
                ("disconnect.relay", reserved),
            ],
        ),
        (
            "disconnect = { reply = \"x\", emit = \"x\" }",
            &[("disconnect.emit", gone), ("disconnect.reply", gone)],
        ),
        (
            "disconnect = { emit = { event = \"x\" } }",
            &[("disconnect.emit", gone)],
        ),
        (
            "connect_error = {}",
            &[("connect_error", &is_reserved("connect_error"))],
        ),
        (
            "x = { reply = \"connect\" }",
            &[("x.reply", &is_reserved("connect"))],
        ),
        (
            "x = { emit = \"disconnect\" }",
            &[("x.emit", &is_reserved("disconnect"))],
        ),
        (
            "x = { relay = \"sender\" }",
            &[("x.relay", "\"all\", \"others\" or \"off\" belongs here")],
        ),
        (
            "x = { ack = \"ok\" }",
            &[(
                "x.ack",
                "\"args\" or an array, such as [\"ok\"], belongs here",
            )],
        ),
        (
            "x = { ack = [1, nan] }",
            &[("x.ack[1]", "JSON has no such number")],
        ),
        (
            "x = { emit = { args = 1, to = \"room\" } }",
            &[
                ("x.emit", "it has no \"event\""),
                ("x.emit.args", "an array belongs here, not a whole number"),
                (
                    "x.emit.to",
                    "\"sender\", \"all\" or \"others\" belongs here",
                ),
            ],
        ),
        (
            "x = { emit = { event = \"y\", room = \"z\", args = [1979-05-27] } }",
            &[
                ("x.emit.args[0]", "JSON has no dates: write it as a string"),
                (
                    "x.emit.room",
                    "there is no such key; there are event, args, to",
                ),
            ],
        ),
        (
            "x = { emit = 5 }",
            &[("x.emit", "a table belongs here, not a whole number")],
        ),
        (
            "x = \"relay\"",
            &[("x", "a table belongs here, not a string")],
        ),
        (
            "x = { replay = \"all\" }",
            &[("x.replay", "there is no such key; did you mean \"relay\"?")],
        ),
        (
            "\"chat message\" = { relays = \"all\" }",
            &[(
                "\"chat message\".relays",
                "there is no such key; did you mean \"relay\"?",
            )],
        ),
    ];
    for (on, expected) in cases {
        let expected: Vec<String> = expected
            .iter()
            .map(|(key, what)| format!("hub.toml:2: namespaces.\"/\".on.{key}: {what}"))
            .collect();
        let text = format!("[namespaces.\"/\".on]\n{on}");
        assert_eq!(mistakes(&text), expected, "{on}");
    }
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
    assert_eq!(file.listen[1], ListenAddress::Unix(beside("hub.sock")));
    assert_eq!(file.listen[0].to_string(), "ws://127.0.0.1:7");
    assert_eq!(file.db, Some(Database::File(beside("rooms.db"))));
    assert!(file.open && file.token.as_ref().unwrap().matches("hub-secret"));
    assert_eq!(
        (&*file.host, &*file.cors),
        (&["a.example".to_owned()][..], &["*".to_owned()][..])
    );
    assert_eq!(
        (file.max_message, file.max_payload),
        (Some(4096), Some(1 << 20))
    );
    assert_eq!(file.keep.map(|keep| keep.bytes), Some(0));
    assert_eq!(file.keep_pending.map(|keep| keep.bytes), Some(1 << 20));
    let times = [
        file.ping_interval,
        file.ping_timeout,
        file.connect_timeout,
        file.recovery,
    ];
    let milliseconds = times.map(|time| time.unwrap().as_millis());
    assert_eq!(milliseconds, [300, 200, 1_000, 120_000]);
    assert_eq!(file.static_dir, Some(beside("chat")));
    assert_eq!(file.echo.as_deref(), Some("/engine.io/"));
    assert!(file.namespaces.tables().is_empty());
    assert!(!format!("{file:?}").contains("hub-secret"));
    // Beside the file, which may stand in the folder where the hub is started.
    let here = HubFile::parse(Path::new("hub.toml"), "db = \"rooms.db\"").unwrap();
    assert_eq!(here.db, Some(Database::File("rooms.db".into())));
    let memory = parsed("db = \":memory:\"").db;
    assert_eq!(memory, Some(Database::Memory));
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
    let auth = root.on["connect"].emit.as_ref().unwrap();
    assert_eq!(
        (auth.event.as_str(), auth.to, auth.args.is_none()),
        ("auth", EmitTo::Sender, true)
    );
    let fixed = |ack: &Option<AckPayload>| match ack {
        Some(AckPayload::Fixed(args)) => args.iter().map(|arg| arg.get().to_owned()).collect(),
        _ => Vec::new(),
    };
    assert_eq!(fixed(&root.on["m"].ack), ["\"ok\"", "{\"a\":1}"]);
    assert_eq!(root.on["m"].relay, Relay::Off);
    let chat = &root.on["c"];
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
        (tenant.grants[0].may, tenant.grants[1].may),
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
        declares(&file.namespaces),
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
    for key in KEYS {
        assert!(
            table.get_ref().contains_key(key),
            "{key} is not in the example"
        );
    }
    let keys = namespaces::KEYS.iter().copied().flatten();
    for key in keys {
        let shown = [format!("{key} = "), format!(".{key}")];
        let is_shown = shown.iter().any(|shown| whole.contains(shown));
        assert!(is_shown, "{key} is not in the example");
    }
}

#[test]
fn a_file_of_mistakes_is_told_in_part() {
    let text: String = (0..500).map(|n| format!("key-{n} = 1\n")).collect();
    let many = parse(&text).unwrap_err();
    assert_eq!(many.told().len(), limits::MISTAKES_TOLD);
    assert!(
        many.to_string()
            .ends_with("hub.toml has more than 100 mistakes")
    );
    // However long a key is.
    let long = "x".repeat(1000);
    let long = mistakes(&format!("[namespaces.\"{long}\"]\n{long} = 1"));
    assert!(long.len() == 2 && long.iter().all(|told| told.len() < 300));
    let one = parse("x = 1").unwrap_err().to_string();
    assert!(one.ends_with("hub.toml has a mistake"), "{one}");
}

#[test]
fn what_cannot_be_read_is_said() {
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
        if let Err(mistakes) = HubFile::parse(Path::new("hub.toml"), &text) {
            for told in mistakes.told() {
                let line = told.split(':').nth(1).and_then(|line| line.parse().ok());
                assert!((1..=lines).contains(&line.unwrap()), "{told}");
            }
        }
    }
}
