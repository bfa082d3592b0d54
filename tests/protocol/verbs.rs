//! The verbs by hand: what they answer, and that a malformed one is answered and no more.

use std::time::Duration;

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::harness::TestHub;
use crate::raw::{Raw, event_text, lines};

fn assert_refused(answer: &Value, code: &str, what: &str) {
    assert_eq!(answer["ok"], false, "{what}: {answer}");
    assert_eq!(answer["error"]["code"], code, "{what}: {answer}");
    let message = answer["error"]["message"].as_str().unwrap_or_default();
    assert!(!message.is_empty(), "{what}: {answer}");
    assert!(
        message.len() < 1000,
        "{what}: the complaint quotes too much"
    );
}

#[test]
fn the_greeting_tells_roomcat_what_it_needs_and_others_only_their_sid() {
    let hub = TestHub::start();
    let mut raw = Raw::open(hub.url());
    let greeting = raw.connect("/", &json!({"roomcat": 1})).json();
    assert_eq!(greeting["roomcat"], 1);
    assert_eq!(greeting["version"], env!("CARGO_PKG_VERSION"));
    assert!(greeting["log"].as_str().is_some_and(|log| !log.is_empty()));
    assert_eq!(greeting["limits"]["message"], 1 << 20);
    let stock = raw.connect("/stock", &Value::Null).json();
    let keys: Vec<&String> = stock.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["sid"]);
    assert_ne!(stock["sid"], greeting["sid"]);
}

