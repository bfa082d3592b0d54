//! Messages, members, producers and reading, in both stores.

use std::time::Duration;

use super::*;
use roomcat::limits;
use roomcat::store::Refusal;

behaviours!(
    records_come_back_as_they_were_published,
    a_message_in_two_rooms_comes_once,
    namespaces_do_not_cross,
    a_member_is_owed_messages_since_it_joined,
    an_ack_inside_a_record_leaves_the_rest,
    cursors_never_move_back_or_past_the_head,
    a_subscription_joins_and_returns_its_cursors_in_order,
    others_skips_the_sender_live_and_on_replay,
    except_is_judged_by_the_rooms_of_the_reader,
    a_producer_must_use_its_next_number,
    a_producer_is_forgotten_after_its_ttl,
    pages_are_bounded_and_complete,
    a_page_without_owed_records_ends,
    a_body_larger_than_a_page_is_a_page_of_its_own,
    the_last_messages_are_found,
    a_time_is_found,
    the_time_of_records_never_goes_back,
    rooms_are_listed_with_pending_messages,
);

fn records_come_back_as_they_were_published(kind: Kind) {
    let mut store = TestStore::new(kind, ALL);
    // Lists every field of a header, so that a new one cannot be forgotten here.
    let full = NewRecord {
        header: MessageHeader {
            namespace: root(),
            rooms: rooms(&["a \"quoted\" room", "", "ü"]).into(),
            except: rooms(&["nobody", "no one"]).into(),
            audience: Audience::Others,
            event: EventName::parse("ev\nent").unwrap(),
            framing: Framing::Bytes,
            json: true,
            count: 3,
            from: Some(client("alice")),
            origin: "sid-1".into(),
            reply: Some(room("answers, \"please\"")),
        },
        body: Bytes::from_static(b"\0\xff\n"),
    };
    let sizes = [
        0,
        1,
        limits::INLINE_BODY_BYTES,
        limits::INLINE_BODY_BYTES + 1,
        300_000,
    ];
    let mut published = vec![store.append(full)];
    for size in sizes {
        published.push(store.append(heavy(&["ü"], size)));
    }
    assert_eq!(store.inner.head(), published.len() as u64);
    let page = store.page(&from_start(&["ü"]), Seq::START);
    let read: Vec<Record> = page.records.into_iter().map(|(_, record)| record).collect();
    assert_eq!(read, published);
    assert_eq!((page.next, page.gap), (None, None));
}

fn a_message_in_two_rooms_comes_once(kind: Kind) {
    let mut store = TestStore::new(kind, ALL);
    store.append(lines(&["a", "b"], "1\n"));
    store.append(lines(&["b"], "2\n"));
    store.append(lines(&["c"], "3\n"));
    store.append(lines(&["b", "a"], "4\n4\n"));
    let reader = from_start(&["a", "b"]);
    assert_eq!(store.read_all(&reader), [(1, 0), (2, 0), (4, 0)]);
    assert_eq!(store.pending(&reader), 4);
}

fn namespaces_do_not_cross(kind: Kind) {
    let mut store = TestStore::new(kind, ALL);
    let admin = Namespace::parse("/admin").unwrap();
    store.append(lines(&["a"], "1\n"));
    let mut record = lines(&["a"], "2\n");
    record.header.namespace = admin.clone();
    store.append(record);
    store.join("alice", &["a"]);
    assert_eq!(store.read_all(&from_start(&["a"])), [(1, 0)]);
    let mut read = store.reader();
    let page = read
        .page(&admin, &from_start(&["a"]), Seq::START, 9)
        .unwrap();
    assert_eq!(page.records[0].1.number, 2);
    assert_eq!(read.rooms(&admin, None).unwrap()[0].members, []);
}

fn a_member_is_owed_messages_since_it_joined(kind: Kind) {
    let mut store = TestStore::new(kind, ALL);
    store.append(lines(&["a"], "before\n"));
    store.join("alice", &["a", "b"]);
    store.append(lines(&["a"], "after\n"));
    store.join("alice", &["a"]);
    let now = Seq::new(2, 0);
    assert_eq!(
        store.cursors("alice"),
        [("a".to_owned(), now), ("b".to_owned(), now)]
    );
    assert_eq!(store.read_all(&reader(&[("a", now), ("b", now)])), [(2, 0)]);
    store.leave("alice", &["a", "c"]);
    store.append(lines(&["a"], "gone\n"));
    store.join("alice", &["a"]);
    assert_eq!(store.cursors("alice")[0].1, Seq::new(4, 0));
}

