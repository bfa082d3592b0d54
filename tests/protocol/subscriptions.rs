//! The verbs `sub` and `ack` by hand: what is handed, from where, and where the cursor comes to stand.

use serde_json::{Value, json};

use super::auth::assert_paused;
use crate::harness::TestHub;
use crate::raw::{Raw, lines};

fn alice(hub: &TestHub) -> Raw {
    Raw::connected(hub.url(), "/", &json!({"roomcat": 1, "as": "alice"}))
}

/// What a subscription is handed up to `caught-up`: each batch as its first seq and its text.
fn caught_up(raw: &mut Raw) -> Vec<(String, String)> {
    let mut events = raw.events_until("caught-up");
    events.pop();
    let batch = |event: &crate::raw::Packet| {
        let first = event.header()["first"].as_str().unwrap().to_owned();
        (first, String::from_utf8(event.body().to_vec()).unwrap())
    };
    events.iter().map(batch).collect()
}

fn batches(of: &[(&str, &str)]) -> Vec<(String, String)> {
    of.iter()
        .map(|(first, text)| ((*first).to_owned(), (*text).to_owned()))
        .collect()
}

/// What is still pending for alice in her rooms, shown by a subscription that acks nothing.
fn pending(hub: &TestHub) -> Vec<(String, String)> {
    let mut raw = alice(hub);
    raw.must("sub", &json!({"rooms": []}));
    caught_up(&mut raw)
}

#[test]
fn a_batch_is_handed_as_it_came() {
    let hub = TestHub::start();
    let mut raw = Raw::roomcat(hub.url());
    let answer = raw.must("sub", &json!({"rooms": ["ci", "other"]}));
    assert_eq!(
        (&answer["head"], &answer["pending"]),
        (&json!("0"), &json!(0))
    );
    let caught = raw.event();
    assert!(caught.is_event("caught-up"));
    assert_eq!(caught.args(), [json!({"head": "0"})]);
    let mut publisher = Raw::connected(hub.url(), "/", &json!({"roomcat": 1, "as": "make"}));
    let body = "\n\r\n  two  \n\u{0}\n";
    let header = json!({"rooms": ["third", "ci"], "event": "log", "framing": "lines", "count": 4});
    publisher.batch("/", &header, body.as_bytes());
    let event = raw.event();
    assert_eq!(event.body(), body.as_bytes());
    let mut header = event.header();
    let at = header.as_object_mut().unwrap().remove("at").unwrap();
    assert!(at.as_u64().is_some_and(|ms| ms > 1_700_000_000_000), "{at}");
    let expected = json!({"rooms": ["third", "ci"], "event": "log", "framing": "lines", "count": 4,
        "first": "1", "from": "make"});
    assert_eq!(header, expected);
    let id = publisher.ask_binary(
        "/",
        "upload",
        r#"{"_placeholder":true,"num":0},1e400"#,
        &[b"\xff\0"],
    );
    assert_eq!(
        publisher.answer(id)["delivered"],
        0,
        "it is in no room of ours"
    );
    let args = r#"{"rooms":["ci"],"event":"up","data":{"_placeholder":true,"num":0}}"#;
    publisher.ask_binary("/", "pub", args, &[b"\xff\0"]);
    let event = raw.event();
    assert_eq!(event.header()["framing"], "args");
    let text = br#"[{"_placeholder":true,"num":0}]"#;
    let body = [
        &(text.len() as u32).to_be_bytes()[..],
        text,
        b"\0\0\0\x02\xff\0",
    ]
    .concat();
    assert_eq!(event.body(), body);
}

#[test]
fn what_is_pending_comes_first_then_caught_up_then_live() {
    let hub = TestHub::start();
    alice(&hub).must("join", &json!(["a", "b"]));
    let mut publisher = Raw::roomcat(hub.url());
    publisher.publish("a", "1");
    publisher.publish("elsewhere", "never");
    publisher.batch(
        "/",
        &json!({"rooms": ["a", "b"], "framing": "lines", "count": 2}),
        b"2\n3\n",
    );
    publisher.publish("b", "4");
    let mut raw = alice(&hub);
    let answer = raw.must("sub", &json!({"rooms": []}));
    assert_eq!(
        (&answer["head"], &answer["pending"]),
        (&json!("4"), &json!(4))
    );
    assert_eq!(answer["rooms"], json!(["a", "b"]));
    publisher.publish("b", "5");
    let handed = caught_up(&mut raw);
    assert_eq!(
        handed,
        batches(&[("1", "1\n"), ("3", "2\n3\n"), ("4", "4\n")])
    );
    assert_eq!(raw.event().body(), b"5\n");
}

