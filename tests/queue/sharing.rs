//! `sub --share`: each message goes to one of several, whatever becomes of them.

use std::collections::BTreeMap;
use std::fs::File;

use rustix::process::Signal;
use serde_json::json;

use crate::harness::{Cmd, Running, TestHub, wait_until};
use crate::raw::Raw;

pub fn numbered(count: u32) -> String {
    (1..=count).map(|n| format!("{n}\n")).collect()
}

/// A member and its messages, waiting.
pub fn hub_with(messages: &str) -> TestHub {
    let hub = TestHub::start();
    hub.cmd(&["join", "jobs", "--as", "w"]).check();
    hub.publish("jobs", messages);
    hub
}

fn sharer(hub: &TestHub, more: &[&str]) -> Running {
    let arguments = [&["sub", "jobs", "--as", "w", "--share", "-v"], more].concat();
    let running = hub.cmd(&arguments).spawn();
    running.wait_for_stderr("subscribed to");
    running
}

/// How often each line was written by any of them.
fn counted<'a>(outputs: impl IntoIterator<Item = &'a str>) -> BTreeMap<u32, u32> {
    let mut counted = BTreeMap::new();
    for line in outputs.into_iter().flat_map(str::lines) {
        *counted.entry(line.parse().expect("a number")).or_default() += 1;
    }
    counted
}

fn assert_each_once(counted: &BTreeMap<u32, u32>, count: u32) {
    let expected: BTreeMap<u32, u32> = (1..=count).map(|n| (n, 1)).collect();
    let wrong: Vec<_> = (1..=count)
        .filter(|n| counted.get(n) != Some(&1))
        .map(|n| (n, counted.get(&n)))
        .take(10)
        .collect();
    assert!(*counted == expected, "not once each: {wrong:?}");
}

/// A command that says what it got and does not end before what comes with it is dropped, whoever was killed meanwhile.
fn endless(hub: &TestHub) -> (String, File) {
    Cmd::shell("mkfifo gate").directory(hub.folder()).check();
    let gate = hub.folder().join("gate");
    let open = File::options().read(true).write(true).open(&gate);
    let command = format!("cat; echo; exec cat '{}'", gate.display());
    (command, open.expect("a pipe with a name"))
}

/// A sharer by hand, and the answer to its `sub`.
pub fn by_hand(hub: &TestHub, options: serde_json::Value) -> Raw {
    let mut raw = Raw::connected(hub.url(), "/", &json!({"roomcat": 1, "as": "w"}));
    let mut sub = json!({"rooms": ["jobs"], "share": true});
    for (key, value) in options.as_object().expect("an object") {
        sub[key] = value.clone();
    }
    let answer = raw.call("/", "sub", &sub);
    assert_eq!(answer["ok"], true, "{answer}");
    raw
}

/// The lines of the next batch, with the seq of its last message.
pub fn piece(raw: &mut Raw) -> (Vec<String>, String) {
    let packet = raw.event_named("batch");
    let header = packet.header();
    let body = String::from_utf8(packet.body().to_vec()).expect("text");
    let lines: Vec<String> = body.lines().map(str::to_owned).collect();
    assert_eq!(header["count"], lines.len());
    let first = header["first"].as_str().expect("a seq");
    let (record, index) = first.split_once('.').unwrap_or((first, "0"));
    let index: usize = index.parse().expect("an index");
    (
        lines.clone(),
        format!("{record}.{}", index + lines.len() - 1),
    )
}

#[test]
fn four_workers_write_each_line_once() {
    let hub = TestHub::start();
    hub.cmd(&["join", "jobs", "--as", "w"]).check();
    let workers: Vec<Running> = (0..4).map(|_| sharer(&hub, &[])).collect();
    hub.publish("jobs", &numbered(10_000));
    wait_until("all of it to be acknowledged", || {
        hub.pending("jobs", "w") == Some(0)
    });
    for worker in &workers {
        worker.signal(Signal::TERM);
    }
    let outputs: Vec<String> = workers
        .into_iter()
        .map(|worker| worker.wait().stdout().into_owned())
        .collect();
    assert_each_once(&counted(outputs.iter().map(String::as_str)), 10_000);
    for output in &outputs {
        assert!(output.lines().count() > 0, "one got nothing");
        let lines: Vec<u32> = output.lines().map(|line| line.parse().unwrap()).collect();
        assert!(lines.is_sorted(), "not in order");
    }
}

#[test]
fn what_waited_is_split_until_nothing_is_left() {
    let hub = hub_with(&numbered(5000));
    let workers: Vec<Running> = (0..3)
        .map(|_| hub.cmd(&["sub", "--as", "w", "--share", "--drain"]).spawn())
        .collect();
    let ended: Vec<_> = workers.into_iter().map(Running::wait).collect();
    let outputs: Vec<String> = ended.iter().map(|it| it.stdout().into_owned()).collect();
    for ended in &ended {
        assert_eq!(ended.status, 0, "{}", ended.stderr());
    }
    assert_each_once(&counted(outputs.iter().map(String::as_str)), 5000);
    assert_eq!(hub.pending("jobs", "w"), Some(0));
}

