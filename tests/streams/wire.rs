//! What a stream is on the wire: events that everyone gets, and places of a name that do not move with its credit.

use serde_json::{Value, json};

use super::{bytes, member, received, send};
use crate::harness::TestHub;
use crate::raw::Raw;

/// Publishes a piece, as a program might that knows the page of the protocol.
fn piece(raw: &mut Raw, about: &Value, bytes: &[u8]) {
    let header = json!({"rooms": ["box"], "event": "stream", "framing": "args", "count": 1});
    let args = format!("[{about},{{\"_placeholder\":true,\"num\":0}}]");
    let mut body = Vec::new();
    for part in [args.as_bytes(), bytes] {
        body.extend((part.len() as u32).to_be_bytes());
        body.extend(part);
    }
    let receipt = raw.batch("/", &header, &body);
    assert_eq!(receipt["ok"], true, "{receipt}");
}

#[test]
fn stock_clients_see_an_event_with_an_object_and_bytes() {
    let hub = TestHub::start();
    let mut stock = Raw::stock(hub.url());
    stock.must("join", &json!("box"));
    let sent = bytes(5, 300_000);
    send(&hub, "box", &sent);
    let (mut found, mut part, mut id) = (Vec::new(), 0, Value::Null);
    loop {
        let event = stock.event_named("stream");
        let args = event.args();
        assert_eq!(args[1], json!({"_placeholder": true, "num": 0}));
        assert_eq!(args[0]["part"], part);
        assert!(args[0]["sid"].is_string());
        assert!(id.is_null() || id == args[0]["id"]);
        id = args[0]["id"].clone();
        found.extend_from_slice(event.body());
        part += 1;
        if args[0]["end"].is_object() {
            assert_eq!(args[0]["end"]["bytes"], sent.len());
            break;
        }
    }
    assert!(found == sent && part >= 2);
}

#[test]
fn a_stream_may_be_made_by_hand() {
    let hub = TestHub::start();
    member(&hub, "box", "me");
    let mut raw = Raw::roomcat(hub.url());
    piece(&mut raw, &json!({"id": "a", "part": 0}), b"by ");
    // Neither of these is a piece.
    piece(&mut raw, &json!({"id": "", "part": 0}), b"x");
    piece(&mut raw, &json!([1]), b"x");
    piece(&mut raw, &json!({"id": "a", "part": 1}), b"hand");
    let end = json!({"rooms": "box", "event": "stream", "data": {"id": "a", "part": 2, "end": {"bytes": 7}}});
    raw.must("pub", &end);
    let get = ["sub", "--stream", "box", "--as", "me"];
    hub.cmd(&get).stdout("by hand").check();
}

#[test]
fn what_does_not_add_up_is_found_out() {
    let hub = TestHub::start();
    member(&hub, "box", "me");
    let mut raw = Raw::roomcat(hub.url());
    let get = ["sub", "--stream", "box", "--as", "me"];
    for (more, why) in [
        (json!({"id": "a", "part": 2}), "part 1"),
        (json!({"id": "a", "part": 0}), "part 1"),
        (
            json!({"id": "a", "part": 1, "end": {"bytes": 3}}),
            "3 bytes",
        ),
        (
            json!({"id": "a", "part": 1, "end": {"bytes": 6, "crc32": 7}}),
            "checksum",
        ),
        (
            json!({"id": "a", "part": 1, "abort": "no\u{1b}[2Jmore"}),
            "no␛[2Jmore",
        ),
    ] {
        piece(&mut raw, &json!({"id": "a", "part": 0}), b"one");
        piece(&mut raw, &more, b"two");
        let broken = hub.cmd(&get).run();
        assert_eq!(broken.status, 1, "{more}");
        assert!(broken.stdout().starts_with("one"), "{more}");
        assert!(broken.stderr().contains(why), "{}", broken.stderr());
        assert_eq!(hub.pending("box", "me"), Some(0), "it is left behind");
    }
}

fn first(event: &crate::raw::Packet) -> Value {
    event.header()["first"].clone()
}