#[test]
fn an_ack_inside_a_record_cuts_it_there() {
    let hub = TestHub::start();
    alice(&hub).must("join", &json!("a"));
    let mut publisher = Raw::roomcat(hub.url());
    publisher.batch("/", &lines("a", 5), b"0\n1\n2\n3\n4\n");
    publisher.publish("a", "5");
    let mut raw = alice(&hub);
    raw.must("sub", &json!({"rooms": ["a"]}));
    caught_up(&mut raw);
    raw.must("ack", &json!({"seq": "1.2"}));
    assert_eq!(pending(&hub), batches(&[("1.3", "3\n4\n"), ("2", "5\n")]));
    let mut raw = alice(&hub);
    let answer = raw.must("sub", &json!({"rooms": ["a"]}));
    assert_eq!(answer["pending"], 3);
    caught_up(&mut raw);
    // Acks never move back, and the last message of a record ends it.
    raw.must("ack", &json!({"seq": "1.4"}));
    raw.must("ack", &json!({"seq": "1"}));
    assert_eq!(pending(&hub), batches(&[("2", "5\n")]));
}

#[test]
fn an_ack_covers_no_more_than_what_was_handed() {
    let hub = TestHub::start();
    let mut raw = alice(&hub);
    raw.must("join", &json!(["a", "b"]));
    let mut publisher = Raw::roomcat(hub.url());
    publisher.publish("a", "1");
    publisher.publish("b", "2");
    raw.must("ack", &json!({"seq": "2"}));
    assert_eq!(pending(&hub).len(), 2, "nothing was handed yet");
    raw.must("sub", &json!({"rooms": ["a"]}));
    assert_eq!(caught_up(&mut raw).len(), 1);
    for far in ["9.9", "9223372036854775806", "2"] {
        raw.must("ack", &json!({"seq": far}));
    }
    publisher.publish("a", "3");
    raw.event_named("batch");
    drop(raw);
    assert_eq!(pending(&hub), batches(&[("2", "2\n"), ("3", "3\n")]));
}

#[test]
fn a_second_sub_replaces_the_first() {
    let hub = TestHub::start();
    let mut raw = alice(&hub);
    raw.must("sub", &json!({"rooms": ["a"]}));
    let mut publisher = Raw::roomcat(hub.url());
    publisher.publish("a", "1");
    raw.event_named("batch");
    raw.must("sub", &json!({"rooms": ["b"]}));
    publisher.publish("a", "2");
    publisher.publish("b", "3");
    assert_eq!(raw.event_named("batch").body(), b"3\n", "only the new room");
    raw.must("ack", &json!({"seq": "3"}));
    // The ack was for what the second one was handed; room a still has both.
    assert_eq!(pending(&hub), batches(&[("1", "1\n"), ("2", "2\n")]));
    let mut raw = alice(&hub);
    for _ in 0..2 {
        let answer = raw.must("sub", &json!({"rooms": ["a", "b"]}));
        assert_eq!(answer["pending"], 2, "what is not acked is handed again");
        raw.event_named("caught-up");
    }
}

/// What waits for credit when a second `sub` comes is handed by the second alone, and once.
#[test]
fn a_second_sub_hands_what_had_not_been_taken_once() {
    let hub = TestHub::start();
    let mut raw = alice(&hub);
    raw.must("sub", &json!({"rooms": ["a"]}));
    let mut publisher = Raw::roomcat(hub.url());
    let body = ("x".repeat(127) + "\n").repeat(2048);
    // More than the credit of 4 MiB, and no more beyond it than a mailbox holds.
    let records = 22;
    for _ in 0..records {
        let receipt = publisher.batch("/", &lines("a", 2048), body.as_bytes());
        assert_eq!(receipt["delivered"], 1, "{receipt}");
    }
    let answer = raw.must("sub", &json!({"rooms": ["a"]}));
    assert_eq!(answer["pending"], records * 2048);
    let before = raw.take_kept();
    assert!(before.len() < records, "all of it was handed before");
    let marker = json!({"rooms": ["a"], "event": "marker", "framing": "lines", "count": 1});
    publisher.batch("/", &marker, b"marker\n");
    let mut firsts = Vec::new();
    loop {
        let header = raw.event_named("batch").header();
        let first = header["first"].as_str().unwrap().to_owned();
        if header["event"] == "marker" {
            break;
        }
        raw.emit(
            "/",
            "ack",
            &json!({"seq": format!("{first}.2047")}).to_string(),
        );
        firsts.push(first);
    }
    let expected: Vec<String> = (1..=records).map(|n| n.to_string()).collect();
    assert_eq!(firsts, expected);
}

