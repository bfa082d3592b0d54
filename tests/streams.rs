//! `pub --stream` and `sub --stream`: bytes as they are, with an end, whatever becomes of those on the way.

mod cut;
mod wire;

use std::fs;

use rustix::process::Signal;

use crate::harness::{Cmd, Running, TestHub, wait_until};
use crate::random::Random;

/// A piece holds so many bytes.
const PIECE: usize = 256 * 1024;

fn bytes(seed: u64, length: usize) -> Vec<u8> {
    let mut random = Random::new(seed);
    (0..length).map(|_| random.below(256) as u8).collect()
}

fn send(hub: &TestHub, room: &str, bytes: &[u8]) {
    hub.cmd(&["pub", "--stream", room]).stdin(bytes).check();
}

/// The next stream for a name, whole.
fn get(hub: &TestHub, room: &str, name: &str) -> Vec<u8> {
    let get = hub.cmd(&["sub", "--stream", room, "--as", name]);
    let got = get.run();
    assert_eq!((got.status, &*got.stderr()), (0, ""));
    got.stdout
}

fn member(hub: &TestHub, room: &str, name: &str) {
    hub.cmd(&["join", room, "--as", name]).check();
}

/// A publisher whose stream goes on until its stdin is closed, and who has got so far.
fn begin(hub: &TestHub, room: &str, first: &[u8]) -> Running {
    let stored = || {
        hub.room(room)
            .map_or(0, |room| room["messages"].as_u64().unwrap_or(0))
    };
    let before = stored();
    let mut publisher = hub.cmd(&["pub", "--stream", room]).spawn();
    publisher.write(first);
    wait_until("the first piece", || stored() > before);
    publisher
}

fn received(running: &Running, bytes: usize) {
    wait_until(&format!("{bytes} bytes"), || running.received() >= bytes);
}

fn ends(mut publisher: Running) {
    publisher.close_stdin();
    let ended = publisher.wait();
    assert_eq!(ended.status, 0, "{}", ended.stderr());
}

#[test]
fn an_archive_comes_out_as_it_went_in() {
    let hub = TestHub::start();
    let docs = hub.folder().join("docs/deep");
    fs::create_dir_all(&docs).unwrap();
    fs::write(docs.join("photo.jpg"), bytes(1, 700_000)).unwrap();
    fs::write(docs.join("empty"), "").unwrap();
    fs::write(docs.join("text"), "one\n\ntwo").unwrap();
    member(&hub, "box", "me");
    let shell = |script: &str| {
        Cmd::shell(script)
            .env("ROOMCAT_URL", hub.url())
            .directory(hub.folder())
            .check();
    };
    shell("tar c docs | roomcat pub --stream box");
    shell("mkdir out && roomcat sub --stream box --as me | tar x -C out");
    shell("diff -r docs out/docs");
    assert_eq!(hub.pending("box", "me"), Some(0));
}

#[test]
fn streams_of_every_length_come_whole_live_and_later() {
    let hub = TestHub::start();
    member(&hub, "box", "away");
    for length in [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE, 1_300_003] {
        let sent = bytes(length as u64, length);
        let live = hub.cmd(&["sub", "--stream", "box"]).spawn();
        hub.wait_for_sockets("box", 1);
        send(&hub, "box", &sent);
        let live = live.wait();
        assert_eq!((live.status, &*live.stderr()), (0, ""), "{length}");
        assert!(live.stdout == sent, "{length} bytes, live");
        assert!(
            get(&hub, "box", "away") == sent,
            "{length} bytes, from the store"
        );
    }
}

#[test]
fn files_are_one_stream() {
    let hub = TestHub::start();
    member(&hub, "box", "me");
    let path = |name: &str| hub.folder().join(name).display().to_string();
    for (name, content) in [("a", bytes(1, 400_000)), ("b", bytes(2, 3))] {
        fs::write(path(name), content).unwrap();
    }
    hub.cmd(&["pub", "--stream", "box", "-f", &path("a"), &path("b")])
        .check();
    let wanted = [bytes(1, 400_000), bytes(2, 3)].concat();
    assert!(get(&hub, "box", "me") == wanted);
}

#[test]
fn what_is_read_leaves_at_once() {
    let hub = TestHub::start();
    let mut reader = hub.cmd(&["sub", "--stream", "box"]).spawn();
    hub.wait_for_sockets("box", 1);
    let mut publisher = hub.cmd(&["pub", "--stream", "box"]).spawn();
    let mut so_far = 0;
    for part in ["no newline", "x", "\n\0\n"] {
        publisher.write(part);
        so_far += part.len();
        received(&reader, so_far);
    }
    assert!(reader.is_alive());
    ends(publisher);
    let outcome = reader.wait();
    assert_eq!(
        (outcome.status, &*outcome.stdout()),
        (0, "no newlinex\n\0\n")
    );
}

