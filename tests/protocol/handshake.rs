//! Engine.IO's handshake and heartbeat (protocol v4), and the wait for a first CONNECT.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::harness::{TestHub, wait_until};
use crate::raw::{Heart, Raw, lines};

#[test]
fn the_handshake_says_the_defaults() {
    let hub = TestHub::start();
    let raw = Raw::open(hub.url());
    let handshake = raw.handshake.as_object().unwrap();
    assert_eq!(handshake["upgrades"], json!([]));
    assert_eq!(handshake["pingInterval"], 25_000);
    assert_eq!(handshake["pingTimeout"], 20_000);
    // The largest message as base64, and what stands around it.
    assert_eq!(handshake["maxPayload"], (1024 + 64) * 1024 / 3 * 4 + 4);
    assert_eq!(handshake.len(), 5, "{handshake:?}");
    let other = Raw::open(hub.url());
    let sid = |raw: &Raw| raw.handshake["sid"].as_str().unwrap().to_owned();
    assert!(sid(&raw).len() >= 20, "a sid is hard to guess");
    assert_ne!(sid(&raw), sid(&other));
}

#[test]
fn the_handshake_says_what_the_flags_said() {
    let hub = TestHub::with(&[
        "--ping-interval",
        "1500ms",
        "--ping-timeout",
        "700ms",
        "--max-message",
        "64KiB",
    ]);
    let raw = Raw::open(hub.url());
    assert_eq!(raw.handshake["pingInterval"], 1500);
    assert_eq!(raw.handshake["pingTimeout"], 700);
    assert_eq!(raw.handshake["maxPayload"], (64 + 64) * 1024 / 3 * 4 + 4);
}

#[test]
fn the_heart_beats_after_each_interval_for_who_answers() {
    let interval = Duration::from_millis(300);
    let hub = TestHub::with(&["--ping-interval", "300ms", "--ping-timeout", "5s"]);
    let opened = Instant::now();
    let mut raw = Raw::stock(hub.url());
    raw.set_heart(Heart::Stopped);
    for beat in 1..=4 {
        let packet = raw.next().expect("open");
        assert_eq!(packet.kind, 'p', "{packet:?}");
        assert!(
            opened.elapsed() >= interval * beat,
            "beat {beat} came early"
        );
        raw.send("3");
    }
    raw.assert_alive();
}

#[test]
fn who_does_not_answer_a_ping_is_closed_after_the_timeout() {
    let hub = TestHub::with(&["--ping-interval", "1s", "--ping-timeout", "2s"]);
    let opened = Instant::now();
    let mut raw = Raw::stock(hub.url());
    raw.set_heart(Heart::Stopped);
    let packets = raw.until_closed();
    let kinds: String = packets.iter().map(|packet| packet.kind).collect();
    assert_eq!(kinds, "p", "one ping, then the end");
    assert!(opened.elapsed() >= Duration::from_secs(3));
    hub.wait_for_stderr("ping timeout");
    Raw::stock(hub.url()).assert_alive();
}

#[test]
fn talking_is_no_answer_to_a_ping() {
    let hub = TestHub::with(&["--ping-interval", "1s", "--ping-timeout", "2s"]);
    let mut raw = Raw::stock(hub.url());
    raw.set_heart(Heart::Stopped);
    let mut answers = 0;
    loop {
        // It may be closed while it talks.
        let _ = raw.try_send(Message::text("421[\"rooms\",{}]"));
        match raw.next() {
            None => break,
            Some(packet) => answers += u32::from(packet.kind == '3'),
        }
    }
    assert!(answers > 0);
}

/// It must not be held for ever: its pings are as unread as the rest. Its first one comes when the hub cannot write to
/// it any more.
fn stopped_readers_are_closed(verb: &str, auth: &Value, args: &Value) {
    let hub = TestHub::with(&["--ping-interval", "2s", "--ping-timeout", "2s"]);
    // Several, as it matters where in the stream each one's writing stops.
    let _stopped: Vec<Raw> = (0..4)
        .map(|_| {
            let mut raw = Raw::connected(hub.url(), "/", auth);
            raw.must(verb, args);
            raw
        })
        .collect();
    let mut publisher = Raw::roomcat(hub.url());
    let body = "a line of the flood\n".repeat(10_000);
    for _ in 0..100 {
        let receipt = publisher.batch("/", &lines("flood", 10_000), body.as_bytes());
        assert_eq!(receipt["ok"], true, "{receipt}");
    }
    drop(publisher);
    wait_until("each is closed", || {
        hub.stderr().matches("ping timeout").count() == 4
    });
    Raw::stock(hub.url()).assert_alive();
}

#[test]
fn a_stock_client_that_stopped_reading_is_closed_after_the_timeout() {
    stopped_readers_are_closed("join", &Value::Null, &json!("flood"));
}

#[test]
fn a_subscriber_that_stopped_reading_is_closed_after_the_timeout() {
    let args = json!({"rooms": ["flood"]});
    stopped_readers_are_closed("sub", &json!({"roomcat": 1}), &args);
}

#[test]
fn who_enters_no_namespace_is_closed() {
    let hub = TestHub::with(&["--connect-timeout", "3s", "--ping-interval", "500ms"]);
    let mut entered = Raw::stock(hub.url());
    let opened = Instant::now();
    let mut raw = Raw::open(hub.url());
    assert!(raw.until_closed().is_empty());
    assert!(opened.elapsed() >= Duration::from_secs(3));
    entered.assert_alive();
}

#[test]
fn a_refused_connect_is_no_entrance() {
    let hub = TestHub::with(&["--connect-timeout", "3s"]);
    let mut raw = Raw::open(hub.url());
    let answer = raw.connect("/", &json!({"as": ""}));
    assert_eq!(answer.kind, '4');
    assert!(raw.until_closed().is_empty());
}
