//! What is refused, and why.

use serde_json::{Value, json};

use super::{HOUR_MS, an_hour_later, header, now_ms, stored};
use crate::harness::{Cmd, TestHub};
use crate::raw::Raw;

#[test]
fn what_makes_no_sense_is_a_usage_error() {
    for (arguments, why) in [
        (
            &["--delay", "10m", "--at", "08:00"][..],
            "cannot be used with",
        ),
        (&["--delay", "10m", "--volatile"], "cannot be used with"),
        (&["--delay", "10m", "--require", "1"], "cannot be used with"),
        (&["--at", "08:00", "--volatile"], "cannot be used with"),
        (&["--at", "08:00", "--require", "1"], "cannot be used with"),
        (&["--delay", "10"], "a duration is a number and a unit"),
        (&["--delay", "367d"], "at most 366 days ahead"),
        (&["--at", "noon"], "a time: 2026-12-24T08:00"),
        (&["--at", "2999-12-31"], "at most 366 days ahead"),
    ] {
        Cmd::new(&["-u", "ws://127.0.0.1:1", "pub", "a", "hi"])
            .args(arguments)
            .stderr_has(why)
            .status(2)
            .check();
    }
}

fn refused(answer: &Value, why: &str) {
    assert_eq!(answer["ok"], false, "{answer}");
    assert_eq!(answer["error"]["code"], "bad_request", "{answer}");
    let message = answer["error"]["message"].as_str().unwrap();
    assert!(message.contains(why), "{message}");
}

#[test]
fn the_wire_refuses_what_makes_no_sense() {
    let hub = TestHub::start();
    let mut raw = Raw::roomcat(hub.url());
    let days = |days: u64| days * 24 * HOUR_MS;
    for (more, why) in [
        (
            json!({"due": now_ms() + days(367)}),
            "at most 366 days ahead",
        ),
        (json!({"due": u64::MAX}), "at most 366 days ahead"),
        (json!({"delay": days(366) + 1}), "at most 366 days ahead"),
        (json!({"delay": u64::MAX}), "at most 366 days ahead"),
        (json!({"due": 1, "delay": 1}), "not both"),
        (json!({"due": 1, "volatile": true}), "volatile"),
        (json!({"delay": 1, "volatile": true}), "volatile"),
        (json!({"due": -1}), "invalid"),
        (json!({"delay": 1.5}), "invalid"),
        (json!({"delay": "10m"}), "invalid"),
    ] {
        refused(&raw.batch("/", &header(more.clone()), b"x\n"), why);
        let mut object = more;
        object["rooms"] = json!(["a"]);
        refused(&raw.call("/", "pub", &object), why);
    }
    raw.must("pub", &json!({"rooms": "a", "delay": days(366)}));
    assert_eq!(stored(&hub), "");
}

#[test]
fn its_number_is_used_at_once_and_known_on_every_connection() {
    let mut hub = TestHub::start();
    let mut one = Raw::roomcat(hub.url());
    let numbered = |n: u64| header(json!({"delay": HOUR_MS, "id": ["p", n]}));
    let taken = one.batch("/", &numbered(1), b"once\n");
    assert!(taken["due"].is_u64(), "{taken}");
    drop(one);
    let mut two = Raw::roomcat(hub.url());
    let again = two.batch("/", &numbered(1), b"once\n");
    let duplicate = json!({"ok": true, "duplicate": true, "count": 0, "delivered": 0, "queued": 0});
    assert_eq!(again, duplicate);
    let gap = two.batch("/", &numbered(3), b"never\n");
    assert_eq!(gap["error"]["code"], "out_of_order", "{gap}");
    let next = two.batch("/", &numbered(2), b"twice\n");
    assert!(next["due"].is_u64(), "{next}");
    an_hour_later(&mut hub);
    hub.wait_for_room_messages("a", 2);
    let mut two = Raw::roomcat(hub.url());
    let after = two.batch("/", &numbered(1), b"once\n");
    assert_eq!(after, duplicate);
    assert_eq!(stored(&hub), "once\ntwice\n");
}

#[test]
fn a_hub_that_is_full_of_it_says_so_and_delivers_all_the_same() {
    let mut hub = TestHub::with(&["--keep", "0", "--keep-pending", "7d/4MiB"]);
    hub.cmd(&["join", "a", "--as", "m"]).check();
    let mut raw = Raw::roomcat(hub.url());
    let line = "x".repeat(99) + "\n";
    let body = line.repeat(1000);
    let due = now_ms() + HOUR_MS;
    let mut taken = 0;
    let refused = loop {
        let header = header(json!({"due": due, "count": 1000}));
        let answer = raw.batch("/", &header, body.as_bytes());
        if answer["ok"] != true {
            break answer;
        }
        taken += 1000;
        assert!(taken < 100_000, "there is no bound");
    };
    assert_eq!(refused["error"]["code"], "full", "{refused}");
    let message = refused["error"]["message"].as_str().unwrap();
    for part in [
        "would exceed the limit of 1048576",
        "delayed publishes hold",
        "the first of them is due at 20",
    ] {
        assert!(message.contains(part), "{message}");
    }
    let outcome = hub
        .cmd(&[
            "pub",
            "a",
            "--delay",
            "1h",
            "--retry-for",
            "100ms",
            "-f",
            "/dev/stdin",
        ])
        .stdin(&body)
        .any_stderr()
        .run();
    assert_eq!(outcome.status, 1, "{}", outcome.stderr());
    assert!(
        outcome.stderr().contains("delayed publishes hold"),
        "{}",
        outcome.stderr()
    );
    an_hour_later(&mut hub);
    hub.wait_for_room_messages("a", taken);
    assert_eq!(hub.pending("a", "m"), Some(taken));
    hub.cmd(&["sub", "a", "--as", "m", "--drain"])
        .stdout(line.repeat(usize::try_from(taken).unwrap()))
        .check();
    // Now there is room again.
    hub.cmd(&["pub", "a", "--delay", "1h", "later"]).check();
}