#[test]
fn what_a_killed_worker_held_goes_to_the_others() {
    let hub = TestHub::start();
    // It takes its first message and never ends with it.
    let (command, _open) = endless(&hub);
    let began = hub.folder().join("began");
    let work = format!("touch '{}'; {command}", began.display());
    let held = sharer(&hub, &["-x", &work, "-j", "4"]);
    hub.publish("jobs", &numbered(4));
    wait_until("the first to hold something", || began.exists());
    let other = sharer(&hub, &[]);
    hub.publish("jobs", &numbered(20)[8..]);
    held.signal(Signal::KILL);
    wait_until("all of it to be acknowledged", || {
        hub.pending("jobs", "w") == Some(0)
    });
    other.signal(Signal::TERM);
    let outcome = other.wait();
    assert_each_once(&counted([&*outcome.stdout()]), 20);
}

#[test]
fn a_worker_that_hangs_is_relieved() {
    let hub = TestHub::start();
    let (command, _open) = endless(&hub);
    let stuck = ["--ack-timeout", "100ms", "-x", &command];
    let mut stuck = sharer(&hub, &stuck);
    hub.publish("jobs", "1\n");
    assert_eq!(stuck.line(), "1");
    let mut other = sharer(&hub, &[]);
    assert_eq!(other.line(), "1");
    hub.publish("jobs", "2\n3\n");
    assert_eq!((other.line(), other.line()), ("2".into(), "3".into()));
}

#[test]
fn who_confirms_nothing_in_time_is_relieved_and_counts_when_it_does() {
    let hub = hub_with(&numbered(6));
    let mut late = by_hand(&hub, json!({"window": 4, "ack_timeout": 50}));
    let (lines, last) = piece(&mut late);
    assert_eq!(lines, ["1", "2", "3", "4"]);
    let mut other = by_hand(&hub, json!({"window": 2}));
    let mut seen = Vec::new();
    let held = loop {
        let (lines, seq) = piece(&mut other);
        seen.extend(lines.clone());
        if lines.contains(&"1".to_owned()) {
            break seq;
        }
        other.must("ack", &json!({"seq": seq}));
    };
    // It counts although another holds some of it.
    late.must("ack", &json!({"seq": last}));
    drop(late);
    other.must("ack", &json!({"seq": held}));
    while !seen.contains(&"6".to_owned()) {
        let (lines, seq) = piece(&mut other);
        seen.extend(lines);
        other.must("ack", &json!({"seq": seq}));
    }
    seen.sort();
    assert_eq!(
        seen,
        ["1", "2", "5", "6"],
        "what was confirmed comes to nobody"
    );
    assert_eq!(hub.pending("jobs", "w"), Some(0));
}

#[test]
fn after_a_restart_of_the_hub_what_nobody_confirmed_comes_again() {
    let mut hub = hub_with(&numbered(6));
    let mut first = by_hand(&hub, json!({"window": 3}));
    let (lines, seq) = piece(&mut first);
    assert_eq!(lines, ["1", "2", "3"]);
    let mut second = by_hand(&hub, json!({}));
    let (lines, later) = piece(&mut second);
    assert_eq!(lines, ["4", "5", "6"]);
    second.must("ack", &json!({"seq": later}));
    first.must("ack", &json!({"seq": "1.0"}));
    assert_ne!(seq, "1.0");
    hub.kill9();
    hub.restart();
    let rest = hub.cmd(&["sub", "--as", "w", "--share", "--drain"]).run();
    // Above the first message that was not confirmed, what was confirmed comes again too.
    assert_eq!(rest.stdout(), "2\n3\n4\n5\n6\n");
}

#[test]
fn a_sharer_survives_a_restart_of_the_hub() {
    let mut hub = TestHub::start();
    let mut worker = sharer(&hub, &[]);
    hub.publish("jobs", "1\n");
    assert_eq!(worker.line(), "1");
    // Its ack may wait a moment for the disk.
    wait_until("it to be acknowledged", || {
        hub.pending("jobs", "w") == Some(0)
    });
    hub.kill9();
    hub.restart();
    worker.wait_for_stderr("back at");
    hub.publish("jobs", "2\n");
    assert_eq!(worker.line(), "2");
}