#[test]
fn what_is_kept_comes_again_and_costs_no_credit() {
    let hub = TestHub::start();
    member(&hub, "box", "me");
    let auth = json!({"as": "me", "roomcat": 1});
    let mut raw = Raw::connected(hub.url(), "/", &auth);
    for line in ["a", "b", "c", "d"] {
        raw.publish("box", line);
    }
    raw.must("sub", &json!({"rooms": ["box"]}));
    let came = raw.events_until("caught-up");
    let seqs: Vec<Value> = came[..4].iter().map(first).collect();
    raw.must("ack", &json!({"seq": seqs[3], "keep": seqs[1]}));
    assert_eq!(hub.pending("box", "me"), Some(3));
    // Further on, and never back.
    raw.must("ack", &json!({"seq": seqs[3], "keep": seqs[2]}));
    assert_eq!(hub.pending("box", "me"), Some(2));
    raw.must("ack", &json!({"seq": seqs[3], "keep": seqs[0]}));
    assert_eq!(hub.pending("box", "me"), Some(2));
    // What nobody is owed moves a place only where nothing is kept.
    raw.must("pub", &json!({"rooms": ["box"], "data": 1, "to": "others"}));
    raw.must("ack", &json!({"seq": seqs[3], "keep": seqs[2]}));
    assert_eq!(hub.pending("box", "me"), Some(2));

    // Who resumes says again what it keeps.
    let mut again = Raw::open(hub.url());
    let log = again.connect("/", &auth).json()["log"].clone();
    let begun = again.must("sub", &json!({"rooms": ["box"]}));
    assert_eq!(begun["pending"], 2);
    let resume = json!({"rooms": ["box"], "since": "9", "log": log, "keep": seqs[3]});
    again.must("sub", &resume);
    again.must("ack", &json!({"seq": "9", "keep": seqs[3]}));
    assert_eq!(hub.pending("box", "me"), Some(1));
    again.must("sub", &json!({"rooms": ["box"], "since": "9", "log": log}));
    again.must("ack", &json!({"seq": "9"}));
    assert_eq!(hub.pending("box", "me"), Some(0));
}

#[test]
fn a_kept_place_costs_no_credit() {
    let hub = TestHub::start();
    let auth = json!({"as": "me", "roomcat": 1});
    let mut raw = Raw::connected(hub.url(), "/", &auth);
    raw.must("sub", &json!({"rooms": ["box"]}));
    let first = raw.publish("box", "the first")["first"].clone();
    let body = vec![b'x'; 1_000_000];
    let header = json!({"rooms": ["box"], "framing": "lines", "count": 1});
    // Three times the credit.
    for _ in 0..12 {
        let receipt = raw.batch("/", &header, &[&body[..], b"\n"].concat());
        let seq = &receipt["first"];
        raw.until(|packet| packet.is_event("batch") && packet.header()["first"] == *seq);
        raw.must("ack", &json!({"seq": seq, "keep": first}));
    }
    assert_eq!(hub.pending("box", "me"), Some(13));
}

#[test]
fn who_is_connected_no_longer_but_keeps_something_loses_nothing() {
    let mut hub = TestHub::start();
    member(&hub, "box", "me");
    let mut raw = Raw::roomcat(hub.url());
    piece(&mut raw, &json!({"id": "a", "part": 0}), b"one ");
    let reader = hub.cmd(&["sub", "--stream", "box", "--as", "me"]).spawn();
    received(&reader, 4);
    hub.kill9();
    hub.restart();
    let mut raw = Raw::roomcat(hub.url());
    piece(&mut raw, &json!({"id": "a", "part": 1}), b"two ");
    received(&reader, 8);
    assert_eq!(hub.pending("box", "me"), Some(2), "all of it is kept");
    piece(
        &mut raw,
        &json!({"id": "a", "part": 2, "end": {"bytes": 13}}),
        b"three",
    );
    assert_eq!(reader.wait().stdout(), "one two three");
    assert_eq!(hub.pending("box", "me"), Some(0));
}
