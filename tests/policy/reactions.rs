//! What is declared for an application's events, for coming in and for leaving.

use serde_json::json;

use crate::harness::TestHub;
use crate::raw::{Packet, Raw};

const CHAT: &str = r#"
keep-pending = "7d/2MiB"
keep = "0"

[namespaces."/".on.connect]
emit = "auth"
[namespaces."/".on.disconnect]
emit = { event = "left", to = "others" }
[namespaces."/".on.message]
reply = "message-back"
[namespaces."/".on.message-with-ack]
ack = "args"
[namespaces."/".on.fixed]
ack = ["ok", { n = 1 }]
[namespaces."/".on.none]
ack = []
[namespaces."/".on.everyone]
relay = "all"
[namespaces."/".on."chat message"]
relay = "others"
ack = "args"
[namespaces."/".on.off]
relay = "off"
[namespaces."/".on.typing]
emit = { event = "types", args = [true, "x"], to = "others" }
ack = ["told"]
[namespaces."/".on.shout]
emit = { event = "shouted", to = "all" }
reply = "heard"
[namespaces."/".on.many]
relay = "all"
emit = { event = "again", to = "all" }
ack = ["both"]
[namespaces."/".on.join]
reply = "joined-back"
"#;

/// A stock client that has had its `auth`.
fn client(hub: &TestHub) -> Raw {
    let mut raw = Raw::stock(hub.url());
    assert!(raw.event().is_event("auth"));
    raw
}

fn events(raw: &mut Raw, count: usize) -> Vec<String> {
    (0..count).map(|_| raw.event().payload).collect()
}

/// What else has come to it: events up to one that is asked for now.
fn rest(raw: &mut Raw) -> Vec<String> {
    raw.emit("/", "message", "\"last\"");
    let mut events = raw.events_until("message-back");
    events.pop();
    events.into_iter().map(|event| event.payload).collect()
}

