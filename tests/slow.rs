//! Readers that stop and go on: they slow nobody down and lose nothing.

use rustix::process::Signal;

use crate::harness::{Running, TestHub, wait_until};
use crate::random::Random;

const LINES: usize = 200_000;

/// Lines of 100 bytes, each with its number.
fn lines(count: usize) -> String {
    (0..count).map(|n| format!("{n:099}\n")).collect()
}

fn assert_whole(who: &str, running: Running, expected: &str) {
    let ended = running.wait();
    assert_eq!(ended.status, 0, "{who}: {}", ended.stderr());
    if ended.stdout == expected.as_bytes() {
        return;
    }
    let (found, expected) = (ended.stdout().into_owned(), expected.lines());
    for (number, (found, expected)) in found.lines().zip(expected).enumerate() {
        assert_eq!(found, expected, "{who}: line {number}");
    }
    panic!("{who} wrote {} bytes", found.len());
}

#[test]
fn stopped_readers_lose_nothing_and_others_go_on() {
    let mut random = Random::from_env("stopping readers");
    let hub = TestHub::start();
    let count = LINES.to_string();
    let reader = |name: &[&str]| {
        let arguments = [&["sub", "load", "-n", &count], name].concat();
        hub.cmd(&arguments).spawn()
    };
    let working = vec![
        ("member one", reader(&["--as", "one"])),
        ("live one", reader(&[])),
        ("live two", reader(&[])),
    ];
    let stopping = vec![
        ("member two", reader(&["--as", "two"])),
        ("live three", reader(&[])),
    ];
    hub.wait_for_sockets("load", 5);
    let expected = lines(LINES);
    let publisher = hub.cmd(&["pub", "load"]).stdin(&expected).spawn_closed();
    let total = expected.len();
    let mut marks: Vec<usize> = (0..6).map(|_| random.below(total)).collect();
    marks.sort_unstable();
    for (turn, mark) in marks.into_iter().enumerate() {
        wait_until("the stream to go on", || working[1].1.received() >= mark);
        let (_, running) = &stopping[turn % 2];
        // Stopped and let go in turn: each is stopped while the other is let go.
        running.signal(Signal::STOP);
        stopping[(turn + 1) % 2].1.signal(Signal::CONT);
    }
    for (who, running) in working {
        assert_whole(who, running, &expected);
    }
    let ended = publisher.wait();
    assert_eq!(ended.status, 0, "{}", ended.stderr());
    for (who, running) in stopping {
        running.signal(Signal::CONT);
        assert_whole(who, running, &expected);
    }
    for name in ["one", "two"] {
        assert_eq!(hub.pending("load", name), Some(0), "{name}");
    }
}

/// A member that stood still while more was published than any queue or socket holds.
#[test]
fn a_member_that_stood_still_all_the_while_catches_up() {
    let hub = TestHub::start();
    let count = LINES.to_string();
    let member = hub.cmd(&["sub", "load", "--as", "m", "-n", &count]).spawn();
    hub.wait_for_sockets("load", 1);
    member.signal(Signal::STOP);
    let expected = lines(LINES);
    hub.publish("load", &expected);
    assert!(
        hub.pending("load", "m")
            .is_some_and(|pending| pending > 100_000)
    );
    member.signal(Signal::CONT);
    assert_whole("the member", member, &expected);
}

#[test]
fn who_was_cut_off_while_stopped_resumes_and_has_everything_once() {
    for name in [&["--as", "m"][..], &[]] {
        let hub = TestHub::with(&["--ping-interval", "1s", "--ping-timeout", "3s"]);
        let count = LINES.to_string();
        let arguments = [&["sub", "load", "-n", &count][..], name].concat();
        let reader = hub.cmd(&arguments).spawn();
        hub.wait_for_sockets("load", 1);
        let expected = lines(LINES);
        let publisher = hub.cmd(&["pub", "load"]).stdin(&expected).spawn_closed();
        wait_until("some of it", || reader.received() > expected.len() / 10);
        reader.signal(Signal::STOP);
        hub.wait_for_stderr("ping timeout");
        assert_eq!(publisher.wait().status, 0);
        reader.signal(Signal::CONT);
        reader.wait_for_stderr("back at");
        assert_whole("the reader", reader, &expected);
    }
}

#[test]
fn an_unnamed_reader_that_fell_behind_what_is_kept_is_told() {
    let hub = TestHub::with(&["--keep", "0"]);
    let mut reader = hub.cmd(&["sub", "load"]).spawn();
    hub.wait_for_sockets("load", 1);
    reader.signal(Signal::STOP);
    let expected = lines(LINES);
    hub.publish("load", &expected);
    wait_until("it to be pruned", || {
        hub.room("load").is_none_or(|room| room["messages"] == 0)
    });
    reader.signal(Signal::CONT);
    reader.wait_for_stderr("gap: the hub no longer keeps some messages between");
    hub.wait_for_stderr("fell behind");
    hub.publish("load", "end\n");
    let mut last = None;
    let mut count = 0;
    loop {
        let line = reader.line();
        if line == "end" {
            break;
        }
        let number: usize = line.parse().expect("a line as it was sent");
        assert!(last.is_none_or(|last| last < number), "in order, once");
        last = Some(number);
        count += 1;
    }
    assert!(count < LINES, "it was told of a gap that is none");
}
