//! What goes in comes out: stdin to a room to stdout, live and from the store, byte for byte.

use std::fs;

use serde_json::Value;

use crate::harness::{Cmd, TestHub};

/// One way through the house: what `pub` reads, and what `sub` must write.
struct Trip<'a> {
    publish: &'a [&'a str],
    subscribe: &'a [&'a str],
    input: &'a [u8],
    messages: u32,
    output: &'a [u8],
}

impl Trip<'_> {
    /// Live to a subscriber, and once more from the store to a member that was away.
    fn check(&self) {
        let hub = TestHub::start();
        hub.cmd(&["join", "room", "--as", "away"]).check();
        let count = self.messages.to_string();
        // Nothing comes of no messages, live or not.
        let live = (self.messages > 0).then(|| {
            let arguments = [&["sub", "room", "-n", &count], self.subscribe].concat();
            let live = hub.cmd(&arguments).spawn();
            hub.wait_for_sockets("room", 1);
            live
        });
        let arguments = [&["pub", "room"], self.publish].concat();
        hub.cmd(&arguments).stdin(self.input).check();
        if let Some(live) = live {
            let live = live.wait();
            assert_eq!(live.status, 0, "{}", live.stderr());
            self.compare("live", &live.stdout);
        }
        assert_eq!(hub.pending("room", "away"), Some(self.messages.into()));
        let arguments = [&["sub", "--as", "away", "--drain"], self.subscribe].concat();
        let stored = hub.cmd(&arguments).run();
        assert_eq!(stored.status, 0, "{}", stored.stderr());
        self.compare("from the store", &stored.stdout);
        assert_eq!(hub.pending("room", "away"), Some(0));
    }

    fn compare(&self, how: &str, found: &[u8]) {
        let same = found.iter().zip(self.output).take_while(|(a, b)| a == b);
        let at = same.count();
        assert!(
            found == self.output,
            "{how}: {} bytes, expected {}; they differ at {at}",
            found.len(),
            self.output.len()
        );
    }
}

fn lines(input: &[u8], messages: u32, output: &[u8]) {
    let trip = Trip {
        publish: &[],
        subscribe: &[],
        input,
        messages,
        output,
    };
    trip.check();
}

fn every_byte() -> Vec<u8> {
    (0..=255).collect()
}

#[test]
fn text_comes_out_as_it_went_in() {
    let text = "first\n\n  \nmit Umlauten: äöü €😀\nCR LF\r\n\ttab\nlast\n".as_bytes();
    lines(text, 7, text);
}

#[test]
fn a_last_line_without_a_newline_is_a_message() {
    lines(b"one\ntwo", 2, b"one\ntwo\n");
}

#[test]
fn an_empty_stdin_is_no_message() {
    lines(b"", 0, b"");
}

#[test]
fn bytes_that_are_no_text_come_out_as_they_went_in() {
    let text = b"\xff\xfe\n\0\n\xc3\x28 \x1b[31m\ntext\n";
    lines(text, 4, text);
}

#[test]
fn every_byte_value_survives_as_lines() {
    let mut every = every_byte();
    every.push(b'\n');
    lines(&every, 2, &every);
}

#[test]
fn every_byte_value_survives_between_nuls() {
    let mut input = every_byte();
    input.rotate_left(1);
    let trip = Trip {
        publish: &["-0"],
        subscribe: &["-0"],
        input: &input,
        messages: 1,
        output: &input,
    };
    trip.check();
}

#[test]
fn every_byte_value_survives_as_a_whole() {
    let every = every_byte().repeat(1000);
    for input in [&every[..], b"", b"\n", b"no newline"] {
        let trip = Trip {
            publish: &["--whole"],
            subscribe: &["--raw"],
            input,
            messages: 1,
            output: input,
        };
        trip.check();
    }
}

#[test]
fn a_line_as_long_as_the_limit_goes_through() {
    let mut line = vec![b'x'; 1 << 20];
    line.push(b'\n');
    let input = [b"before\n", &line[..], b"after\n"].concat();
    lines(&input, 3, &input);
}

#[test]
fn a_line_over_the_limit_is_named_and_what_stands_before_it_is_there() {
    let hub = TestHub::start();
    hub.cmd(&["join", "room", "--as", "away"]).check();
    let input = [b"one\ntwo\n", &vec![b'x'; (1 << 20) + 1][..], b"\nfour\n"].concat();
    hub.cmd(&["pub", "room"])
        .stdin(input)
        .stderr_has("message 3 is too long")
        .stderr_has("1048576")
        .stderr_has("--max-message")
        .status(1)
        .check();
    hub.cmd(&["sub", "--as", "away", "--drain"])
        .stdout("one\ntwo\n")
        .check();
}