#[test]
fn streams_in_a_room_are_kept_apart() {
    let hub = TestHub::start();
    member(&hub, "box", "me");
    member(&hub, "box", "both");
    let mut streams = [b'a', b'b', b'c'].map(|letter| {
        let first = vec![letter; 1000];
        (begin(&hub, "box", &first), first)
    });
    let live = hub
        .cmd(&["sub", "--stream", "box", "--since", "0", "-n", "3"])
        .spawn();
    for round in 0..4 {
        for (publisher, sent) in &mut streams {
            let more = vec![sent[0]; 1 << (round * 5)];
            let stored = hub.room("box").unwrap()["messages"].as_u64().unwrap();
            publisher.write(&more);
            hub.wait_for_room_messages("box", stored + 1);
            sent.extend(more);
        }
    }
    hub.publish("box", "something else\n");
    let wanted: Vec<Vec<u8>> = streams.iter().map(|(_, sent)| sent.clone()).collect();
    let [a, b, c] = streams.map(|(publisher, _)| publisher);
    // Neither the order of their ends is that of their beginnings.
    for publisher in [b, c, a] {
        ends(publisher);
    }
    for wanted in &wanted {
        assert!(get(&hub, "box", "me") == *wanted);
    }
    // What is left behind the last one is of streams that were written.
    hub.cmd(&["sub", "--stream", "box", "--as", "me", "--drain"])
        .check();
    assert_eq!(hub.pending("box", "me"), Some(0));
    let all = wanted.concat();
    assert!(
        live.wait().stdout == all,
        "three in one call, without a name"
    );
    let both = hub.cmd(&["sub", "--stream", "box", "--as", "both", "-n3"]);
    assert!(both.run().stdout == all, "three in one call, with a name");
    // What lies behind the beginning of the last is of streams that were written.
    hub.cmd(&["sub", "--stream", "box", "--as", "both", "--drain"])
        .check();
    assert_eq!(hub.pending("box", "both"), Some(0));
}

#[test]
fn between_two_streams_other_messages_count_as_read() {
    let hub = TestHub::start();
    member(&hub, "box", "me");
    send(&hub, "box", b"the first");
    let reader = hub
        .cmd(&["sub", "--stream", "box", "--as", "me", "-n", "2"])
        .spawn();
    received(&reader, 9);
    hub.publish("box", "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n");
    wait_until("what is no stream counts as read", || {
        hub.pending("box", "me") == Some(0)
    });
    reader.signal(Signal::INT);
    assert_eq!(reader.wait().status, 130);
    assert_eq!(hub.pending("box", "me"), Some(0));
}

#[test]
fn a_stream_that_began_before_is_passed_over() {
    let hub = TestHub::start();
    let mut first = begin(&hub, "box", b"first ");
    let reader = hub.cmd(&["sub", "--stream", "box"]).spawn();
    hub.wait_for_sockets("box", 1);
    first.write("more of it");
    ends(first);
    send(&hub, "box", b"second");
    assert_eq!(reader.wait().stdout(), "second");
    for since in [&["--since", "0"], &["--last", "9"]] {
        let again = hub.cmd(&["sub", "--stream", "box"]).args(since);
        assert_eq!(again.run().stdout(), "first more of it");
    }
}

#[test]
fn both_ends_outlive_a_hub_that_is_killed() {
    let mut hub = TestHub::start();
    member(&hub, "box", "away");
    let mut publisher = hub.cmd(&["pub", "--stream", "box"]).spawn();
    let live = hub.cmd(&["sub", "--stream", "box"]).spawn();
    let named = hub.cmd(&["sub", "--stream", "box", "--as", "me"]).spawn();
    hub.wait_for_sockets("box", 2);
    let mut sent = Vec::new();
    for round in 0..4 {
        let part = bytes(round, 900_000);
        publisher.write(&part);
        received(&live, sent.len() + 1);
        hub.kill9();
        sent.extend(part);
        let part = bytes(round + 100, 10_000);
        publisher.write(&part);
        sent.extend(part);
        hub.restart();
        received(&live, sent.len());
    }
    ends(publisher);
    for reader in [live, named] {
        let outcome = reader.wait();
        assert_eq!(outcome.status, 0, "{}", outcome.stderr());
        assert!(outcome.stdout == sent, "{} bytes", outcome.stdout.len());
    }
    assert!(get(&hub, "box", "away") == sent);
}

