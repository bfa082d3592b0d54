//! What is kept, how long, and what is refused when there is no room: the same for both stores.

use std::time::Duration;

use super::*;
use roomcat::limits;
use roomcat::store::Refusal;

behaviours!(
    history_goes_by_age,
    history_goes_by_size,
    a_member_pins_what_it_has_to_get,
    a_record_goes_when_its_last_room_lets_go,
    pending_expires_and_is_counted,
    a_gap_is_told_exactly,
    history_yields_before_anyone_is_refused,
    full_names_who_pins_most_and_recovers,
);

fn history_goes_by_age(kind: Kind) {
    let keep = Retention {
        history_age: Duration::from_millis(100),
        ..ALL
    };
    let mut bench = Bench::new(kind, keep);
    bench.append(lines(&["a"], "x\n"));
    bench.now += 50;
    bench.append(lines(&["a"], "y\n"));
    bench.now += 49;
    assert_eq!(bench.prune(), PruneReport::default());
    bench.now += 1;
    assert_eq!(bench.prune().records, 1);
    assert_eq!(bench.read_all(&from_start(&["a"])), [(2, 0)]);
    bench.now += HOUR;
    assert_eq!(bench.prune().records, 1);
    assert_eq!(bench.append(lines(&["a"], "z\n")).number, 3);
}

fn history_goes_by_size(kind: Kind) {
    let record = || heavy(&["a"], 10_000);
    let keep = Retention {
        history_bytes: 3 * record().log_bytes(),
        ..ALL
    };
    let mut bench = Bench::new(kind, keep);
    bench.group((0..5).map(|_| append(record())).collect());
    assert_eq!(bench.prune().records, 2);
    assert_eq!(
        bench.read_all(&from_start(&["a"])),
        [(3, 0), (4, 0), (5, 0)]
    );
    bench.append(lines(&["b"], "x\n"));
    assert_eq!(bench.prune().records, 1);
}

fn a_member_pins_what_it_has_to_get(kind: Kind) {
    let mut bench = Bench::new(kind, NO_HISTORY);
    bench.append(lines(&["a"], "1\n"));
    bench.join("alice", &["a"]);
    bench.join("bob", &["a"]);
    let many = limits::PRUNE_RECORDS as u64 + 5;
    bench.group((0..many).map(|_| append(lines(&["a"], "x\ny\n"))).collect());
    bench.append(lines(&["b"], "free\n"));
    assert_eq!(bench.prune().records, 2);
    bench.ack("alice", &["a"], Seq::after_record(many + 1));
    assert_eq!(bench.prune().records, 0);
    bench.ack("bob", &["a"], Seq::new(3, 1));
    assert_eq!(bench.prune().records, 1);
    // The end of a record frees it, however it is said.
    bench.ack("bob", &["a"], Seq::new(3, 2));
    assert_eq!(bench.prune().records, 1);
    bench.leave("bob", &["a"]);
    assert_eq!(bench.prune().records, many - 2);
    assert_eq!(bench.read_all(&from_start(&["a", "b"])), []);
}

fn a_record_goes_when_its_last_room_lets_go(kind: Kind) {
    let mut bench = Bench::new(kind, NO_HISTORY);
    bench.join("alice", &["a"]);
    bench.join("bob", &["b"]);
    bench.append(lines(&["a", "b"], "x\n"));
    bench.append(lines(&["a"], "x\n"));
    bench.ack("alice", &["a"], Seq::new(3, 0));
    assert_eq!(bench.prune().records, 1);
    assert_eq!(bench.read_all(&from_start(&["a", "b"])), [(1, 0)]);
    bench.ack("bob", &["b"], Seq::new(2, 0));
    assert_eq!(bench.prune().records, 1);
}