#[test]
fn a_hundred_thousand_lines_keep_their_order() {
    let numbers: String = (0..100_000).map(|n| format!("{}\n", n % 10)).collect();
    lines(numbers.as_bytes(), 100_000, numbers.as_bytes());
}

#[test]
fn many_megabytes_go_through() {
    let text: String = (0..80_000).map(|n| format!("{n:0>99}\n")).collect();
    lines(text.as_bytes(), 80_000, text.as_bytes());
}

#[test]
fn a_line_typed_arrives_before_stdin_is_closed() {
    let hub = TestHub::start();
    let mut reader = hub.cmd(&["sub", "room"]).spawn();
    hub.wait_for_sockets("room", 1);
    let mut writer = hub.cmd(&["pub", "room"]).spawn();
    for line in ["one", "two", "three"] {
        writer.write(format!("{line}\n"));
        assert_eq!(reader.line(), line);
    }
    writer.close_stdin();
    assert_eq!(writer.wait().status, 0);
}

#[test]
fn words_are_one_message_and_stdin_is_left_alone() {
    let hub = TestHub::start();
    hub.cmd(&["join", "room", "--as", "away"]).check();
    hub.cmd(&["pub", "room", "hello", "there", "--", "-1"])
        .stdin("not this\n")
        .check();
    hub.cmd(&["sub", "--as", "away", "--drain"])
        .stdout("hello there -1\n")
        .check();
}

#[test]
fn files_follow_each_other() {
    let hub = TestHub::start();
    hub.cmd(&["join", "room", "--as", "away"]).check();
    let paths = ["a", "b"].map(|name| hub.folder().join(name).display().to_string());
    std::fs::write(&paths[0], "one\ntwo").unwrap();
    std::fs::write(&paths[1], "three\n").unwrap();
    hub.cmd(&["pub", "room", "-f", &paths[0], &paths[1]])
        .check();
    hub.cmd(&["sub", "--as", "away", "--drain"])
        .stdout("one\ntwo\nthree\n")
        .check();
}

#[test]
fn stdin_may_be_a_file() {
    let hub = TestHub::start();
    hub.cmd(&["join", "room", "--as", "away"]).check();
    let text: String = (0..30_000).map(|n| format!("line {n}\n")).collect();
    let path = hub.folder().join("lines");
    std::fs::write(&path, &text).unwrap();
    hub.cmd(&["pub", "room"])
        .stdin_from(std::fs::File::open(&path).unwrap())
        .check();
    hub.cmd(&["sub", "--as", "away", "--drain"])
        .stdout(&text)
        .check();
}

#[test]
fn who_is_in_two_rooms_of_a_union_gets_the_message_once() {
    let hub = TestHub::start();
    let both = hub.cmd(&["sub", "a", "b", "-n", "2"]).spawn();
    let one = hub.cmd(&["sub", "b", "-n", "1"]).spawn();
    hub.wait_for_sockets("a", 1);
    hub.wait_for_sockets("b", 2);
    hub.cmd(&["join", "a", "b", "--as", "away"]).check();
    hub.cmd(&["pub", "a", "--to", "b", "to both"]).check();
    hub.cmd(&["pub", "a", "end"]).check();
    assert_eq!(both.wait().stdout(), "to both\nend\n");
    assert_eq!(one.wait().stdout(), "to both\n");
    hub.cmd(&["sub", "--as", "away", "--drain"])
        .stdout("to both\nend\n")
        .check();
}

#[test]
fn others_leaves_out_the_name_that_sends() {
    let hub = TestHub::start();
    let alice = hub
        .cmd(&["sub", "room", "--as", "alice", "-n", "1"])
        .spawn();
    let bob = hub.cmd(&["sub", "room", "--as", "bob", "-n", "2"]).spawn();
    hub.wait_for_sockets("room", 2);
    hub.cmd(&["pub", "room", "--as", "alice", "--others", "not to me"])
        .check();
    hub.cmd(&["pub", "room", "--as", "alice", "to all"]).check();
    assert_eq!(alice.wait().stdout(), "to all\n");
    assert_eq!(bob.wait().stdout(), "not to me\nto all\n");
    assert_eq!(hub.pending("room", "alice"), Some(0));
}