#[test]
fn the_newest_way_of_listening_wins() {
    let hub = TestHub::start();
    let alone = hub.cmd(&["sub", "jobs", "--as", "w", "-v"]).spawn();
    alone.wait_for_stderr("caught up");
    let sharers = [sharer(&hub, &[]), sharer(&hub, &[])];
    let ended = alone.wait();
    assert_eq!(ended.status, 4, "{}", ended.stderr());
    let mut alone = hub.cmd(&["sub", "jobs", "--as", "w", "-v"]).spawn();
    alone.wait_for_stderr("caught up");
    for sharer in sharers {
        let ended = sharer.wait();
        assert_eq!(ended.status, 4, "{}", ended.stderr());
        assert!(
            ended.stderr().contains("took this name"),
            "{}",
            ended.stderr()
        );
    }
    hub.publish("jobs", "1\n");
    assert_eq!(alone.line(), "1");
    let mut again = sharer(&hub, &[]);
    assert_eq!(alone.wait().status, 4);
    hub.publish("jobs", "2\n");
    assert_eq!(again.line(), "2");
}

#[test]
fn who_wants_a_few_leaves_the_rest_to_others() {
    let hub = hub_with(&numbered(10));
    let share = ["sub", "--as", "w", "--share"];
    hub.cmd(&share)
        .args(&["-n", "3"])
        .stdout("1\n2\n3\n")
        .check();
    hub.cmd(&share)
        .args(&["-n", "1", "--json"])
        .stdout_has(r#""data":"4""#)
        .check();
    hub.cmd(&share)
        .args(&["--drain"])
        .stdout("5\n6\n7\n8\n9\n10\n")
        .check();
}

#[test]
fn commands_split_the_work() {
    let hub = hub_with(&numbered(40));
    let work = [
        "sub",
        "--as",
        "w",
        "--share",
        "--drain",
        "-x",
        "echo \"$(cat)\"",
    ];
    let workers: Vec<Running> = (0..2)
        .map(|_| hub.cmd(&work).args(&["-j", "3"]).spawn())
        .collect();
    let ended: Vec<_> = workers.into_iter().map(Running::wait).collect();
    let outputs: Vec<String> = ended.iter().map(|it| it.stdout().into_owned()).collect();
    assert_each_once(&counted(outputs.iter().map(String::as_str)), 40);
    assert_eq!(hub.pending("jobs", "w"), Some(0));
}

#[test]
fn what_is_not_for_them_is_passed_over_and_several_rooms_are_one_queue() {
    let hub = TestHub::start();
    hub.cmd(&["join", "a", "b", "out", "--as", "w"]).check();
    hub.cmd(&["pub", "a", "--to", "b", "1"]).check();
    hub.cmd(&["pub", "b", "--except", "out", "no"]).check();
    hub.cmd(&["pub", "b", "2"]).check();
    hub.cmd(&["pub", "a", "--as", "w", "--others", "no"])
        .check();
    hub.cmd(&["sub", "--as", "w", "--share", "--drain"])
        .stdout("1\n2\n")
        .check();
    for room in ["a", "b"] {
        assert_eq!(hub.pending(room, "w"), Some(0), "{room}");
    }
}

#[test]
fn sharing_has_its_conditions() {
    let hub = TestHub::start();
    hub.cmd(&["sub", "jobs", "--share"])
        .stderr_has("--share splits the queue of a name: add --as NAME")
        .status(2)
        .check();
    hub.cmd(&["sub", "jobs", "--as", "w", "--share", "--since", "5m"])
        .any_stderr()
        .status(2)
        .check();
    hub.cmd(&["sub", "--as", "nobody", "--share"])
        .stderr_has("has joined no room")
        .status(1)
        .check();
    let _first = sharer(&hub, &[]);
    hub.cmd(&["sub", "others", "--as", "w", "--share"])
        .stderr_has("this queue is shared for \"jobs\"")
        .any_stdout()
        .status(1)
        .check();
    let roomcat = |name: Option<&str>| {
        let auth = json!({"roomcat": 1, "as": name});
        Raw::connected(hub.url(), "/", &auth)
    };
    let stock = Raw::connected(hub.url(), "/", &json!({"as": "s"}));
    let share = json!({"rooms": ["jobs"], "share": true});
    let from = json!({"rooms": ["jobs"], "share": true, "last": 3});
    for (mut raw, asked, why) in [
        (roomcat(None), &share, "under a client name"),
        (stock, &share, "clients that ask for this protocol"),
        (roomcat(Some("x")), &from, "omit since and last"),
    ] {
        let answer = raw.call("/", "sub", asked);
        assert_eq!(answer["error"]["code"], "bad_request", "{answer}");
        let message = answer["error"]["message"].as_str().unwrap();
        assert!(message.contains(why), "{answer}");
        raw.assert_alive();
    }
    // Who listens alone stays so until it says otherwise with another socket.
    let mut alone = roomcat(Some("x"));
    alone.must("sub", &json!({"rooms": ["jobs"]}));
    let answer = alone.call("/", "sub", &share);
    assert_eq!(answer["ok"], false, "{answer}");
    // An ack of what was never handed confirms nothing, and an answer comes all the same.
    let mut sharer = roomcat(Some("y"));
    sharer.must("sub", &share);
    for seq in ["1", "99.7", "9007199254740991.7"] {
        sharer.must("ack", &json!({"seq": seq}));
    }
}
