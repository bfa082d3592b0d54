//! `request`, `sub --reply` and the reply room of a message.

use rustix::process::{Signal, kill_process};
use serde_json::{Value, json};

use crate::harness::{Running, TestHub};
use crate::raw::Raw;

/// A responder that listens.
fn responder(hub: &TestHub, room: &str, script: &str, before: u64) -> Running {
    let running = hub.cmd(&["sub", room, "--reply", "-x", script]).spawn();
    hub.wait_for_sockets(room, before + 1);
    running
}

#[test]
fn a_request_prints_what_a_responder_says() {
    let hub = TestHub::start();
    let _responder = responder(&hub, "clock", "tr a-z A-Z", 0);
    hub.cmd(&["request", "clock", "what", "time"])
        .stdout("WHAT TIME\n")
        .check();
    hub.cmd(&["request", "clock"])
        .stdin("from stdin\n")
        .stdout("FROM STDIN\n")
        .check();
    hub.cmd(&["request", "clock", "--raw"])
        .stdin(b"two\nlines\0\xff\n\n")
        .stdout(b"TWO\nLINES\0\xff")
        .check();
    hub.cmd(&["request", "clock", "-0", "a"])
        .stdout("A\0")
        .check();
    hub.cmd(&["request", "clock", "--format", "{data} in {room}", "a"])
        .stdout_has("A in reply/")
        .check();
}

#[test]
fn several_responders_answer_and_fewer_are_a_timeout() {
    let hub = TestHub::start();
    let _one = responder(&hub, "status", "echo one", 0);
    let _two = responder(&hub, "status", "echo two", 1);
    let outcome = hub.cmd(&["request", "status", "--replies", "2", "?"]).run();
    let answers = outcome.stdout();
    let mut answers: Vec<&str> = answers.lines().collect();
    answers.sort_unstable();
    assert_eq!((outcome.status, &answers[..]), (0, &["one", "two"][..]));
    let outcome = hub
        .cmd(&["request", "status", "--replies", "3"])
        .args(&["--timeout", "500ms", "?"])
        .run();
    // On a machine that is busy not even two may come in time.
    let came = outcome.stdout().lines().count();
    let said = format!("timed out after 500ms: {came} of 3 answers");
    assert!(outcome.stderr().contains(&said), "{}", outcome.stderr());
    assert_eq!(outcome.status, 5);
    hub.cmd(&["request", "nobody", "--timeout", "3s", "?"])
        .stderr_has("nobody is listening in \"nobody\" now")
        .stderr_has("0 of 1 answer")
        .status(5)
        .check();
}

#[test]
fn nothing_printed_is_an_empty_answer() {
    let hub = TestHub::start();
    let _quiet = responder(&hub, "quiet", "true", 0);
    hub.cmd(&["request", "quiet", "?"]).stdout("\n").check();
    hub.cmd(&["request", "quiet", "--raw", "?"]).check();
    let _upper = responder(&hub, "upper", "tr a-z A-Z", 0);
    hub.cmd(&["request", "upper", ""]).stdout("\n").check();
    hub.cmd(&["request", "upper"]).stdout("\n").check();
    // A message that asks for none is worked on all the same.
    let printed = hub
        .cmd(&["sub", "plain", "--reply", "-n1", "-x", "cat; echo"])
        .spawn();
    hub.wait_for_sockets("plain", 1);
    hub.publish("plain", "no reply room\n");
    assert_eq!(printed.wait().stdout(), "no reply room\n");
}

#[test]
fn a_hub_that_says_nothing_is_not_taken_for_a_quiet_room() {
    let hub = TestHub::start();
    kill_process(hub.pid(), Signal::STOP).unwrap();
    hub.cmd(&["request", "clock", "--timeout", "300ms", "?"])
        .stderr_has("no answer from the hub within 300ms")
        .stderr_has("hint: check that the hub still runs")
        .status(5)
        .check();
    kill_process(hub.pid(), Signal::CONT).unwrap();
}

#[test]
fn rooms_for_answers_are_shown_to_who_asks_for_them() {
    let hub = TestHub::start();
    let _responder = responder(&hub, "clock", "echo noon", 0);
    hub.cmd(&["request", "clock", "?"]).stdout("noon\n").check();
    let listed = |flags: &[&str]| hub.cmd(&["rooms"]).args(flags).run().stdout().into_owned();
    for flags in [&[][..], &["--json"]] {
        let text = listed(flags);
        assert!(text.contains("clock") && !text.contains("reply/"), "{text}");
    }
    let all = listed(&["--all"]);
    let room = all.lines().find_map(|line| {
        line.split_whitespace()
            .find(|word| word.starts_with("reply/"))
    });
    let room = room.expect("it is there").to_owned();
    assert!(listed(&[&room]).contains(&room));
    let mut stock = Raw::stock(hub.url());
    let mut names = |prefix: &str| {
        stock.must("rooms", &json!({"names": "rooms", "prefix": prefix}))["names"].clone()
    };
    assert!(!names("").to_string().contains("reply/"));
    assert_eq!(names("rep"), json!([]));
    assert_eq!(names("reply/"), json!([room]));
}