fn an_ack_inside_a_record_leaves_the_rest(kind: Kind) {
    let mut store = TestStore::new(kind, ALL);
    store.join("alice", &["a"]);
    store.append(lines(&["a"], "0\n1\n2\n"));
    store.append(lines(&["a"], "0\n"));
    store.ack("alice", &["a"], Seq::new(1, 2));
    let cursor = store.cursors("alice")[0].1;
    assert_eq!(cursor, Seq::new(1, 2));
    assert_eq!(store.read_all(&reader(&[("a", cursor)])), [(1, 2), (2, 0)]);
    assert_eq!(store.pending(&reader(&[("a", cursor)])), 2);
    store.ack("alice", &["a"], Seq::new(1, 3));
    assert_eq!(store.read_all(&reader(&[("a", Seq::new(1, 3))])), [(2, 0)]);
    // The start of the page counts too: the later of the two decides.
    let page = store.page(&from_start(&["a"]), Seq::new(1, 1));
    assert_eq!(page.records[0].0, 1);
}

fn cursors_never_move_back_or_past_the_head(kind: Kind) {
    let mut store = TestStore::new(kind, ALL);
    store.join("alice", &["a"]);
    for _ in 0..3 {
        store.append(lines(&["a"], "x\n"));
    }
    store.ack("alice", &["a", "never joined"], Seq::new(3, 0));
    store.ack("alice", &["a"], Seq::new(2, 0));
    assert_eq!(store.cursors("alice"), [("a".to_owned(), Seq::new(3, 0))]);
    store.ack("alice", &["a"], Seq::new(1000, 7));
    assert_eq!(store.cursors("alice")[0].1, Seq::new(4, 0));
    store.ack("nobody", &["a"], Seq::new(1, 0));
    assert_eq!(store.inner.members().unwrap().len(), 1);
}

fn a_subscription_joins_and_returns_its_cursors_in_order(kind: Kind) {
    let mut store = TestStore::new(kind, ALL);
    store.join("alice", &["b"]);
    let outcomes = store.group(vec![
        append(lines(&["a"], "1\n")),
        subscribe(Some("alice"), &["b", "a", "b"]),
        append(lines(&["a"], "2\n")),
        ack("alice", &["b"], Seq::new(2, 0)),
        subscribe(Some("alice"), &[]),
        subscribe(None, &["a"]),
        subscribe(Some("bob"), &[]),
        Op::Noop,
    ]);
    let both = rooms(&["a", "b"]);
    let subscribed = |name: Option<&str>, rooms: &[(&str, Seq)], joined: &[RoomName], head| {
        OpOutcome::Subscribed {
            namespace: root(),
            client: name.map(client),
            rooms: rooms.iter().map(|(name, at)| (room(name), *at)).collect(),
            joined: joined.to_vec(),
            head,
        }
    };
    let alice = Some("alice");
    let (one, two, three) = (Seq::new(1, 0), Seq::new(2, 0), Seq::new(3, 0));
    assert_eq!(
        outcomes[1],
        subscribed(alice, &[("b", one), ("a", two)], &both, 1)
    );
    assert_eq!(
        outcomes[4],
        subscribed(alice, &[("a", two), ("b", two)], &both, 2)
    );
    assert_eq!(outcomes[5], subscribed(None, &[("a", three)], &[], 2));
    assert_eq!(outcomes[6], subscribed(Some("bob"), &[], &[], 2));
    assert_eq!(outcomes[7], OpOutcome::Noop);
}

fn others_skips_the_sender_live_and_on_replay(kind: Kind) {
    let mut store = TestStore::new(kind, ALL);
    let mut record = lines(&["a"], "x\n");
    record.header.audience = Audience::Others;
    record.header.from = Some(client("alice"));
    store.append(record);
    store.append(lines(&["a"], "y\n"));
    let mut alice = from_start(&["a"]);
    alice.name = Some(client("alice"));
    let mut socket = from_start(&["a"]);
    socket.sid = Some("origin".into());
    for skipped in [&alice, &socket] {
        assert_eq!(store.read_all(skipped), [(2, 0)]);
        assert_eq!(store.pending(skipped), 1);
        let last = store.reader().seq_of_last(&root(), skipped, 2, 2).unwrap();
        assert_eq!(last, Seq::new(2, 0));
    }
    assert_eq!(store.pending(&from_start(&["a"])), 2);
}

fn except_is_judged_by_the_rooms_of_the_reader(kind: Kind) {
    let mut store = TestStore::new(kind, ALL);
    let mut record = lines(&["a"], "x\n");
    record.header.except = rooms(&["b"]).into();
    store.join("alice", &["a"]);
    store.join("bob", &["a", "b"]);
    store.append(record);
    let mut in_b = from_start(&["a"]);
    in_b.other_rooms.insert(room("b"));
    assert_eq!(store.read_all(&in_b), []);
    assert_eq!(store.read_all(&from_start(&["a"])), [(1, 0)]);
    assert_eq!(
        store.info("a").unwrap().members,
        [(client("alice"), 1), (client("bob"), 0)]
    );
}

