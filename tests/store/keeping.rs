//! Retention in both stores: what is kept for how long, and what is refused when there is no space.

use std::time::Duration;

use super::*;
use roomcat::limits;
use roomcat::store::Refusal;

behaviours!(
    history_is_pruned_by_age,
    history_is_pruned_by_size,
    a_member_pins_its_pending_messages,
    a_record_goes_when_no_room_pins_it,
    pending_messages_expire_and_are_counted,
    a_gap_is_reported_exactly,
    history_is_pruned_before_a_publish_is_refused,
    a_full_store_names_the_largest_pending_queue_and_recovers,
);

fn history_is_pruned_by_age(kind: Kind) {
    let retention = Retention {
        history_age: Duration::from_millis(100),
        ..ALL
    };
    let mut store = TestStore::new(kind, retention);
    store.append(lines(&["a"], "x\n"));
    store.now += 50;
    store.append(lines(&["a"], "y\n"));
    store.now += 49;
    assert_eq!(store.prune(), PruneReport::default());
    store.now += 1;
    assert_eq!(store.prune().records, 1);
    assert_eq!(store.read_all(&from_start(&["a"])), [(2, 0)]);
    store.now += HOUR;
    assert_eq!(store.prune().records, 1);
    assert_eq!(store.append(lines(&["a"], "z\n")).number, 3);
}

fn history_is_pruned_by_size(kind: Kind) {
    let record = || heavy(&["a"], 10_000);
    let retention = Retention {
        history_bytes: 3 * record().log_bytes(),
        ..ALL
    };
    let mut store = TestStore::new(kind, retention);
    store.group((0..5).map(|_| append(record())).collect());
    assert_eq!(store.prune().records, 2);
    assert_eq!(
        store.read_all(&from_start(&["a"])),
        [(3, 0), (4, 0), (5, 0)]
    );
    store.append(lines(&["b"], "x\n"));
    assert_eq!(store.prune().records, 1);
}

fn a_member_pins_its_pending_messages(kind: Kind) {
    let mut store = TestStore::new(kind, NO_HISTORY);
    store.append(lines(&["a"], "1\n"));
    store.join("alice", &["a"]);
    store.join("bob", &["a"]);
    let many = limits::PRUNE_RECORDS as u64 + 5;
    store.group((0..many).map(|_| append(lines(&["a"], "x\ny\n"))).collect());
    store.append(lines(&["b"], "free\n"));
    assert_eq!(store.prune().records, 2);
    store.ack("alice", &["a"], Seq::after_record(many + 1));
    assert_eq!(store.prune().records, 0);
    store.ack("bob", &["a"], Seq::new(3, 1));
    assert_eq!(store.prune().records, 1);
    // Both ways to name the end of a record free it.
    store.ack("bob", &["a"], Seq::new(3, 2));
    assert_eq!(store.prune().records, 1);
    store.leave("bob", &["a"]);
    assert_eq!(store.prune().records, many - 2);
    assert_eq!(store.read_all(&from_start(&["a", "b"])), []);
}

fn a_record_goes_when_no_room_pins_it(kind: Kind) {
    let mut store = TestStore::new(kind, NO_HISTORY);
    store.join("alice", &["a"]);
    store.join("bob", &["b"]);
    store.append(lines(&["a", "b"], "x\n"));
    store.append(lines(&["a"], "x\n"));
    store.ack("alice", &["a"], Seq::new(3, 0));
    assert_eq!(store.prune().records, 1);
    assert_eq!(store.read_all(&from_start(&["a", "b"])), [(1, 0)]);
    store.ack("bob", &["b"], Seq::new(2, 0));
    assert_eq!(store.prune().records, 1);
}

