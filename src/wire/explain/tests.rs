//! Explained frames, and the secrets that they must not show.

use std::sync::Mutex;

use proptest::prelude::any;
use proptest::proptest;

use super::*;

#[derive(Debug, Default)]
struct Seen(Mutex<Vec<String>>);

impl TraceSink for Seen {
    fn frame(&self, connection: &str, direction: Direction, explained: &ExplainedFrame) {
        let arrow = match direction {
            Direction::Sent => "→",
            Direction::Received => "←",
        };
        let texts: String = explained.parts.iter().map(|part| &*part.text).collect();
        let meanings: Vec<&str> = explained.parts.iter().map(|part| &*part.meaning).collect();
        let line = format!("{connection}{arrow} {texts}   {}", meanings.join(" · "));
        self.0.lock().unwrap().push(line);
    }
}

fn lines(script: impl FnOnce(&mut Tracer)) -> Vec<String> {
    let seen = Arc::new(Seen::default());
    script(&mut Tracer::for_client(seen.clone()));
    std::mem::take(&mut *seen.0.lock().unwrap())
}

fn sent(frame: &str) -> String {
    lines(|tracer| tracer.text(Direction::Sent, frame)).remove(0)
}

fn received(frame: &str) -> String {
    lines(|tracer| tracer.text(Direction::Received, frame)).remove(0)
}

#[test]
fn every_part_of_a_frame_has_its_meaning() {
    let table = [
        ("2", "ping"),
        ("2probe", "ping · unexpected data"),
        ("3", "pong"),
        ("1", "close"),
        ("5", "upgrade"),
        ("6", "noop"),
        ("40", "message · CONNECT"),
        ("41/a,", "message · DISCONNECT · namespace /a"),
        (
            r#"42["chat","hi"]"#,
            r#"message · EVENT "chat" · 1 argument"#,
        ),
        (
            r#"42/a,17["x"]"#,
            r#"message · EVENT "x" · namespace /a · asks for an answer, ack id 17 · no arguments"#,
        ),
        (
            "4317[1,2]",
            "message · ACK · answer to ack id 17 · 2 arguments",
        ),
        (
            r#"452-["b",{"_placeholder":true,"num":0},1]"#,
            r#"message · BINARY_EVENT "b" · attachments to follow: 2 · 2 arguments"#,
        ),
        (
            "461-3[]",
            "message · BINARY_ACK · attachments to follow: 1 · answer to ack id 3 · no arguments",
        ),
        (
            r#"44/a,{"message":"no"}"#,
            "message · CONNECT_ERROR · namespace /a · reason",
        ),
        ("42nonsense", "message · EVENT · not a JSON array"),
        ("49", "message · not a Socket.IO packet"),
        ("4", "message · not a Socket.IO packet"),
        ("é1234", "not an Engine.IO packet"),
        ("", "not an Engine.IO packet"),
    ];
    for (frame, meaning) in table {
        assert_eq!(sent(frame), format!("→ {frame}   {meaning}"));
    }
}

