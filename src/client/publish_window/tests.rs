//! The publish window: credit, refusals and reconnects.

use serde_json::value::RawValue;

use super::*;
use crate::address::{EventName, RoomName};
use crate::wire::batch::Framing;

const CREDIT: usize = 10_000;

fn batch(bytes: usize) -> Batch {
    Batch {
        header: PublishHeader {
            rooms: vec![RoomName::parse("r").unwrap()],
            count: 2,
            ..PublishHeader::new(EventName::message(), Framing::Lines)
        },
        body: Bytes::from(vec![b'\n'; bytes]),
    }
}

fn accepted() -> VerbResult {
    Ok(
        RawValue::from_string(r#"{"ok":true,"first":"1","delivered":1,"queued":2}"#.into())
            .unwrap(),
    )
}

fn refused(code: ErrorCode) -> VerbResult {
    Err(ErrorResponse {
        code: Some(code),
        message: "no".into(),
    })
}

/// A window whose hub knows the producer: number 1 is confirmed.
fn known() -> PublishWindow {
    let mut window = PublishWindow::new("p".into(), CREDIT);
    window.push(batch(1));
    assert_eq!(number(window.next_to_send(1)), Some(1));
    assert!(matches!(
        window.handle_response(1, accepted()),
        WindowEvent::Confirmed(_)
    ));
    window
}

fn number(batch: Option<&Batch>) -> Option<u64> {
    batch.and_then(|batch| batch.header.id.as_ref().map(|id| id.1))
}

fn all_sent(window: &mut PublishWindow, mut id: u64) -> Vec<u64> {
    let mut numbers = Vec::new();
    while let Some(sent) = number(window.next_to_send(id)) {
        numbers.push(sent);
        id += 1;
    }
    numbers
}

#[test]
fn at_most_the_credit_is_in_flight() {
    let mut window = known();
    for _ in 0..3 {
        assert!(window.has_capacity());
        window.push(batch(4_000));
    }
    assert!(!window.has_capacity());
    assert_eq!(all_sent(&mut window, 10), [2, 3]);
    assert!(matches!(
        window.handle_response(10, accepted()),
        WindowEvent::Confirmed(_)
    ));
    assert_eq!(all_sent(&mut window, 20), [4]);
    assert_eq!(window.unconfirmed_messages(), 4);
}

#[test]
fn a_batch_above_the_credit_is_sent_alone() {
    let mut window = known();
    window.push(batch(1));
    window.push(batch(CREDIT * 2));
    window.push(batch(1));
    assert_eq!(all_sent(&mut window, 10), [2]);
    window.handle_response(10, accepted());
    assert_eq!(all_sent(&mut window, 11), [3]);
    window.handle_response(11, accepted());
    assert_eq!(all_sent(&mut window, 12), [4]);
    window.handle_response(12, accepted());
    assert!(window.is_empty() && window.has_capacity() && window.unconfirmed_messages() == 0);
}

#[test]
fn small_batches_are_bounded_in_number() {
    let mut window = known();
    window.credit = usize::MAX;
    for _ in 0..limits::BATCHES_IN_FLIGHT + 1 {
        window.push(batch(1));
    }
    assert_eq!(all_sent(&mut window, 10).len(), limits::BATCHES_IN_FLIGHT);
    let mut window = known();
    while window.has_capacity() {
        window.push(batch(1));
    }
    assert_eq!(window.entries.len(), CREDIT.div_ceil(limits::ENTRY_BYTES));
}

#[test]
fn the_first_batch_is_sent_alone_until_the_hub_knows_the_producer() {
    let mut window = PublishWindow::new("p".into(), CREDIT);
    window.push(batch(1));
    window.push(batch(1));
    assert_eq!(all_sent(&mut window, 1), [1]);
    assert_eq!(
        window.handle_response(1, refused(ErrorCode::Full)),
        WindowEvent::Stalled(ErrorResponse {
            code: Some(ErrorCode::Full),
            message: "no".into()
        })
    );
    window.resume();
    assert_eq!(all_sent(&mut window, 5), [1]);
    window.handle_response(5, accepted());
    assert_eq!(all_sent(&mut window, 6), [2]);
}

#[test]
fn a_receipt_has_the_outcome() {
    let mut window = known();
    window.push(batch(1));
    window.next_to_send(7);
    let outcome = PublishOutcome::Delivered {
        delivered: 1,
        queued: 2,
    };
    let receipt = PublishReceipt {
        messages: 2,
        bytes: 1,
        outcome,
    };
    assert_eq!(
        window.handle_response(7, accepted()),
        WindowEvent::Confirmed(receipt)
    );

    window.push(batch(1));
    window.next_to_send(8);
    let duplicate = r#"{"ok":true,"duplicate":true,"delivered":0,"queued":0}"#;
    let duplicate = Ok(RawValue::from_string(duplicate.into()).unwrap());
    let receipt = PublishReceipt {
        messages: 2,
        bytes: 1,
        outcome: PublishOutcome::Unknown,
    };
    assert_eq!(
        window.handle_response(8, duplicate),
        WindowEvent::Confirmed(receipt)
    );
    assert_eq!(window.handle_response(8, accepted()), WindowEvent::None);
}

#[test]
fn a_refused_batch_and_those_after_it_are_sent_again_in_order() {
    for code in [ErrorCode::Full, ErrorCode::Disk] {
        let mut window = known();
        for _ in 0..4 {
            window.push(batch(1));
        }
        assert_eq!(all_sent(&mut window, 10), [2, 3, 4, 5]);
        assert!(matches!(
            window.handle_response(10, accepted()),
            WindowEvent::Confirmed(_)
        ));
        assert_eq!(window.handle_response(11, refused(code)), WindowEvent::None);
        assert_eq!(all_sent(&mut window, 20), [] as [u64; 0]);
        assert_eq!(
            window.handle_response(12, refused(ErrorCode::OutOfOrder)),
            WindowEvent::None
        );
        match window.handle_response(13, refused(ErrorCode::OutOfOrder)) {
            WindowEvent::Stalled(refusal) => assert_eq!(refusal.code, Some(code)),
            other => panic!("{other:?}"),
        }
        window.resume();
        assert_eq!(all_sent(&mut window, 30), [3, 4, 5]);
        for id in 30..33 {
            assert!(matches!(
                window.handle_response(id, accepted()),
                WindowEvent::Confirmed(_)
            ));
        }
        assert!(window.is_empty());
    }
}

#[test]
fn the_deciding_refusal_may_arrive_after_those_it_caused() {
    let mut window = known();
    window.push(batch(1));
    window.push(batch(1));
    all_sent(&mut window, 10);
    assert_eq!(
        window.handle_response(11, refused(ErrorCode::OutOfOrder)),
        WindowEvent::None
    );
    assert!(matches!(
        window.handle_response(10, refused(ErrorCode::Full)),
        WindowEvent::Stalled(_)
    ));
}

#[test]
fn out_of_order_without_a_cause_is_final() {
    let mut window = known();
    window.push(batch(1));
    window.next_to_send(10);
    assert!(matches!(
        window.handle_response(10, refused(ErrorCode::OutOfOrder)),
        WindowEvent::Refused(_)
    ));
    let mut window = known();
    window.push(batch(1));
    window.next_to_send(10);
    assert!(matches!(
        window.handle_response(10, refused(ErrorCode::TooLarge)),
        WindowEvent::Refused(_)
    ));
}

#[test]
fn a_hub_that_skips_a_refused_batch_is_an_error() {
    let mut window = known();
    window.push(batch(1));
    window.push(batch(1));
    all_sent(&mut window, 10);
    window.handle_response(10, refused(ErrorCode::Full));
    assert!(matches!(
        window.handle_response(11, accepted()),
        WindowEvent::ProtocolError(_)
    ));
}

#[test]
fn a_new_connection_gets_unconfirmed_batches_with_the_same_numbers() {
    let mut window = known();
    for _ in 0..3 {
        window.push(batch(1));
    }
    assert_eq!(all_sent(&mut window, 10), [2, 3, 4]);
    window.handle_response(10, accepted());
    assert_eq!(window.reset_for_connection(CREDIT), 0);
    assert_eq!(all_sent(&mut window, 20), [3]);
    assert_eq!(window.handle_response(11, accepted()), WindowEvent::None);
    window.handle_response(20, accepted());
    assert_eq!(all_sent(&mut window, 30), [4]);
    window.handle_response(30, accepted());
    assert_eq!(
        (
            window.unconfirmed_messages(),
            window.in_flight_bytes,
            window.held_bytes
        ),
        (0, 0, 0)
    );
}

#[test]
fn volatile_batches_have_no_number_and_are_not_sent_twice() {
    let mut window = known();
    for _ in 0..2 {
        let mut volatile = batch(1);
        volatile.header.volatile = true;
        window.push(volatile);
    }
    let sent = window.next_to_send(10).expect("there is credit");
    assert_eq!(sent.header.id, None);
    assert_eq!(window.reset_for_connection(CREDIT), 2);
    assert_eq!(window.unconfirmed_messages(), 2);
    assert!(window.next_to_send(11).is_some());
}