#[test]
fn except_leaves_out_who_is_in_that_room() {
    let hub = TestHub::start();
    let plain = hub.cmd(&["sub", "room", "-n", "2"]).spawn();
    let muted = hub.cmd(&["sub", "room", "quiet", "-n", "1"]).spawn();
    hub.wait_for_sockets("room", 2);
    hub.wait_for_sockets("quiet", 1);
    hub.cmd(&["pub", "room", "--except", "quiet", "loud"])
        .check();
    hub.cmd(&["pub", "room", "end"]).check();
    assert_eq!(plain.wait().stdout(), "loud\nend\n");
    assert_eq!(muted.wait().stdout(), "end\n");
}

#[test]
fn an_event_is_filtered_and_what_is_filtered_out_counts_as_read() {
    let hub = TestHub::start();
    hub.cmd(&["join", "room", "--as", "away"]).check();
    hub.cmd(&["pub", "room", "noise"]).check();
    hub.cmd(&["pub", "room", "-e", "deploy", "web1"]).check();
    hub.cmd(&["pub", "room", "more noise"]).check();
    hub.cmd(&["sub", "--as", "away", "-e", "deploy", "--drain"])
        .stdout("web1\n")
        .check();
    assert_eq!(hub.pending("room", "away"), Some(0));
}

#[test]
fn namespaces_keep_their_rooms_apart() {
    let hub = TestHub::start();
    let root = hub.cmd(&["sub", "room", "-n", "1"]).spawn();
    hub.wait_for_sockets("room", 1);
    let admin = hub.cmd(&["sub", "/admin#room", "-n", "1"]).spawn();
    hub.cmd(&["join", "room", "--namespace", "/admin", "--as", "away"])
        .check();
    // The join is in the log behind the subscription, or before it; the publish waits for one listener here.
    crate::harness::wait_until("a listener in /admin", || {
        let rooms = hub
            .cmd(&["rooms", "room", "--json", "--namespace", "/admin"])
            .run();
        rooms.stdout().contains("\"sockets\":1")
    });
    hub.cmd(&["pub", "/admin#room", "for admins"]).check();
    hub.cmd(&["pub", "room", "for everyone"]).check();
    assert_eq!(root.wait().stdout(), "for everyone\n");
    assert_eq!(admin.wait().stdout(), "for admins\n");
    let url = format!("{}/admin", hub.url());
    Cmd::new(&["-u", &url, "sub", "--as", "away", "--drain"])
        .stdout("for admins\n")
        .check();
}

#[test]
fn json_is_checked_and_comes_out_as_it_went_in() {
    let hub = TestHub::start();
    hub.cmd(&["join", "room", "--as", "away"]).check();
    let values = "{\"n\": 1e400}\n[1, 2]\n\"\\ud800\"\n";
    hub.cmd(&["pub", "--json", "room"]).stdin(values).check();
    hub.cmd(&["pub", "--json", "room"])
        .stdin("1\nnot json\n2\n")
        .stderr_has("message 2 is not JSON")
        .status(1)
        .check();
    hub.cmd(&["sub", "--as", "away", "--drain"])
        .stdout(format!("{values}1\n"))
        .check();
}

/// The objects of `sub --json`, without what differs between two hubs.
fn objects(hub: &TestHub, name: &str) -> Vec<Value> {
    let outcome = hub.cmd(&["sub", "--as", name, "--drain", "--json"]).run();
    assert_eq!(outcome.status, 0, "{}", outcome.stderr());
    let text = String::from_utf8(outcome.stdout).unwrap();
    let objects = text.lines().map(|line| serde_json::from_str(line).unwrap());
    objects
        .map(|mut object: Value| {
            let fields = object.as_object_mut().unwrap();
            for field in ["seq", "time"] {
                assert!(
                    fields.remove(field).is_some_and(|it| it.is_string()),
                    "{field}"
                );
            }
            object
        })
        .collect()
}