#[test]
fn rooms_are_joined_listed_and_left() {
    let hub = TestHub::start();
    let mut raw = Raw::stock(hub.url());
    let answer = raw.must("join", &json!(["b", "a", "b"]));
    assert_eq!(answer["rooms"], json!(["b", "a"]), "each once");
    raw.must("join", &json!("a"));
    let mut other = Raw::roomcat(hub.url());
    other.publish("a", "hi");
    let listing = other.must("rooms", &json!({"room": "a"}));
    let rooms = listing["rooms"].as_array().unwrap();
    assert_eq!(rooms.len(), 1, "{listing}");
    let room = &rooms[0];
    assert_eq!(
        (
            &room["room"],
            &room["sockets"],
            &room["messages"],
            &room["members"]
        ),
        (&json!("a"), &json!(1), &json!(1), &json!([]))
    );
    assert!(
        room["last"]
            .as_u64()
            .is_some_and(|ms| ms > 1_700_000_000_000)
    );
    let names = |listing: &Value| -> Vec<String> {
        let rooms = listing["rooms"].as_array().unwrap();
        rooms
            .iter()
            .map(|room| room["room"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(names(&other.must("rooms", &json!({}))), ["", "a", "b"]);
    raw.must("leave", &json!(["a", "b", "never"]));
    let listing = other.must("rooms", &json!({}));
    assert_eq!(
        names(&listing),
        ["", "a"],
        "a room that holds messages stays"
    );
    let receipt = other.publish("a", "nobody there");
    assert_eq!(
        (&receipt["delivered"], &receipt["queued"]),
        (&json!(0), &json!(0))
    );
}

#[test]
fn a_member_is_shown_with_what_is_pending() {
    let hub = TestHub::start();
    let mut alice = Raw::connected(hub.url(), "/", &json!({"roomcat": 1, "as": "alice"}));
    alice.must("join", &json!("ci"));
    let mut publisher = Raw::roomcat(hub.url());
    let receipt = publisher.batch("/", &lines("ci", 3), b"1\n2\n3\n");
    assert_eq!(
        (&receipt["delivered"], &receipt["queued"]),
        (&json!(0), &json!(1))
    );
    assert_eq!(
        (&receipt["first"], &receipt["count"]),
        (&json!("1"), &json!(3))
    );
    let members =
        |raw: &mut Raw| raw.must("rooms", &json!({"room": "ci"}))["rooms"][0]["members"].clone();
    let away = json!([{"name": "alice", "pending": 3, "here": false}]);
    assert_eq!(members(&mut publisher), away);
    let answer = alice.must("sub", &json!({"rooms": []}));
    assert_eq!(
        (&answer["pending"], &answer["rooms"]),
        (&json!(3), &json!(["ci"]))
    );
    alice.event_named("batch");
    alice.must("ack", &json!({"seq": "1.1"}));
    let here = json!([{"name": "alice", "pending": 1, "here": true}]);
    assert_eq!(members(&mut publisher), here);
    alice.must("leave", &json!("ci"));
    assert_eq!(members(&mut publisher), json!([]));
}

#[test]
fn a_malformed_verb_is_answered_and_the_connection_lives_on() {
    let hub = TestHub::start();
    let mut raw = Raw::roomcat(hub.url());
    let long = "x".repeat(257);
    let many: Vec<String> = (0..65).map(|n| n.to_string()).collect();
    let cases: &[(&str, Value)] = &[
        ("join", json!([[]])),
        ("join", json!([])),
        ("join", json!(17)),
        ("join", json!(null)),
        ("join", json!({"room": "a"})),
        ("join", json!(["a", 1])),
        ("join", json!(long)),
        ("join", json!("a\u{1b}[2Jb")),
        ("join", json!("a\nb")),
        ("join", json!(many)),
        ("leave", json!(true)),
        ("leave", json!("\u{7f}")),
        ("sub", json!({})),
        ("sub", json!({"rooms": []})),
        ("sub", json!("room")),
        ("sub", json!({"rooms": "a", "since": "x"})),
        ("sub", json!({"rooms": "a", "since": -1})),
        ("sub", json!({"rooms": "a", "since": {}})),
        ("sub", json!({"rooms": "a", "last": "3"})),
        ("sub", json!({"rooms": "a", "last": -3})),
        ("sub", json!({"rooms": ["a", long]})),
        ("sub", json!({"rooms": "a", "log": 3})),
        ("ack", json!({})),
        ("ack", json!({"seq": 3})),
        ("ack", json!({"seq": "1.2.3"})),
        ("ack", json!({"seq": "99999999999999999999"})),
        ("ack", json!("1")),
        ("rooms", json!({"room": 3})),
        ("rooms", json!({"room": long})),
        ("rooms", json!("a")),
        ("pub", json!("hi")),
        ("pub", json!({"event": "connect", "data": 1})),
        ("pub", json!({"event": "disconnect", "data": 1})),
        ("pub", json!({"event": 3, "data": 1})),
        ("pub", json!({"rooms": [3], "data": 1})),
        ("pub", json!({"rooms": ["a\u{0}b"], "data": 1})),
        ("pub", json!({"rooms": many, "data": 1})),
        ("pub", json!({"to": "nobody", "data": 1})),
        ("pub", json!({"volatile": "yes", "data": 1})),
        ("pub", json!({"except": 3, "data": 1})),
        ("pub", json!({"id": 3, "data": 1})),
        ("pub", json!({"id": ["p"], "data": 1})),
        ("pub", json!({"id": ["p", -1], "data": 1})),
        ("pub", json!({"id": ["", 1], "data": 1})),
        ("pub", json!({"id": ["p".repeat(65), 1], "data": 1})),
        ("pub", json!({"id": ["p", u64::MAX], "data": 1})),
        ("batch", json!({"framing": "lines", "count": 1})),
    ];
    for (verb, args) in cases {
        let answer = raw.call("/", verb, args);
        assert_refused(&answer, "bad_request", &format!("{verb} {args}"));
    }
    for verb in ["join", "leave", "sub", "ack", "pub", "batch"] {
        let id = raw.ask("/", verb, "");
        assert_refused(&raw.answer(id), "bad_request", verb);
        let id = raw.ask("/", verb, "1,2,3");
        assert_refused(&raw.answer(id), "bad_request", verb);
        // Nobody asked for an answer; nobody gets one.
        raw.emit("/", verb, "1,2,3");
    }
    let listing = raw.must("rooms", &json!({}));
    assert_eq!(listing["rooms"], json!([]), "nothing came of it");
}

#[test]
fn a_malformed_batch_is_answered_and_the_connection_lives_on() {
    let hub = TestHub::start();
    let mut raw = Raw::roomcat(hub.url());
    let header =
        |framing: &str, count: i64| json!({"rooms": ["a"], "framing": framing, "count": count});
    let json_lines = json!({"rooms": ["a"], "framing": "lines", "json": true, "count": 1});
    let json_bytes = json!({"rooms": ["a"], "framing": "bytes", "json": true, "count": 1});
    let nine = u32::MAX.to_be_bytes();
    let cases: &[(Value, &[u8])] = &[
        (header("lines", 0), b""),
        (header("lines", 0), b"a\n"),
        (header("lines", 1), b""),
        (header("lines", 2), b"a\n"),
        (header("lines", 1), b"a\nb\n"),
        (header("lines", 1), b"a"),
        (header("lines", 2), b"a\nb"),
        (header("lines", 1), b"\xff\n"),
        (header("lines", 1), b"\xed\xa0\x80\n"),
        (header("lines", -1), b"a\n"),
        (header("lines", 1 << 33), b"a\n"),
        (header("bytes", 1), b""),
        (header("bytes", 0), b""),
        (header("bytes", 1), b"\0\0\0\x02a"),
        (header("bytes", 1), b"\0\0\0\x01ab"),
        (header("bytes", 1), b"\0\0\x01"),
        (header("bytes", 2), b"\0\0\0\x01a"),
        (header("bytes", 1), &nine),
        (header("args", 1), b""),
        (header("args", 1), b"\0\0\0\x02[]\0"),
        (header("args", 1), b"\0\0\0\x02{}"),
        (header("args", 1), b"\0\0\0\x03[1,"),
        (header("args", 2), b"\0\0\0\x02[]"),
        (header("args", 1), b"\0\0\0\x05[\"\xff\"]"),
        (
            header("args", 1),
            b"\0\0\0\x1f[{\"_placeholder\":true,\"num\":1}]\0\0\0\0",
        ),
        (header("pigeons", 1), b"a\n"),
        (json_lines.clone(), b"{\n"),
        (json_lines, b"\n"),
        (json_bytes, b"\0\0\0\x011"),
        (json!({"rooms": ["a"], "framing": "lines"}), b"a\n"),
        (
            json!({"rooms": "a", "framing": "lines", "count": 1}),
            b"a\n",
        ),
        (json!({"rooms": ["a"], "count": 1}), b"a\n"),
        (json!(["a"]), b"a\n"),
    ];
    for (header, body) in cases {
        let answer = raw.batch("/", header, body);
        assert_refused(&answer, "bad_request", &format!("{header} {body:?}"));
    }
    let two = r#"{"rooms":["a"],"framing":"lines","count":1},{"_placeholder":true,"num":0}"#;
    let id = raw.ask_binary("/", "batch", two, &[b"a\n", b"b\n"]);
    assert_refused(&raw.answer(id), "bad_request", "two bodies");
    assert_eq!(raw.must("rooms", &json!({}))["rooms"], json!([]));
}

#[test]
fn a_message_over_the_limit_is_refused_and_the_connection_lives_on() {
    let hub = TestHub::with(&["--max-message", "1000"]);
    let mut raw = Raw::roomcat(hub.url());
    let (fits, over) = ("x".repeat(1000), "x".repeat(1001));
    let receipt = raw.batch("/", &lines("a", 3), format!("1\n{fits}\n3\n").as_bytes());
    assert_eq!(receipt["ok"], true, "{receipt}");
    let answer = raw.batch("/", &lines("a", 3), format!("1\n{over}\n3\n").as_bytes());
    assert_refused(&answer, "too_large", "a line");
    let message = answer["error"]["message"].as_str().unwrap();
    for part in ["1001", "1000", "--max-message"] {
        assert!(message.contains(part), "{message}");
    }
    let header = json!({"rooms": ["a"], "framing": "bytes", "count": 1});
    let body = [&1001u32.to_be_bytes()[..], over.as_bytes()].concat();
    assert_refused(&raw.batch("/", &header, &body), "too_large", "bytes");
    let answer = raw.call("/", "pub", &json!({"rooms": "a", "data": over}));
    assert_refused(&answer, "too_large", "pub");
    let answer = raw.call("/", "any event", &json!(over));
    assert_refused(&answer, "too_large", "an application's event");
    let body = "x\n".repeat(140_000);
    let answer = raw.batch("/", &lines("a", 140_000), body.as_bytes());
    assert_refused(&answer, "too_large", "more than a batch may hold");
    let listing = raw.must("rooms", &json!({"room": "a"}));
    assert_eq!(listing["rooms"][0]["messages"], 3);
}

/// A question whose asker has left is answered to nobody, and holds up nobody.
#[test]
fn questions_of_namespaces_that_were_left_are_forgotten() {
    let hub = TestHub::start();
    let mut raw = Raw::roomcat(hub.url());
    for _ in 0..600 {
        raw.send("40/x,");
        raw.send("42/x,1[\"rooms\",{}]");
        raw.send("42/x,2[\"pub\",{\"data\":1,\"volatile\":true}]");
        raw.send("42/x,3[\"pub\",{\"data\":1}]");
        raw.send("42/x,4[\"sub\",{\"rooms\":[\"a\"]}]");
        raw.send("41/x,");
    }
    raw.assert_alive();
}

/// A list can be long, so nothing more is read from who asked until it was answered.
#[test]
fn lists_of_rooms_are_made_one_at_a_time() {
    let hub = TestHub::start();
    let mut raw = Raw::roomcat(hub.url());
    for room in 0..100 {
        raw.publish(&format!("room {room}"), "x");
    }
    let asked: Vec<u64> = (0..200).map(|_| raw.ask("/", "rooms", "{}")).collect();
    let behind = raw.ask("/", "join", r#""a""#);
    raw.answer(behind);
    let answered: Vec<u64> = raw.take_kept().iter().filter_map(|it| it.id).collect();
    assert_eq!(answered, asked);
}

/// Answers are bounded by their bytes too: who asks for long ones and takes none is not read any further.
#[test]
fn who_does_not_take_long_answers_is_not_asked_for_more() {
    let hub = TestHub::start();
    let mut publisher = Raw::roomcat(hub.url());
    for batch in 0..32 {
        let rooms: Vec<String> = (0..64)
            .map(|room| format!("{batch} {room} {}", "x".repeat(200)))
            .collect();
        publisher.must("pub", &json!({"rooms": rooms, "data": 1}));
    }
    let mut raw = Raw::roomcat(hub.url());
    raw.stream()
        .set_write_timeout(Some(Duration::from_secs(1)))
        .unwrap();
    // More than the buffers of both ends hold.
    let padded = json!({"pad": "x".repeat(250_000)}).to_string();
    let question = event_text("/", Some(1), "rooms", &padded, 0);
    let asked = (0..200)
        .take_while(|_| raw.try_send(Message::text(question.clone())).is_ok())
        .count();
    assert!(asked < 200, "the hub read all of them");
    publisher.assert_alive();
}