#[test]
fn a_publisher_that_comes_back_says_so_at_once() {
    let mut hub = TestHub::start();
    let publisher = begin(&hub, "box", b"part of it");
    hub.kill9();
    hub.restart();
    hub.wait_for_room_messages("box", 2);
    let drain = ["sub", "box", "--since", "0", "--drain", "--json"];
    let both = hub.cmd(&drain).any_stdout().check();
    let parts: Vec<serde_json::Value> = both
        .stdout()
        .lines()
        .map(|line| serde_json::from_str(line).expect("an object a line"))
        .collect();
    let about = |part: usize, key: &str| parts[part]["args"][0][key].clone();
    assert_eq!(about(0, "id"), about(1, "id"));
    assert_eq!(about(1, "part"), 1);
    assert_ne!(about(0, "sid"), about(1, "sid"));
    ends(publisher);
    let whole = ["sub", "--stream", "box", "--since", "0"];
    hub.cmd(&whole).stdout("part of it").check();
}

#[test]
fn who_is_killed_while_it_writes_gets_the_stream_again() {
    let hub = TestHub::start();
    let sent = bytes(7, 9_000_000);
    member(&hub, "box", "me");
    let mut publisher = begin(&hub, "box", &sent[..5_000_000]);
    let reader = hub.cmd(&["sub", "--stream", "box", "--as", "me"]).spawn();
    // More than the credit: what was written was acknowledged.
    received(&reader, 5_000_000);
    reader.signal(Signal::KILL);
    reader.wait();
    publisher.write(&sent[5_000_000..]);
    ends(publisher);
    let closed = Cmd::shell("roomcat sub --stream box --as me | head -c 3000000 | wc -c")
        .env("ROOMCAT_URL", hub.url())
        .any_stdout()
        .check();
    assert_eq!(closed.stdout().trim(), "3000000");
    assert!(get(&hub, "box", "me") == sent);
    assert_eq!(hub.pending("box", "me"), Some(0));
}

#[test]
fn a_small_hub_takes_small_pieces() {
    let hub = TestHub::with(&["--max-message", "600"]);
    member(&hub, "box", "me");
    let sent = bytes(3, 5000);
    send(&hub, "box", &sent);
    assert!(get(&hub, "box", "me") == sent);
    let smaller = TestHub::with(&["--max-message", "512"]);
    smaller
        .cmd(&["pub", "--stream", "box"])
        .stdin("x")
        .status(1)
        .stderr_has("the hub's message limit is 512 bytes")
        .stderr_has("--max-message")
        .check();
}

#[test]
fn what_makes_no_sense_with_a_stream_is_refused() {
    for flags in [
        &["pub", "--stream", "r", "word"][..],
        &["pub", "--stream", "r", "--whole"],
        &["pub", "--stream", "r", "-0"],
        &["pub", "--stream", "r", "--json"],
        &["pub", "--stream", "r", "-e", "x"],
        &["pub", "--stream", "r", "--volatile"],
        &["sub", "--stream", "r", "--json"],
        &["sub", "--stream", "r", "--raw"],
        &["sub", "--stream", "r", "-e", "x"],
        &["sub", "--stream", "r", "-x", "cat"],
        &["sub", "--stream", "r", "--presence"],
        &["sub", "--stream", "r", "--share", "--as", "me"],
        &["pub", "--stream", "r", "--delay", "1s"],
        &["sub", "r", "--stall", "1s"],
    ] {
        Cmd::new(flags).status(2).any_stderr().check();
    }
}

#[test]
fn a_stream_reaches_whom_messages_reach() {
    let hub = TestHub::start();
    for room in ["a", "b", "c"] {
        member(&hub, room, "me");
    }
    let to = ["pub", "--stream", "a", "--to", "b", "--require", "1"];
    hub.cmd(&to).stdin("both").check();
    let others = ["pub", "--stream", "c", "--as", "me", "--others"];
    hub.cmd(&others).stdin("not to me").check();
    hub.cmd(&["pub", "--stream", "nobody", "--require", "1"])
        .stdin("x")
        .status(6)
        .any_stderr()
        .check();
    let drain = ["sub", "--stream", "--as", "me", "--drain"];
    hub.cmd(&drain).stdout("both").check();
    hub.cmd(&drain).check();
}