fn pending_messages_expire_and_are_counted(kind: Kind) {
    let retention = Retention {
        pending_age: Duration::from_millis(100),
        ..NO_HISTORY
    };
    let mut store = TestStore::new(kind, retention);
    store.join("alice", &["a", "b"]);
    store.join("bob", &["b"]);
    store.join("carol", &["a"]);
    store.append(lines(&["a", "b"], "1\n2\n3\n"));
    let mut own = lines(&["b"], "1\n");
    own.header.audience = Audience::Others;
    own.header.from = Some(client("bob"));
    store.append(own);
    store.ack("carol", &["a"], Seq::new(2, 0));
    store.ack("bob", &["b"], Seq::new(1, 1));
    store.now += 99;
    store.append(lines(&["b"], "kept\n"));
    assert_eq!(store.prune(), PruneReport::default());
    store.now += 1;
    // The first record counts three for alice (once, although she is in both rooms) and two for bob, the second one for alice.
    let pruned = store.prune();
    assert_eq!((pruned.records, pruned.expired), (2, 6));
    assert_eq!(store.read_all(&from_start(&["a", "b"])), [(3, 0)]);
}

fn a_gap_is_reported_exactly(kind: Kind) {
    let mut store = TestStore::new(kind, NO_HISTORY);
    for _ in 0..3 {
        store.append(lines(&["a"], "x\ny\n"));
    }
    store.join("pin", &["b"]);
    store.append(lines(&["b"], "x\n"));
    store.prune();
    let gap = |from: Seq| store.page(&from_start(&["a", "b"]), from).gap;
    assert_eq!(gap(Seq::START), Some((Seq::START, Seq::new(4, 0))));
    assert_eq!(gap(Seq::new(3, 1)), Some((Seq::new(3, 1), Seq::new(4, 0))));
    assert_eq!(gap(Seq::new(3, 2)), None);
    assert_eq!(gap(Seq::new(4, 0)), None);
    assert_eq!(store.page(&from_start(&["b", "c"]), Seq::START).gap, None);
    // A cursor past the gap missed nothing, although the page starts before it.
    assert_eq!(
        store
            .page(&reader(&[("a", Seq::new(4, 0))]), Seq::START)
            .gap,
        None
    );
}

fn history_is_pruned_before_a_publish_is_refused(kind: Kind) {
    let retention = Retention {
        pending_bytes: 4 * MIB,
        ..ALL
    };
    let mut store = TestStore::new(kind, retention);
    store.join("alice", &["a"]);
    store.append(lines(&["a"], "waits\n"));
    for _ in 0..16 {
        store.append(heavy(&["b"], MIB as usize));
    }
    let left = store.read_all(&from_start(&["a", "b"]));
    assert_eq!(left[0], (1, 0));
    assert!((2..=5).contains(&left.len()), "{left:?}");
}

fn a_full_store_names_the_largest_pending_queue_and_recovers(kind: Kind) {
    let retention = Retention {
        pending_bytes: 4 * MIB,
        ..NO_HISTORY
    };
    let mut store = TestStore::new(kind, retention);
    store.join("alice", &["small"]);
    store.append(lines(&["small"], "x\n"));
    store.join("bob", &["large"]);
    store.join("early", &["large"]);
    store.join("late", &["large"]);
    let publish = |store: &mut TestStore, counter| {
        store.publish(heavy(&["large"], MIB as usize), "p", counter)
    };
    let mut counter = 1;
    let refusal = loop {
        match publish(&mut store, counter) {
            OpOutcome::Appended(_) => counter += 1,
            OpOutcome::Refused(refusal) => break refusal,
            other => panic!("{other:?}"),
        }
        store.ack("early", &["large"], Seq::new(99, 0));
        store.ack("late", &["large"], Seq::new(99, 0));
    };
    assert!((3..=5).contains(&counter), "{counter}");
    let Refusal::Full {
        limit,
        client,
        room,
        bytes,
        ..
    } = refusal
    else {
        panic!("{refusal:?}");
    };
    assert_eq!(
        (limit, client.as_str(), room.as_str()),
        (4 * MIB, "bob", "large")
    );
    assert!((2 * MIB..=4 * MIB).contains(&bytes), "{bytes}");
    // The number was not used: the same publish succeeds once there is space, and pending messages are still there.
    store.leave("bob", &["large"]);
    assert!(matches!(
        publish(&mut store, counter),
        OpOutcome::Appended(_)
    ));
    assert_eq!(store.info("small").unwrap().members[0].1, 1);
}