#[test]
fn secrets_are_masked() {
    assert_eq!(
        received(
            r#"0{"sid":"lv_VI97HAXpY6yYWAAAC","upgrades":[],"pingInterval":25000,"pingTimeout":20000}"#
        ),
        r#"← 0{"sid":"lv_V…","upgrades":[],"pingInterval":25000,"pingTimeout":20000}   open · handshake: a ping every 25000 ms, to be answered within 20000 ms"#
    );
    assert_eq!(
        sent(
            r#"40/a,{"as":"alice","token":"0123456789abcdef","roomcat":1,"ack":true,"pin":1234,"more":{"as":"x","list":["short"]},"pid":"p0123456789abcdefgh","offset":"o1"}"#
        ),
        r#"→ 40/a,{"as":"alice","token":"0123…","roomcat":1,"ack":true,"pin":…,"more":{"as":"…","list":["…"]},"pid":"p012…","offset":"o1"}   message · CONNECT · namespace /a · auth"#
    );
    assert_eq!(
        received(r#"40{"sid":"socket","pid":"p0123456789abcdefgh"}"#),
        r#"← 40{"sid":"socket","pid":"p012…"}   message · CONNECT · accepted"#
    );
    // At the server, the directions are reversed.
    let seen = Arc::new(Seen::default());
    let mut tracer = Tracer::for_session(seen.clone(), "abcdefghijklmnopqrst");
    tracer.text(Direction::Received, r#"40{"token":"hush"}"#);
    tracer.text(Direction::Sent, r#"40{"sid":"socket","pid":"hush"}"#);
    let shown = seen.0.lock().unwrap().join("\n");
    assert!(shown.starts_with("abcd← 40{\"token\":\"…\"}"), "{shown}");
    assert!(!shown.contains("hush") && !shown.contains("abcde") && shown.contains("socket"));
}

#[test]
fn a_secret_that_comes_back_is_masked_too() {
    let shown = lines(|tracer| {
        tracer.text(
            Direction::Sent,
            r#"40/a,{"token":"swordfish-0123456789","pass":"pa\"ssword","as":"alice"}"#,
        );
        tracer.text(
            Direction::Received,
            r#"42/a,["auth",{"token":"swordfish-0123456789","pass":"pa\"ssword","as":"alice"}]"#,
        );
    });
    assert!(
        shown[1].contains(r#"["auth",{"token":"swor…","pass":"…","as":"alice"}]"#),
        "{}",
        shown[1]
    );
}

#[test]
fn values_of_secret_keys_are_masked_everywhere() {
    let shown = sent(
        r#"42["login",{"user":"alice","password":"hush","pwd":1234,"nested":[{"API_KEY":"hush","n":7}],"accessToken":{"value":["hush",12]},"tea":"green"},"plain"]"#,
    );
    assert!(
        shown.contains(
            r#"["login",{"user":"alice","password":"…","pwd":…,"nested":[{"API_KEY":"…","n":7}],"accessToken":{"value":["…",…]},"tea":"green"},"plain"]"#
        ),
        "{shown}"
    );
    for frame in [
        r#"432[{"token":"hush"}]"#,
        r#"44{"message":"no","data":{"password":"hush"}}"#,
        r#"42["a",{"Set-Cookie":"hush"},{"x":{"Authorization":"hush"}}]"#,
        r#"42["a",{"\u0074oken":"hush"}]"#,
        r#"42["a",{"token" : "hush"#,
        r#"42["a",{"token":hush"#,
        r#"42["a",{"tokens":[["hush"],{"a":["hush"]},"hush"]}]"#,
    ] {
        let shown = received(frame);
        assert!(!shown.contains("hush"), "{shown}");
    }
    // An argument, an event and the hub's own texts are no secrets.
    for frame in [
        r#"42["token","shown"]"#,
        r#"42["a",{"keyboard":"shown","pin":"shown","passage":"shown"}]"#,
        r#"42["a",{"token":"x","b":"shown"},"shown"]"#,
    ] {
        assert!(sent(frame).contains("shown"), "{frame}");
    }
}

#[test]
fn invalid_json_shows_no_secret() {
    for frame in [
        r#"40{"token":"hush"#,
        r#"40{"token":"hush\"#,
        r#"40{"token":hush}"#,
        r#"40"hush""#,
        r#"40["hush"]"#,
        r#"40{"token":["hush",{"as":"hush"}]}"#,
        r#"40{"as":["hush"]}"#,
        r#"40{"as":{"x":"hush"}}"#,
        r#"40{"as" "token":"hush"}"#,
        r#"40{"\u0061s":"hush"}"#,
        "40hush",
        r#"40:"hush""#,
    ] {
        let shown = sent(frame);
        assert!(!shown.contains("hush"), "{shown}");
    }
    let shown = received(r#"40{"p\u0069d":"hush"}"#);
    assert!(!shown.contains("hush"), "{shown}");
}

#[test]
fn long_frames_are_cut() {
    let long = "é".repeat(100_000);
    let shown = sent(&format!("42[\"{long}\",\"{long}\"]"));
    assert!(
        shown.chars().count() < 4 * limits::TRACED_CHARACTERS,
        "{shown}"
    );
    let shown = lines(|tracer| tracer.binary(Direction::Sent, &[0xff; 100_000])).remove(0);
    assert!(shown.len() < 100 + 4 * limits::TRACED_BYTES, "{shown}");
    let shown = lines(|tracer| tracer.binary(Direction::Sent, long.as_bytes())).remove(0);
    assert_eq!(
        shown.matches('é').count(),
        limits::TRACED_CHARACTERS,
        "{shown}"
    );
}

#[test]
fn attachments_are_counted_in_each_direction() {
    let shown = lines(|tracer| {
        tracer.text(Direction::Sent, r#"452-["b"]"#);
        tracer.text(Direction::Received, "2");
        tracer.binary(Direction::Sent, b"hi");
        tracer.binary(Direction::Sent, &[]);
        tracer.binary(Direction::Sent, &[0xff]);
        tracer.binary(Direction::Received, &[1]);
    });
    assert_eq!(
        shown[2..],
        [
            "→ <\"hi\">   attachment 1 of 2",
            "→ <>   attachment 2 of 2",
            "→ <ff>   binary frame that no packet announced",
            "← <01>   binary frame that no packet announced",
        ]
    );
}

proptest! {
    #[test]
    fn no_frame_panics(frame in any::<String>(), prefix in "(4[0-9]|[0-9])?") {
        sent(&format!("{prefix}{frame}"));
        received(&format!("{prefix}{frame}"));
    }

    #[test]
    fn no_json_panics(frame in r#"40[{\["a:,\\ü}\]1 ]{0,20}"#) {
        sent(&frame);
        received(&frame);
    }
}
