//! Delayed records in both stores.

use std::time::Duration;

use super::*;
use roomcat::limits;
use roomcat::store::Refusal;
use roomcat::store::delayed::DelayedQueueFull;

behaviours!(
    it_is_in_no_room_until_it_is_due,
    records_come_by_their_time_and_then_in_the_order_of_publishing,
    a_record_that_is_due_already_comes_after_earlier_ones,
    a_delayed_record_keeps_all_its_fields,
    its_id_is_used_when_it_is_delayed,
    a_member_that_joins_before_it_is_due_gets_it,
    the_log_does_not_go_back_in_time,
    a_clock_that_goes_back_delivers_nothing_early,
    many_due_records_come_in_groups,
    it_is_appended_once,
    the_number_of_delayed_records_is_bounded,
    the_size_of_delayed_records_is_bounded,
    members_keep_most_of_the_pending_bound,
    delayed_records_count_towards_the_pending_bound,
    a_member_with_more_pending_is_named_instead,
);

fn numbers(outcomes: &[OpOutcome]) -> Vec<String> {
    let text = |outcome: &OpOutcome| match outcome {
        OpOutcome::Appended(record) => String::from_utf8_lossy(&record.body).trim_end().to_owned(),
        other => format!("{other:?}"),
    };
    outcomes.iter().map(text).collect()
}

/// Publishes a line to room `a`, delayed by `after` milliseconds.
fn later(store: &mut TestStore, text: &str, after: u64) {
    let due_ms = store.now + after;
    let outcome = store.op(delay(lines(&["a"], &format!("{text}\n")), due_ms));
    assert_eq!(outcome, OpOutcome::Delayed { due_ms, count: 1 });
}

fn it_is_in_no_room_until_it_is_due(kind: Kind) {
    let mut store = TestStore::new(kind, ALL);
    store.join("alice", &["a"]);
    assert_eq!(store.inner.next_due(), None);
    later(&mut store, "x", 10);
    assert_eq!(store.inner.next_due(), Some(store.now + 10));
    assert_eq!(store.inner.head(), 0);
    assert_eq!(store.info("a").unwrap().members, [(client("alice"), 0)]);
    store.now += 9;
    assert_eq!(store.inner.due(store.now).unwrap(), []);
    assert_eq!(store.append(lines(&["a"], "before\n")).number, 1);
    store.now += 1;
    let [OpOutcome::Appended(record)] = &store.deliver()[..] else {
        panic!("one is due");
    };
    assert_eq!((record.number, record.at_ms), (2, store.now));
    assert_eq!(store.read_all(&from_start(&["a"])), [(1, 0), (2, 0)]);
    assert_eq!(store.info("a").unwrap().members, [(client("alice"), 2)]);
    assert_eq!(store.inner.next_due(), None);
    assert_eq!(store.deliver(), []);
}

fn records_come_by_their_time_and_then_in_the_order_of_publishing(kind: Kind) {
    let mut store = TestStore::new(kind, ALL);
    for (text, after) in [
        ("third", 20),
        ("first", 10),
        ("fourth", 20),
        ("second", 10),
        ("not yet", 21),
    ] {
        later(&mut store, text, after);
    }
    store.now += 20;
    assert_eq!(
        numbers(&store.deliver()),
        ["first", "second", "third", "fourth"]
    );
    assert_eq!(store.inner.next_due(), Some(store.now + 1));
}

fn a_record_that_is_due_already_comes_after_earlier_ones(kind: Kind) {
    let mut store = TestStore::new(kind, ALL);
    let now = store.now;
    let at_once = store.op(delay(lines(&["a"], "x\n"), now));
    assert!(matches!(at_once, OpOutcome::Appended(record) if record.number == 1));
    later(&mut store, "earlier", 5);
    store.now += 5;
    let mut put = |due_ms| store.op(delay(lines(&["a"], &format!("{}\n", due_ms - now)), due_ms));
    assert!(matches!(put(now + 4), OpOutcome::Appended(_)));
    assert!(matches!(put(now + 5), OpOutcome::Delayed { .. }));
    assert_eq!(numbers(&store.deliver()), ["earlier", "5"]);
}

