//! Streams that do not come to their end.

use rustix::process::Signal;
use serde_json::json;

use super::{begin, bytes, ends, get, member, received, send};
use crate::harness::{Cmd, Outcome, Running, TestHub, wait_until};
use crate::raw::Raw;

/// What a reader says of a stream that is cut off.
fn cut(outcome: &Outcome, why: &str) {
    assert_eq!(outcome.status, 1, "{}", outcome.stderr());
    let said = outcome.stderr();
    assert!(said.contains("cut off") && said.contains(why), "{said}");
}

fn drain(hub: &TestHub) -> Outcome {
    hub.cmd(&["sub", "--stream", "box", "--as", "me", "--drain"])
        .run()
}

#[test]
fn an_interrupted_publisher_says_so() {
    let hub = TestHub::start();
    member(&hub, "box", "me");
    let live = hub.cmd(&["sub", "--stream", "box"]).spawn();
    hub.wait_for_sockets("box", 1);
    let publisher = begin(&hub, "box", b"part of it");
    publisher.signal(Signal::TERM);
    assert_eq!(publisher.wait().status, 143);
    let live = live.wait();
    cut(&live, "interrupted");
    assert_eq!(live.stdout(), "part of it");
    send(&hub, "box", b"the next");
    let later = drain(&hub);
    cut(&later, "interrupted");
    assert!(later.stderr().contains("the stream counts as read"));
    assert_eq!(later.stdout(), "part of it");
    assert_eq!(get(&hub, "box", "me"), b"the next");
}

#[test]
fn a_file_that_cannot_be_read_breaks_the_stream_off() {
    let hub = TestHub::start();
    member(&hub, "box", "me");
    let whole = hub.folder().join("whole");
    std::fs::write(&whole, bytes(1, 300_000)).unwrap();
    let whole = whole.display().to_string();
    hub.cmd(&["pub", "--stream", "box", "-f", &whole, "/nowhere"])
        .status(1)
        .stderr_has("cannot read /nowhere")
        .check();
    let got = drain(&hub);
    cut(&got, "cannot read /nowhere");
    assert!(got.stdout == bytes(1, 300_000));
}

/// A reader that is given little patience.
fn impatient(hub: &TestHub, more: &[&str]) -> Running {
    hub.cmd(&["sub", "--stream", "box", "--stall", "300ms"])
        .args(more)
        .spawn()
}

#[test]
fn a_killed_publisher_is_missed() {
    let hub = TestHub::start();
    member(&hub, "box", "me");
    let live = impatient(&hub, &[]);
    hub.wait_for_sockets("box", 1);
    let publisher = begin(&hub, "box", b"part of it");
    received(&live, 10);
    publisher.signal(Signal::KILL);
    publisher.wait();
    let live = live.wait();
    cut(&live, "its publisher is gone");
    assert_eq!(live.stdout(), "part of it");
    // So it is when that was yesterday, and what came since is not lost.
    send(&hub, "box", b"the next");
    let later = impatient(&hub, &["--as", "me"]).wait();
    cut(&later, "its publisher is gone");
    assert_eq!(later.stdout(), "part of it");
    assert_eq!(get(&hub, "box", "me"), b"the next");
}

#[test]
fn a_publisher_that_thinks_is_waited_for() {
    let hub = TestHub::start();
    let reader = impatient(&hub, &["-v"]);
    hub.wait_for_sockets("box", 1);
    let mut publisher = begin(&hub, "box", b"part of it, ");
    received(&reader, 12);
    // Longer than the reader's patience: another reader of the same kind has lost its own with somebody who is gone.
    let mut raw = Raw::roomcat(hub.url());
    let gone = json!({"rooms": ["other"], "event": "stream", "data": {"id": "x", "part": 0, "sid": "gone"}});
    raw.must("pub", &gone);
    let other = [
        "sub", "--stream", "other", "--since", "0", "--stall", "900ms",
    ];
    cut(&hub.cmd(&other).run(), "its publisher is gone");
    publisher.write("and the rest");
    ends(publisher);
    let outcome = reader.wait();
    assert_eq!(outcome.status, 0, "{}", outcome.stderr());
    assert_eq!(outcome.stdout(), "part of it, and the rest");
}

