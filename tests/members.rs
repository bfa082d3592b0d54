//! Names that outlive their connections: what waits for them, how far they have read, and who holds them.

use std::io::{BufRead, BufReader, Read, pipe};

use rustix::process::Signal;
use serde_json::Value;

use crate::harness::{Cmd, TestHub, wait_until};

fn numbered(count: u32) -> String {
    (1..=count).map(|n| format!("{n}\n")).collect()
}

#[test]
fn what_is_published_while_a_member_is_away_waits_for_it() {
    let mut hub = TestHub::start();
    hub.publish("room", "before the join\n");
    hub.cmd(&["join", "room", "--as", "alice"]).check();
    hub.publish("room", "one\ntwo\n");
    assert_eq!(hub.pending("room", "alice"), Some(2));
    hub.stop();
    hub.restart();
    hub.publish("room", "three\n");
    assert_eq!(hub.pending("room", "alice"), Some(3));
    let drain = ["sub", "room", "--as", "alice", "--drain"];
    hub.cmd(&drain).stdout("one\ntwo\nthree\n").check();
    hub.cmd(&drain).stdout("").check();
    assert_eq!(hub.pending("room", "alice"), Some(0));
}

#[test]
fn leaving_gives_up_what_waited() {
    let hub = TestHub::start();
    hub.cmd(&["join", "room", "other", "--as", "alice"]).check();
    hub.publish("room", "one\n");
    hub.publish("other", "two\n");
    hub.cmd(&["leave", "room", "--as", "alice"]).check();
    assert_eq!(hub.pending("room", "alice"), None);
    hub.publish("room", "three\n");
    hub.cmd(&["sub", "--as", "alice", "--drain"])
        .stdout("two\n")
        .check();
    hub.cmd(&["leave", "other", "--as", "alice"]).check();
    hub.cmd(&["sub", "--as", "alice", "--drain"])
        .stderr_has("joined no room")
        .stderr_has("roomcat join ROOM --as NAME")
        .status(1)
        .check();
}

#[test]
fn sub_with_a_name_joins_from_now() {
    let hub = TestHub::start();
    hub.publish("room", "before\n");
    let first = hub
        .cmd(&["sub", "room", "--as", "alice", "-n", "1"])
        .spawn();
    hub.wait_for_sockets("room", 1);
    hub.publish("room", "live\n");
    assert_eq!(first.wait().stdout(), "live\n");
    hub.publish("room", "away\n");
    hub.cmd(&["sub", "room", "--as", "alice", "--drain"])
        .stdout("away\n")
        .check();
}

#[test]
fn reading_may_end_inside_a_batch() {
    let hub = TestHub::start();
    hub.cmd(&["join", "room", "--as", "alice"]).check();
    hub.publish("room", &numbered(1000));
    let read = |count: &str, wanted: &str| {
        hub.cmd(&["sub", "--as", "alice", "-n", count])
            .stdout(wanted)
            .check();
    };
    read("3", "1\n2\n3\n");
    assert_eq!(hub.pending("room", "alice"), Some(997));
    read("1", "4\n");
    read("1", "5\n");
    let rest = hub.cmd(&["sub", "--as", "alice", "--drain"]).run();
    assert!(rest.stdout().starts_with("6\n7\n"));
    assert_eq!(rest.stdout().lines().count(), 995);
}

#[test]
fn a_reader_of_stdout_that_goes_away_is_success_and_the_rest_stays() {
    let hub = TestHub::start();
    hub.cmd(&["join", "room", "--as", "alice"]).check();
    let (reader, writer) = pipe().unwrap();
    let sub = hub.cmd(&["sub", "--as", "alice"]).spawn_onto(writer);
    hub.wait_for_sockets("room", 1);
    hub.publish("room", &numbered(3));
    let mut reader = BufReader::new(reader);
    for number in 1..=3 {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        assert_eq!(line, format!("{number}\n"));
    }
    // Idle: nothing is written that could fail.
    drop(reader);
    let ended = sub.wait();
    assert_eq!((ended.status, &*ended.stderr()), (0, ""));
    assert_eq!(hub.pending("room", "alice"), Some(0));
    hub.publish("room", "later\n");
    assert_eq!(hub.pending("room", "alice"), Some(1));
    hub.cmd(&["sub", "--as", "alice", "--drain"])
        .stdout("later\n")
        .check();
}

#[test]
fn head_ends_sub_with_success() {
    let hub = TestHub::start();
    hub.publish("room", &numbered(100_000));
    Cmd::shell("roomcat sub room --last 100000 | head -n 3")
        .env("ROOMCAT_URL", hub.url())
        .stdout("1\n2\n3\n")
        .check();
}

#[test]
fn what_was_not_written_is_not_acknowledged() {
    const LINES: u32 = 20_000;
    let line = "x".repeat(99);
    let text: String = (0..LINES).map(|n| format!("{n:0>6} {line}\n")).collect();
    let hub = TestHub::start();
    hub.cmd(&["join", "room", "--as", "alice"]).check();
    hub.publish("room", &text);
    // Nobody reads this pipe, so what fits into it is all that can be written.
    let (mut reader, writer) = pipe().unwrap();
    let sub = hub.cmd(&["sub", "--as", "alice"]).spawn_onto(writer);
    hub.wait_for_sockets("room", 1);
    sub.signal(Signal::KILL);
    sub.wait();
    let mut got = String::new();
    reader.read_to_string(&mut got).unwrap();
    assert!(got.len() <= 1 << 20);
    let rest = hub.cmd(&["sub", "--as", "alice", "--drain"]).run();
    let rest = rest.stdout().into_owned();
    // Nothing between the two is missing; what was written and not acknowledged may come again.
    let whole = got.rfind('\n').map_or("", |end| &got[..=end]);
    assert!(text.starts_with(whole) && text.ends_with(&rest));
    assert!(whole.len() + rest.len() >= text.len());
}