/// What is published behind a `sub` on the same connection is owed to it, however close it comes, also when another room
/// was subscribed before.
#[test]
fn what_follows_a_sub_arrives() {
    let hub = TestHub::start();
    let mut raw = Raw::roomcat(hub.url());
    for round in 0..300 {
        let room = format!("r{round}");
        raw.ask("/", "sub", &json!({"rooms": [room]}).to_string());
        let asked: Vec<u64> = (0..8)
            .map(|n| raw.ask_batch("/", &lines(&room, 1), format!("{round}.{n}\n").as_bytes()))
            .collect();
        for id in asked {
            let receipt = raw.answer(id);
            assert_eq!(receipt["delivered"], 1, "round {round}: {receipt}");
        }
        for n in 0..8 {
            let batch = raw.event_named("batch");
            assert_eq!(batch.body(), format!("{round}.{n}\n").as_bytes());
        }
    }
}

#[test]
fn since_and_last_choose_a_stretch_of_the_log() {
    let hub = TestHub::start();
    let mut publisher = Raw::roomcat(hub.url());
    publisher.batch("/", &lines("a", 3), b"0\n1\n2\n");
    publisher.publish("b", "between");
    publisher.batch("/", &lines("a", 3), b"3\n4\n5\n");
    let mut cases = vec![
        (json!({}), batches(&[])),
        (
            json!({"since": "0"}),
            batches(&[("1", "0\n1\n2\n"), ("3", "3\n4\n5\n")]),
        ),
        (
            json!({"since": "1.2"}),
            batches(&[("1.2", "2\n"), ("3", "3\n4\n5\n")]),
        ),
        (json!({"since": "2"}), batches(&[("3", "3\n4\n5\n")])),
        (json!({"since": "3.9"}), batches(&[])),
        (json!({"since": "99"}), batches(&[])),
        (
            json!({"since": 0}),
            batches(&[("1", "0\n1\n2\n"), ("3", "3\n4\n5\n")]),
        ),
        (json!({"since": 99_999_999_999_999u64}), batches(&[])),
        (json!({"last": 0}), batches(&[])),
        (
            json!({"last": 4}),
            batches(&[("1.2", "2\n"), ("3", "3\n4\n5\n")]),
        ),
        (
            json!({"last": 99}),
            batches(&[("1", "0\n1\n2\n"), ("3", "3\n4\n5\n")]),
        ),
        (
            json!({"since": "3.1", "last": 99}),
            batches(&[("3.1", "4\n5\n")]),
        ),
        (json!({"since": "1", "last": 1}), batches(&[("3.2", "5\n")])),
    ];
    for (args, expected) in &mut cases {
        args["rooms"] = json!(["a"]);
        let mut raw = Raw::roomcat(hub.url());
        let answer = raw.must("sub", args);
        let lines: usize = expected.iter().map(|(_, text)| text.lines().count()).sum();
        assert_eq!(answer["pending"], lines, "{args}");
        assert_eq!(caught_up(&mut raw), *expected, "{args}");
    }
}

#[test]
fn unacked_bytes_are_bounded() {
    const MIB: usize = 1 << 20;
    let hub = TestHub::with(&["--ping-interval", "300ms"]);
    let mut raw = Raw::roomcat(hub.url());
    raw.must("sub", &json!({"rooms": ["a"]}));
    raw.event_named("caught-up");
    let mut publisher = Raw::roomcat(hub.url());
    let body = "x".repeat(127) + "\n";
    let body = body.repeat(2048);
    for _ in 0..40 {
        let receipt = publisher.batch("/", &lines("a", 2048), body.as_bytes());
        assert_eq!(receipt["ok"], true);
    }
    let mut total = 0;
    while total < 10 * MIB {
        let (mut last, mut window) = (String::new(), 0);
        while window < 4 * MIB && total < 10 * MIB {
            let batch = raw.event_named("batch");
            last = format!("{}.{}", batch.header()["first"].as_str().unwrap(), 2047);
            window += batch.body().len();
            total += batch.body().len();
        }
        assert!(window <= 4 * MIB + body.len(), "{window} bytes unacked");
        if total < 10 * MIB {
            assert_paused(&mut raw);
        }
        raw.emit("/", "ack", &json!({"seq": last}).to_string());
    }
}

