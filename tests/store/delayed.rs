//! What waits for its time: the same for both stores.

use std::time::Duration;

use super::*;
use roomcat::limits;
use roomcat::store::Refusal;
use roomcat::store::delayed::DelayedQueueFull;

behaviours!(
    it_is_in_no_room_until_it_is_due,
    it_comes_in_the_order_of_its_time_and_then_of_its_taking,
    what_is_due_already_is_appended_behind_what_was_due_before,
    everything_about_it_is_kept,
    its_number_is_used_when_it_is_taken,
    who_joins_before_it_is_due_gets_it,
    the_log_does_not_go_back_in_time_for_it,
    a_clock_that_goes_back_makes_nothing_come_early,
    what_comes_due_at_once_comes_in_groups,
    it_is_let_go_once,
    there_is_a_most_of_publishes,
    there_is_a_most_of_bytes,
    it_leaves_members_most_of_the_pending_queue,
    it_counts_to_the_pending_queue_and_has_its_place_there,
    a_member_that_holds_more_is_named_instead,
);

fn numbers(done: &[OpOutcome]) -> Vec<String> {
    let text = |done: &OpOutcome| match done {
        OpOutcome::Appended(record) => String::from_utf8_lossy(&record.body).trim_end().to_owned(),
        other => format!("{other:?}"),
    };
    done.iter().map(text).collect()
}

/// Puts a line into room `a` for so much later.
fn later(bench: &mut Bench, text: &str, after: u64) {
    let due_ms = bench.now + after;
    let done = bench.op(delay(lines(&["a"], &format!("{text}\n")), due_ms));
    assert_eq!(done, OpOutcome::Delayed { due_ms, count: 1 });
}

fn it_is_in_no_room_until_it_is_due(kind: Kind) {
    let mut bench = Bench::new(kind, ALL);
    bench.join("alice", &["a"]);
    assert_eq!(bench.store.next_due(), None);
    later(&mut bench, "x", 10);
    assert_eq!(bench.store.next_due(), Some(bench.now + 10));
    assert_eq!(bench.store.head(), 0);
    assert_eq!(bench.info("a").unwrap().members, [(client("alice"), 0)]);
    bench.now += 9;
    assert_eq!(bench.store.due(bench.now).unwrap(), []);
    assert_eq!(bench.append(lines(&["a"], "before\n")).number, 1);
    bench.now += 1;
    let [OpOutcome::Appended(record)] = &bench.deliver()[..] else {
        panic!("one is due");
    };
    assert_eq!((record.number, record.at_ms), (2, bench.now));
    assert_eq!(bench.read_all(&from_start(&["a"])), [(1, 0), (2, 0)]);
    assert_eq!(bench.info("a").unwrap().members, [(client("alice"), 2)]);
    assert_eq!(bench.store.next_due(), None);
    assert_eq!(bench.deliver(), []);
}

fn it_comes_in_the_order_of_its_time_and_then_of_its_taking(kind: Kind) {
    let mut bench = Bench::new(kind, ALL);
    for (text, after) in [
        ("third", 20),
        ("first", 10),
        ("fourth", 20),
        ("second", 10),
        ("not yet", 21),
    ] {
        later(&mut bench, text, after);
    }
    bench.now += 20;
    assert_eq!(
        numbers(&bench.deliver()),
        ["first", "second", "third", "fourth"]
    );
    assert_eq!(bench.store.next_due(), Some(bench.now + 1));
}

fn what_is_due_already_is_appended_behind_what_was_due_before(kind: Kind) {
    let mut bench = Bench::new(kind, ALL);
    let now = bench.now;
    let at_once = bench.op(delay(lines(&["a"], "x\n"), now));
    assert!(matches!(at_once, OpOutcome::Appended(record) if record.number == 1));
    later(&mut bench, "earlier", 5);
    bench.now += 5;
    let mut put = |due_ms| bench.op(delay(lines(&["a"], &format!("{}\n", due_ms - now)), due_ms));
    assert!(matches!(put(now + 4), OpOutcome::Appended(_)));
    assert!(matches!(put(now + 5), OpOutcome::Delayed { .. }));
    assert_eq!(numbers(&bench.deliver()), ["earlier", "5"]);
}

