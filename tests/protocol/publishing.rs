//! Idempotent publishing by hand: a producer's numbers, its duplicates and its gaps, also over restarts of the hub.

use serde_json::{Value, json};

use crate::harness::TestHub;
use crate::raw::Raw;

fn numbered(producer: &str, number: u64) -> Value {
    json!({"rooms": ["a"], "framing": "lines", "count": 1, "id": [producer, number]})
}

fn send(raw: &mut Raw, producer: &str, number: u64) -> Value {
    let line = format!("{producer} {number}\n");
    raw.batch("/", &numbered(producer, number), line.as_bytes())
}

fn assert_stored(answer: &Value) {
    assert_eq!(answer["ok"], true, "{answer}");
    assert!(answer.get("duplicate").is_none(), "{answer}");
    assert!(answer["first"].is_string(), "{answer}");
}

fn assert_duplicate(answer: &Value) {
    assert_eq!(answer["ok"], true, "{answer}");
    assert_eq!(answer["duplicate"], true, "{answer}");
    assert_eq!(
        (&answer["delivered"], &answer["queued"]),
        (&json!(0), &json!(0))
    );
}

fn assert_out_of_order(answer: &Value) {
    assert_eq!(answer["ok"], false, "{answer}");
    assert_eq!(answer["error"]["code"], "out_of_order", "{answer}");
}

/// All that the room holds, in order.
fn stored(hub: &TestHub) -> Vec<String> {
    let mut raw = Raw::roomcat(hub.url());
    raw.must("sub", &json!({"rooms": ["a"], "since": "0"}));
    let mut lines = Vec::new();
    for event in raw.events_until("caught-up") {
        if event.is_event("batch") {
            let text = std::str::from_utf8(event.body()).unwrap();
            lines.extend(text.lines().map(str::to_owned));
        }
    }
    lines
}

#[test]
fn a_number_is_taken_once_and_in_order() {
    let hub = TestHub::start();
    let mut raw = Raw::roomcat(hub.url());
    let first = send(&mut raw, "p", 5);
    assert_stored(&first);
    let again = send(&mut raw, "p", 5);
    assert_duplicate(&again);
    assert_eq!(
        again["first"], first["first"],
        "the latest one's place is known"
    );
    assert_out_of_order(&send(&mut raw, "p", 7));
    assert_stored(&send(&mut raw, "p", 6));
    assert_duplicate(&send(&mut raw, "p", 5));
    assert_duplicate(&send(&mut raw, "p", 1));
    assert_stored(&send(&mut raw, "q", 1_000_000));
    assert_eq!(stored(&hub), ["p 5", "p 6", "q 1000000"]);
}

#[test]
fn a_refused_record_uses_no_number() {
    let hub = TestHub::start();
    let mut raw = Raw::roomcat(hub.url());
    assert_stored(&send(&mut raw, "p", 1));
    let refused = raw.batch("/", &numbered("p", 2), b"two\nlines\n");
    assert_eq!(refused["error"]["code"], "bad_request");
    assert_stored(&send(&mut raw, "p", 2));
    assert_eq!(stored(&hub), ["p 1", "p 2"]);
}

#[test]
fn numbers_that_come_together_are_judged_in_their_order() {
    let hub = TestHub::start();
    let mut raw = Raw::roomcat(hub.url());
    let numbers = [1, 2, 2, 4, 3, 5, 4, 1];
    let asked: Vec<u64> = numbers
        .iter()
        .map(|n| raw.ask_batch("/", &numbered("p", *n), format!("p {n}\n").as_bytes()))
        .collect();
    let answers: Vec<Value> = asked.into_iter().map(|id| raw.answer(id)).collect();
    for (index, check) in [
        (0, assert_stored as fn(&Value)),
        (1, assert_stored),
        (2, assert_duplicate),
        (3, assert_out_of_order),
        (4, assert_stored),
        (5, assert_out_of_order),
        (6, assert_stored),
        (7, assert_duplicate),
    ] {
        check(&answers[index]);
    }
    assert_eq!(stored(&hub), ["p 1", "p 2", "p 3", "p 4"]);
}

#[test]
fn a_producer_is_known_on_every_connection_and_by_every_verb() {
    let hub = TestHub::start();
    let mut one = Raw::roomcat(hub.url());
    let mut two = Raw::connected(hub.url(), "/", &json!({"as": "somebody else"}));
    assert_stored(&send(&mut one, "p", 1));
    assert_duplicate(&send(&mut two, "p", 1));
    let args = json!({"rooms": ["a"], "data": "two", "id": ["p", 2]});
    let receipt = two.must("pub", &args);
    assert!(receipt["seq"].is_string(), "{receipt}");
    assert_eq!(two.must("pub", &args)["duplicate"], true);
    assert_duplicate(&send(&mut one, "p", 2));
}

#[test]
fn numbers_survive_a_restart_of_the_hub() {
    let mut hub = TestHub::start();
    let mut raw = Raw::roomcat(hub.url());
    for number in 1..=3 {
        assert_stored(&send(&mut raw, "p", number));
    }
    hub.stop();
    hub.restart();
    let mut raw = Raw::roomcat(hub.url());
    assert_duplicate(&send(&mut raw, "p", 3));
    assert_duplicate(&send(&mut raw, "p", 1));
    assert_out_of_order(&send(&mut raw, "p", 5));
    assert_stored(&send(&mut raw, "p", 4));
    hub.kill9();
    hub.restart();
    let mut raw = Raw::roomcat(hub.url());
    assert_duplicate(&send(&mut raw, "p", 4));
    assert_stored(&send(&mut raw, "p", 5));
    assert_eq!(stored(&hub), ["p 1", "p 2", "p 3", "p 4", "p 5"]);
}
