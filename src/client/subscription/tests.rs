//! A subscription over lost connections, other logs and shared queues.

use std::time::Duration;

use super::*;
use crate::address::EventName;
use crate::client::verbs::sub::{DeliveryMode, PresenceUpdates, StartPosition};
use crate::wire::batch::Framing;

fn batch(record: u64, index: u32, count: u32) -> DeliveryHeader {
    DeliveryHeader {
        rooms: vec![RoomName::parse("r").unwrap()],
        count,
        first: Some(Seq::new(record, index)),
        ..DeliveryHeader::new(EventName::message(), Framing::Lines)
    }
}

/// The argument of the request that it sends.
fn args(subscription: &Subscription) -> String {
    subscription.encode_request().1
}

fn subscription() -> Subscription {
    let rooms = vec![RoomName::parse("r").unwrap()];
    let request = SubscribeRequest {
        rooms,
        last: Some(2),
        ..SubscribeRequest::default()
    };
    Subscription::new(request, "log")
}

#[test]
fn the_request_is_repeated_until_something_is_received() {
    let mut sub = subscription();
    assert_eq!(args(&sub), r#"{"rooms":["r"],"last":2}"#);
    sub.caught_up(Seq::new(50, 0));
    assert_eq!(args(&sub), r#"{"rooms":["r"],"since":"51","log":"log"}"#);
    let timed = SubscribeRequest {
        since: Some(StartPosition::Time(1234)),
        presence: PresenceUpdates::On,
        ..SubscribeRequest::default()
    };
    assert_eq!(
        args(&Subscription::new(timed, "log")),
        r#"{"rooms":[],"since":1234,"presence":true}"#
    );
}

#[test]
fn a_subscription_resumes_after_the_last_written_message() {
    let mut sub = subscription();
    let since = |sub: &Subscription| sub.resume_from().unwrap().to_string();
    sub.record_received(&batch(41, 3, 5));
    sub.record_received(&batch(42, 0, 5));
    sub.caught_up(Seq::new(50, 0));
    assert_eq!(since(&sub), "41.3");
    sub.record_written(Seq::new(41, 7));
    assert_eq!(since(&sub), "42");
    sub.record_written(Seq::new(42, 1));
    assert_eq!(since(&sub), "42.2");
    assert!(!sub.is_all_written());
    sub.record_written(Seq::new(42, 4));
    assert_eq!(since(&sub), "51");
    assert!(sub.is_all_written());
}

#[test]
fn messages_received_twice_are_dropped() {
    let mut sub = subscription();
    assert_eq!(sub.record_received(&batch(41, 3, 5)), 0);
    assert_eq!(sub.record_received(&batch(41, 3, 5)), 5);
    assert_eq!(sub.record_received(&batch(41, 0, 3)), 3);
    assert_eq!(sub.record_received(&batch(41, 5, 9)), 3);
    assert_eq!(sub.record_received(&batch(42, 0, 1)), 0);
    // Each message is written once.
    for seq in [Seq::new(41, 7), Seq::new(41, 13), Seq::new(42, 0)] {
        assert!(sub.record_written(seq));
    }
    assert!(sub.is_all_written());
}

#[test]
fn only_received_messages_are_acked() {
    let mut sub = subscription();
    sub.record_received(&batch(1, 0, 1));
    sub.record_received(&batch(2, 0, 10));
    assert!(!sub.record_written(Seq::new(7, 0)));
    // Cut by `-n`: the rest of the range stays unwritten.
    assert!(sub.record_written(Seq::new(2, 4)));
    assert_eq!(sub.last_written(), Some(Seq::new(2, 4)));
    assert!(sub.record_written(Seq::new(2, 9)));
    assert!(!sub.record_written(Seq::new(2, 9)));
}

#[test]
fn messages_of_another_log_are_never_acked_in_this_one() {
    let mut sub = subscription();
    sub.record_received(&batch(9, 0, 1));
    sub.handle_gap(&Gap::OtherLog { log: "new".into() });
    assert_eq!(args(&sub), r#"{"rooms":["r"],"last":2}"#);
    assert_eq!(sub.record_received(&batch(1, 0, 1)), 0);
    assert_eq!(args(&sub), r#"{"rooms":["r"],"since":"1","log":"new"}"#);
    assert!(!sub.record_written(Seq::new(9, 0)));
    assert_eq!(sub.last_written(), None);
    assert!(sub.record_written(Seq::new(1, 0)));
    assert_eq!(args(&sub), r#"{"rooms":["r"],"since":"1.1","log":"new"}"#);
}

#[test]
fn a_sharer_takes_every_message_and_resumes_nowhere() {
    let share = ShareSettings {
        window: Some(3),
        ack_timeout: Duration::from_secs(5),
    };
    let request = SubscribeRequest {
        mode: DeliveryMode::Shared(share),
        ..SubscribeRequest::default()
    };
    let verb = r#"{"rooms":[],"share":true,"ack_timeout":5000,"window":3}"#;
    let mut sub = Subscription::new(request, "log");
    assert_eq!(args(&sub), verb);
    for first in [batch(41, 3, 5), batch(7, 0, 2), batch(41, 3, 5)] {
        assert_eq!(sub.record_received(&first), 0);
    }
    sub.caught_up(Seq::new(50, 0));
    assert!(sub.record_written(Seq::new(7, 1)));
    assert_eq!(sub.last_written(), Some(Seq::new(7, 1)));
    // What the lost connection received is leased to another subscriber by now.
    sub.connection_opened("log");
    assert_eq!((args(&sub).as_str(), sub.last_written()), (verb, None));
    assert_eq!(sub.record_received(&batch(41, 3, 5)), 0);
    assert!(
        !sub.record_written(Seq::new(41, 7)),
        "from the former connection"
    );
    assert!(sub.is_ack_lost());
    assert!(sub.record_written(Seq::new(41, 7)));
    assert!(!sub.is_ack_lost());
}

#[test]
fn a_held_cursor_is_sent_on_resume() {
    let mut sub = subscription();
    sub.record_received(&batch(41, 0, 1));
    sub.record_received(&batch(42, 0, 1));
    sub.hold(Some(Seq::new(41, 0)));
    sub.record_written(Seq::new(41, 0));
    assert_eq!(
        args(&sub),
        r#"{"rooms":["r"],"since":"42","log":"log","keep":"41"}"#
    );
    let restarted = sub.restart_at(Seq::new(43, 0), None);
    assert_eq!(
        args(&restarted),
        r#"{"rooms":["r"],"since":"43","log":"log"}"#
    );
    let mut again = sub.restart_at(Seq::new(41, 0), Some(Seq::new(41, 0)));
    assert_eq!(
        args(&again),
        r#"{"rooms":["r"],"since":"41","log":"log","keep":"41"}"#
    );
    assert_eq!(
        again.record_received(&batch(41, 0, 1)),
        0,
        "it is received again"
    );
    again.handle_gap(&Gap::OtherLog { log: "new".into() });
    assert_eq!(again.held(), None);
}

#[test]
fn volatile_messages_move_no_cursor() {
    let mut sub = subscription();
    let mut volatile = batch(1, 0, 1);
    volatile.first = None;
    assert_eq!(sub.record_received(&volatile), 0);
    assert_eq!(args(&sub), r#"{"rooms":["r"],"last":2}"#);
    assert!(sub.is_all_written());
}
