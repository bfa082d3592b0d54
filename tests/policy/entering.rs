//! Who may enter a namespace, as whom, and what its token lets it do there.

use serde_json::{Value, json};

use crate::harness::TestHub;
use crate::raw::{Raw, lines};

const TOKENS: &str = r#"
[namespaces."/"]

[namespaces."/tenant-*"]

[namespaces."/class"]
tokens = [
  { token = "chalk7", as = "teacher" },
  { token = "listen7", may = ["sub"] },
  { token = "speak7", may = ["pub"] },
]
"#;

#[test]
fn only_declared_namespaces_are_there() {
    let hub = TestHub::declared("[namespaces.\"/tenant-*\"]\n[namespaces.\"/admin\"]\n");
    let mut raw = Raw::open(hub.url());
    for unknown in ["/", "/tenant-", "/tenant-7/x", "/tenants", "/admin/x"] {
        for auth in [Value::Null, json!({"as": "alice"}), json!({"as": 7})] {
            let answer = raw.connect(unknown, &auth);
            let said = (answer.kind, answer.payload.as_str());
            assert_eq!(
                said,
                ('4', r#"{"message":"Invalid namespace"}"#),
                "{unknown}"
            );
        }
    }
    hub.wait_for_stderr("refused a connection to /tenants: Invalid namespace");
    for known in ["/admin", "/tenant-7", "/tenant-8"] {
        assert_eq!(raw.connect(known, &Value::Null).kind, '0', "{known}");
    }
    raw.emit("/tenant-7", "a", "1");
    assert_eq!(raw.event().namespace, "/tenant-7");
    let receipt = raw.call("/tenant-8", "b", &json!(2));
    assert_eq!(
        receipt["delivered"], 1,
        "each has its own sockets: {receipt}"
    );
}

/// The code and the message of a refused CONNECT.
fn denied(raw: &mut Raw, auth: &Value) -> (String, String) {
    let answer = raw.connect("/class", auth);
    assert_eq!(answer.kind, '4', "{auth}: {answer:?}");
    let data = answer.json();
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    (text(&data["data"]["code"]), text(&data["message"]))
}

#[test]
fn each_namespace_has_its_own_tokens() {
    let hub = TestHub::declared(TOKENS);
    let mut raw = Raw::stock(hub.url());
    for (auth, code) in [
        (Value::Null, "token"),
        (json!({"as": "teacher"}), "token"),
        (json!({"token": ""}), "token"),
        (json!({"token": "chalk"}), "token"),
        (json!({"token": "chalk7 "}), "token"),
        (json!({"token": "chalk7", "as": "alice"}), "forbidden"),
    ] {
        assert_eq!(denied(&mut raw, &auth).0, code, "{auth}");
    }
    let (_, message) = denied(&mut raw, &json!({"token": "chalk7", "as": "alice"}));
    assert!(message.contains("alice"), "{message}");
    assert_eq!(
        raw.connect("/class", &json!({"token": "listen7"})).kind,
        '0'
    );
    raw.assert_alive();
    for secret in ["chalk7", "listen7", "speak7"] {
        assert!(!hub.stderr().contains(secret), "{}", hub.stderr());
    }
}

#[test]
fn a_token_with_a_name_makes_its_holder_that_client() {
    let hub = TestHub::declared(TOKENS);
    for auth in [
        json!({"token": "chalk7"}),
        json!({"token": "chalk7", "as": "teacher", "roomcat": 1}),
    ] {
        let mut teacher = Raw::connected(hub.url(), "/class", &auth);
        let answer = teacher.call("/class", "join", &json!("staff"));
        assert_eq!(answer["ok"], true, "{answer}");
        let rooms = teacher.call("/class", "rooms", &json!({"room": "staff"}));
        assert_eq!(
            rooms["rooms"][0]["members"][0]["name"], "teacher",
            "{rooms}"
        );
        teacher.call("/class", "leave", &json!("staff"));
    }
}

#[test]
fn the_hubs_own_token_opens_every_namespace_with_every_right() {
    let toml = format!("token-file = \"hub.token\"\n{TOKENS}");
    let hub = TestHub::declared_with(&toml, &[("hub.token", "master key\n")]);
    let auth = json!({"token": "master key", "as": "root"});
    for namespace in ["/", "/tenant-1", "/class"] {
        let mut raw = Raw::open(hub.url());
        assert_eq!(
            raw.connect(namespace, &Value::Null).kind,
            '4',
            "{namespace}"
        );
        assert_eq!(raw.connect(namespace, &auth).kind, '0', "{namespace}");
        for (verb, args) in [("join", json!("a")), ("pub", json!({"rooms": "a"}))] {
            let answer = raw.call(namespace, verb, &args);
            assert_eq!(answer["ok"], true, "{namespace} {verb}: {answer}");
        }
    }
    let mut raw = Raw::open(hub.url());
    assert_eq!(raw.connect("/", &json!({"token": "chalk7"})).kind, '4');
}

fn forbidden(answer: &Value) -> bool {
    answer["ok"] == false && answer["error"]["code"] == "forbidden"
}

#[test]
fn who_may_only_subscribe_publishes_nothing() {
    let hub = TestHub::declared(TOKENS);
    for dialect in [
        json!({"token": "listen7"}),
        json!({"token": "listen7", "roomcat": 1}),
    ] {
        let mut listener = Raw::connected(hub.url(), "/class", &dialect);
        let mut teacher = Raw::connected(hub.url(), "/class", &json!({"token": "chalk7"}));
        for (event, args) in [
            ("pub", json!({"rooms": "a", "data": 1})),
            ("pub", json!({"rooms": "a", "volatile": true})),
            ("chat message", json!("hi")),
        ] {
            let answer = listener.call("/class", event, &args);
            assert!(forbidden(&answer), "{event}: {answer}");
        }
        let answer = listener.batch("/class", &lines("", 1), b"hi\n");
        assert!(forbidden(&answer), "{answer}");
        // Without an ack id it is dropped, and nobody minds.
        listener.emit("/class", "chat message", "\"hi\"");
        assert_eq!(listener.call("/class", "join", &json!("a"))["ok"], true);
        teacher.emit("/class", "said", "\"by teacher\"");
        assert!(teacher.event().is_event("said"));
        let answer = teacher.call("/class", "pub", &json!({"rooms": "a", "data": 1}));
        assert_eq!(answer["ok"], true, "{answer}");
        listener.until(|packet| packet.payload.contains("message") || packet.is_event("batch"));
    }
}

#[test]
fn who_may_only_publish_hears_nothing() {
    let hub = TestHub::declared(TOKENS);
    let mut teacher = Raw::connected(hub.url(), "/class", &json!({"token": "chalk7"}));
    for dialect in [
        json!({"token": "speak7"}),
        json!({"token": "speak7", "as": "named"}),
        json!({"token": "speak7", "roomcat": 1}),
    ] {
        let mut speaker = Raw::connected(hub.url(), "/class", &dialect);
        for (event, args) in [("join", json!("a")), ("sub", json!({"rooms": ["a"]}))] {
            let answer = speaker.call("/class", event, &args);
            assert!(forbidden(&answer), "{event}: {answer}");
        }
        for (event, args) in [("rooms", json!({})), ("leave", json!("a"))] {
            let answer = speaker.call("/class", event, &args);
            assert_eq!(answer["ok"], true, "{event}: {answer}");
        }
        let receipt = speaker.call("/class", "chat message", &json!("hi"));
        let reached = (&receipt["delivered"], &receipt["queued"]);
        assert_eq!(reached, (&json!(1), &json!(0)), "{dialect}: {receipt}");
        assert!(teacher.event().is_event("chat message"));
        assert!(speaker.take_kept().is_empty());
    }
}

#[test]
fn a_command_that_its_token_does_not_allow_exits_4() {
    let hub = TestHub::declared_with(TOKENS, &[("listen", "listen7\n"), ("speak", "speak7\n")]);
    let token = |name: &str| hub.folder().join(name).display().to_string();
    let (listen, speak) = (token("listen"), token("speak"));
    for arguments in [
        ["--token-file", &listen, "pub", "/class#a", "hi"],
        ["--token-file", &speak, "sub", "/class#a", "-n1"],
    ] {
        let outcome = hub.cmd(&arguments).any_stderr().run();
        assert_eq!(outcome.status, 4, "{arguments:?}: {}", outcome.stderr());
        assert!(outcome.stderr().contains("token"), "{}", outcome.stderr());
    }
    let join = ["--token-file", &speak, "join", "/class#a", "--as", "bob"];
    let outcome = hub.cmd(&join).any_stderr().run();
    assert_eq!(outcome.status, 4, "{}", outcome.stderr());
    hub.cmd(&["--token-file", &speak, "pub", "/class#a", "hi"])
        .check();
}