#[test]
fn coming_in_tells_the_socket_its_auth_object() {
    let hub = TestHub::declared(CHAT);
    for (auth, told) in [
        ("", r#"["auth",{}]"#),
        ("{}", r#"["auth",{}]"#),
        (
            r#"{"b":1e400, "a":"\ud800"}"#,
            r#"["auth",{"b":1e400, "a":"\ud800"}]"#,
        ),
        (r#"{"token":"123"}"#, r#"["auth",{"token":"123"}]"#),
    ] {
        let mut raw = Raw::open(hub.url());
        raw.send(&format!("40{auth}"));
        assert_eq!(raw.next().unwrap().kind, '0', "first the answer to CONNECT");
        assert_eq!(raw.next().unwrap().payload, told);
    }
}

#[test]
fn a_reply_goes_to_its_sender_as_it_came() {
    let hub = TestHub::declared(CHAT);
    let (mut other, mut raw) = (client(&hub), client(&hub));
    for args in ["", "1", r#"1,"2",{"3":[true]}"#, r#""\ud800",1e400,[ ]"#] {
        raw.emit("/", "message", args);
        let comma = if args.is_empty() { "" } else { "," };
        let expected = format!(r#"["message-back"{comma}{args}]"#);
        assert_eq!(raw.event().payload, expected);
    }
    raw.send(
        r#"452-["message",{"_placeholder":true,"num":1},{"a":{"_placeholder":true,"num":0}}]"#,
    );
    raw.send_binary(&[1, 2, 3]);
    raw.send_binary(&[]);
    let reply = raw.event();
    assert_eq!(
        reply.payload,
        r#"["message-back",{"_placeholder":true,"num":1},{"a":{"_placeholder":true,"num":0}}]"#
    );
    assert_eq!(reply.attachments, [&[1, 2, 3][..], &[]]);
    let id = raw.ask("/", "message", "5");
    assert!(raw.event().is_event("message-back"));
    assert!(rest(&mut other).is_empty());
    assert!(rest(&mut raw).is_empty());
    let answered = |packet: &Packet| packet.id == Some(id);
    assert!(!raw.take_kept().iter().any(answered), "nothing says `ack`");
}

#[test]
fn an_ack_answers_the_arguments_or_what_is_declared() {
    let hub = TestHub::declared(CHAT);
    let (mut other, mut raw) = (client(&hub), client(&hub));
    let ack = |raw: &mut Raw, id| raw.until(|packet| packet.id == Some(id));
    let id = raw.ask("/", "message-with-ack", r#"1,"2",{"3":[false]}"#);
    assert_eq!(ack(&mut raw, id).payload, r#"[1,"2",{"3":[false]}]"#);
    let placeholder = r#"{"_placeholder":true,"num":0}"#;
    let id = raw.ask_binary("/", "message-with-ack", placeholder, &[b"\x00\xff"]);
    let answer = ack(&mut raw, id);
    assert_eq!((answer.kind, answer.body()), ('6', &b"\x00\xff"[..]));
    let id = raw.ask_binary("/", "fixed", placeholder, &[b"x"]);
    let answer = ack(&mut raw, id);
    assert_eq!(
        (answer.kind, answer.payload.as_str()),
        ('3', r#"["ok",{"n":1}]"#)
    );
    let id = raw.ask("/", "none", "1");
    assert_eq!(ack(&mut raw, id).payload, "[]");
    for event in ["message-with-ack", "fixed"] {
        raw.emit("/", event, "1");
    }
    assert!(rest(&mut raw).is_empty());
    assert!(rest(&mut other).is_empty());
}

#[test]
fn a_declared_event_is_relayed_only_as_it_says() {
    let hub = TestHub::declared(CHAT);
    let (mut other, mut raw) = (client(&hub), client(&hub));
    raw.emit("/", "everyone", "1");
    let id = raw.ask("/", "chat message", "\"hi\"");
    assert_eq!(raw.answer(id), "hi");
    raw.emit("/", "off", "3");
    raw.emit("/", "undeclared", "4");
    let expected = [
        r#"["everyone",1]"#,
        r#"["chat message","hi"]"#,
        r#"["undeclared",4]"#,
    ];
    assert_eq!(events(&mut other, 3), expected);
    assert_eq!(events(&mut raw, 2), [expected[0], expected[2]]);
    assert!(rest(&mut other).is_empty());
    assert!(rest(&mut raw).is_empty());
}

#[test]
fn one_more_event_goes_to_whom_it_says() {
    let hub = TestHub::declared(CHAT);
    let (mut other, mut raw) = (client(&hub), client(&hub));
    let id = raw.ask_binary("/", "typing", r#"{"_placeholder":true,"num":0}"#, &[b"x"]);
    assert_eq!(raw.answer(id), "told");
    assert_eq!(events(&mut other, 1), [r#"["types",true,"x"]"#]);
    raw.emit("/", "shout", "1,2");
    let mut heard = events(&mut raw, 2);
    heard.sort();
    assert_eq!(heard, [r#"["heard",1,2]"#, r#"["shouted",1,2]"#]);
    assert_eq!(events(&mut other, 1), [r#"["shouted",1,2]"#]);
    let id = raw.ask("/", "many", "7");
    assert_eq!(raw.answer(id), "both");
    for raw in [&mut raw, &mut other] {
        assert_eq!(events(raw, 2), [r#"["many",7]"#, r#"["again",7]"#]);
        assert!(rest(raw).is_empty());
    }
}

#[test]
fn an_application_has_its_own_join_where_nobody_asked_for_ours() {
    let hub = TestHub::declared(CHAT);
    let mut stock = client(&hub);
    stock.emit("/", "join", "\"room\"");
    assert_eq!(stock.event().payload, r#"["joined-back","room"]"#);
    let mut ours = Raw::roomcat(hub.url());
    assert_eq!(ours.must("join", &json!("room"))["rooms"], json!(["room"]));
    hub.wait_for_sockets("room", 1);
}

#[test]
fn what_comes_before_connect_is_answered_is_answered_after_it() {
    let hub = TestHub::declared(CHAT);
    let mut raw = Raw::open(hub.url());
    raw.send("40");
    raw.emit("/", "message", "1");
    raw.send(r#"427["message-with-ack",2]"#);
    raw.send(r#"428["ack",3]"#);
    let kinds: Vec<char> = (0..5).map(|_| raw.next().unwrap().kind).collect();
    assert_eq!(kinds, ['0', '2', '2', '3', '3']);
}

#[test]
fn leaving_is_told_with_its_reason() {
    let hub = TestHub::declared(CHAT);
    let mut other = client(&hub);
    let mut left = |raw: Raw, reason: &str| {
        drop(raw);
        assert_eq!(other.event().args(), [json!(reason)]);
    };
    let mut raw = client(&hub);
    raw.send("41");
    left(raw, "client namespace disconnect");
    let mut raw = client(&hub);
    raw.send("1");
    raw.until_closed();
    left(raw, "transport close");
    left(client(&hub), "transport close");
    let mut raw = client(&hub);
    raw.send("42{}");
    raw.until_closed();
    left(raw, "parse error");
    let mut raw = client(&hub);
    raw.send("40");
    raw.until_closed();
    left(raw, "forced server close");
    // Never really there.
    let mut raw = Raw::open(hub.url());
    raw.send("40{\"as\":7}");
    raw.send("1");
    raw.until_closed();
    assert!(rest(&mut other).is_empty());
}

#[test]
fn who_comes_in_is_told_to_others_without_secrets() {
    let toml = r#"
[namespaces."/".on.connect]
reply = "welcome"
emit = { event = "joined", to = "all" }
"#;
    let hub = TestHub::declared(toml);
    let mut other = Raw::stock(hub.url());
    assert_eq!(
        events(&mut other, 2),
        [r#"["welcome",{}]"#, r#"["joined",{}]"#]
    );
    let auth = json!({"as": "alice", "token": "s3cret", "password": "123"});
    let mut raw = Raw::connected(hub.url(), "/", &auth);
    assert_eq!(raw.event().args(), [auth]);
    for raw in [&mut raw, &mut other] {
        assert_eq!(raw.event().payload, r#"["joined",{"as":"alice"}]"#);
    }
}

#[test]
fn what_a_declared_event_acknowledges_survives_the_power() {
    let mut hub = TestHub::declared(&CHAT.replace("keep = \"0\"", ""));
    let mut raw = client(&hub);
    for n in 0..20 {
        let id = raw.ask("/", "many", &n.to_string());
        assert_eq!(raw.answer(id), "both");
    }
    hub.kill9();
    hub.restart();
    let mut reader = Raw::roomcat(hub.url());
    assert!(reader.event().is_event("auth"));
    reader.must("sub", &json!({"rooms": [""], "last": 1000}));
    for n in 0..20 {
        for event in ["many", "again"] {
            let header = reader.event_named("batch").header();
            assert_eq!(header["event"], event, "{n}: {header}");
        }
    }
}

#[test]
fn what_there_is_no_room_for_is_refused_and_not_acknowledged() {
    let hub = TestHub::declared(CHAT);
    let mut sleeper = Raw::connected(hub.url(), "/", &json!({"as": "sleeper"}));
    assert!(sleeper.event().is_event("auth"));
    sleeper.send("1");
    sleeper.until_closed();
    let mut raw = client(&hub);
    let large = json!("x".repeat(100_000)).to_string();
    for event in ["chat message", "many"] {
        let refused = (0..100).find_map(|_| {
            let id = raw.ask("/", event, &large);
            let answer = raw.answer(id);
            (answer["ok"] == false).then_some(answer)
        });
        let refused = refused.unwrap_or_else(|| panic!("{event}: 100 of them are 10 MB"));
        assert_eq!(refused["error"]["code"], "full", "{refused}");
        let message = refused["error"]["message"].as_str().unwrap();
        assert!(message.contains("sleeper"), "{message}");
    }
    // Nothing says `ack`: only the refusal is an answer.
    let id = raw.ask("/", "everyone", &large);
    assert_eq!(raw.answer(id)["error"]["code"], "full");
    raw.assert_alive();
}
