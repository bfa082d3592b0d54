//! Many sockets in one room, and what a connection costs the hub.

use std::fs;
use std::io::{Read as _, Write as _};
use std::thread;

use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use crate::harness::TestHub;
use crate::raw::{Packet, Raw, event_text};

/// What the hub's process holds at the moment.
fn resident_kib(hub: &TestHub) -> usize {
    let status = fs::read_to_string(format!("/proc/{}/status", hub.pid())).expect("the hub runs");
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let value = line.and_then(|line| line.split_whitespace().nth(1));
    value.expect("a size").parse().expect("a number")
}

/// What is said as event number `n`: mostly little, now and then more than fits where small ones are gathered.
fn data(n: usize) -> String {
    let length = match n % 40 {
        17 => 40_000,
        23 => 200_000,
        _ => 60,
    };
    format!("{n} {}", "x".repeat(length))
}

#[test]
fn a_burst_reaches_everyone_whole_and_in_order() {
    const SOCKETS: usize = 20;
    const EVENTS: usize = 200;
    let hub = TestHub::start();
    let mut crowd: Vec<Raw> = (0..SOCKETS).map(|_| Raw::stock(hub.url())).collect();
    let mut publisher = Raw::stock(hub.url());
    let readers = crowd.drain(..).map(|mut raw| {
        thread::spawn(move || {
            for n in 0..EVENTS {
                let Packet { payload, .. } = raw.event();
                assert_eq!(payload, format!(r#"["chat","{}"]"#, data(n)), "event {n}");
                let binary = raw.event();
                assert_eq!(binary.attachments, [data(n).into_bytes()], "event {n}");
            }
        })
    });
    let readers: Vec<_> = readers.collect();
    for n in 0..EVENTS {
        publisher.emit("/", "chat", &json!(data(n)).to_string());
        let placeholder = r#"{"_placeholder":true,"num":0}"#;
        publisher.send(&event_text("/", None, "chat", placeholder, 1));
        publisher.send_binary(data(n).as_bytes());
    }
    for reader in readers {
        reader.join().expect("every event came in order");
    }
}

/// What a ping carries: as much as it may, a number at the end.
fn carried(number: u32) -> Vec<u8> {
    [&[0; 121][..], &number.to_be_bytes()].concat()
}

/// A WebSocket ping as a client frames it, with a mask of zeros.
fn ping(number: u32) -> Vec<u8> {
    [&[0x89, 0x80 | 125, 0, 0, 0, 0][..], &carried(number)].concat()
}

/// And as it is answered.
fn pong(number: u32) -> Vec<u8> {
    [&[0x8a, 125][..], &carried(number)].concat()
}

#[test]
fn websocket_pings_are_answered_beside_events() {
    let hub = TestHub::start();
    let mut raw = Raw::stock(hub.url());
    raw.emit("/", "one", "");
    raw.try_send(Message::Ping("are you there".into()))
        .expect("the ping is sent");
    raw.emit("/", "two", "");
    assert!(raw.event().is_event("one"));
    assert!(raw.event().is_event("two"));
    // Idle: nothing else is on its way that could take it along.
    let mut stream = raw.stream();
    stream.write_all(&ping(7)).expect("the ping is sent");
    let mut answer = [0; 127];
    stream.read_exact(&mut answer).expect("the pong comes");
    assert_eq!(answer[..], pong(7));
}

#[test]
fn pongs_that_nobody_takes_do_not_pile_up() {
    // Of 127 bytes each: more than the system holds for one connection, twice.
    const PINGS: u32 = 200_000;
    // No heartbeat comes to take the last one along.
    let hub = TestHub::with(&["--ping-interval", "1h"]);
    let raw = Raw::stock(hub.url());
    let before = resident_kib(&hub);
    let mut stream = raw.stream();
    for first in (0..PINGS).step_by(1000) {
        let pings: Vec<u8> = (first..first + 1000).flat_map(ping).collect();
        stream.write_all(&pings).expect("the hub reads on");
    }
    // It has read them all when it relays what comes behind them.
    let mut other = Raw::stock(hub.url());
    stream
        .write_all(b"\x81\x8b\0\0\0\0" as &[u8])
        .and_then(|()| stream.write_all(br#"42["after"]"#))
        .expect("the event is sent");
    assert!(other.event().is_event("after"));
    let grown = resident_kib(&hub).saturating_sub(before);
    assert!(grown < 4096, "the hub has grown by {grown} KiB");
    // The last one is owed an answer still, and gets it.
    let last = pong(PINGS - 1);
    let (mut tail, mut some) = (Vec::new(), [0; 65_536]);
    while !tail.windows(last.len()).any(|pong| pong == last) {
        tail.drain(..tail.len().saturating_sub(last.len()));
        let read = stream.read(&mut some).expect("the last pong comes");
        assert!(read > 0, "the hub closed the connection");
        tail.extend_from_slice(&some[..read]);
    }
}
