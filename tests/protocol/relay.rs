//! What plain Socket.IO clients see: namespaces, rooms, relayed events, acks and attachments.

use serde_json::{Value, json};

use crate::harness::TestHub;
use crate::raw::{Packet, Raw, event_text, lines};

/// Everything a socket gets in a namespace before this message, which is sent to the whole of it: what did not come
/// before it does not come at all, as the log has one order.
fn before_marker(raw: &mut Raw, namespace: &str) -> Vec<Packet> {
    let mut events = raw.events_until("marker");
    let marker = events.pop().unwrap();
    assert_eq!(marker.namespace, namespace);
    events
}

#[test]
fn an_event_is_relayed_to_everyone_in_the_namespace() {
    let hub = TestHub::start();
    let mut alice = Raw::stock(hub.url());
    let mut bob = Raw::stock(hub.url());
    alice.emit("/", "chat message", r#""hi""#);
    for raw in [&mut alice, &mut bob] {
        let event = raw.event();
        assert_eq!((event.kind, event.id), ('2', None));
        assert_eq!(event.payload, r#"["chat message","hi"]"#);
    }
}

#[test]
fn an_ack_id_is_answered() {
    let hub = TestHub::start();
    let mut raw = Raw::stock(hub.url());
    // The largest that the protocol's own parser would keep exact, and the first.
    for id in [0, 9_007_199_254_740_991] {
        raw.send(&event_text("/", Some(id), "hello", "1", 0));
        let answer = raw.answer(id);
        assert_eq!(answer["ok"], true, "{answer}");
        assert_eq!(answer["delivered"], 1, "{answer}");
    }
}

#[test]
fn namespaces_share_a_connection_and_nothing_else() {
    let hub = TestHub::start();
    let mut both = Raw::stock(hub.url());
    let entered = both.connect("/admin", &Value::Null);
    assert_eq!(entered.kind, '0');
    let mut root = Raw::stock(hub.url());
    let mut admin = Raw::connected(hub.url(), "/admin", &Value::Null);
    for (raw, namespace) in [(&mut root, "/"), (&mut admin, "/admin")] {
        let answer = raw.call(namespace, "join", &json!("ops"));
        assert_eq!(answer["ok"], true, "{answer}");
    }
    both.emit("/admin", "to admin", "1");
    both.emit("/", "to root", "2");
    let args = json!({"rooms": "ops", "event": "to ops", "data": 3});
    assert_eq!(both.call("/admin", "pub", &args)["delivered"], 1);
    both.emit("/", "marker", "");
    both.emit("/admin", "marker", "");
    let names = |events: &[Packet]| -> Vec<String> {
        events.iter().map(|event| event.payload.clone()).collect()
    };
    assert_eq!(names(&before_marker(&mut root, "/")), [r#"["to root",2]"#]);
    let seen = before_marker(&mut admin, "/admin");
    assert_eq!(names(&seen), [r#"["to admin",1]"#, r#"["to ops",3]"#]);
    // Between the namespaces of one connection nothing is promised.
    let mut seen = both.events_until("marker");
    seen.extend(both.events_until("marker"));
    let of = |namespace: &str| -> Vec<String> {
        let mine = seen.iter().filter(|event| event.namespace == namespace);
        mine.map(|event| event.payload.clone()).collect()
    };
    assert_eq!(of("/"), [r#"["to root",2]"#, r#"["marker"]"#]);
    assert_eq!(of("/admin"), [r#"["to admin",1]"#, r#"["marker"]"#]);
}

#[test]
fn leaving_one_namespace_leaves_the_other() {
    let hub = TestHub::start();
    let mut both = Raw::stock(hub.url());
    both.connect("/admin", &Value::Null);
    both.send("41/admin,");
    let mut admin = Raw::connected(hub.url(), "/admin", &Value::Null);
    let receipt = admin.call("/admin", "still here?", &json!(1));
    assert_eq!(
        receipt["delivered"], 1,
        "only its sender is left: {receipt}"
    );
    both.emit("/", "marker", "");
    assert!(before_marker(&mut both, "/").is_empty());
    let again = both.connect("/admin", &Value::Null);
    assert_eq!(again.kind, '0', "and may come back");
}

#[test]
fn attachments_are_relayed_byte_for_byte() {
    let hub = TestHub::start();
    let mut alice = Raw::stock(hub.url());
    let mut bob = Raw::stock(hub.url());
    let every: Vec<u8> = (0..=255).collect();
    let args = r#"{"_placeholder":true,"num":1},{"deep":[{"_placeholder":true,"num":0}]},"text""#;
    let id = alice.ask_binary("/", "upload", args, &[b"", &every]);
    assert_eq!(alice.answer(id)["delivered"], 2);
    for raw in [&mut alice, &mut bob] {
        let event = raw.event();
        assert_eq!(event.kind, '5');
        assert_eq!(event.payload, format!(r#"["upload",{args}]"#));
        assert_eq!(event.attachments, [&b""[..], &every]);
    }
}

#[test]
fn json_is_passed_on_as_it_came() {
    let hub = TestHub::start();
    let mut alice = Raw::stock(hub.url());
    let cases = [
        r#""\ud800""#,
        "1e400",
        "-0.0",
        "12345678901234567890123",
        r#"{"b":1,"a":2,"b":3}"#,
        r#"  [ 1 , 2 ]  "#,
        r#""a\u0000b""#,
        "\"\u{2028}é😀\"",
        "null",
        r#"{"_placeholder":true,"num":0}"#,
    ];
    for args in cases {
        alice.emit("/", "odd", args);
        let event = alice.event();
        let squeezed = |text: &str| text.replace(' ', "");
        assert_eq!(
            squeezed(&event.payload),
            squeezed(&format!(r#"["odd",{args}]"#))
        );
        let data = args.trim();
        let args = format!(r#"{{"event":"odd","data":{data}}}"#);
        let id = alice.ask("/", "pub", &args);
        assert_eq!(alice.answer(id)["ok"], true);
        assert_eq!(alice.event().payload, format!(r#"["odd",{data}]"#));
    }
}

#[test]
fn an_event_may_have_no_arguments_or_many_and_any_name() {
    let hub = TestHub::start();
    let mut raw = Raw::stock(hub.url());
    for (event, args) in [
        ("none", ""),
        ("many", r#"1,"2",[3],{"4":4},null,true"#),
        ("", "1"),
        ("é \n\"\\ 😀", "1"),
    ] {
        raw.emit("/", event, args);
        let got = raw.event();
        assert!(got.is_event(event), "{got:?}");
        let wanted: Value = serde_json::from_str(&format!("[{args}]")).unwrap();
        assert_eq!(Value::Array(got.args()), wanted);
    }
}

#[test]
fn a_batch_comes_to_a_stock_client_as_one_event_a_message() {
    let hub = TestHub::start();
    let mut stock = Raw::stock(hub.url());
    stock.must("join", &json!("ci"));
    let mut roomcat = Raw::roomcat(hub.url());
    let body = "one\n\ntwo \"quoted\"\r\nthree\u{0}\n";
    let receipt = roomcat.batch("/", &lines("ci", 4), body.as_bytes());
    assert_eq!(
        receipt["delivered"], 1,
        "recipients, not messages: {receipt}"
    );
    for text in ["one", "", "two \"quoted\"\r", "three\u{0}"] {
        let event = stock.event();
        assert_eq!((event.kind, event.id), ('2', None));
        assert_eq!(event.json(), json!(["message", text]));
    }
    let header =
        json!({"rooms": ["ci"], "event": "tick", "framing": "lines", "json": true, "count": 2});
    roomcat.batch("/", &header, b"{\"n\":1e400}\n\"\\ud800\"\n");
    assert_eq!(stock.event().payload, r#"["tick",{"n":1e400}]"#);
    assert_eq!(stock.event().payload, r#"["tick","\ud800"]"#);
    let header = json!({"rooms": ["ci"], "framing": "bytes", "count": 2});
    roomcat.batch("/", &header, b"\0\0\0\x02hi\0\0\0\x03\xff\n\0");
    assert_eq!(stock.event().payload, r#"["message","hi"]"#);
    let binary = stock.event();
    assert_eq!(binary.kind, '5');
    assert_eq!(binary.body(), b"\xff\n\0");
}

#[test]
fn a_stock_client_in_several_rooms_gets_a_message_once() {
    let hub = TestHub::start();
    let mut stock = Raw::stock(hub.url());
    stock.must("join", &json!(["a", "b"]));
    let mut roomcat = Raw::roomcat(hub.url());
    let header = json!({"rooms": ["a", "b", ""], "framing": "lines", "count": 1});
    let receipt = roomcat.batch("/", &header, b"once\n");
    assert_eq!(receipt["delivered"], 1);
    roomcat.emit("/", "marker", "");
    let events = before_marker(&mut stock, "/");
    assert_eq!(events.len(), 1, "{events:?}");
}

#[test]
fn others_is_everyone_but_the_sender() {
    let hub = TestHub::start();
    let mut alice = Raw::stock(hub.url());
    let mut bob = Raw::stock(hub.url());
    let args = json!({"rooms": [], "event": "typing", "data": "alice", "to": "others"});
    let receipt = alice.must("pub", &args);
    assert_eq!(receipt["delivered"], 1);
    assert!(receipt["seq"].is_string(), "{receipt}");
    alice.emit("/", "marker", "");
    assert!(before_marker(&mut alice, "/").is_empty());
    let events = before_marker(&mut bob, "/");
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].payload, r#"["typing","alice"]"#);
}

#[test]
fn except_skips_whoever_is_in_the_room() {
    let hub = TestHub::start();
    let mut alice = Raw::stock(hub.url());
    let mut bob = Raw::stock(hub.url());
    bob.must("join", &json!("quiet"));
    let args = json!({"event": "loud", "data": 1, "except": ["quiet"]});
    assert_eq!(alice.must("pub", &args)["delivered"], 1);
    alice.emit("/", "marker", "");
    assert_eq!(before_marker(&mut alice, "/").len(), 1);
    assert!(before_marker(&mut bob, "/").is_empty());
}

#[test]
fn volatile_messages_reach_who_is_there_and_are_not_kept() {
    let hub = TestHub::start();
    let mut stock = Raw::stock(hub.url());
    let mut publisher = Raw::roomcat(hub.url());
    publisher.must("join", &json!("cursors"));
    let mut member = Raw::connected(hub.url(), "/", &json!({"roomcat": 1, "as": "away"}));
    member.must("join", &json!("cursors"));
    let args = json!({"rooms": ["", "cursors"], "event": "at", "data": [1, 2], "volatile": true});
    let receipt = publisher.must("pub", &args);
    // The publisher is in the room by its live `join`, the member is away.
    assert_eq!(receipt["queued"], 0, "{receipt}");
    assert_eq!(receipt["delivered"], 2, "{receipt}");
    assert!(receipt.get("seq").is_none(), "{receipt}");
    assert_eq!(stock.event().payload, r#"["at",[1,2]]"#);
    let listing = publisher.must("rooms", &json!({"room": "cursors"}));
    assert_eq!(listing["rooms"][0]["messages"], 0, "{listing}");
    assert_eq!(listing["rooms"][0]["members"][0]["pending"], 0, "{listing}");
}

/// What is published behind a join on the same connection is owed to whoever joined, however close it comes.
#[test]
fn what_follows_a_join_arrives() {
    let hub = TestHub::start();
    let mut raw = Raw::stock(hub.url());
    for round in 0..400 {
        let room = format!("r{round}");
        raw.ask("/", "join", &json!(room).to_string());
        let asked: Vec<u64> = (0..8)
            .map(|n| raw.ask_batch("/", &lines(&room, 1), format!("{round}.{n}\n").as_bytes()))
            .collect();
        for id in asked {
            let receipt = raw.answer(id);
            assert_eq!(receipt["delivered"], 1, "round {round}: {receipt}");
        }
        raw.emit("/", "marker", "");
        let events = before_marker(&mut raw, "/");
        let texts: Vec<String> = events
            .iter()
            .map(|event| event.json()[1].to_string())
            .collect();
        let expected: Vec<String> = (0..8).map(|n| format!("\"{round}.{n}\"")).collect();
        assert_eq!(texts, expected);
    }
}

#[test]
fn except_skips_a_member_that_joined_the_room_by_another_connection() {
    let hub = TestHub::start();
    let auth = json!({"roomcat": 1, "as": "alice"});
    let mut alice = Raw::connected(hub.url(), "/", &auth);
    alice.must("sub", &json!({"rooms": ["a"]}));
    alice.event_named("caught-up");
    let mut other = Raw::connected(hub.url(), "/", &auth);
    other.must("join", &json!("muted"));
    let mut publisher = Raw::roomcat(hub.url());
    let header = json!({"rooms": ["a"], "except": ["muted"], "framing": "lines", "count": 1});
    let receipt = publisher.batch("/", &header, b"not for alice\n");
    assert_eq!(
        (&receipt["delivered"], &receipt["queued"]),
        (&json!(0), &json!(0))
    );
    publisher.publish("a", "for alice");
    assert_eq!(alice.event().body(), b"for alice\n");
    other.must("leave", &json!("muted"));
    publisher.batch("/", &header, b"now for her\n");
    assert_eq!(alice.event().body(), b"now for her\n");
}
