//! Volatile and direct messages, and full mailboxes.

use super::*;

#[test]
fn volatile_messages_are_delivered_and_never_queued() {
    let mut hub = TestCore::with_members(&[("bob", "a")]);
    hub.sub(1, None, &["a"]);
    hub.sub(2, None, &["a"]);
    hub.effects.full.insert(2);
    let record = NewRecord {
        header: hub.header(9, &["a"]),
        body: Bytes::from_static(b"hi\n"),
    };
    let request = SocketRequest {
        socket: SocketId(9),
        ack_id: None,
        kind: Request::Publish(PublishVerb::Single),
    };
    hub.core.step(
        CoreInput::Volatile {
            record,
            at_ms: 0,
            request,
        },
        &mut hub.effects,
    );
    let Some((9, Notification::Receipt { receipt, .. })) = hub.effects.notifications.pop() else {
        panic!("no receipt")
    };
    assert_eq!(
        (receipt.first, receipt.delivered, receipt.queued),
        (None, 1, 0)
    );
    hub.effects.full.clear();
    let header = hub.header(9, &["a"]);
    assert_eq!(
        hub.reach(9, header).0,
        [1, 2],
        "a socket that lost it stays attached"
    );
}

#[test]
fn a_mailbox_is_bounded_and_accepts_again_once_emptied() {
    let mailbox = Mailbox::new(Arc::default());
    let hub = TestCore::default();
    let body = Bytes::from(vec![b'x'; limits::MAILBOX_BYTES / 4]);
    let delivery = |number, kind| {
        let record = Record {
            number,
            at_ms: 0,
            header: hub.header(1, &["a"]),
            body: body.clone(),
        };
        Arc::new(Delivery::new(record, kind))
    };
    let taken = (1..100)
        .take_while(|number| {
            mailbox.put(&delivery(*number, DeliveryKind::Durable)) == DeliveryOutcome::Accepted
        })
        .count();
    assert_eq!(taken, 3, "three quarters and their overhead fit");
    assert_eq!(
        mailbox.put(&delivery(100, DeliveryKind::Volatile)),
        DeliveryOutcome::Full
    );
    for number in 1..=3 {
        assert!(
            matches!(mailbox.take(), MailboxItem::Delivery(delivery) if delivery.record.number == number)
        );
    }
    assert!(matches!(mailbox.take(), MailboxItem::Overflowed));
    assert!(matches!(mailbox.take(), MailboxItem::Empty));
    assert_eq!(
        mailbox.put(&delivery(101, DeliveryKind::Durable)),
        DeliveryOutcome::Accepted
    );
}

#[test]
fn a_direct_message_reaches_one_socket_whatever_its_rooms() {
    let mut hub = TestCore::default();
    hub.sub(1, None, &["a"]);
    hub.sub(2, None, &["a"]);
    hub.connect(3, "/x", None);
    let direct = |hub: &mut TestCore, to: u64| {
        hub.effects.delivered.clear();
        let header = hub.header(9, &["a"]);
        let body = Bytes::from_static(b"hi\n");
        let direct = DirectRecord {
            to: SocketId(to),
            record: NewRecord { header, body },
            at_ms: 5,
        };
        hub.commit(9, OpOutcome::Noop, Request::Direct(Box::new(direct)));
        let Some((9, Notification::Receipt { receipt, .. })) = hub.effects.notifications.pop()
        else {
            panic!("no receipt")
        };
        assert_eq!((receipt.first, receipt.queued), (None, 0));
        let to = hub.effects.delivered.iter().map(|(socket, _)| *socket);
        (to.collect::<Vec<_>>(), receipt.delivered)
    };
    assert_eq!(direct(&mut hub, 1), (vec![1], 1));
    assert_eq!(direct(&mut hub, 3), (vec![3], 1), "a socket in no room");
    hub.effects.full.insert(2);
    assert_eq!(direct(&mut hub, 2), (vec![], 0));
    hub.effects.full.clear();
    let header = hub.header(9, &["a"]);
    assert_eq!(
        hub.reach(9, header),
        (vec![1, 2], 2, 0),
        "a direct message detaches nobody"
    );
}

#[test]
fn a_full_mailbox_loses_a_direct_message_and_no_record() {
    let waker = Arc::default();
    let mailbox = Mailbox::new(waker);
    let delivery = |bytes: usize, kind| {
        let record = Record {
            number: 1,
            at_ms: 0,
            header: TestCore::default().header(1, &["a"]),
            body: vec![0; bytes].into(),
        };
        Arc::new(Delivery::new(record, kind))
    };
    assert_eq!(
        mailbox.put(&delivery(1, DeliveryKind::Direct)),
        DeliveryOutcome::Accepted
    );
    assert_eq!(
        mailbox.put(&delivery(1, DeliveryKind::Durable)),
        DeliveryOutcome::Accepted
    );
    let full = delivery(limits::MAILBOX_BYTES, DeliveryKind::Direct);
    assert_eq!(mailbox.put(&full), DeliveryOutcome::Full);
    assert!(mailbox.take_direct().is_some());
    assert!(
        mailbox.take_direct().is_none(),
        "a record of the log comes first"
    );
    assert!(matches!(mailbox.take(), MailboxItem::Delivery(_)));
    assert!(matches!(mailbox.take(), MailboxItem::Empty));
}
