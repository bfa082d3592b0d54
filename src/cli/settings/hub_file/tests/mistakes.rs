//! Mistakes in hub.toml by a table: each is reported with its line, column and key, and no value is shown.

use super::{folder, parse};
use crate::cli::settings::hub_file::HubFile;
use crate::limits;

/// The reported lines, without the folder.
pub fn mistakes(text: &str) -> Vec<String> {
    let folder = folder();
    let file = folder.path().join("hub.toml");
    let place = format!("{}/", folder.path().display());
    match HubFile::parse(&file, text) {
        Ok(_) => Vec::new(),
        Err(invalid) => invalid
            .lines()
            .iter()
            .map(|line| line.replace(&place, ""))
            .collect(),
    }
}

#[test]
fn a_mistake_is_reported_with_its_place_and_key() {
    let cases: &[(&str, &[&str])] = &[
        ("", &[]),
        (
            "\nping-intervall = \"25s\"",
            &[
                "hub.toml:2:1: ping-intervall: there is no such key; did you mean \"ping-interval\"?",
            ],
        ),
        (
            "max_message = 1",
            &["hub.toml:1:1: max_message: there is no such key; did you mean \"max-message\"?"],
        ),
        (
            "[namespaces.\"/a\"]\ncolour = 1\n",
            &[
                "hub.toml:2:1: namespaces.\"/a\".colour: there is no such key; there are tokens, rate, on, handler",
            ],
        ),
        (
            "ping-interval = \"25\"\nping-timeout = 20\nrecovery = \"0s\"\nconnect-timeout = true",
            &[
                "hub.toml:1:1: ping-interval: a duration is a number and a unit: 500ms, 60s, 5m, 1h, 7d",
                "hub.toml:2:1: ping-timeout: a duration is a number and a unit: 500ms, 60s, 5m, 1h, 7d",
                "hub.toml:3:1: recovery: at least 1ms",
                "hub.toml:4:1: connect-timeout: a string or a whole number belongs here, not true or false",
            ],
        ),
        (
            "max-message = \"1X\"\nmax-payload = 0\nkeep = \"1h\"\nkeep-pending = 1.5",
            &[
                "hub.toml:1:1: max-message: a size is a number of bytes, or a number and a unit: 4096, 64KiB, 1MiB, 10GiB",
                "hub.toml:2:1: max-payload: a request can have 1 to 89565868 bytes",
                "hub.toml:3:1: keep: an age and a size, as in 1h/1GiB, or 0 for nothing",
                "hub.toml:4:1: keep-pending: a string or a whole number belongs here, not a number with a fraction",
            ],
        ),
        (
            "listen = [\n  \"127.0.0.1:0\",\n  \"7666\",\n]\nhost = [\"a b\", \"\", 1]\nopen = \"yes\"\ndb = 1",
            &[
                "hub.toml:3:3: listen[1]: an address to listen on is HOST:PORT, as in 127.0.0.1:7666, or unix:/path",
                "hub.toml:5:9: host[0]: a name is as browsers know it: hub.school.example",
                "hub.toml:5:16: host[1]: a name cannot be empty",
                "hub.toml:5:20: host[2]: a string belongs here, not a whole number",
                "hub.toml:6:1: open: true or false belongs here, not a string",
                "hub.toml:7:1: db: a string belongs here, not a whole number",
            ],
        ),
        (
            "cors = [\"https://app.example/\"]",
            &[
                "hub.toml:1:9: cors[0]: an origin is a scheme and a host, as in https://app.example or http://localhost:8000, or * for any",
            ],
        ),
        (
            "echo = \"/engine.io\"",
            &["hub.toml:1:1: echo: a path begins and ends with a slash, as in /engine.io/"],
        ),
        (
            "echo = \"/socket.io/\"",
            &["hub.toml:1:1: echo: Socket.IO is at this path; name another, as in /engine.io/"],
        ),
        (
            "static = \"nowhere\"\ntoken-file = \"none.token\"",
            &[
                "hub.toml:1:1: static: nowhere is not a folder",
                "hub.toml:2:1: token-file: cannot read none.token: no such file or directory",
            ],
        ),
        // The syntax of the file, and a namespace declared twice.
        (
            "open = maybe\nlisten = \"127.0.0.1:0\n",
            &[
                "hub.toml:1:8: a value is a string in quotes (\"25s\"), a number, true, false, an array in [ ] or a table in { }",
            ],
        ),
        (
            "[namespaces.\"/a\"]\n\n[namespaces.\"/a\"]\nrate = 0",
            &[
                "hub.toml:3:13: \"/a\" is here a second time",
                "hub.toml:4:1: namespaces.\"/a\".rate: a rate is a whole number of messages a second, at least 1",
            ],
        ),
        (
            "namespaces = 1",
            &["hub.toml:1:1: namespaces: a table belongs here, not a whole number"],
        ),
        (
            "\n[namespaces]",
            &[
                "hub.toml:2:2: namespaces: this would let nobody in anywhere: declare one, as in [namespaces.\"/\"], or leave it out",
            ],
        ),
        (
            "[namespaces.admin]\n[namespaces.\"/a,b\"]\n[namespaces.\"/a**\"]\n[namespaces.\"\"]",
            &[
                "hub.toml:1:13: namespaces.admin: a namespace starts with \"/\", as in \"/admin\"",
                "hub.toml:2:13: namespaces.\"/a,b\": a namespace cannot contain ','",
                "hub.toml:3:13: namespaces.\"/a**\": a namespace begins with '/'; each * in it stands for a part of its name",
                "hub.toml:4:13: namespaces.\"\": a namespace starts with \"/\", as in \"/admin\"",
            ],
        ),
        (
            "[namespaces.\"/a\"]\nrate = -1\nhandler = \" \"\non = []",
            &[
                "hub.toml:2:1: namespaces.\"/a\".rate: a rate is a whole number of messages a second, at least 1",
                "hub.toml:3:1: namespaces.\"/a\".handler: a command cannot be empty",
                "hub.toml:4:1: namespaces.\"/a\".on: a table belongs here, not an array",
            ],
        ),
        (
            "[namespaces.\"/a\"]\ntokens = []",
            &[
                "hub.toml:2:1: namespaces.\"/a\".tokens: there is none in it: name one, or leave it out to admit everyone whom the hub admits",
            ],
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(mistakes(text), *expected, "{text}");
    }
}

#[test]
fn a_mistake_in_tokens_never_shows_the_token() {
    let cases: &[(&str, &[(usize, &str)])] = &[
        (
            "[\"s3cret\"]",
            &[(11, "[0]: a table belongs here, not a string")],
        ),
        (
            "[{}]",
            &[(11, "[0]: it has neither \"token\" nor \"token-file\"")],
        ),
        (
            "[{ token = \"\" }]",
            &[(13, "[0].token: an empty token keeps nobody out")],
        ),
        (
            "[{ token = 3 }]",
            &[(13, "[0].token: a string belongs here, not a whole number")],
        ),
        (
            "[{ token = \"s3cret\", token-file = \"teacher.token\" }]",
            &[(
                31,
                "[0].token-file: there is a \"token\" beside it: keep one of the two",
            )],
        ),
        (
            "[{ token-file = \"none\" }, { token-file = \"empty.token\" }]",
            &[
                (
                    13,
                    "[0].token-file: cannot read none: no such file or directory",
                ),
                (
                    38,
                    "[1].token-file: cannot read empty.token: its first line is empty",
                ),
            ],
        ),
        (
            "[{ token = \"s3cret\", as = \"\", may = [] }]",
            &[(31, "[0].as: a client name cannot be empty")],
        ),
        (
            "[{ token = \"s3cret\", may = [] }]",
            &[(
                31,
                "[0].may: a token that allows nothing is of no use: \"pub\", \"sub\" or both",
            )],
        ),
        (
            "[{ token = \"s3cret\", may = [\"pub\", \"publish\"] }]",
            &[(45, "[0].may[1]: \"pub\" or \"sub\" belongs here")],
        ),
        (
            "[{ token = \"s3cret\", may = \"pub\" }]",
            &[(31, "[0].may: an array belongs here, not a string")],
        ),
        (
            "[{ token = \"teacher-secret\" }, { token-file = \"teacher.token\" }]",
            &[(41, "[1]: this is the token of line 3 once more")],
        ),
        (
            "[{ token = \"hub-secret\", may = [\"sub\"] }]",
            &[(
                11,
                "[0]: this is the hub's own token, whose holder may do everything everywhere",
            )],
        ),
        (
            "[{ token = \"s3cret\", name = \"a\" }]",
            &[(
                31,
                "[0].name: there is no such key; there are token, token-file, as, may",
            )],
        ),
    ];
    for (tokens, expected) in cases {
        let text = format!("token-file = \"hub.token\"\n[namespaces.\"/a\"]\ntokens = {tokens}");
        let reported = mistakes(&text);
        let expected: Vec<String> = expected
            .iter()
            .map(|(column, rest)| format!("hub.toml:3:{column}: namespaces.\"/a\".tokens{rest}"))
            .collect();
        assert_eq!(reported, expected, "{tokens}");
        let shows_token = |line: &String| line.contains("s3cret");
        assert!(!reported.iter().any(shows_token), "{tokens}");
    }
    let long = format!(
        "[namespaces.\"/a\"]\ntokens = [{{ token = \"{}\" }}]",
        "x".repeat(4097)
    );
    assert_eq!(
        mistakes(&long),
        ["hub.toml:2:13: namespaces.\"/a\".tokens[0].token: a token has at most 4096 bytes"]
    );
}

#[test]
fn a_mistake_in_what_is_declared_for_an_event_says_what_would_do() {
    let disconnected = "a socket that has disconnected gets nothing more; emit = { event = \"…\", to = \"all\" } reaches those that are connected";
    let reserved = "Socket.IO reserves this name, so the event cannot be sent on; \"emit\" sends one of another name";
    let not_acked = "nobody waits for an answer here";
    let is_reserved =
        |name: &str| format!("\"{name}\" is reserved by Socket.IO; give the event another name");
    /// A table and its mistakes, each with column, key and message.
    type Case<'a> = (&'a str, &'a [(usize, &'a str, &'a str)]);
    let cases: &[Case<'_>] = &[
        (
            "connect = { relay = \"all\", ack = \"args\" }",
            &[
                (13, "connect.relay", reserved),
                (28, "connect.ack", not_acked),
            ],
        ),
        (
            "disconnect = { relay = \"off\", ack = [] }",
            &[
                (16, "disconnect.relay", reserved),
                (31, "disconnect.ack", not_acked),
            ],
        ),
        (
            "disconnect = { reply = \"x\", emit = \"x\" }",
            &[
                (16, "disconnect.reply", disconnected),
                (29, "disconnect.emit", disconnected),
            ],
        ),
        (
            "disconnect = { emit = { event = \"x\" } }",
            &[(16, "disconnect.emit", disconnected)],
        ),
        (
            "connect_error = {}",
            &[(1, "connect_error", &is_reserved("connect_error"))],
        ),
        (
            "x = { reply = \"connect\" }",
            &[(7, "x.reply", &is_reserved("connect"))],
        ),
        (
            "x = { emit = \"disconnect\" }",
            &[(7, "x.emit", &is_reserved("disconnect"))],
        ),
        (
            "x = { relay = \"sender\" }",
            &[(7, "x.relay", "\"all\", \"others\" or \"off\" belongs here")],
        ),
        (
            "x = { ack = \"ok\" }",
            &[(
                7,
                "x.ack",
                "\"args\" or an array, such as [\"ok\"], belongs here",
            )],
        ),
        (
            "x = { ack = [1, nan] }",
            &[(17, "x.ack[1]", "such a number cannot be used here")],
        ),
        (
            "x = { emit = { args = 1, to = \"room\" } }",
            &[
                (7, "x.emit", "it has no \"event\""),
                (
                    16,
                    "x.emit.args",
                    "an array belongs here, not a whole number",
                ),
                (
                    26,
                    "x.emit.to",
                    "\"sender\", \"all\" or \"others\" belongs here",
                ),
            ],
        ),
        (
            "x = { emit = { event = \"y\", room = \"z\", args = [1979-05-27] } }",
            &[
                (
                    29,
                    "x.emit.room",
                    "there is no such key; there are event, args, to",
                ),
                (
                    49,
                    "x.emit.args[0]",
                    "any valid JSON value belongs here, not a date or a time",
                ),
            ],
        ),
        (
            "x = { emit = 5 }",
            &[(
                7,
                "x.emit",
                "an event's name or a table belongs here, not a whole number",
            )],
        ),
        (
            "x = \"relay\"",
            &[(1, "x", "a table belongs here, not a string")],
        ),
        (
            "x = { replay = \"all\" }",
            &[(
                7,
                "x.replay",
                "there is no such key; did you mean \"relay\"?",
            )],
        ),
        (
            "\"chat message\" = { relays = \"all\" }",
            &[(
                20,
                "\"chat message\".relays",
                "there is no such key; did you mean \"relay\"?",
            )],
        ),
    ];
    for (on, expected) in cases {
        let expected: Vec<String> = expected
            .iter()
            .map(|(column, key, what)| {
                format!("hub.toml:2:{column}: namespaces.\"/\".on.{key}: {what}")
            })
            .collect();
        let text = format!("[namespaces.\"/\".on]\n{on}");
        assert_eq!(mistakes(&text), expected, "{on}");
    }
}

#[test]
fn of_many_mistakes_the_first_are_reported() {
    let text: String = (0..500).map(|n| format!("key-{n} = 1\n")).collect();
    let many = parse(&text).unwrap_err();
    assert_eq!(many.lines().len(), limits::DIAGNOSTICS_REPORTED);
    assert!(
        many.to_string()
            .ends_with("hub.toml has more than 100 mistakes")
    );
    // However long a key is.
    let long = "x".repeat(1000);
    let long = mistakes(&format!("{long} = 1\n[namespaces.\"{long}\"]"));
    assert!(long.len() == 2 && long.iter().all(|line| line.len() < 300));
    let one = parse("x = 1").unwrap_err().to_string();
    assert!(one.ends_with("hub.toml has a mistake"), "{one}");
}
