//! A namespace with a rate: what comes faster is taken later, nothing of it is refused or lost.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::TestHub;
use crate::raw::{Heart, Raw, lines};

const RATED: &str = r#"
[namespaces."/"]

[namespaces."/slow"]
rate = 20
"#;

#[test]
fn what_comes_faster_is_taken_later_and_all_of_it() {
    let hub = TestHub::declared(RATED);
    let mut listener = Raw::connected(hub.url(), "/slow", &Value::Null);
    let mut sender = Raw::connected(hub.url(), "/slow", &Value::Null);
    let begun = Instant::now();
    for n in 0..50 {
        match n % 3 {
            0 => sender.emit("/slow", "n", &n.to_string()),
            1 => {
                sender.ask("/slow", "n", &n.to_string());
            }
            _ => {
                let args = json!({"event": "n", "data": n});
                sender.ask("/slow", "pub", &args.to_string());
            }
        }
    }
    for n in 0..50 {
        assert_eq!(listener.event().args(), [json!(n)]);
    }
    // 20 at once, and 30 at 20 a second.
    let took = begun.elapsed();
    assert!(took >= Duration::from_millis(1450), "{took:?}");
}

#[test]
fn other_namespaces_and_other_verbs_are_not_counted() {
    let hub = TestHub::declared("[namespaces.\"/\"]\n[namespaces.\"/slow\"]\nrate = 1\n");
    let mut raw = Raw::stock(hub.url());
    assert_eq!(raw.connect("/slow", &Value::Null).kind, '0');
    let begun = Instant::now();
    for _ in 0..200 {
        raw.call("/slow", "rooms", &json!({}));
        raw.call("/", "n", &json!(1));
    }
    // At one a second it would take minutes.
    assert!(begun.elapsed() < Duration::from_secs(100));
}

#[test]
fn a_batch_counts_its_messages_and_its_sender_stays_connected() {
    let toml = "ping-interval = \"100ms\"\nping-timeout = \"1500ms\"\n\
        [namespaces.\"/\"]\nrate = 2\n";
    let hub = TestHub::declared(toml);
    let mut raw = Raw::roomcat(hub.url());
    raw.set_heart(Heart::Stopped);
    let begun = Instant::now();
    let receipt = raw.batch(
        "/",
        &lines("a", 12),
        b"1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n",
    );
    assert_eq!(receipt["ok"], true, "the batch itself is taken at once");
    let next = raw.ask("/", "pub", r#"{"rooms":"a","data":13}"#);
    let mut pings = 0;
    let receipt = loop {
        let packet = raw.next().expect("connected");
        match packet.kind {
            // The hub hears none of the answers before the batch is paid.
            'p' => {
                pings += 1;
                raw.send("3");
            }
            _ if packet.id == Some(next) => break packet.json(),
            _ => {}
        }
    };
    let took = begun.elapsed();
    assert!(took >= Duration::from_millis(5500), "{took:?}");
    assert_eq!(receipt[0]["ok"], true, "{receipt}");
    assert!(
        pings >= 3,
        "the peer has a clock too: {pings} pings in {took:?}"
    );
}

#[test]
fn coming_in_anew_is_no_way_around_a_rate() {
    let hub = TestHub::declared(RATED);
    let mut listener = Raw::connected(hub.url(), "/slow", &Value::Null);
    let mut sender = Raw::open(hub.url());
    let begun = Instant::now();
    for round in 0..3 {
        sender.send("40/slow,");
        for n in 0..20 {
            sender.emit("/slow", "n", &(round * 20 + n).to_string());
        }
        sender.send("41/slow,");
    }
    for n in 0..60 {
        assert_eq!(listener.event().args(), [json!(n)]);
    }
    let took = begun.elapsed();
    assert!(took >= Duration::from_millis(1950), "{took:?}");
}
