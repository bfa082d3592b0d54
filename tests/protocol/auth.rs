//! CONNECT's auth object: the token, and what a stock client with a name is owed.

use serde_json::{Value, json};

use crate::harness::TestHub;
use crate::raw::{Heart, Packet, Raw, lines};

#[test]
fn only_the_right_token_enters() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "s3cret token\n").unwrap();
    let hub = TestHub::with(&["--token-file", file.to_str().unwrap()]);
    let mut raw = Raw::open(hub.url());
    for auth in [
        Value::Null,
        json!({}),
        json!({"token": null}),
        json!({"token": ""}),
        json!({"token": "s3cret"}),
        json!({"token": "s3cret token\n"}),
        json!({"token": "s3cret token2", "as": "alice", "roomcat": 1}),
    ] {
        for namespace in ["/", "/admin"] {
            let answer = raw.connect(namespace, &auth);
            assert_eq!(answer.kind, '4', "{auth}: {answer:?}");
            let data = answer.json();
            assert!(
                data["message"]
                    .as_str()
                    .is_some_and(|m| m.contains("token"))
            );
            assert_eq!(data["data"]["code"], "token", "{auth}: {data}");
        }
    }
    let right = json!({"token": "s3cret token"});
    assert_eq!(raw.connect("/", &right).kind, '0');
    assert_eq!(
        raw.connect("/admin", &Value::Null).kind,
        '4',
        "each namespace asks"
    );
    raw.assert_alive();
    assert!(!hub.stderr().contains("s3cret"), "{}", hub.stderr());
}

fn alice(hub: &TestHub, auth: Value) -> Raw {
    let mut auth = auth;
    auth["as"] = json!("alice");
    Raw::connected(hub.url(), "/", &auth)
}

fn texts(events: &[Packet]) -> Vec<String> {
    let text = |event: &Packet| event.args()[0].as_str().unwrap().to_owned();
    events.iter().map(text).collect()
}

fn take(raw: &mut Raw, count: usize) -> Vec<Packet> {
    (0..count).map(|_| raw.event()).collect()
}