#[test]
fn what_has_not_ended_ends_a_drain_and_comes_again() {
    let hub = TestHub::start();
    member(&hub, "box", "me");
    let mut publisher = begin(&hub, "box", b"part of it, ");
    for _ in 0..2 {
        let early = drain(&hub);
        cut(&early, "it has not ended yet");
        assert!(
            early
                .stderr()
                .contains("the next call gets the stream again")
        );
        assert_eq!(early.stdout(), "part of it, ");
    }
    let late = hub.cmd(&["sub", "--stream", "box", "--as", "me", "--timeout", "100ms"]);
    let late = late.run();
    assert_eq!(late.status, 5, "{}", late.stderr());
    for said in [
        "timed out after 100ms",
        "the next call gets the stream again",
    ] {
        assert!(late.stderr().contains(said), "{}", late.stderr());
    }
    publisher.write("and the rest");
    ends(publisher);
    assert_eq!(get(&hub, "box", "me"), b"part of it, and the rest");
    hub.cmd(&["sub", "--stream", "box", "--timeout", "100ms"])
        .status(5)
        .any_stderr()
        .check();
}

#[test]
fn a_drain_does_not_meet_the_dead_for_ever() {
    let hub = TestHub::start();
    member(&hub, "box", "me");
    let publisher = begin(&hub, "box", b"part of it");
    publisher.signal(Signal::KILL);
    publisher.wait();
    send(&hub, "box", b"the next");
    cut(&drain(&hub), "it has not ended yet");
    wait_until("the dead stream is left behind", || {
        let patience = ["sub", "--stream", "box", "--as", "me", "--drain", "--stall"];
        let drained = hub.cmd(&patience).args(&["300ms"]).run();
        cut(&drained, "it has not ended yet");
        drained.stderr().contains("the stream counts as read")
    });
    assert_eq!(drain(&hub).stdout(), "the next");
}

#[test]
fn parts_that_are_no_longer_kept_are_missed() {
    let hub = TestHub::with(&["--keep", "0"]);
    // Patient enough for a hub that has to look what there is.
    let reader = hub
        .cmd(&["sub", "--stream", "box", "--stall", "3s"])
        .spawn();
    hub.wait_for_sockets("box", 1);
    let mut publisher = begin(&hub, "box", b"first");
    received(&reader, 5);
    reader.signal(Signal::STOP);
    // More than its mailbox, its credit and its connection hold; of what is in none of them nothing is kept.
    publisher.write(bytes(1, 40_000_000));
    ends(publisher);
    wait_until("the log is empty", || {
        hub.room("box").is_none_or(|room| room["messages"] == 0)
    });
    reader.signal(Signal::CONT);
    let outcome = reader.wait();
    cut(&outcome, "no longer keeps");
}

#[test]
fn a_hub_with_another_database_has_not_the_rest() {
    let mut hub = TestHub::with(&["--db", ":memory:"]);
    let mut publisher = hub.cmd(&["pub", "--stream", "box"]).spawn();
    let reader = hub.cmd(&["sub", "--stream", "box"]).spawn();
    hub.wait_for_sockets("box", 1);
    publisher.write("part of it");
    received(&reader, 10);
    // It leaves once the part before it is confirmed.
    publisher.write(", more");
    received(&reader, 16);
    hub.kill9();
    hub.restart();
    let outcome = reader.wait();
    cut(&outcome, "a new database");
    assert_eq!(outcome.stdout(), "part of it, more");
    // Who reads the new log never gets the beginning.
    let outcome = publisher.wait();
    cut(&outcome, "a new database");
    assert!(outcome.stderr().contains("send the stream again"));
}

#[test]
fn another_database_loses_nothing_to_who_is_still_writing() {
    let mut hub = TestHub::with(&["--db", ":memory:"]);
    member(&hub, "box", "me");
    let first = bytes(1, 2_000_000);
    send(&hub, "box", &first);
    let reader = "exec 3<&0; roomcat sub --stream box --as me -n 2 -v | { read go <&3; cat; }";
    let mut reader = Cmd::shell(reader).env("ROOMCAT_URL", hub.url()).spawn();
    // Behind the last piece, which stdout has not taken.
    reader.wait_for_stderr("caught up");
    hub.kill9();
    hub.restart();
    reader.wait_for_stderr("a new database");
    send(&hub, "box", b"the second");
    reader.write("go\n");
    let outcome = reader.wait();
    assert_eq!(outcome.status, 0, "{}", outcome.stderr());
    assert!(outcome.stdout == [&first[..], b"the second"].concat());
}

#[test]
fn a_timeout_does_not_wait_for_a_stdout_that_takes_nothing() {
    let hub = TestHub::start();
    let publisher = begin(&hub, "box", &bytes(1, 2_000_000));
    let reader = "exec 3<&0
        { roomcat sub --stream box --since 0 --timeout 300ms; echo status $? >&2; } | { read go <&3; cat; }";
    let mut reader = Cmd::shell(reader)
        .env("ROOMCAT_URL", hub.url())
        .any_stdout()
        .spawn();
    reader.wait_for_stderr("status 5");
    reader.write("go\n");
    reader.wait();
    ends(publisher);
}
