//! Publishing for later: `pub --delay` and `--at`, the verbs' `due` and `delay`, over restarts and at their limits.

mod limits;
mod outage;

use std::time::{SystemTime, UNIX_EPOCH};

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::harness::{Cmd, Outcome, Size, TestHub};
use crate::raw::{Raw, lines};

const HOUR_MS: u64 = 3_600_000;

fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(now.as_millis()).unwrap()
}

/// A header of one line for room `a`, and more in it.
fn header(more: Value) -> Value {
    let mut header = lines("a", 1);
    header
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    header
}

/// As if the hub had been away for so long.
fn an_hour_later(hub: &mut TestHub) {
    hub.stop();
    pass_an_hour(hub);
    hub.restart();
}

/// By what waits, while the hub is away.
fn pass_an_hour(hub: &TestHub) {
    let database = Connection::open(hub.database()).unwrap();
    let passed = "UPDATE delayed SET due_ms = due_ms - ?1";
    let moved = database.execute(passed, [HOUR_MS + 1_000]).unwrap();
    assert!(moved > 0, "nothing waits");
}

/// All that room `a` holds, in order.
fn stored(hub: &TestHub) -> String {
    let reading = hub.cmd(&["sub", "a", "--since", "0", "--drain"]);
    reading.any_stdout().check().stdout().into_owned()
}

