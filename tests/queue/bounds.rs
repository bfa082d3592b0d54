//! What a shared queue holds for those who take nothing, and what that costs the others.

use std::fs;

use serde_json::json;

use super::sharing::{by_hand, piece};
use crate::harness::{TestHub, wait_until};
use crate::raw::Raw;

/// What the hub's process holds at the moment.
fn resident_kib(hub: &TestHub) -> usize {
    let status = fs::read_to_string(format!("/proc/{}/status", hub.pid())).expect("the hub runs");
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let value = line.and_then(|line| line.split_whitespace().nth(1));
    value.expect("a size").parse().expect("a number")
}

/// It reads nothing for as long as the others take, and answers no ping.
fn patient_hub() -> TestHub {
    let hub = TestHub::with(&["--ping-timeout", "10m"]);
    hub.cmd(&["join", "jobs", "--as", "w"]).check();
    hub
}

#[test]
fn volatile_messages_do_not_pile_up_for_who_reads_nothing() {
    let hub = patient_hub();
    let _deaf = by_hand(&hub, json!({}));
    let mut publisher = Raw::roomcat(hub.url());
    let header = json!({"rooms": ["jobs"], "framing": "lines", "count": 1, "event": "message", "volatile": true});
    let block = "x".repeat(250_000) + "\n";
    let before = resident_kib(&hub);
    let mut delivered = 0;
    for _ in 0..256 {
        let receipt = publisher.batch("/", &header, block.as_bytes());
        delivered += receipt["delivered"].as_u64().expect("a number");
    }
    let grown = resident_kib(&hub).saturating_sub(before) / 1024;
    assert!(grown < 32, "{grown} MiB of 64");
    assert!(0 < delivered && delivered < 128, "{delivered} were taken");
}

#[test]
fn who_confirms_what_it_did_not_read_is_handed_no_more_for_that() {
    let hub = patient_hub();
    let mut publisher = Raw::roomcat(hub.url());
    let block = "x".repeat(250_000);
    for _ in 0..80 {
        publisher.publish("jobs", &block);
    }
    let mut blind = by_hand(&hub, json!({"window": 1}));
    for seq in 1..=80 {
        blind.emit("/", "ack", &json!({"seq": seq.to_string()}).to_string());
        // Whoever guesses needs no more patience than this.
        publisher.must("queue", &json!({}));
        publisher.must("queue", &json!({}));
    }
    let mut honest = by_hand(&hub, json!({}));
    let mut got = 0;
    loop {
        let event = honest.event();
        if event.is_event("caught-up") {
            break;
        }
        got += 1;
        let seq = json!({"seq": event.header()["first"]});
        honest.emit("/", "ack", &seq.to_string());
    }
    assert!(got > 40, "{got} of 80 were left");
}

#[test]
fn a_queue_whose_mailbox_overflows_goes_on_with_what_is_stored() {
    let hub = patient_hub();
    let mut slow = by_hand(&hub, json!({"window": 1}));
    // More than a mailbox takes, while nobody has room for it.
    let count = 60_000;
    let all: String = (1..=count).map(|n| format!("{n:099}\n")).collect();
    hub.publish("jobs", &all);
    let (lines, first) = piece(&mut slow);
    assert_eq!(lines.concat().parse(), Ok(1));
    let mut other = by_hand(&hub, json!({"window": 65_536}));
    let mut next = 2;
    while next <= count {
        let (lines, seq) = piece(&mut other);
        for line in lines {
            assert_eq!(line.parse(), Ok(next));
            next += 1;
        }
        other.emit("/", "ack", &json!({"seq": seq}).to_string());
    }
    slow.must("ack", &json!({"seq": first}));
    wait_until("all of it to be acknowledged", || {
        hub.pending("jobs", "w") == Some(0)
    });
}