#[test]
fn the_newest_holder_of_a_name_wins() {
    let hub = TestHub::start();
    let older = hub.cmd(&["sub", "room", "--as", "alice"]).spawn();
    hub.wait_for_sockets("room", 1);
    let newer = hub
        .cmd(&["sub", "room", "--as", "alice", "-n", "1"])
        .spawn();
    let older = older.wait();
    assert_eq!((older.status, &*older.stdout()), (4, ""));
    assert!(
        older.stderr().contains("a newer subscriber took this name"),
        "{}",
        older.stderr()
    );
    hub.publish("room", "for the newer\n");
    assert_eq!(newer.wait().stdout(), "for the newer\n");
}

#[test]
fn publishing_with_a_name_holds_nothing() {
    let hub = TestHub::start();
    let sub = hub
        .cmd(&["sub", "room", "--as", "alice", "-n", "1"])
        .spawn();
    hub.wait_for_sockets("room", 1);
    hub.cmd(&["pub", "room", "--as", "alice", "from me"])
        .check();
    let sub = sub.wait();
    assert_eq!((sub.status, &*sub.stdout()), (0, "from me\n"));
}

#[test]
fn history_is_read_by_number_by_time_and_from_the_end() {
    let hub = TestHub::start();
    for line in ["one\n", "two\nthree\n", "four\n"] {
        hub.publish("room", line);
    }
    let read = |arguments: &[&str], wanted: &str| {
        let arguments = [&["sub", "room", "--drain"], arguments].concat();
        hub.cmd(&arguments).stdout(wanted).check();
    };
    read(&[], "");
    read(&["--last", "2"], "three\nfour\n");
    read(&["--last", "100"], "one\ntwo\nthree\nfour\n");
    read(&["--since", "1h"], "one\ntwo\nthree\nfour\n");
    let objects = hub
        .cmd(&["sub", "room", "--drain", "--last", "100", "--json"])
        .run();
    let objects = objects.stdout().into_owned();
    let third: Value = serde_json::from_str(objects.lines().nth(2).unwrap()).unwrap();
    assert_eq!(third["data"], "three");
    read(
        &["--since", third["seq"].as_str().unwrap()],
        "three\nfour\n",
    );
    hub.cmd(&["sub", "room", "--last", "1", "-n", "1"])
        .stdout("four\n")
        .check();
}

#[test]
fn a_name_is_a_member_in_its_namespace_only() {
    let hub = TestHub::start();
    hub.cmd(&["join", "/a#room", "--as", "alice"]).check();
    hub.publish("room", "elsewhere\n");
    hub.publish("/a#room", "here\n");
    hub.cmd(&["sub", "/a#room", "--as", "alice", "--drain"])
        .stdout("here\n")
        .check();
}

#[test]
fn the_whole_namespace_is_a_room_too() {
    let hub = TestHub::start();
    hub.cmd(&["join", "/news", "--as", "alice"]).check();
    hub.cmd(&["pub", "/news", "to everyone"]).check();
    hub.cmd(&["pub", "/news#sports", "not to them"]).check();
    hub.cmd(&["sub", "/news", "--as", "alice", "--drain"])
        .stdout("to everyone\n")
        .check();
}

#[test]
fn rooms_shows_what_is_there() {
    let hub = TestHub::start();
    hub.cmd(&["join", "room", "--as", "alice"]).check();
    hub.publish("room", "one\ntwo\n");
    let sub = hub.cmd(&["sub", "room"]).spawn();
    hub.wait_for_sockets("room", 1);
    let room = hub.room("room").unwrap();
    assert_eq!(room["messages"], 2);
    assert_eq!(room["pending"], 2);
    assert_eq!(room["sockets"], 1);
    assert_eq!(room["members"][0]["name"], "alice");
    assert_eq!(room["members"][0]["here"], false);
    let table = hub.cmd(&["rooms"]).any_stdout().check();
    let table = table.stdout().into_owned();
    let row: Vec<_> = table.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!(&row[..5], ["room", "1", "1", "2", "2"], "{table}");
    hub.cmd(&["rooms", "room"]).stdout_has("alice").check();
    drop(sub);
    wait_until("the killed reader to be gone", || {
        hub.room("room").is_some_and(|room| room["sockets"] == 0)
    });
}

#[test]
fn a_room_joined_beside_a_running_sub_keeps_what_waits_there_when_that_comes_back() {
    let mut hub = TestHub::start();
    hub.cmd(&["join", "a", "--as", "alice"]).check();
    let mut sub = hub.cmd(&["sub", "--as", "alice"]).spawn();
    hub.wait_for_sockets("a", 1);
    hub.cmd(&["join", "b", "--as", "alice"]).check();
    hub.publish("b", "waits\n");
    hub.publish("a", "one\n");
    assert_eq!(sub.line(), "one");
    hub.stop();
    hub.restart();
    sub.wait_for_stderr("back at");
    hub.publish("a", "two\n");
    assert_eq!(sub.line(), "two");
    sub.signal(Signal::TERM);
    sub.wait();
    hub.cmd(&["sub", "b", "--as", "alice", "--drain"])
        .stdout("waits\n")
        .check();
}