fn everything_about_it_is_kept(kind: Kind) {
    let mut bench = Bench::new(kind, ALL);
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
        bench.op(delay(record.clone(), bench.now + 1));
    }
    bench.now += 1;
    let records: Vec<NewRecord> = bench
        .deliver()
        .into_iter()
        .map(|done| match done {
            OpOutcome::Appended(Record { header, body, .. }) => NewRecord { header, body },
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(records, [record, plain]);
}

fn its_number_is_used_when_it_is_taken(kind: Kind) {
    let mut bench = Bench::new(kind, ALL);
    let due_ms = bench.now + 10;
    let numbered = |counter| Op::Delay {
        record: lines(&["a"], "x\n"),
        id: Some(PublishId("p".to_owned(), counter)),
        due_ms,
    };
    assert_eq!(
        bench.op(numbered(1)),
        OpOutcome::Delayed { due_ms, count: 1 }
    );
    assert_eq!(bench.op(numbered(1)), OpOutcome::Duplicate { first: None });
    let refused = OpOutcome::Refused(Refusal::OutOfOrder { expected: 2 });
    assert_eq!(bench.op(numbered(3)), refused);
    let next = bench.publish(lines(&["a"], "y\n"), "p", 2);
    assert!(matches!(next, OpOutcome::Appended(_)));
    bench.now += 10;
    assert_eq!(bench.deliver().len(), 1);
    assert_eq!(
        bench.op(numbered(2)),
        OpOutcome::Duplicate {
            first: Some(Seq::new(1, 0))
        }
    );
    assert_eq!(bench.op(numbered(1)), OpOutcome::Duplicate { first: None });
    assert_eq!(bench.store.head(), 2);
}

fn who_joins_before_it_is_due_gets_it(kind: Kind) {
    let mut bench = Bench::new(kind, NO_HISTORY);
    bench.join("early", &["a"]);
    later(&mut bench, "x", 10);
    bench.leave("early", &["a"]);
    bench.join("late", &["a"]);
    bench.prune();
    bench.now += 10;
    bench.deliver();
    bench.prune();
    assert_eq!(bench.info("a").unwrap().members, [(client("late"), 1)]);
}

fn the_log_does_not_go_back_in_time_for_it(kind: Kind) {
    let mut bench = Bench::new(kind, ALL);
    later(&mut bench, "x", 10);
    bench.now += HOUR;
    let before = bench.append(lines(&["a"], "y\n")).at_ms;
    bench.now -= HOUR - 10;
    let [OpOutcome::Appended(record)] = &bench.deliver()[..] else {
        panic!("one is due");
    };
    assert_eq!(record.at_ms, before);
}

fn a_clock_that_goes_back_makes_nothing_come_early(kind: Kind) {
    let mut bench = Bench::new(kind, ALL);
    let before = bench.append(lines(&["a"], "x\n")).at_ms;
    bench.now -= HOUR / 10;
    later(&mut bench, "y", 10);
    assert_eq!(bench.deliver(), []);
    assert_eq!(bench.store.head(), 1);
    bench.now += 10;
    let [OpOutcome::Appended(record)] = &bench.deliver()[..] else {
        panic!("one is due");
    };
    assert_eq!(record.at_ms, before);
}

fn what_comes_due_at_once_comes_in_groups(kind: Kind) {
    let mut bench = Bench::new(kind, ALL);
    let due_ms = bench.now + 1;
    let many = limits::GROUP_OPS + 1;
    bench.group(
        (0..many)
            .map(|_| delay(lines(&["a"], "x\n"), due_ms))
            .collect(),
    );
    let large = || delay(heavy(&["a"], limits::GROUP_BYTES), due_ms + 1);
    bench.group(vec![large(), large()]);
    bench.now += 1;
    assert_eq!(bench.store.due(bench.now).unwrap().len(), limits::GROUP_OPS);
    assert_eq!(bench.deliver().len(), many);
    bench.now += 1;
    assert_eq!(bench.store.due(bench.now).unwrap().len(), 1);
    assert_eq!(bench.deliver().len(), 2);
}

fn it_is_let_go_once(kind: Kind) {
    let mut bench = Bench::new(kind, ALL);
    later(&mut bench, "x", 1);
    bench.now += 1;
    let due = bench.store.due(bench.now).unwrap();
    let op = || Op::Due(due[0].clone());
    let done = bench.group(vec![op(), op()]);
    assert!(matches!(done[0], OpOutcome::Appended(_)));
    assert_eq!(done[1], OpOutcome::Noop);
    assert_eq!(bench.store.head(), 1);
}

fn there_is_a_most_of_publishes(kind: Kind) {
    let mut bench = Bench::new(kind, ALL);
    let due_ms = bench.now + 1;
    let one = || delay(lines(&["a"], "x\n"), due_ms);
    bench.group((0..limits::DELAYED_RECORDS).map(|_| one()).collect());
    let limit = limits::DELAYED_RECORDS as u64;
    let next_due_ms = due_ms;
    let refused = OpOutcome::Refused(Refusal::DelayedQueueFull(DelayedQueueFull::Records {
        limit,
        next_due_ms,
    }));
    assert_eq!(bench.op(one()), refused);
    // What does not wait is taken all the same, and the refused one when the first has gone.
    bench.append(lines(&["a"], "x\n"));
    bench.now += 1;
    assert_eq!(bench.deliver().len(), limits::DELAYED_RECORDS);
    let due_ms = bench.now + 1;
    let taken = bench.op(delay(lines(&["a"], "x\n"), due_ms));
    assert_eq!(taken, OpOutcome::Delayed { due_ms, count: 1 });
}

fn there_is_a_most_of_bytes(kind: Kind) {
    let mut bench = Bench::new(kind, ALL);
    let limit = limits::DELAYED_BYTES as u64;
    let due_ms = bench.now + 1;
    later(&mut bench, "x", 1);
    let bytes = lines(&["a"], "x\n").log_bytes();
    let too_much = limits::DELAYED_BYTES - limits::RECORD_OVERHEAD - bytes as usize + 1;
    // Never touched, and so nowhere in memory.
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
    assert_eq!(bench.op(delay(record, due_ms)), refused);
    later(&mut bench, "y", 1);
}

fn it_counts_to_the_pending_queue_and_has_its_place_there(kind: Kind) {
    let mut bench = Bench::new(kind, SMALL);
    bench.join("alice", &["a"]);
    let due_ms = bench.now + 10;
    let (waiting, _) = fill_with_later(&mut bench);
    // More members than one, each of a room of its own, hold the rest.
    let rooms = ["b", "c", "d", "e", "f", "g", "h", "i"];
    bench.join("bob", &rooms);
    let mut rooms = rooms.iter().cycle();
    let refusal = loop {
        let record = heavy(&[rooms.next().unwrap()], MIB as usize);
        match bench.op(append(record)) {
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
    assert_eq!(bench.op(publish.clone()), OpOutcome::Refused(refusal));
    // Full as it is: what waits comes at its time, and is what alice then has to get.
    bench.now += 10;
    let done = bench.deliver();
    assert_eq!(done.len(), waiting);
    assert!(
        done.iter()
            .all(|done| matches!(done, OpOutcome::Appended(_)))
    );
    bench.prune();
    let alice = bench.info("a").unwrap().members;
    assert_eq!(alice, [(client("alice"), waiting as u64)]);
    assert!(matches!(
        bench.op(publish.clone()),
        OpOutcome::Refused(Refusal::Full { .. })
    ));
    bench.leave("alice", &["a"]);
    assert!(matches!(bench.op(publish), OpOutcome::Appended(_)));
}

/// With a pending queue of this size a quarter of it may wait for its time.
const SMALL: Retention = Retention {
    pending_bytes: 16 * MIB,
    ..NO_HISTORY
};

/// How many of a mebibyte may wait, and why no more.
fn fill_with_later(bench: &mut Bench) -> (usize, Refusal) {
    let (mut waiting, due_ms) = (0, bench.now + 10);
    loop {
        match bench.op(delay(heavy(&["a"], MIB as usize), due_ms)) {
            OpOutcome::Delayed { .. } => waiting += 1,
            OpOutcome::Refused(refusal) => return (waiting, refusal),
            other => panic!("{other:?}"),
        }
    }
}

fn it_leaves_members_most_of_the_pending_queue(kind: Kind) {
    let mut bench = Bench::new(kind, SMALL);
    let next_due_ms = bench.now + 10;
    let (waiting, refusal) = fill_with_later(&mut bench);
    assert_eq!(waiting, 3);
    let crowded = DelayedQueueFull::Bytes {
        limit: SMALL.pending_bytes / limits::DELAYED_SHARE,
        bytes: 3 * heavy(&["a"], MIB as usize).log_bytes(),
        next_due_ms,
    };
    assert_eq!(refusal, Refusal::DelayedQueueFull(crowded));
    bench.join("alice", &["a"]);
    for _ in 0..10 {
        bench.append(heavy(&["a"], MIB as usize));
    }
}

#[test]
fn what_somebody_takes_out_by_hand_makes_room() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("hub.db");
    let mut bench = Bench::with(Box::new(open(&path, SMALL)), None);
    let (waiting, _) = fill_with_later(&mut bench);
    let theirs = rusqlite::Connection::open(&path).unwrap();
    let deleted = theirs.execute("DELETE FROM delayed WHERE rooms = '[\"a\"]'", []);
    assert_eq!(deleted.unwrap(), waiting);
    assert_eq!(fill_with_later(&mut bench).0, waiting);
}

fn a_member_that_holds_more_is_named_instead(kind: Kind) {
    let mut bench = Bench::new(kind, SMALL);
    bench.join("alice", &["a"]);
    for _ in 0..13 {
        bench.append(heavy(&["a"], MIB as usize));
    }
    match fill_with_later(&mut bench) {
        (1.., Refusal::Full { client, .. }) => assert_eq!(client.as_str(), "alice"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn it_outlives_the_store() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("hub.db");
    let opened = |now| {
        let mut bench = Bench::with(Box::new(open(&path, ALL)), None);
        bench.now = now;
        bench
    };
    let mut bench = opened(1_000);
    for (text, after) in [("second", 20), ("first", 10), ("third", 20)] {
        later(&mut bench, text, after);
    }
    drop(bench);
    let mut bench = opened(5_000);
    assert_eq!(bench.store.next_due(), Some(1_010));
    bench.join("alice", &["a"]);
    assert_eq!(numbers(&bench.deliver()), ["first", "second", "third"]);
    drop(bench);
    let mut bench = opened(9_000);
    assert_eq!(bench.deliver(), []);
    assert_eq!(bench.info("a").unwrap().members, [(client("alice"), 3)]);
    assert_eq!(bench.info("a").unwrap().last_ms, Some(5_000));
}

#[test]
fn what_somebody_takes_out_by_hand_does_not_come() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("hub.db");
    let mut bench = Bench::with(Box::new(open(&path, ALL)), None);
    for (text, after) in [("a", 1), ("b", 2), ("c", 3)] {
        later(&mut bench, text, after);
    }
    let theirs = rusqlite::Connection::open(&path).unwrap();
    let delete = |text| theirs.execute("DELETE FROM delayed WHERE body = ?1", [text]);
    assert_eq!(delete(&b"a\n"[..]).unwrap(), 1);
    bench.now += 1;
    assert_eq!(bench.store.due(bench.now).unwrap(), []);
    assert_eq!(bench.store.next_due(), Some(bench.now + 1));
    // Between one look and the next.
    bench.now += 2;
    let due = bench.store.due(bench.now).unwrap();
    assert_eq!(delete(&b"b\n"[..]).unwrap(), 1);
    let done = bench.group(due.into_iter().map(Op::Due).collect());
    assert_eq!(numbers(&done), ["Noop", "c"]);
    assert_eq!(bench.store.next_due(), None);
    // Or puts in.
    later(&mut bench, "d", 1);
    let copy = "INSERT INTO delayed (due_ms, taken_ms, namespace, rooms, audience, event, origin, framing, json, count, bytes, body)
                SELECT due_ms, taken_ms, namespace, rooms, audience, event, origin, framing, json, count, bytes, body FROM delayed";
    assert_eq!(theirs.execute(copy, []).unwrap(), 1);
    bench.now += 1;
    assert_eq!(numbers(&bench.deliver()), ["d", "d"]);
}

#[test]
fn what_waits_can_be_read() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("hub.db");
    let mut bench = Bench::with(Box::new(open(&path, ALL)), None);
    bench.now = 1_700_000_000_123;
    let mut record = lines(&["a", "b"], "1\n2\n");
    record.header.from = Some(client("alice"));
    bench.op(delay(record, bench.now + 60_000));
    let mut args = lines(&["c"], "x\n");
    args.header.framing = Framing::Args;
    args.body = roomcat::wire::batch::encode_args("[1,{}]", &[Bytes::from_static(b"attached")]);
    bench.op(delay(
        args,
        bench.now + Duration::from_secs(1).as_millis() as u64,
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