fn a_delayed_record_keeps_all_its_fields(kind: Kind) {
    let mut store = TestStore::new(kind, ALL);
    let mut record = lines(&["a", "b"], "{}\n[]\n");
    record.header.except = rooms(&["c"]).into();
    record.header.audience = Audience::Others;
    record.header.event = EventName::parse("tick").unwrap();
    record.header.json = true;
    record.header.from = Some(client("alice"));
    record.header.origin = "of her socket".into();
    record.header.reply = Some(room("answers"));
    let plain = heavy(&["a"], limits::INLINE_BODY_BYTES + 1);
    for record in [&record, &plain] {
        store.op(delay(record.clone(), store.now + 1));
    }
    store.now += 1;
    let records: Vec<NewRecord> = store
        .deliver()
        .into_iter()
        .map(|outcome| match outcome {
            OpOutcome::Appended(Record { header, body, .. }) => NewRecord { header, body },
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(records, [record, plain]);
}

fn its_id_is_used_when_it_is_delayed(kind: Kind) {
    let mut store = TestStore::new(kind, ALL);
    let due_ms = store.now + 10;
    let numbered = |counter| Op::Delay {
        record: lines(&["a"], "x\n"),
        id: Some(PublishId("p".to_owned(), counter)),
        due_ms,
    };
    assert_eq!(
        store.op(numbered(1)),
        OpOutcome::Delayed { due_ms, count: 1 }
    );
    assert_eq!(store.op(numbered(1)), OpOutcome::Duplicate { first: None });
    let refused = OpOutcome::Refused(Refusal::OutOfOrder { expected: 2 });
    assert_eq!(store.op(numbered(3)), refused);
    let next = store.publish(lines(&["a"], "y\n"), "p", 2);
    assert!(matches!(next, OpOutcome::Appended(_)));
    store.now += 10;
    assert_eq!(store.deliver().len(), 1);
    assert_eq!(
        store.op(numbered(2)),
        OpOutcome::Duplicate {
            first: Some(Seq::new(1, 0))
        }
    );
    assert_eq!(store.op(numbered(1)), OpOutcome::Duplicate { first: None });
    assert_eq!(store.inner.head(), 2);
}

fn a_member_that_joins_before_it_is_due_gets_it(kind: Kind) {
    let mut store = TestStore::new(kind, NO_HISTORY);
    store.join("early", &["a"]);
    later(&mut store, "x", 10);
    store.leave("early", &["a"]);
    store.join("late", &["a"]);
    store.prune();
    store.now += 10;
    store.deliver();
    store.prune();
    assert_eq!(store.info("a").unwrap().members, [(client("late"), 1)]);
}

fn the_log_does_not_go_back_in_time(kind: Kind) {
    let mut store = TestStore::new(kind, ALL);
    later(&mut store, "x", 10);
    store.now += HOUR;
    let before = store.append(lines(&["a"], "y\n")).at_ms;
    store.now -= HOUR - 10;
    let [OpOutcome::Appended(record)] = &store.deliver()[..] else {
        panic!("one is due");
    };
    assert_eq!(record.at_ms, before);
}

fn a_clock_that_goes_back_delivers_nothing_early(kind: Kind) {
    let mut store = TestStore::new(kind, ALL);
    let before = store.append(lines(&["a"], "x\n")).at_ms;
    store.now -= HOUR / 10;
    later(&mut store, "y", 10);
    assert_eq!(store.deliver(), []);
    assert_eq!(store.inner.head(), 1);
    store.now += 10;
    let [OpOutcome::Appended(record)] = &store.deliver()[..] else {
        panic!("one is due");
    };
    assert_eq!(record.at_ms, before);
}

fn many_due_records_come_in_groups(kind: Kind) {
    let mut store = TestStore::new(kind, ALL);
    let due_ms = store.now + 1;
    let many = limits::GROUP_OPS + 1;
    store.group(
        (0..many)
            .map(|_| delay(lines(&["a"], "x\n"), due_ms))
            .collect(),
    );
    let large = || delay(heavy(&["a"], limits::GROUP_BYTES), due_ms + 1);
    store.group(vec![large(), large()]);
    store.now += 1;
    assert_eq!(store.inner.due(store.now).unwrap().len(), limits::GROUP_OPS);
    assert_eq!(store.deliver().len(), many);
    store.now += 1;
    assert_eq!(store.inner.due(store.now).unwrap().len(), 1);
    assert_eq!(store.deliver().len(), 2);
}

fn it_is_appended_once(kind: Kind) {
    let mut store = TestStore::new(kind, ALL);
    later(&mut store, "x", 1);
    store.now += 1;
    let due = store.inner.due(store.now).unwrap();
    let op = || Op::Due(due[0].clone());
    let outcomes = store.group(vec![op(), op()]);
    assert!(matches!(outcomes[0], OpOutcome::Appended(_)));
    assert_eq!(outcomes[1], OpOutcome::Noop);
    assert_eq!(store.inner.head(), 1);
}

fn the_number_of_delayed_records_is_bounded(kind: Kind) {
    let mut store = TestStore::new(kind, ALL);
    let due_ms = store.now + 1;
    let one = || delay(lines(&["a"], "x\n"), due_ms);
    store.group((0..limits::DELAYED_RECORDS).map(|_| one()).collect());
    let limit = limits::DELAYED_RECORDS as u64;
    let next_due_ms = due_ms;
    let refused = OpOutcome::Refused(Refusal::DelayedQueueFull(DelayedQueueFull::Records {
        limit,
        next_due_ms,
    }));
    assert_eq!(store.op(one()), refused);
    // A publish without delay still succeeds, and so does the refused one after the first has gone.
    store.append(lines(&["a"], "x\n"));
    store.now += 1;
    assert_eq!(store.deliver().len(), limits::DELAYED_RECORDS);
    let due_ms = store.now + 1;
    let taken = store.op(delay(lines(&["a"], "x\n"), due_ms));
    assert_eq!(taken, OpOutcome::Delayed { due_ms, count: 1 });
}

fn the_size_of_delayed_records_is_bounded(kind: Kind) {
    let mut store = TestStore::new(kind, ALL);
    let limit = limits::DELAYED_BYTES as u64;
    let due_ms = store.now + 1;
    later(&mut store, "x", 1);
    let bytes = lines(&["a"], "x\n").log_bytes();
    let too_much = limits::DELAYED_BYTES - limits::RECORD_OVERHEAD - bytes as usize + 1;
    // Pages that are never touched take no memory.
    let body = Bytes::from(vec![0; too_much]);
    let record = NewRecord {
        body,
        ..lines(&["a"], "x\n")
    };
    let next_due_ms = due_ms;
    let crowded = DelayedQueueFull::Bytes {
        limit,
        bytes,
        next_due_ms,
    };
    let refused = OpOutcome::Refused(Refusal::DelayedQueueFull(crowded));
    assert_eq!(store.op(delay(record, due_ms)), refused);
    later(&mut store, "y", 1);
}

fn delayed_records_count_towards_the_pending_bound(kind: Kind) {
    let mut store = TestStore::new(kind, SMALL);
    store.join("alice", &["a"]);
    let due_ms = store.now + 10;
    let (waiting, _) = fill_with_later(&mut store);
    // Several members, each in its own room, hold the rest.
    let rooms = ["b", "c", "d", "e", "f", "g", "h", "i"];
    store.join("bob", &rooms);
    let mut rooms = rooms.iter().cycle();
    let refusal = loop {
        let record = heavy(&[rooms.next().unwrap()], MIB as usize);
        match store.op(append(record)) {
            OpOutcome::Appended(_) => {}
            OpOutcome::Refused(refusal) => break refusal,
            other => panic!("{other:?}"),
        }
    };
    let crowded = DelayedQueueFull::Pending {
        limit: SMALL.pending_bytes,
        bytes: waiting as u64 * heavy(&["a"], MIB as usize).log_bytes(),
        next_due_ms: due_ms,
    };
    assert_eq!(refusal, Refusal::DelayedQueueFull(crowded));
    let publish = append(heavy(&["a"], MIB as usize));
    assert_eq!(store.op(publish.clone()), OpOutcome::Refused(refusal));
    // Although the store is full, the record comes at its time, and is pending for alice then.
    store.now += 10;
    let outcomes = store.deliver();
    assert_eq!(outcomes.len(), waiting);
    assert!(
        outcomes
            .iter()
            .all(|outcome| matches!(outcome, OpOutcome::Appended(_)))
    );
    store.prune();
    let alice = store.info("a").unwrap().members;
    assert_eq!(alice, [(client("alice"), waiting as u64)]);
    assert!(matches!(
        store.op(publish.clone()),
        OpOutcome::Refused(Refusal::Full { .. })
    ));
    store.leave("alice", &["a"]);
    assert!(matches!(store.op(publish), OpOutcome::Appended(_)));
}

/// A quarter of this bound may be delayed records.
const SMALL: Retention = Retention {
    pending_bytes: 16 * MIB,
    ..NO_HISTORY
};

/// How many records of a mebibyte can be delayed, and the refusal after that.
fn fill_with_later(store: &mut TestStore) -> (usize, Refusal) {
    let (mut waiting, due_ms) = (0, store.now + 10);
    loop {
        match store.op(delay(heavy(&["a"], MIB as usize), due_ms)) {
            OpOutcome::Delayed { .. } => waiting += 1,
            OpOutcome::Refused(refusal) => return (waiting, refusal),
            other => panic!("{other:?}"),
        }
    }
}

fn members_keep_most_of_the_pending_bound(kind: Kind) {
    let mut store = TestStore::new(kind, SMALL);
    let next_due_ms = store.now + 10;
    let (waiting, refusal) = fill_with_later(&mut store);
    assert_eq!(waiting, 3);
    let crowded = DelayedQueueFull::Bytes {
        limit: SMALL.pending_bytes / limits::DELAYED_SHARE,
        bytes: 3 * heavy(&["a"], MIB as usize).log_bytes(),
        next_due_ms,
    };
    assert_eq!(refusal, Refusal::DelayedQueueFull(crowded));
    store.join("alice", &["a"]);
    for _ in 0..10 {
        store.append(heavy(&["a"], MIB as usize));
    }
}

#[test]
fn rows_deleted_by_hand_make_room() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("hub.db");
    let mut store = TestStore::with(Box::new(open(&path, SMALL)), None);
    let (waiting, _) = fill_with_later(&mut store);
    let theirs = rusqlite::Connection::open(&path).unwrap();
    let deleted = theirs.execute("DELETE FROM delayed WHERE rooms = '[\"a\"]'", []);
    assert_eq!(deleted.unwrap(), waiting);
    assert_eq!(fill_with_later(&mut store).0, waiting);
}

fn a_member_with_more_pending_is_named_instead(kind: Kind) {
    let mut store = TestStore::new(kind, SMALL);
    store.join("alice", &["a"]);
    for _ in 0..13 {
        store.append(heavy(&["a"], MIB as usize));
    }
    match fill_with_later(&mut store) {
        (1.., Refusal::Full { client, .. }) => assert_eq!(client.as_str(), "alice"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn delayed_records_survive_a_restart() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("hub.db");
    let opened = |now| {
        let mut store = TestStore::with(Box::new(open(&path, ALL)), None);
        store.now = now;
        store
    };
    let mut store = opened(1_000);
    for (text, after) in [("second", 20), ("first", 10), ("third", 20)] {
        later(&mut store, text, after);
    }
    drop(store);
    let mut store = opened(5_000);
    assert_eq!(store.inner.next_due(), Some(1_010));
    store.join("alice", &["a"]);
    assert_eq!(numbers(&store.deliver()), ["first", "second", "third"]);
    drop(store);
    let mut store = opened(9_000);
    assert_eq!(store.deliver(), []);
    assert_eq!(store.info("a").unwrap().members, [(client("alice"), 3)]);
    assert_eq!(store.info("a").unwrap().last_ms, Some(5_000));
}

#[test]
fn rows_deleted_by_hand_do_not_come() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("hub.db");
    let mut store = TestStore::with(Box::new(open(&path, ALL)), None);
    for (text, after) in [("a", 1), ("b", 2), ("c", 3)] {
        later(&mut store, text, after);
    }
    let theirs = rusqlite::Connection::open(&path).unwrap();
    let delete = |text| theirs.execute("DELETE FROM delayed WHERE body = ?1", [text]);
    assert_eq!(delete(&b"a\n"[..]).unwrap(), 1);
    store.now += 1;
    assert_eq!(store.inner.due(store.now).unwrap(), []);
    assert_eq!(store.inner.next_due(), Some(store.now + 1));
    // Deleted after the store has read the row.
    store.now += 2;
    let due = store.inner.due(store.now).unwrap();
    assert_eq!(delete(&b"b\n"[..]).unwrap(), 1);
    let outcomes = store.group(due.into_iter().map(Op::Due).collect());
    assert_eq!(numbers(&outcomes), ["Noop", "c"]);
    assert_eq!(store.inner.next_due(), None);
    // Rows inserted by hand come.
    later(&mut store, "d", 1);
    let copy = "INSERT INTO delayed (due_ms, taken_ms, namespace, rooms, audience, event, origin, framing, json, count, bytes, body)
                SELECT due_ms, taken_ms, namespace, rooms, audience, event, origin, framing, json, count, bytes, body FROM delayed";
    assert_eq!(theirs.execute(copy, []).unwrap(), 1);
    store.now += 1;
    assert_eq!(numbers(&store.deliver()), ["d", "d"]);
}

#[test]
fn the_view_of_delayed_records_can_be_read() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("hub.db");
    let mut store = TestStore::with(Box::new(open(&path, ALL)), None);
    store.now = 1_700_000_000_123;
    let mut record = lines(&["a", "b"], "1\n2\n");
    record.header.from = Some(client("alice"));
    store.op(delay(record, store.now + 60_000));
    let mut args = lines(&["c"], "x\n");
    args.header.framing = Framing::Args;
    args.body = roomcat::wire::batch::encode_args("[1,{}]", &[Bytes::from_static(b"attached")]);
    store.op(delay(
        args,
        store.now + Duration::from_secs(1).as_millis() as u64,
    ));
    let theirs = rusqlite::Connection::open(&path).unwrap();
    let sql = "SELECT due, taken, namespace, rooms, event, sender, count, text FROM later";
    let mut statement = theirs.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| {
        let text = |column| match row.get_ref(column)? {
            rusqlite::types::ValueRef::Integer(number) => Ok(number.to_string()),
            value => Ok(value.as_str_or_null()?.unwrap_or_default().to_owned()),
        };
        (0..8).map(text).collect::<rusqlite::Result<Vec<String>>>()
    });
    let rows: Vec<Vec<String>> = rows.unwrap().map(Result::unwrap).collect();
    let taken = "2023-11-14 22:13:20.123";
    assert_eq!(
        rows,
        [
            [
                "2023-11-14 22:13:21.123",
                taken,
                "/",
                "c",
                "message",
                "",
                "1",
                "[1,{}]"
            ],
            [
                "2023-11-14 22:14:20.123",
                taken,
                "/",
                "a, b",
                "message",
                "alice",
                "2",
                "1\n2"
            ],
        ]
    );
}
