//! How sharers come and go, by hand: what each is answered, and what becomes of what it had confirmed.

use serde_json::json;

use super::sharing::{by_hand, hub_with, numbered, piece};
use crate::harness::{TestHub, wait_until};
use crate::raw::Raw;

fn named(hub: &TestHub) -> Raw {
    Raw::connected(hub.url(), "/", &json!({"roomcat": 1, "as": "w"}))
}

/// One holds 1, 2 and 3 and has confirmed 1, and the other has confirmed 4, 5 and 6.
fn with_a_hole(hub: &TestHub) -> [Raw; 2] {
    let mut first = by_hand(hub, json!({"window": 3}));
    assert_eq!(piece(&mut first).0, ["1", "2", "3"]);
    let mut second = by_hand(hub, json!({}));
    let (lines, last) = piece(&mut second);
    assert_eq!(lines, ["4", "5", "6"]);
    second.must("ack", &json!({"seq": last}));
    first.must("ack", &json!({"seq": "1"}));
    [first, second]
}

#[test]
fn what_was_confirmed_behind_a_hole_comes_again_after_a_takeover() {
    let hub = hub_with(&numbered(6));
    let sharers = with_a_hole(&hub);
    hub.cmd(&["sub", "jobs", "--as", "w", "--drain"])
        .stdout("2\n3\n4\n5\n6\n")
        .check();
    for mut sharer in sharers {
        let why = sharer.event_named("closed").args();
        assert_eq!(why[0]["code"], "name_taken", "{why:?}");
    }
    assert_eq!(hub.pending("jobs", "w"), Some(0));
}

#[test]
fn what_was_confirmed_behind_a_hole_comes_again_when_the_last_has_left() {
    let hub = hub_with(&numbered(6));
    drop(with_a_hole(&hub));
    let mut raw = named(&hub);
    wait_until("nobody to share it", || {
        raw.must("queue", &json!({}))["queues"][0]
            .get("sharers")
            .is_none()
    });
    hub.cmd(&["sub", "--as", "w", "--share", "--drain"])
        .stdout("2\n3\n4\n5\n6\n")
        .check();
}

#[test]
fn what_is_confirmed_with_the_last_word_counts() {
    let hub = hub_with(&numbered(40));
    for n in 1..=40 {
        let mut sharer = by_hand(&hub, json!({"window": 1}));
        let (lines, seq) = piece(&mut sharer);
        assert_eq!(lines, [n.to_string()]);
        sharer.emit("/", "ack", &json!({"seq": seq}).to_string());
        // Its last word, or that somebody else takes the name.
        let mut taker = named(&hub);
        if n % 2 == 0 {
            sharer.send("41");
        } else {
            taker.emit("/", "sub", &json!({"rooms": ["jobs"]}).to_string());
        }
        wait_until("it to count", || hub.pending("jobs", "w") == Some(40 - n));
    }
}

#[test]
fn the_first_is_told_all_that_waits() {
    let hub = hub_with(&numbered(6));
    hub.publish("jobs", "7\n");
    let answer = named(&hub).must("sub", &json!({"rooms": ["jobs"], "share": true}));
    assert_eq!(
        (&answer["pending"], &answer["head"]),
        (&json!(7), &json!("2"))
    );
}

#[test]
fn who_shares_a_queue_and_kicks_its_name_stays() {
    let hub = hub_with("");
    let mut teacher = by_hand(&hub, json!({}));
    let mut other = by_hand(&hub, json!({}));
    let kicked = teacher.must("kick", &json!({"as": "w"}));
    assert_eq!(kicked["kicked"], 1);
    let why = other.event_named("closed").args();
    assert_eq!(why[0]["code"], "kicked", "{why:?}");
    hub.publish("jobs", "1\n2\n");
    let (lines, seq) = piece(&mut teacher);
    assert_eq!(lines, ["1", "2"]);
    teacher.must("ack", &json!({"seq": seq}));
    assert_eq!(hub.pending("jobs", "w"), Some(0));
}

#[test]
fn whatever_is_asked_before_the_first_answer_is_answered() {
    let hub = hub_with(&numbered(2));
    let mut raw = named(&hub);
    let share = json!({"rooms": ["jobs"], "share": true}).to_string();
    let subs = [(); 3].map(|()| raw.ask("/", "sub", &share));
    // As many as would stop it for good if they were not.
    for seq in 0..1000 {
        raw.emit("/", "ack", &json!({"seq": seq.to_string()}).to_string());
    }
    let ack = raw.ask("/", "ack", &json!({"seq": "0"}).to_string());
    assert_eq!(raw.answer(subs[0])["ok"], true);
    for sub in &subs[1..] {
        let answer = raw.answer(*sub);
        let refused = answer["error"]["code"] == "bad_request";
        assert!(refused || answer["ok"] == true, "{answer}");
    }
    assert_eq!(raw.answer(ack)["ok"], true);
    raw.assert_alive();
}
