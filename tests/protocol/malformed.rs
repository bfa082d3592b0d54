//! What no client may send: each closes the connection it came on, and nothing else.

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::harness::TestHub;
use crate::raw::Raw;

enum Frame {
    Text(String),
    Binary(Vec<u8>),
}

fn text(text: impl Into<String>) -> Vec<Frame> {
    vec![Frame::Text(text.into())]
}

fn then(mut frames: Vec<Frame>, frame: Frame) -> Vec<Frame> {
    frames.push(frame);
    frames
}

fn show(frames: &[Frame]) -> String {
    let show = |frame: &Frame| match frame {
        Frame::Text(text) => format!("{:?} ", text.chars().take(80).collect::<String>()),
        Frame::Binary(bytes) => format!("{} bytes ", bytes.len()),
    };
    frames.iter().map(show).collect()
}

/// Sends the frames and reads to the end that must come.
fn assert_closes(mut raw: Raw, frames: &[Frame]) {
    for frame in frames {
        let message = match frame {
            Frame::Text(text) => Message::text(text.as_str()),
            Frame::Binary(bytes) => Message::binary(bytes.clone()),
        };
        // It may be closed before the last of it is sent.
        if raw.try_send(message).is_err() {
            return;
        }
    }
    println!("sent {}", show(frames));
    for packet in raw.until_closed() {
        assert_eq!(packet.kind, '2', "after {}: {packet:?}", show(frames));
    }
}

fn assert_each_closes(hub: &TestHub, opened: impl Fn() -> Raw, cases: Vec<Vec<Frame>>) {
    let mut before = Raw::roomcat(hub.url());
    for frames in &cases {
        assert_closes(opened(), frames);
        before.assert_alive();
    }
    assert!(!hub.stderr().contains("panicked"), "{}", hub.stderr());
}

#[test]
fn engine_io_packets_that_no_client_sends_close_the_connection() {
    let hub = TestHub::start();
    let cases = [
        "", "7", "9", "x", " 4", "-1", "é1234", "\u{0}", "b4AQID", // of polling
        "0", "0{}", "2", "2probe", "5", "4", "1",
    ];
    let cases = cases.map(text).into();
    assert_each_closes(&hub, || Raw::stock(hub.url()), cases);
}

#[test]
fn malformed_socket_io_packets_close_the_connection() {
    let hub = TestHub::start();
    let cases = [
        "4x",
        "4 2[\"a\"]",
        "47",
        "48",
        "49",
        "4-",
        "4é",
        "42",
        "42[]",
        "42{}",
        "42[1]",
        "42[null]",
        "42[[\"a\"]]",
        "42\"a\"",
        "42 [\"a\"]",
        "42[\"a\"",
        "42[\"a\"]]",
        "42[\"a\",]",
        "42[\"a\" 1]",
        "42[\"a\",nul]",
        "42[\"a\",\"\n\"]",
        "42[\"\\ud800\"]",
        "42[\"a\",01]",
        "42[\"connect\"]",
        "42[\"connect_error\"]",
        "42[\"disconnect\"]",
        "42[\"disconnecting\"]",
        "42[\"newListener\"]",
        "42[\"removeListener\"]",
        "42[\"conn\\u0065ct\"]",
        "40",
        "40{}",
        "40{",
        "40[]",
        "40\"a\"",
        "40 {}",
        "40{}{}",
        "401{}",
        "40/ns?token=1,",
        "40/a#b,",
        "40/\u{1b}[2J,",
        "41{}",
        "411",
        "43",
        "43[]",
        "431",
        "431{}",
        "43x[]",
        "4399999999999999999999[]",
        "4299999999999999999999[\"a\"]",
        "42-1[\"a\"]",
        "4218446744073709551616[\"a\"]",
        "44{\"message\":\"no\"}",
        "44",
        "42/other,[\"a\"]",
        "42/other,1[\"a\"]",
        "43/other,1[]",
        "41/other,",
        "42/[\"a\"]",
        "45",
        "45-",
        "45[\"a\"]",
        "451[\"a\"]",
        "45x-[\"a\"]",
        "451-",
        "451-[]",
        "451-{}",
        "451-[\"connect\",{\"_placeholder\":true,\"num\":0}]",
        "4511-[\"a\"]",
        "4599999999999-[\"a\"]",
        "45-1-[\"a\"]",
        "46",
        "461-[]",
        "461-1{}",
        "451-[\"a\",{\"_placeholder\":true,\"num\":1}]",
        "451-[\"a\",{\"_placeholder\":true,\"num\":-1}]",
        "451-[\"a\",{\"_placeholder\":true,\"num\":\"0\"}]",
        "451-[\"a\",{\"_placeholder\":true,\"num\":1e99}]",
    ];
    let mut cases: Vec<_> = cases.map(text).into();
    let long_name = format!("42[\"{}\"]", "e".repeat(257));
    let long_namespace = format!("40/{},", "n".repeat(257));
    let many = format!("42[\"a\"{}]", ",0".repeat(70_000));
    cases.extend([long_name, long_namespace, many].map(text));
    assert_each_closes(&hub, || Raw::stock(hub.url()), cases);
}