fn a_producer_must_use_its_next_number(kind: Kind) {
    let mut store = TestStore::new(kind, ALL);
    let record = || lines(&["a"], "x\ny\n");
    assert!(matches!(store.publish(record(), "p", 17), OpOutcome::Appended(r) if r.number == 1));
    let out_of_order = OpOutcome::Refused(Refusal::OutOfOrder { expected: 18 });
    assert_eq!(store.publish(record(), "p", 19), out_of_order);
    let group: Vec<Op> = [18, 19, 19, 21]
        .into_iter()
        .map(|counter| Op::Append {
            record: record(),
            id: Some(PublishId("p".to_owned(), counter)),
        })
        .collect();
    let outcomes = store.group(group);
    assert!(matches!(&outcomes[0], OpOutcome::Appended(r) if r.number == 2));
    assert!(matches!(&outcomes[1], OpOutcome::Appended(r) if r.number == 3));
    let first = Some(Seq::new(3, 0));
    assert_eq!(outcomes[2], OpOutcome::Duplicate { first });
    assert_eq!(
        outcomes[3],
        OpOutcome::Refused(Refusal::OutOfOrder { expected: 20 })
    );
    assert_eq!(
        store.publish(record(), "p", 18),
        OpOutcome::Duplicate { first: None }
    );
    assert!(matches!(
        store.publish(record(), "other", 5),
        OpOutcome::Appended(_)
    ));
    assert_eq!(store.inner.head(), 4);
}

fn a_producer_is_forgotten_after_its_ttl(kind: Kind) {
    let mut store = TestStore::new(kind, ALL);
    let record = || lines(&["a"], "x\n");
    store.publish(record(), "p", 1);
    store.now += limits::PRODUCER_TTL.as_millis() as u64 - 1;
    store.prune();
    assert!(matches!(
        store.publish(record(), "p", 1),
        OpOutcome::Duplicate { .. }
    ));
    store.now += 1;
    assert!(matches!(
        store.publish(record(), "p", 1),
        OpOutcome::Appended(_)
    ));
    store.now += limits::PRODUCER_TTL.as_millis() as u64;
    store.prune();
    assert!(matches!(
        store.publish(record(), "p", 9),
        OpOutcome::Appended(_)
    ));
}

fn pages_are_bounded_and_complete(kind: Kind) {
    let mut store = TestStore::new(kind, ALL);
    let names = ["a", "b", "c"];
    let many = limits::PAGE_RECORDS * 2 + 10;
    let ops = (0..many).map(|i| append(lines(&[names[i % 3], "all"], "x\n")));
    store.group(ops.collect());
    let page = store.page(&from_start(&names), Seq::START);
    assert_eq!(page.records.len(), limits::PAGE_RECORDS);
    assert_eq!(
        page.next,
        Some(Seq::new(limits::PAGE_RECORDS as u64 + 1, 0))
    );
    let all: Vec<(u64, u32)> = (1..=many as u64).map(|n| (n, 0)).collect();
    assert_eq!(store.read_all(&from_start(&names)), all);
    let some: Vec<_> = all.iter().copied().filter(|(n, _)| n % 3 != 0).collect();
    assert_eq!(store.read_all(&from_start(&["a", "b", "never"])), some);

    let mut read = store.reader();
    let mut last = |n| {
        read.seq_of_last(&root(), &from_start(&["all"]), n, many as u64)
            .unwrap()
    };
    assert_eq!(last(many as u64 - 1), Seq::new(2, 0));

    let third = limits::PAGE_BYTES / 3;
    let from = store.append(heavy(&["h"], third)).number;
    for _ in 0..3 {
        store.append(heavy(&["h"], third));
    }
    let page = store.page(&from_start(&["h"]), Seq::START);
    assert_eq!(page.records.len(), 3);
    assert_eq!(page.next, Some(Seq::new(from + 3, 0)));
    // Records after `upto` are not read.
    let page = store
        .reader()
        .page(&root(), &from_start(&["h"]), Seq::START, from);
    let page = page.unwrap();
    assert_eq!((page.records.len(), page.next), (1, None));
}

fn a_page_without_owed_records_ends(kind: Kind) {
    let mut store = TestStore::new(kind, ALL);
    let mut own = lines(&["a"], "x\n");
    own.header.audience = Audience::Others;
    let many = limits::PAGE_LOOKED_AT + 1;
    store.group((0..many).map(|_| append(own.clone())).collect());
    let mut socket = from_start(&["a"]);
    socket.sid = Some("origin".into());
    let page = store.page(&socket, Seq::START);
    assert_eq!(page.records, []);
    assert_eq!(page.next, Some(Seq::new(many as u64, 0)));
    assert_eq!(store.page(&socket, page.next.unwrap()).next, None);
}