fn pending_expires_and_is_counted(kind: Kind) {
    let keep = Retention {
        pending_age: Duration::from_millis(100),
        ..NO_HISTORY
    };
    let mut bench = Bench::new(kind, keep);
    bench.join("alice", &["a", "b"]);
    bench.join("bob", &["b"]);
    bench.join("carol", &["a"]);
    bench.append(lines(&["a", "b"], "1\n2\n3\n"));
    let mut own = lines(&["b"], "1\n");
    own.header.audience = Audience::Others;
    own.header.from = Some(client("bob"));
    bench.append(own);
    bench.ack("carol", &["a"], Seq::new(2, 0));
    bench.ack("bob", &["b"], Seq::new(1, 1));
    bench.now += 99;
    bench.append(lines(&["b"], "kept\n"));
    assert_eq!(bench.prune(), PruneReport::default());
    bench.now += 1;
    // Of the first: three for alice, once though she is in both rooms, and two for bob. Of the second: one for alice.
    let pruned = bench.prune();
    assert_eq!((pruned.records, pruned.expired), (2, 6));
    assert_eq!(bench.read_all(&from_start(&["a", "b"])), [(3, 0)]);
}

fn a_gap_is_told_exactly(kind: Kind) {
    let mut bench = Bench::new(kind, NO_HISTORY);
    for _ in 0..3 {
        bench.append(lines(&["a"], "x\ny\n"));
    }
    bench.join("pin", &["b"]);
    bench.append(lines(&["b"], "x\n"));
    bench.prune();
    let gap = |from: Seq| bench.page(&from_start(&["a", "b"]), from).gap;
    assert_eq!(gap(Seq::START), Some((Seq::START, Seq::new(4, 0))));
    assert_eq!(gap(Seq::new(3, 1)), Some((Seq::new(3, 1), Seq::new(4, 0))));
    assert_eq!(gap(Seq::new(3, 2)), None);
    assert_eq!(gap(Seq::new(4, 0)), None);
    assert_eq!(bench.page(&from_start(&["b", "c"]), Seq::START).gap, None);
    // A cursor past the gap has missed nothing, though the page starts before it.
    assert_eq!(
        bench
            .page(&reader(&[("a", Seq::new(4, 0))]), Seq::START)
            .gap,
        None
    );
}

fn history_yields_before_anyone_is_refused(kind: Kind) {
    let keep = Retention {
        pending_bytes: 4 * MIB,
        ..ALL
    };
    let mut bench = Bench::new(kind, keep);
    bench.join("alice", &["a"]);
    bench.append(lines(&["a"], "waits\n"));
    for _ in 0..16 {
        bench.append(heavy(&["b"], MIB as usize));
    }
    let left = bench.read_all(&from_start(&["a", "b"]));
    assert_eq!(left[0], (1, 0));
    assert!((2..=5).contains(&left.len()), "{left:?}");
}

fn full_names_who_pins_most_and_recovers(kind: Kind) {
    let keep = Retention {
        pending_bytes: 4 * MIB,
        ..NO_HISTORY
    };
    let mut bench = Bench::new(kind, keep);
    bench.join("alice", &["small"]);
    bench.append(lines(&["small"], "x\n"));
    bench.join("bob", &["large"]);
    bench.join("early", &["large"]);
    bench.join("late", &["large"]);
    let publish =
        |bench: &mut Bench, counter| bench.publish(heavy(&["large"], MIB as usize), "p", counter);
    let mut counter = 1;
    let refusal = loop {
        match publish(&mut bench, counter) {
            OpOutcome::Appended(_) => counter += 1,
            OpOutcome::Refused(refusal) => break refusal,
            other => panic!("{other:?}"),
        }
        bench.ack("early", &["large"], Seq::new(99, 0));
        bench.ack("late", &["large"], Seq::new(99, 0));
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
    // The number was not used: the same publish is taken when there is room, and what waited is still there.
    bench.leave("bob", &["large"]);
    assert!(matches!(
        publish(&mut bench, counter),
        OpOutcome::Appended(_)
    ));
    assert_eq!(bench.info("small").unwrap().members[0].1, 1);
}