#[test]
fn the_newest_subscriber_holds_a_name() {
    let hub = TestHub::start();
    let mut older = alice(&hub);
    older.must("sub", &json!({"rooms": ["a"]}));
    // Publishing under the name, or joining, takes nothing.
    let mut beside = alice(&hub);
    beside.must("join", &json!("b"));
    beside.publish("a", "1");
    assert_eq!(older.event_named("batch").header()["from"], "alice");
    let mut newer = alice(&hub);
    newer.must("sub", &json!({"rooms": ["a"]}));
    let closed = older.event_named("closed").args();
    assert_eq!(closed[0]["code"], "name_taken");
    assert!(closed[0]["message"].as_str().is_some_and(|m| !m.is_empty()));
    older.until(|packet| packet.kind == '1');
    beside.assert_alive();
    assert_eq!(
        newer.event_named("batch").body(),
        b"1\n",
        "not acked by the older"
    );
    // A sub of its own again takes it from nobody.
    newer.must("sub", &json!({"rooms": ["a"]}));
    newer.assert_alive();
}

#[test]
fn a_name_without_rooms_is_told_so() {
    let hub = TestHub::start();
    let mut raw = alice(&hub);
    let answer = raw.call("/", "sub", &json!({"rooms": []}));
    assert_eq!(answer["error"]["code"], "no_rooms", "{answer}");
    raw.assert_alive();
}

#[test]
fn others_are_not_owed_on_replay_either() {
    let hub = TestHub::start();
    let mut raw = alice(&hub);
    raw.must("join", &json!("a"));
    let header = json!({"rooms": ["a"], "framing": "lines", "count": 1, "to": "others"});
    let receipt = raw.batch("/", &header, b"my own\n");
    assert_eq!(receipt["queued"], 0, "{receipt}");
    raw.publish("a", "to all");
    let mut bob = Raw::connected(hub.url(), "/", &json!({"roomcat": 1, "as": "bob"}));
    assert_eq!(bob.batch("/", &header, b"of bob\n")["queued"], 1);
    let mut again = alice(&hub);
    assert_eq!(again.must("sub", &json!({"rooms": []}))["pending"], 2);
    assert_eq!(
        caught_up(&mut again),
        batches(&[("2", "to all\n"), ("3", "of bob\n")])
    );
}

#[test]
fn who_resumes_gets_what_follows_and_has_acked_what_came_before() {
    let hub = TestHub::start();
    let mut raw = Raw::open(hub.url());
    let auth = json!({"roomcat": 1, "as": "alice"});
    let log = raw.connect("/", &auth).json()["log"].clone();
    raw.must("sub", &json!({"rooms": ["a"]}));
    let mut publisher = Raw::roomcat(hub.url());
    publisher.batch("/", &lines("a", 3), b"0\n1\n2\n");
    raw.event_named("batch");
    drop(raw);
    // It had written two of the three and not acked them.
    let mut raw = alice(&hub);
    let resume = |since: &str| json!({"rooms": ["a"], "since": since, "log": log});
    assert_eq!(raw.must("sub", &resume("1.2"))["pending"], 1);
    assert_eq!(caught_up(&mut raw), batches(&[("1.2", "2\n")]));
    drop(raw);
    // Now all three, and there is nothing more that it could be handed and ack.
    let mut raw = alice(&hub);
    assert_eq!(raw.must("sub", &resume("1.3"))["pending"], 0);
    assert_eq!(caught_up(&mut raw), []);
    raw.must("ack", &json!({"seq": "1.2"}));
    drop(raw);
    assert_eq!(pending(&hub), [], "it said that it has seen them");
}

#[test]
fn who_resumes_against_another_log_is_told() {
    let hub = TestHub::start();
    let mut publisher = Raw::roomcat(hub.url());
    publisher.publish("a", "1");
    publisher.publish("a", "2");
    let mut raw = Raw::open(hub.url());
    let log = raw.connect("/", &json!({"roomcat": 1})).json()["log"].clone();
    raw.must(
        "sub",
        &json!({"rooms": ["a"], "since": "2", "log": "another"}),
    );
    let gap = raw.event();
    assert!(gap.is_event("gap"), "{gap:?}");
    assert_eq!(gap.args(), [json!({ "log": log })]);
    assert_eq!(caught_up(&mut raw), batches(&[("1", "1\n"), ("2", "2\n")]));
}

#[test]
fn a_wrong_type_of_ack_answer_is_no_ack() {
    let hub = TestHub::start();
    alice(&hub).must("join", &json!("a"));
    let mut publisher = Raw::roomcat(hub.url());
    publisher.publish("a", "1");
    let mut raw = alice(&hub);
    raw.must("sub", &json!({"rooms": ["a"]}));
    caught_up(&mut raw);
    let answer: Value = raw.call("/", "ack", &json!({"seq": 1}));
    assert_eq!(answer["ok"], false);
    assert_eq!(pending(&hub), batches(&[("1", "1\n")]));
}