fn a_body_larger_than_a_page_is_a_page_of_its_own(kind: Kind) {
    let mut store = TestStore::new(kind, ALL);
    for bytes in [10, limits::PAGE_BYTES + 1, 10] {
        store.append(heavy(&["a"], bytes));
    }
    let reader = from_start(&["a"]);
    for number in 1..=2 {
        let page = store.page(&reader, Seq::new(number, 0));
        assert_eq!(page.records.len(), 1);
        assert_eq!(page.next, Some(Seq::new(number + 1, 0)));
    }
}

fn the_last_messages_are_found(kind: Kind) {
    let mut store = TestStore::new(kind, ALL);
    for text in ["0\n", "0\n1\n2\n", "0\n"] {
        store.append(lines(&["a", "b"], text));
        store.append(lines(&["c"], text));
    }
    let mut read = store.reader();
    let mut last = |names: &[&str], n, upto| {
        let reader = from_start(names);
        read.seq_of_last(&root(), &reader, n, upto).unwrap()
    };
    let both = ["a", "b"];
    assert_eq!(last(&both, 1, 6), Seq::new(5, 0));
    assert_eq!(last(&both, 3, 6), Seq::new(3, 1));
    assert_eq!(last(&both, 4, 6), Seq::new(3, 0));
    assert_eq!(last(&both, 5, 6), Seq::new(1, 0));
    assert_eq!(last(&both, 99, 6), Seq::new(1, 0));
    assert_eq!(last(&both, 1, 4), Seq::new(3, 2));
    assert_eq!(last(&both, 0, 6), Seq::new(7, 0));
    assert_eq!(last(&["never"], 5, 6), Seq::new(7, 0));
    assert_eq!(last(&["a", "c"], 2, 6), Seq::new(5, 0));
}

fn a_time_is_found(kind: Kind) {
    let mut store = TestStore::new(
        kind,
        Retention {
            history_age: Duration::from_millis(50),
            ..ALL
        },
    );
    assert_eq!(store.reader().seq_at(0).unwrap(), Seq::new(1, 0));
    let start = store.now;
    for step in 0..10 {
        store.now = start + step / 2 * 10;
        store.append(lines(&["a"], "x\n"));
    }
    let at = |store: &TestStore, time| store.reader().seq_at(time).unwrap();
    assert_eq!(at(&store, 0), Seq::new(1, 0));
    assert_eq!(at(&store, start), Seq::new(1, 0));
    assert_eq!(at(&store, start + 1), Seq::new(3, 0));
    assert_eq!(at(&store, start + 20), Seq::new(5, 0));
    assert_eq!(at(&store, start + 40), Seq::new(9, 0));
    assert_eq!(at(&store, start + 41), Seq::new(11, 0));
    store.now = start + 60;
    assert_eq!(store.prune().records, 4);
    // Records of the first time are all kept. Of the second one some are gone, so the page reports a gap.
    assert_eq!(at(&store, start + 11), Seq::new(5, 0));
    let cut = at(&store, start + 10);
    let page = store.page(&from_start(&["a"]), cut);
    assert!(page.gap.is_some());
    assert_eq!(page.records[0].1.number, 5);
    store.now = start + HOUR;
    store.prune();
    assert_eq!(at(&store, start + 41), Seq::new(11, 0));
}

fn the_time_of_records_never_goes_back(kind: Kind) {
    let mut store = TestStore::new(kind, ALL);
    let first = store.append(lines(&["a"], "x\n"));
    store.now -= 500;
    let second = store.append(lines(&["a"], "x\n"));
    assert_eq!(first.at_ms, second.at_ms);
}

fn rooms_are_listed_with_pending_messages(kind: Kind) {
    let mut store = TestStore::new(kind, ALL);
    store.join("alice", &["a", "b"]);
    store.append(lines(&["a"], "1\n2\n3\n"));
    store.join("bob", &["a"]);
    let mut own = lines(&["a", "c"], "1\n2\n");
    own.header.audience = Audience::Others;
    own.header.from = Some(client("bob"));
    store.append(own);
    store.now += 7;
    store.append(lines(&["a"], "1\n"));
    store.ack("alice", &["a"], Seq::new(1, 2));
    let listed = store.reader().rooms(&root(), None).unwrap();
    let expected = [
        ("a", 6, Some(7), vec![("alice", 4), ("bob", 1)]),
        ("b", 0, None, vec![("alice", 0)]),
        ("c", 2, Some(0), vec![]),
    ];
    let expected = expected.map(|(name, messages, last, members)| RoomInfo {
        room: room(name),
        messages,
        last_ms: last.map(|after: u64| store.now - 7 + after),
        members: members
            .into_iter()
            .map(|(name, n)| (client(name), n))
            .collect(),
    });
    assert_eq!(listed, expected);
    assert_eq!(store.info("b").as_ref(), Some(&listed[1]));
    assert_eq!(store.info("nowhere"), None);
}
