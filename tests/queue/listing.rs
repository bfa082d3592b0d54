//! `queue`, `queue peek` and `queue purge`: what is pending for whom, by whoever may know.

use serde_json::{Value, json};

use crate::harness::{Size, TestHub, wait_until};
use crate::raw::Raw;

/// Two members, one of them in two rooms.
fn hub() -> TestHub {
    let hub = TestHub::start();
    hub.cmd(&["join", "jobs", "mail", "--as", "w"]).check();
    hub.cmd(&["join", "jobs", "--as", "alice"]).check();
    hub.publish("jobs", "one\ntwo\nthree\n");
    hub.publish("mail", "letter\n");
    hub
}

/// What `queue --json` says, as name, room, pending and bytes.
fn listed(hub: &TestHub, more: &[&str]) -> Vec<(String, String, u64, u64)> {
    let outcome = hub.cmd(&[&["queue", "--json"], more].concat()).run();
    assert_eq!(outcome.status, 0, "{}", outcome.stderr());
    let line = |line: &str| {
        let value: Value = serde_json::from_str(line).expect("JSON");
        let text = |key: &str| value[key].as_str().expect("a text").to_owned();
        let number = |key: &str| value[key].as_u64().expect("a number");
        (
            text("name"),
            text("room"),
            number("pending"),
            number("bytes"),
        )
    };
    outcome.stdout().lines().map(line).collect()
}

fn rows(rows: &[(&str, &str, u64, u64)]) -> Vec<(String, String, u64, u64)> {
    let row = |(name, room, pending, bytes): &(&str, &str, u64, u64)| {
        ((*name).to_owned(), (*room).to_owned(), *pending, *bytes)
    };
    rows.iter().map(row).collect()
}