#[test]
fn a_request_in_a_name_takes_nothing_from_who_holds_it() {
    let hub = TestHub::start();
    let mut holder = hub.cmd(&["sub", "news", "--as", "alice"]).spawn();
    hub.wait_for_sockets("news", 1);
    let _responder = responder(&hub, "ask", "printf 'hello %s' \"$ROOMCAT_FROM\"", 0);
    hub.cmd(&["request", "ask", "--as", "alice", "?"])
        .stdout("hello alice\n")
        .check();
    hub.publish("news", "still here\n");
    assert_eq!(holder.line(), "still here");
    let members: Vec<Value> = ["ask", "news"]
        .iter()
        .map(|room| hub.room(room).unwrap()["members"].clone())
        .collect();
    assert_eq!(members[0], json!([]));
    assert_eq!(members[1][0]["name"], "alice");
}

#[test]
fn an_answer_that_the_hub_would_not_take_is_a_dead_letter() {
    let hub = TestHub::with(&["--max-message", "2KiB"]);
    let _responder = hub
        .cmd(&["sub", "big", "--reply", "--retries", "0"])
        .args(&["-x", "head -c 3000 /dev/zero"])
        .spawn();
    hub.wait_for_sockets("big", 1);
    let letters = hub.cmd(&["sub", "dead", "-n1"]).spawn();
    hub.wait_for_sockets("dead", 1);
    hub.cmd(&["request", "big", "--timeout", "3s", "?"])
        .any_stderr()
        .status(5)
        .check();
    let letter: Value = serde_json::from_str(&letters.wait().stdout()).unwrap();
    assert_eq!(letter["reason"], "it printed more than 2048 bytes");
}

#[test]
fn the_reply_room_is_stored_and_copied_with_the_message() {
    let mut hub = TestHub::start();
    hub.cmd(&["pub", "a", "--reply-to", "answers", "asks"])
        .check();
    hub.publish("a", "asks nothing\n");
    hub.kill9();
    hub.restart();
    let history = |room: &str| -> Vec<Value> {
        let last = ["sub", room, "--last", "9", "--drain", "--json"];
        let outcome = hub.cmd(&last).run();
        let objects = outcome.stdout();
        let objects = objects.lines().map(serde_json::from_str);
        objects.map(|object| object.unwrap()).collect()
    };
    let first = history("a");
    assert_eq!(first[0]["reply"], "answers");
    assert_eq!(first[1].get("reply"), None);
    let copy = "roomcat sub a --last 9 --drain --json | roomcat pub b --envelope";
    crate::harness::Cmd::shell(copy)
        .env("ROOMCAT_URL", hub.url())
        .check();
    let copied = history("b");
    assert_eq!(copied[0]["reply"], "answers");
    assert_eq!(copied[1].get("reply"), None);
    hub.cmd(&["pub", "/n#a", "--reply-to", "/m#b", "x"])
        .stderr_has("--reply-to must be in the namespace of the messages")
        .status(2)
        .check();
}

#[test]
fn any_program_can_answer_and_stock_clients_see_no_more_than_before() {
    let hub = TestHub::start();
    let mut stock = Raw::stock(hub.url());
    stock.must("join", &json!("ask"));
    let mut request = hub.cmd(&["request", "ask", "ping"]).spawn();
    request.close_stdin();
    let event = stock.event_named("message");
    assert_eq!(event.args(), [json!("ping")]);
    // The verb `pub` carries a reply room too.
    let mut listener = hub.cmd(&["sub", "ask2", "--json", "-n1"]).spawn();
    hub.wait_for_sockets("ask2", 1);
    stock.must(
        "pub",
        &json!({"rooms": "ask2", "data": "x", "reply": "there"}),
    );
    let object: Value = serde_json::from_str(&listener.line()).unwrap();
    assert_eq!(object["reply"], "there");
    // A name that is none is refused.
    let refused = stock.call(
        "/",
        "pub",
        &json!({"rooms": "ask2", "data": "x", "reply": "a\u{1}"}),
    );
    assert_eq!(refused["error"]["code"], "bad_request");
}