#[test]
fn frames_out_of_order_close_the_connection() {
    let hub = TestHub::start();
    let awaited = || text(r#"451-["a",{"_placeholder":true,"num":0}]"#);
    let two = || text(r#"452-["a",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#);
    let one = || Frame::Binary(vec![1]);
    let cases = vec![
        vec![one()],
        vec![Frame::Binary(Vec::new())],
        then(then(awaited(), one()), one()),
        then(awaited(), Frame::Text("42[\"b\"]".to_owned())),
        then(awaited(), Frame::Text("41".to_owned())),
        then(then(two(), one()), Frame::Text("42[\"b\"]".to_owned())),
        then(text("450-[\"a\"]"), one()),
        then(text("41"), Frame::Text("42[\"a\"]".to_owned())),
    ];
    assert_each_closes(&hub, || Raw::roomcat(hub.url()), cases);
}

#[test]
fn nothing_goes_before_a_connect() {
    let hub = TestHub::start();
    let cases = [
        "42[\"a\"]",
        "421[\"rooms\",{}]",
        "431[]",
        "450-[\"a\"]",
        "42/admin,[\"a\"]",
        "41",
        "41/admin,",
    ];
    let cases = cases.map(text).into();
    assert_each_closes(&hub, || Raw::open(hub.url()), cases);
}

#[test]
fn frames_over_the_limit_close_the_connection() {
    let hub = TestHub::with(&["--max-message", "300KiB"]);
    let size = 300 * 1024 + 64 * 1024 + 1;
    let half = || Frame::Binary(vec![0; size / 2 + 1]);
    let announced =
        text(r#"452-["a",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#);
    let cases = vec![
        text(format!("42[\"a\",\"{}\"]", "x".repeat(size))),
        vec![Frame::Binary(vec![0; size])],
        then(then(announced, half()), half()),
        text("x".repeat(10 << 20)),
    ];
    assert_each_closes(&hub, || Raw::stock(hub.url()), cases);
}

#[test]
fn what_looks_odd_but_is_legal_closes_nothing() {
    let hub = TestHub::start();
    let mut raw = Raw::stock(hub.url());
    for packet in [
        "6", // noop
        "3", // a pong that nobody asked for
        "3probe",
        "4317[1]", // an ack that nobody asked for
        "43999999999999999999[]",
        "42/,[\"to the root by its name\"]",
    ] {
        raw.send(packet);
        raw.assert_alive();
    }
    raw.send("450-[\"no attachments\"]");
    assert!(raw.event().is_event("to the root by its name"));
    assert!(raw.event().is_event("no attachments"));
    // Nobody walks what is passed on as it came.
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    raw.emit("/", "deep", &deep);
    assert_eq!(raw.event().payload, format!("[\"deep\",{deep}]"));
    // A heartbeat may come between a packet and its attachments.
    raw.send(r#"451-["late",{"_placeholder":true,"num":0}]"#);
    raw.send("3");
    raw.send_binary(b"here");
    assert_eq!(raw.event().body(), b"here");
}

#[test]
fn a_websocket_that_breaks_its_own_rules_closes_only_itself() {
    use std::io::{Read as _, Write as _};
    let hub = TestHub::start();
    let mut before = Raw::roomcat(hub.url());
    let frames: [&[u8]; 8] = [
        b"\x81\x02hi",                                       // not masked
        b"\x83\x80\0\0\0\0",                                 // an unknown opcode
        b"\xf1\x80\0\0\0\0",                                 // reserved bits
        b"\x80\x80\0\0\0\0",                                 // goes on with nothing
        b"\x01\x80\0\0\0\0\x01\x80\0\0\0\0",                 // begins twice
        &[&b"\x89\xfe\x01\0"[..], &[0; 4 + 256]].concat(),   // a ping of 256 bytes
        b"\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0", // 2^63 bytes announced
        b"\x81\x81\0\0\0\0\xff",                             // text that is not UTF-8
    ];
    for frame in frames {
        let raw = Raw::stock(hub.url());
        let mut stream = raw.stream();
        stream.write_all(frame).unwrap();
        let mut rest = Vec::new();
        if let Err(error) = stream.read_to_end(&mut rest) {
            assert!(!crate::raw::is_timeout(&error), "{frame:?} closes nothing");
        }
        before.assert_alive();
    }
}

#[test]
fn a_refused_connect_leaves_the_connection() {
    let hub = TestHub::start();
    let mut raw = Raw::open(hub.url());
    for auth in [
        json!({"as": 3}),
        json!({"as": "x".repeat(257)}),
        json!({"as": "a\u{1b}b"}),
        json!({"as": "a\nb"}),
        json!({"as": ""}),
        json!({"as": " alice"}),
        json!({"token": 3}),
        json!({"roomcat": "yes"}),
        json!({"ack": 3}),
    ] {
        let answer = raw.connect("/", &auth);
        assert_eq!(answer.kind, '4', "{auth}: {answer:?}");
        let data = answer.json();
        assert!(data["message"].as_str().is_some_and(|m| !m.is_empty()));
        assert_eq!(data["data"]["code"], "bad_request", "{auth}: {data}");
    }
    assert_eq!(raw.connect("/", &Value::Null).kind, '0');
    for n in 1..64 {
        assert_eq!(raw.connect(&format!("/n{n}"), &Value::Null).kind, '0');
    }
    assert_eq!(raw.connect("/n64", &Value::Null).kind, '4', "too many");
    raw.assert_alive();
}