#[test]
fn a_queue_is_listed_by_name_and_room() {
    let hub = hub();
    let w = [("w", "jobs", 3, 14), ("w", "mail", 1, 7)];
    let all = [&[("alice", "jobs", 3, 14)], &w[..]].concat();
    assert_eq!(listed(&hub, &[]), rows(&all));
    assert_eq!(listed(&hub, &["w"]), rows(&w));
    assert_eq!(listed(&hub, &["nobody"]), rows(&[]));
    hub.cmd(&["sub", "jobs", "--as", "w", "-n", "2"])
        .any_stdout()
        .check();
    assert_eq!(listed(&hub, &["w"]), rows(&[("w", "jobs", 1, 14), w[1]]));
    let table = hub.cmd(&["queue", "alice"]).run();
    let table = table.stdout().into_owned();
    let mut lines = table.lines();
    let head = "NAME   ROOM  PENDING  OLDEST  BYTES  LEASED";
    assert_eq!(lines.next(), Some(head), "{table}");
    assert!(lines.next().unwrap().starts_with("alice  jobs        3"));
    // A window of one: the second waits for the ack of the first.
    let mut sharer = Raw::connected(hub.url(), "/", &json!({"roomcat": 1, "as": "alice"}));
    let share = json!({"rooms": [], "share": true, "window": 2});
    sharer.must("sub", &share);
    sharer.event_named("batch");
    let leased = hub.cmd(&["queue", "alice", "--json"]).run();
    assert!(
        leased.stdout().contains(r#""sharers":1,"leased":2}"#),
        "{}",
        leased.stdout()
    );
}

#[test]
fn a_peek_moves_nothing() {
    let hub = hub();
    let mut holder = hub.cmd(&["sub", "mail", "--as", "w", "-v"]).spawn();
    assert_eq!(holder.line(), "letter");
    for _ in 0..2 {
        hub.cmd(&["queue", "peek", "w", "jobs"])
            .stdout("one\ntwo\nthree\n")
            .check();
    }
    hub.cmd(&["queue", "peek", "alice", "-n", "2"])
        .stdout("one\ntwo\n")
        .check();
    hub.cmd(&[
        "queue", "peek", "alice", "-n", "1", "--json", "--as", "alice",
    ])
    .stdout_has(r#""seq":"1","#)
    .check();
    assert_eq!(hub.pending("jobs", "w"), Some(3));
    assert_eq!(hub.pending("jobs", "alice"), Some(3));
    for arguments in [["queue", "peek", "nobody"], ["queue", "purge", "nobody"]] {
        let yes: &[&str] = if arguments[1] == "purge" {
            &["--yes"]
        } else {
            &[]
        };
        hub.cmd(&arguments)
            .args(yes)
            .stderr_has("nobody")
            .status(1)
            .check();
    }
    // Its holder was left alone.
    hub.publish("mail", "another\n");
    assert_eq!(holder.line(), "another");
}

#[test]
fn a_long_queue_is_peeked_at_to_its_end() {
    let hub = TestHub::start();
    hub.cmd(&["join", "load", "--as", "w"]).check();
    let lines: String = (0..60_000).map(|n| format!("{n:099}\n")).collect();
    hub.publish("load", &lines);
    hub.cmd(&["queue", "peek", "w"]).stdout(&lines).check();
}

#[test]
fn what_is_purged_comes_to_nobody() {
    let hub = hub();
    hub.cmd(&["queue", "purge", "w"])
        .stderr_has("--yes purges without asking")
        .status(2)
        .check();
    assert_eq!(hub.pending("jobs", "w"), Some(3));
    hub.cmd(&["queue", "purge", "w", "jobs", "--yes"])
        .stdout("purged messages: 3\n")
        .check();
    assert_eq!(
        listed(&hub, &["w"]),
        rows(&[("w", "jobs", 0, 0), ("w", "mail", 1, 7)])
    );
    hub.publish("jobs", "four\n");
    hub.cmd(&["sub", "--as", "w", "--drain"])
        .stdout("letter\nfour\n")
        .check();
    assert_eq!(hub.pending("jobs", "alice"), Some(4));
}

/// A reader that takes nothing is handed what fits its credit; the rest is given up.
#[test]
fn a_purge_reaches_what_a_listener_was_not_handed() {
    let hub = TestHub::start();
    let mut holder = Raw::connected(hub.url(), "/", &json!({"roomcat": 1, "as": "w"}));
    holder.must("sub", &json!({"rooms": ["load"]}));
    let lines: String = (0..60_000).map(|n| format!("{n:099}\n")).collect();
    hub.publish("load", &lines);
    let outcome = hub.cmd(&["queue", "purge", "w", "--yes"]).run();
    assert_eq!(outcome.stdout(), "purged messages: 60000\n");
    hub.publish("load", "the end\n");
    let mut lines = 0;
    loop {
        let batch = holder.event_named("batch");
        lines += batch.header()["count"].as_u64().unwrap();
        let first = batch.header()["first"].as_str().unwrap().to_owned();
        let record = first.split('.').next().unwrap().to_owned();
        holder.emit(
            "/",
            "ack",
            &json!({"seq": format!("{record}.999999")}).to_string(),
        );
        if batch.body() == b"the end\n" {
            break;
        }
    }
    assert!(lines < 60_000, "{lines} came all the same");
    wait_until("all of it to be acknowledged", || {
        hub.pending("load", "w") == Some(0)
    });
}

#[test]
fn a_purge_reaches_a_shared_queue() {
    let hub = TestHub::start();
    let mut sharer = Raw::connected(hub.url(), "/", &json!({"roomcat": 1, "as": "w"}));
    sharer.must(
        "sub",
        &json!({"rooms": ["jobs"], "share": true, "window": 1}),
    );
    hub.publish("jobs", "one\ntwo\nthree\n");
    let first = sharer.event_named("batch");
    assert_eq!(first.body(), b"one\n");
    hub.cmd(&["queue", "purge", "w", "--yes"])
        .stdout("purged messages: 3\n")
        .check();
    hub.publish("jobs", "four\n");
    sharer.must("ack", &json!({"seq": "1"}));
    assert_eq!(sharer.event_named("batch").body(), b"four\n");
}

#[test]
fn what_was_purged_while_a_sharer_held_it_comes_to_no_other() {
    let hub = TestHub::start();
    let share = json!({"rooms": ["jobs"], "share": true, "window": 1});
    let enter = || Raw::connected(hub.url(), "/", &json!({"roomcat": 1, "as": "w"}));
    let (mut first, mut second) = (enter(), enter());
    first.must("sub", &share);
    hub.publish("jobs", "one\ntwo\nthree\n");
    assert_eq!(first.event_named("batch").body(), b"one\n");
    hub.cmd(&["queue", "purge", "w", "--yes"])
        .stdout("purged messages: 3\n")
        .check();
    second.must("sub", &share);
    drop(first);
    wait_until("one to share it", || {
        second.must("queue", &json!({}))["queues"][0]["sharers"] == 1
    });
    hub.publish("jobs", "four\n");
    assert_eq!(second.event_named("batch").body(), b"four\n");
    second.must("ack", &json!({"seq": "2"}));
    assert_eq!(hub.pending("jobs", "w"), Some(0));
}

/// What it looks at, and the rooms that it enters meanwhile, are two things.
#[test]
fn who_peeks_may_join_and_not_listen() {
    let hub = TestHub::start();
    hub.cmd(&["join", "load", "--as", "w"]).check();
    // More than its credit: the look is not over before it is confirmed.
    let lines: String = (0..60_000).map(|n| format!("{n:099}\n")).collect();
    hub.publish("load", &lines);
    let mut raw = Raw::roomcat(hub.url());
    let answer = raw.must("peek", &json!({"name": "w"}));
    assert_eq!(answer["pending"], 60_000);
    raw.must("join", &json!("other"));
    let answer = raw.call("/", "sub", &json!({"rooms": ["other"]}));
    assert_eq!(answer["error"]["code"], "bad_request", "{answer}");
    let mut seen = 0;
    loop {
        let event = raw.event();
        if event.is_event("caught-up") {
            break;
        }
        let header = event.header();
        assert_eq!(header["rooms"], json!(["load"]));
        seen += header["count"].as_u64().unwrap();
        raw.emit("/", "ack", &json!({"seq": header["first"]}).to_string());
        let record = header["first"].as_str().unwrap().split('.').next();
        let all = format!("{}.999999", record.unwrap());
        raw.emit("/", "ack", &json!({"seq": all}).to_string());
    }
    assert_eq!(seen, 60_000);
    hub.publish("other", "for those who joined\n");
    let heard = raw.event_named("batch");
    assert_eq!(heard.body(), b"for those who joined\n");
    assert_eq!(hub.pending("load", "w"), Some(60_000));
}

#[test]
fn a_purge_asks_at_a_terminal() {
    let hub = hub();
    for (typed, said, left) in [
        ("n", "nothing was purged", 3),
        ("y", "purged messages: 3", 0),
    ] {
        let asked = hub
            .cmd(&["queue", "purge", "w", "jobs"])
            .in_terminal(Size(100, 24));
        asked.wait_for_text("Purge 3 messages waiting for w in jobs? [y/N]");
        asked.press(&[typed, "Enter"]);
        asked.wait_for_text(said);
        assert_eq!(asked.wait(), 0);
        assert_eq!(hub.pending("jobs", "w"), Some(left));
    }
}

#[test]
fn a_purge_is_interrupted_at_its_question() {
    let hub = hub();
    let asked = hub
        .cmd(&["queue", "purge", "w", "jobs"])
        .in_terminal(Size(100, 24));
    asked.wait_for_text("? [y/N]");
    asked.press(&["C-c"]);
    assert_eq!(asked.wait(), 130);
    assert_eq!(hub.pending("jobs", "w"), Some(3));
}

#[test]
fn a_room_that_was_not_joined_is_said_to_be_that() {
    let hub = hub();
    for words in [
        &["queue", "purge", "w", "attic", "--yes"][..],
        &["queue", "peek", "w", "attic"],
    ] {
        hub.cmd(words)
            .stderr_has("w has not joined attic\n  hint: \"roomcat queue w\"")
            .status(1)
            .check();
    }
    hub.cmd(&["queue", "purge", "nobody", "--yes"])
        .stderr_has("nobody has joined no room")
        .status(1)
        .check();
}

#[test]
fn a_token_opens_the_queues_that_it_is_for() {
    let hub = TestHub::declared(
        "[namespaces.\"/\"]\ntokens = [\n  { token = \"w\", as = \"w\" },\n  { token = \"pub\", may = [\"pub\"] },\n  { token = \"all\" },\n]\n",
    );
    let enter =
        |token: &str| Raw::connected(hub.url(), "/", &json!({"roomcat": 1, "token": token}));
    let (mut own, mut publisher, mut all) = (enter("w"), enter("pub"), enter("all"));
    own.must("join", &json!("jobs"));
    publisher.publish("jobs", "one");
    for verb in ["queue", "peek", "purge"] {
        for (raw, why) in [
            (&mut own, "opens no other queue"),
            (&mut publisher, "subscribe"),
        ] {
            let answer = raw.call("/", verb, &json!({"name": "x"}));
            assert_eq!(answer["error"]["code"], "forbidden", "{answer}");
            let message = answer["error"]["message"].as_str().unwrap();
            assert!(message.contains(why), "{message}");
        }
    }
    let mine = own.must("queue", &json!({}));
    assert_eq!(mine["queues"][0]["name"], "w", "{mine}");
    assert_eq!(mine, all.must("queue", &json!({"name": "w"})));
    let answer = all.call("/", "purge", &json!({"name": "x"}));
    assert_eq!(answer["error"]["code"], "no_rooms", "{answer}");
    let answer = all.call("/", "peek", &json!({}));
    assert_eq!(answer["error"]["code"], "bad_request", "{answer}");
    let purged = own.must("purge", &json!({}));
    assert_eq!(
        purged,
        json!({"ok": true, "messages": 1, "rooms": ["jobs"]})
    );
}