/// The next messages of room `a`, as objects.
fn objects(hub: &TestHub, count: &str) -> Vec<Value> {
    let reading = hub.cmd(&["sub", "a", "--since", "0", "-n", count, "--json"]);
    let outcome: Outcome = reading.any_stdout().check();
    let text = outcome.stdout();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn a_delayed_message_comes_then_and_not_before() {
    let hub = TestHub::start();
    hub.cmd(&["join", "a", "--as", "away"]).check();
    let before = now_ms();
    hub.cmd(&[
        "pub", "--delay", "400ms", "a", "tea", "is", "ready", "--as", "kitchen",
    ])
    .check();
    let found = objects(&hub, "1").remove(0);
    assert_eq!(found["data"], "tea is ready");
    assert_eq!(
        (&found["from"], &found["seq"]),
        (&json!("kitchen"), &json!("1"))
    );
    let came: jiff::Timestamp = found["time"].as_str().unwrap().parse().unwrap();
    let came = u64::try_from(came.as_millisecond()).unwrap();
    assert!(came >= before + 400, "{came} is too early for {before}");
    assert_eq!(hub.pending("a", "away"), Some(1));
}

#[test]
fn a_time_of_day_is_one_to_come() {
    let hub = TestHub::start();
    let minute_ago = i64::try_from(now_ms() - 60_000).unwrap();
    let minute_ago = jiff::Timestamp::from_millisecond(minute_ago).unwrap();
    let minute_ago = minute_ago.strftime("%H:%M").to_string();
    let at = |at: &str, text| {
        let cmd = hub.cmd(&["pub", "--at", at, "a", text]);
        // On a busy machine the second of them may have passed.
        cmd.env("TZ", "UTC").any_stderr().check();
    };
    at(&minute_ago, "tomorrow");
    at(&format!("@{}", now_ms() / 1000 + 1), "soon");
    hub.wait_for_room_messages("a", 1);
    assert_eq!(stored(&hub), "soon\n");
}

#[test]
fn a_time_that_has_passed_is_now_and_it_says_so() {
    let hub = TestHub::start();
    for at in ["2001-09-09T03:46:40", "@1000000000", "2001-09-09T01:46:40Z"] {
        hub.cmd(&["pub", "--at", at, "a", at])
            .stderr("roomcat: the --at time has passed; delivered at once\n")
            .check();
    }
    hub.cmd(&["-q", "pub", "--at", "@0", "a"])
        .stdin("1\n2\n")
        .check();
    hub.cmd(&["pub", "--delay", "0s", "a", "3"]).check();
    assert_eq!(
        stored(&hub),
        "2001-09-09T03:46:40\n@1000000000\n2001-09-09T01:46:40Z\n1\n2\n3\n"
    );
}

#[test]
fn every_line_of_a_file_is_delayed_alike() {
    let hub = TestHub::start();
    let text: String = (0..50_000).map(|n| format!("line {n}\n")).collect();
    let file = hub.folder().join("file");
    std::fs::write(&file, &text).unwrap();
    hub.cmd(&["pub", "a", "--delay", "300ms", "-f", file.to_str().unwrap()])
        .check();
    hub.cmd(&["sub", "a", "--since", "0", "-n", "50000"])
        .stdout(&text)
        .check();
}

#[test]
fn on_a_terminal_it_says_when() {
    let hub = TestHub::start();
    // A year ahead, by whatever clock.
    let year = (now_ms() / 1000 + 300 * 24 * 3600).to_string();
    let expected = jiff::Timestamp::from_second(year.parse().unwrap()).unwrap();
    let expected = expected.strftime("%Y-%m-%d %H:%M:%S").to_string();
    let script =
        format!("roomcat pub --at @{year} a hi; roomcat -q pub --at @{year} a hi; echo ended $?");
    let terminal = Cmd::shell(&script)
        .env("ROOMCAT_URL", hub.url())
        .env("TZ", "UTC")
        .in_terminal(Size(80, 8));
    assert_eq!(terminal.wait(), 0);
    let screen = terminal.screen();
    let text = format!("roomcat: will be delivered at {expected}\nended 0");
    assert_eq!(screen.trim(), text);
}

#[test]
fn the_receipt_says_when_and_nothing_of_a_place() {
    let hub = TestHub::start();
    let mut raw = Raw::roomcat(hub.url());
    let due = now_ms() + HOUR_MS;
    let receipt = raw.batch("/", &header(json!({"due": due, "count": 2})), b"1\n2\n");
    assert_eq!(receipt, json!({"ok": true, "due": due, "count": 2}));
    let receipt = raw.must("pub", &json!({"rooms": "a", "data": 1, "due": due}));
    assert_eq!(receipt, json!({"ok": true, "due": due}));
    // By the hub's clock, whatever the client's says.
    let before = now_ms();
    let receipt = raw.must("pub", &json!({"rooms": "a", "data": 1, "delay": HOUR_MS}));
    let due = receipt["due"].as_u64().unwrap();
    assert!(
        (before + HOUR_MS..=now_ms() + HOUR_MS).contains(&due),
        "{receipt}"
    );
    // What is due already has a place, and an ordinary receipt.
    let receipt = raw.must("pub", &json!({"rooms": "a", "data": 1, "due": 0}));
    assert_eq!(
        receipt,
        json!({"ok": true, "seq": "1", "delivered": 0, "queued": 0})
    );
}

#[test]
fn equal_times_keep_the_order_of_their_taking() {
    let mut hub = TestHub::start();
    let mut one = Raw::roomcat(hub.url());
    let mut two = Raw::stock(hub.url());
    let due = now_ms() + HOUR_MS;
    for n in 0..40 {
        let line = format!("{n}\n");
        let receipt = match n % 2 {
            0 => one.batch("/", &header(json!({"due": due})), line.as_bytes()),
            _ => two.must(
                "pub",
                &json!({"rooms": ["a"], "data": n.to_string(), "due": due}),
            ),
        };
        assert_eq!(receipt["due"], due, "{receipt}");
    }
    let earlier = one.batch("/", &header(json!({"due": due - 1})), b"first\n");
    assert_eq!(earlier["due"], due - 1);
    an_hour_later(&mut hub);
    let expected: String = (0..40).map(|n| format!("{n}\n")).collect();
    hub.cmd(&["sub", "a", "--since", "0", "-n", "41"])
        .stdout(format!("first\n{expected}"))
        .check();
}

#[test]
fn who_sent_it_and_to_whom_is_kept() {
    let hub = TestHub::start();
    let named = |name: &str| Raw::connected(hub.url(), "/", &json!({"as": name, "roomcat": 1}));
    let (mut alice, mut bob) = (named("alice"), named("bob"));
    for raw in [&mut alice, &mut bob] {
        raw.must("sub", &json!({"rooms": ["a"]}));
        raw.event_named("caught-up");
    }
    let mut except = Raw::stock(hub.url());
    except.must("join", &json!(["a", "quiet"]));
    let more = json!({
        "delay": 200, "to": "others", "except": ["quiet"], "event": "tick", "reply": "answers",
    });
    alice.batch("/", &header(more), b"x\n");
    let got = bob.event();
    let expected = json!({
        "rooms": ["a"], "event": "tick", "framing": "lines", "count": 1, "first": "1",
        "from": "alice", "reply": "answers", "at": got.header()["at"],
    });
    assert_eq!((got.header(), got.body()), (expected, &b"x\n"[..]));
    // The next thing that the others hear is something else.
    hub.publish("a", "for all\n");
    assert_eq!(alice.event().body(), b"for all\n");
    assert_eq!(except.event().args(), [json!("for all")]);
}

#[test]
fn a_browser_gets_it_as_a_plain_event() {
    let hub = TestHub::start();
    let mut stock = Raw::stock(hub.url());
    stock.must("join", &json!("a"));
    let mut publisher = Raw::stock(hub.url());
    let args = json!({"rooms": "a", "event": "tick", "data": {"n": 1}, "delay": 100});
    publisher.must("pub", &args);
    assert_eq!(stock.event_named("tick").args(), [json!({"n": 1})]);
}