#[test]
fn a_named_stock_client_first_gets_what_it_missed() {
    let hub = TestHub::start();
    let mut away = alice(&hub, json!({}));
    away.must("join", &json!("ci"));
    away.send("41");
    let mut publisher = Raw::roomcat(hub.url());
    let receipt = publisher.publish("ci", "one");
    assert_eq!(
        (&receipt["delivered"], &receipt["queued"]),
        (&json!(0), &json!(1))
    );
    publisher.emit("/", "chat message", r#""two""#);
    let header = json!({"rooms": ["ci", ""], "framing": "lines", "count": 2});
    publisher.batch("/", &header, b"three\nfour\n");
    publisher.publish("elsewhere", "never");
    let mut back = alice(&hub, json!({}));
    publisher.publish("ci", "five");
    let events = take(&mut back, 5);
    assert_eq!(texts(&events), ["one", "two", "three", "four", "five"]);
    assert!(events[1].is_event("chat message"));
}

#[test]
fn a_named_stock_client_that_joins_gets_what_waits_there_and_nothing_twice() {
    let hub = TestHub::start();
    let mut client = alice(&hub, json!({}));
    let mut publisher = Raw::roomcat(hub.url());
    publisher.publish("", "before");
    assert_eq!(texts(&take(&mut client, 1)), ["before"]);
    hub.cmd(&["join", "ci", "--as", "alice"]).check();
    publisher.publish("ci", "waits");
    client.must("join", &json!("ci"));
    publisher.publish("", "after");
    assert_eq!(texts(&take(&mut client, 2)), ["waits", "after"]);
}

#[test]
fn what_was_written_to_a_named_stock_client_is_not_repeated() {
    let hub = TestHub::start();
    let mut first = alice(&hub, json!({}));
    let mut publisher = Raw::stock(hub.url());
    publisher.emit("/", "a", r#""one""#);
    assert_eq!(texts(&take(&mut first, 1)), ["one"]);
    first.send("41");
    let mut second = alice(&hub, json!({}));
    publisher.emit("/", "a", r#""two""#);
    assert_eq!(texts(&take(&mut second, 1)), ["two"]);
}

#[test]
fn with_auth_ack_what_is_not_acked_is_repeated() {
    let hub = TestHub::start();
    let mut first = alice(&hub, json!({"ack": true}));
    let mut publisher = Raw::roomcat(hub.url());
    publisher.batch("/", &lines("", 4), b"one\ntwo\nthree\nfour\n");
    let events = take(&mut first, 4);
    let ids: Vec<u64> = events
        .iter()
        .map(|event| event.id.expect("an ack id"))
        .collect();
    // The first, and one behind a hole: only the contiguous prefix counts.
    first.send(&format!("43{}[]", ids[0]));
    first.send(&format!("43{}[]", ids[2]));
    first.assert_alive();
    drop(first);
    let mut second = alice(&hub, json!({"ack": true}));
    let events = take(&mut second, 3);
    assert_eq!(texts(&events), ["two", "three", "four"]);
    for event in &events {
        second.send(&format!("43{}[\"thanks\"]", event.id.unwrap()));
    }
    second.assert_alive();
    second.send("41");
    let mut third = alice(&hub, json!({"ack": true}));
    publisher.publish("", "five");
    assert_eq!(texts(&take(&mut third, 1)), ["five"]);
}

/// Checks that no event comes before two more heartbeats and the answer to a verb.
pub fn assert_paused(raw: &mut Raw) {
    raw.set_heart(Heart::Stopped);
    for _ in 0..2 {
        let packet = raw.next().expect("open");
        assert_eq!(packet.kind, 'p', "it did not pause");
        raw.send("3");
    }
    raw.set_heart(Heart::Beats);
    raw.assert_alive();
    assert_eq!(raw.take_kept(), [], "it did not pause");
}

#[test]
fn with_auth_ack_delivery_pauses_at_a_thousand_unacked() {
    let hub = TestHub::with(&["--ping-interval", "200ms"]);
    let mut raw = alice(&hub, json!({"ack": true}));
    let mut publisher = Raw::roomcat(hub.url());
    let body: String = (0..2500).map(|n| format!("{n}\n")).collect();
    assert_eq!(
        publisher.batch("/", &lines("", 2500), body.as_bytes())["ok"],
        true
    );
    let mut next = 0;
    for expected in [1000, 2000, 2500] {
        let mut last = 0;
        while next < expected {
            let packet = raw.event();
            assert_eq!(packet.args()[0], json!(next.to_string()));
            last = packet.id.expect("an ack id");
            next += 1;
        }
        assert_paused(&mut raw);
        let first = last + 1 - (if expected == 2500 { 500 } else { 1000 });
        for id in first..=last {
            raw.send(&format!("43{id}[]"));
        }
    }
}

#[test]
fn a_stock_name_has_one_holder() {
    let hub = TestHub::start();
    let mut older = alice(&hub, json!({}));
    let mut newer = alice(&hub, json!({}));
    let goodbye = older.until(|packet| packet.kind == '1');
    assert_eq!(goodbye.namespace, "/");
    let mut publisher = Raw::stock(hub.url());
    publisher.emit("/", "a", r#""one""#);
    assert_eq!(texts(&take(&mut newer, 1)), ["one"]);
}

#[test]
fn leaving_for_good_is_said() {
    let hub = TestHub::start();
    let mut raw = alice(&hub, json!({}));
    raw.must("leave", &json!(""));
    raw.send("41");
    let mut publisher = Raw::stock(hub.url());
    let id = publisher.ask("/", "a", "1");
    assert_eq!(publisher.answer(id)["queued"], 0);
}

/// What is left of a record, more of which may be handed only once some of it is answered, stays pending even when
/// everything behind it was looked at and is nobody's business.
#[test]
fn what_was_not_yet_handed_of_a_record_stays_pending() {
    let hub = TestHub::start();
    let auth = json!({"as": "alice", "roomcat": 1});
    let mut publisher = Raw::connected(hub.url(), "/", &auth);
    publisher.must("join", &json!("a"));
    publisher.batch("/", &lines("a", 1500), "x\n".repeat(1500).as_bytes());
    // One's own are looked at and not handed; so many that they take a second page.
    let mut own = lines("a", 1);
    own["to"] = json!("others");
    let asked: Vec<u64> = (0..4200)
        .map(|_| publisher.ask_batch("/", &own, b"own\n"))
        .collect();
    publisher.answer(*asked.last().unwrap());
    let mut first = alice(&hub, json!({"ack": true}));
    let ids: Vec<u64> = (0..1000).map(|_| first.event().id.unwrap()).collect();
    // The second page is read meanwhile.
    hub.wait_for_sockets("a", 1);
    for id in ids {
        first.send(&format!("43{id}[]"));
    }
    for _ in 1000..1500 {
        first.event();
    }
    // Behind the answers in the log.
    first.must("pub", &json!({"rooms": "elsewhere", "data": 1}));
    assert_eq!(hub.pending("a", "alice"), Some(500));
}

/// An answer to an event of a subscription that was replaced confirms nothing in the rooms of the new one.
#[test]
fn an_answer_counts_in_the_subscription_it_is_of() {
    let hub = TestHub::start();
    let mut raw = alice(&hub, json!({"ack": true}));
    alice(&hub, json!({"roomcat": 1})).must("join", &json!("a"));
    let mut publisher = Raw::roomcat(hub.url());
    publisher.publish("a", "pending");
    publisher.publish("", "live");
    let live = raw.event();
    assert_eq!(live.payload, r#"["message","live"]"#);
    raw.must("sub", &json!({"rooms": ["a"]}));
    let pending = raw.event();
    assert_eq!(pending.payload, r#"["message","pending"]"#);
    raw.send(&format!("43{}[]", live.id.unwrap()));
    raw.must("pub", &json!({"rooms": "elsewhere", "data": 1}));
    assert_eq!(hub.pending("a", "alice"), Some(1));
    raw.send(&format!("43{}[]", pending.id.unwrap()));
    raw.must("pub", &json!({"rooms": "elsewhere", "data": 1}));
    assert_eq!(hub.pending("a", "alice"), Some(0));
}