#[test]
fn an_envelope_copies_a_room_with_all_that_is_in_it() {
    let (from, to) = (TestHub::start(), TestHub::start());
    for (hub, name) in [(&from, "one"), (&from, "two"), (&to, "two")] {
        hub.cmd(&["join", "room", "other", "--as", name]).check();
    }
    let publish = |arguments: &[&str], input: &[u8]| {
        let arguments = [&["pub", "--as", "sender"], arguments].concat();
        from.cmd(&arguments).stdin(input).check();
    };
    publish(&["room"], b"text \"quoted\" \xc3\xbc\n\n");
    publish(&["room", "--to", "other", "-e", "deploy"], b"both\n");
    publish(&["room", "--whole"], b"two\nlines");
    publish(&["room", "--whole"], b"\xff\0");
    publish(&["room", "--json"], b"{\"n\": [1, \"a\"]}\n");

    let copied = from
        .cmd(&["sub", "--as", "one", "--drain", "--json"])
        .any_stdout()
        .check();
    to.cmd(&["pub", "--envelope", "--as", "sender"])
        .stdin(&copied.stdout)
        .check();
    let original = objects(&from, "two");
    assert_eq!(original.len(), 6);
    assert_eq!(original[2]["rooms"], serde_json::json!(["room", "other"]));
    assert_eq!(original[2]["event"], "deploy");
    assert_eq!(original[3]["data"], "two\nlines");
    assert_eq!(original[4]["base64"], "/wA=");
    assert_eq!(original[5]["json"], true);
    assert_eq!(original, objects(&to, "two"));
}

#[test]
fn volatile_reaches_who_is_here_and_nobody_else() {
    let hub = TestHub::start();
    hub.cmd(&["join", "room", "--as", "away"]).check();
    let here = hub.cmd(&["sub", "room", "-n", "1"]).spawn();
    hub.wait_for_sockets("room", 1);
    hub.cmd(&["pub", "room", "--volatile", "now"]).check();
    assert_eq!(here.wait().stdout(), "now\n");
    assert_eq!(hub.pending("room", "away"), Some(0));
}

#[test]
fn chat_goes_both_ways_and_does_not_echo() {
    let hub = TestHub::start();
    let mut alice = hub.cmd(&["chat", "room", "--as", "alice"]).spawn();
    let mut bob = hub.cmd(&["chat", "room", "--eof"]).spawn();
    hub.wait_for_sockets("room", 2);
    alice.write("hi bob\n");
    assert_eq!(bob.line(), "hi bob");
    bob.write("hi alice\n");
    assert_eq!(alice.line(), "hi alice");
    assert!(alice.is_silent() && bob.is_silent());
    bob.write("bye\n");
    bob.close_stdin();
    let bob = bob.wait();
    assert_eq!((bob.status, &*bob.stdout()), (0, ""));
    assert_eq!(alice.line(), "bye");
    // In a pipe the end of stdin ends nothing: there is still something to hear.
    alice.close_stdin();
    hub.publish("room", "still there?\n");
    assert_eq!(alice.line(), "still there?");
    assert!(alice.is_alive());
}

#[test]
fn a_named_pipe_whose_writer_is_gone_already_is_read_to_its_end() {
    let hub = TestHub::start();
    let script = r#"mkfifo "$1/f"; exec 3<>"$1/f"; echo hi >&3; exec 4<"$1/f" 3>&-
        timeout -s KILL 10 roomcat pub room <&4"#;
    let folder = hub.folder().to_str().unwrap();
    Cmd::shell_with(script, &[folder])
        .env("ROOMCAT_URL", hub.url())
        .check();
    hub.cmd(&["sub", "room", "--last", "1", "-n", "1"])
        .stdout("hi\n")
        .check();
}

#[test]
fn of_several_files_none_is_sent_when_one_cannot_be_read() {
    let hub = TestHub::start();
    let good = hub.folder().join("good");
    fs::write(&good, "fine\n").unwrap();
    let good = good.to_str().unwrap();
    let folder = hub.folder().to_str().unwrap();
    for (bad, why) in [
        ("missing", "cannot read missing: "),
        (folder, "cannot read "),
    ] {
        hub.cmd(&["pub", "two", "-f", good, bad])
            .stderr_has(why)
            .status(1)
            .check();
        assert_eq!(hub.room("two"), None);
    }
    let pipes = format!("roomcat pub two -f '{good}' <(echo piped) - '{good}'");
    Cmd::shell(&pipes)
        .env("ROOMCAT_URL", hub.url())
        .stdin("stdin\n")
        .check();
    hub.cmd(&["sub", "two", "--last", "9", "--drain"])
        .stdout("fine\npiped\nstdin\nfine\n")
        .check();
}
