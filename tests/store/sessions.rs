//! Sessions that may be taken up again: the same for both stores.

use std::collections::BTreeMap;

use super::*;
use roomcat::limits;
use roomcat::store::sessions::{
    HolderId, OpenedSession, ResumeRequest, SessionIdentity, SessionOp, SessionOrigin,
};

behaviours!(
    a_session_begins_in_the_empty_room_and_one_of_a_client_in_its_rooms,
    it_is_taken_up_where_the_client_says,
    it_is_taken_up_by_its_own_client_in_its_namespace,
    its_sid_is_known_while_it_may_come_back,
    a_room_is_owed_from_when_it_was_entered,
    what_a_former_holder_does_changes_nothing,
    it_may_be_taken_up_for_a_while_after_it_was_lost,
    when_the_hub_begins_everyone_is_lost,
    it_is_not_taken_up_when_some_of_what_was_missed_is_gone,
    a_place_that_the_log_has_not_reached_is_none,
    a_clients_session_follows_its_memberships,
    the_longest_gone_make_room,
    many_rooms_of_the_gone_are_forgotten_bit_by_bit,
);

pub fn new(pid: &str, name: Option<&str>) -> SessionIdentity {
    SessionIdentity {
        pid: pid.into(),
        sid: format!("sid of {pid}").into(),
        namespace: root(),
        client: name.map(client),
    }
}

pub fn begin(holder: u64, new: SessionIdentity) -> Op {
    Op::Session(SessionOp::Open {
        holder: HolderId(holder),
        new,
        resume: None,
    })
}

/// Takes up `pid`, or begins one named after the holder.
pub fn again(holder: u64, name: Option<&str>, pid: &str, from: Option<Seq>) -> Op {
    Op::Session(SessionOp::Open {
        holder: HolderId(holder),
        new: new(&format!("p{holder}"), name),
        resume: Some(ResumeRequest {
            pid: pid.to_owned(),
            from,
        }),
    })
}

fn enter(holder: u64, names: &[&str]) -> Op {
    Op::Session(SessionOp::Enter {
        holder: HolderId(holder),
        rooms: rooms(names),
    })
}

fn exit(holder: u64, names: &[&str]) -> Op {
    Op::Session(SessionOp::Exit {
        holder: HolderId(holder),
        rooms: rooms(names),
    })
}

pub fn lost(holder: u64) -> Op {
    Op::Session(SessionOp::Lost(HolderId(holder)))
}

pub fn forget(holder: u64) -> Op {
    Op::Session(SessionOp::Forget(HolderId(holder)))
}

fn begun(done: OpOutcome) -> OpenedSession {
    match done {
        OpOutcome::SessionOpened(Some(begun)) => begun,
        other => panic!("{other:?}"),
    }
}

/// The rooms of a session that was taken up, with their places; None when it is a new one.
pub fn recovered(done: OpOutcome) -> Option<BTreeMap<RoomName, Seq>> {
    let begun = begun(done);
    (begun.origin == SessionOrigin::Recovered).then_some(begun.rooms)
}

fn places(places: &[(&str, Seq)]) -> Option<BTreeMap<RoomName, Seq>> {
    Some(places.iter().map(|(name, at)| (room(name), *at)).collect())
}

const AT: fn(u64) -> Seq = |record| Seq::new(record, 0);

fn a_session_begins_in_the_empty_room_and_one_of_a_client_in_its_rooms(kind: Kind) {
    let mut bench = Bench::new(kind, ALL);
    bench.append(lines(&["a"], "x\n"));
    let done = bench.op(begin(1, new("p1", None)));
    let wanted = OpenedSession {
        pid: "p1".into(),
        sid: "sid of p1".into(),
        origin: SessionOrigin::New,
        rooms: places(&[("", AT(2))]).unwrap(),
    };
    assert_eq!(begun(done), wanted);
    bench.join("alice", &["", "a"]);
    let done = bench.op(begin(2, new("p2", Some("alice"))));
    assert_eq!(begun(done).rooms, BTreeMap::new(), "its cursors say");
    bench.append(lines(&["a"], "x\n"));
    bench.ack("alice", &["", "a"], AT(3));
    let done = bench.op(again(3, Some("alice"), "p2", None));
    assert_eq!(recovered(done), places(&[("", AT(2)), ("a", AT(2))]));
}

fn it_is_taken_up_where_the_client_says(kind: Kind) {
    let mut bench = Bench::new(kind, ALL);
    bench.op(begin(1, new("p1", None)));
    bench.op(enter(1, &["a"]));
    bench.append(lines(&["a"], "x\ny\nz\n"));
    bench.op(lost(1));
    let done = begun(bench.op(again(2, None, "p1", Some(Seq::new(1, 2)))));
    assert_eq!((&*done.pid, &*done.sid), ("p1", "sid of p1"));
    let here = Seq::new(1, 2);
    assert_eq!(Some(done.rooms), places(&[("", here), ("a", here)]));
    // While it is held too: the newest has it.
    let done = bench.op(again(3, None, "p1", None));
    assert_eq!(recovered(done), places(&[("", AT(1)), ("a", AT(1))]));
}

fn it_is_taken_up_by_its_own_client_in_its_namespace(kind: Kind) {
    let mut bench = Bench::new(kind, ALL);
    bench.join("alice", &[""]);
    bench.join("bob", &[""]);
    bench.op(begin(1, new("p1", None)));
    bench.op(begin(2, new("p2", Some("alice"))));
    assert_eq!(
        recovered(bench.op(again(3, Some("alice"), "p1", None))),
        None
    );
    assert_eq!(recovered(bench.op(again(4, None, "p2", None))), None);
    assert_eq!(recovered(bench.op(again(5, Some("bob"), "p2", None))), None);
    assert_eq!(recovered(bench.op(again(6, None, "p", None))), None);
    let elsewhere = Op::Session(SessionOp::Open {
        holder: HolderId(7),
        new: SessionIdentity {
            namespace: Namespace::parse("/admin").unwrap(),
            ..new("p7", None)
        },
        resume: Some(ResumeRequest {
            pid: "p1".to_owned(),
            from: None,
        }),
    });
    assert_eq!(recovered(bench.op(elsewhere)), None);
    assert!(recovered(bench.op(again(8, None, "p1", None))).is_some());
    assert!(recovered(bench.op(again(9, Some("alice"), "p2", None))).is_some());
}

fn its_sid_is_known_while_it_may_come_back(kind: Kind) {
    let mut bench = Bench::new(kind, ALL);
    bench.join("alice", &[""]);
    bench.op(begin(1, new("p1", None)));
    bench.op(begin(2, new("p2", Some("alice"))));
    let sid = |bench: &Bench, pid: &str, name: Option<&str>, lost_by| {
        let name = name.map(client);
        let mut reader = bench.reader();
        let sid = reader.sid_of(pid, &root(), name.as_ref(), lost_by).unwrap();
        sid.map(|sid| sid.to_string())
    };
    let known = |pid: &str| Some(format!("sid of {pid}"));
    assert_eq!(sid(&bench, "p1", None, u64::MAX), known("p1"));
    assert_eq!(sid(&bench, "p2", Some("alice"), 0), known("p2"));
    assert_eq!(sid(&bench, "p2", None, 0), None);
    assert_eq!(sid(&bench, "p1", Some("alice"), 0), None);
    assert_eq!(sid(&bench, "p3", None, 0), None);
    let admin = Namespace::parse("/admin").unwrap();
    assert_eq!(bench.reader().sid_of("p1", &admin, None, 0).unwrap(), None);
    bench.op(lost(1));
    assert_eq!(sid(&bench, "p1", None, bench.now - 1), known("p1"));
    assert_eq!(sid(&bench, "p1", None, bench.now), None);
}

fn a_room_is_owed_from_when_it_was_entered(kind: Kind) {
    let mut bench = Bench::new(kind, ALL);
    bench.append(lines(&["a"], "x\n"));
    bench.op(begin(1, new("p1", None)));
    bench.append(lines(&["a"], "x\n"));
    bench.op(enter(1, &["a", "b"]));
    bench.append(lines(&["a"], "x\n"));
    bench.op(enter(1, &["a"]));
    bench.op(exit(1, &["b", "never", ""]));
    // Of the empty room it is again when it comes back.
    let done = bench.op(again(2, None, "p1", Some(Seq::START)));
    assert_eq!(recovered(done), places(&[("", AT(4)), ("a", AT(3))]));
    bench.op(exit(2, &["a"]));
    bench.append(lines(&["a"], "x\n"));
    bench.op(enter(2, &["a"]));
    let done = bench.op(again(3, None, "p1", Some(AT(4))));
    assert_eq!(recovered(done), places(&[("", AT(4)), ("a", AT(5))]));
}

fn what_a_former_holder_does_changes_nothing(kind: Kind) {
    let mut bench = Bench::new(kind, ALL);
    bench.op(begin(1, new("p1", None)));
    bench.op(again(2, None, "p1", None));
    for op in [enter(1, &["a"]), exit(1, &[""]), lost(1), forget(1)] {
        assert_eq!(bench.op(op), OpOutcome::Noop);
    }
    bench.now += HOUR * 1_000_000;
    let done = bench.op(again(3, None, "p1", None));
    assert_eq!(recovered(done), places(&[("", AT(1))]), "it is held");
    bench.op(forget(3));
    assert_eq!(recovered(bench.op(again(4, None, "p1", None))), None);
}

fn it_may_be_taken_up_for_a_while_after_it_was_lost(kind: Kind) {
    let keep = Retention {
        session_age: Duration::from_millis(100),
        ..ALL
    };
    let mut bench = Bench::new(kind, keep);
    bench.op(begin(1, new("p1", None)));
    bench.now += 1000;
    bench.prune();
    bench.op(lost(1));
    bench.now += 99;
    bench.op(lost(1));
    bench.prune();
    assert!(recovered(bench.op(again(2, None, "p1", None))).is_some());
    bench.op(lost(2));
    bench.now += 100;
    assert_eq!(recovered(bench.op(again(3, None, "p1", None))), None);
    bench.prune();
    bench.now -= 100;
    assert_eq!(
        recovered(bench.op(again(4, None, "p1", None))),
        None,
        "gone"
    );
}

fn when_the_hub_begins_everyone_is_lost(kind: Kind) {
    let keep = Retention {
        session_age: Duration::from_millis(100),
        ..ALL
    };
    let mut bench = Bench::new(kind, keep);
    bench.op(begin(1, new("p1", None)));
    bench.op(begin(2, new("p2", None)));
    bench.op(lost(2));
    bench.now += 50;
    bench.op(Op::Session(SessionOp::AllLost));
    bench.op(forget(1));
    bench.now += 50;
    assert!(recovered(bench.op(again(3, None, "p1", None))).is_some());
    assert_eq!(recovered(bench.op(again(4, None, "p2", None))), None);
}

fn it_is_not_taken_up_when_some_of_what_was_missed_is_gone(kind: Kind) {
    let mut bench = Bench::new(kind, NO_HISTORY);
    bench.op(begin(1, new("p1", None)));
    bench.op(enter(1, &["a"]));
    bench.append(lines(&["a"], "x\ny\n"));
    bench.append(lines(&["b"], "x\n"));
    bench.prune();
    assert_eq!(
        recovered(bench.op(again(2, None, "p1", Some(Seq::new(1, 1))))),
        None
    );
    assert_eq!(recovered(bench.op(again(3, None, "p1", None))), None);
    for (holder, from) in [(4, Seq::new(1, 2)), (5, AT(2)), (6, AT(3))] {
        let done = bench.op(again(holder, None, "p1", Some(from)));
        assert_eq!(recovered(done), places(&[("", from), ("a", from)]));
    }
}

fn a_place_that_the_log_has_not_reached_is_none(kind: Kind) {
    let mut bench = Bench::new(kind, ALL);
    bench.op(begin(1, new("p1", None)));
    assert_eq!(recovered(bench.op(again(2, None, "p1", Some(AT(2))))), None);
    let beyond = Seq::new(i64::MAX as u64 - 1, u32::MAX);
    assert_eq!(
        recovered(bench.op(again(3, None, "p1", Some(beyond)))),
        None
    );
    let done = bench.op(again(4, None, "p1", Some(AT(1))));
    assert_eq!(recovered(done), places(&[("", AT(1))]));
}

fn a_clients_session_follows_its_memberships(kind: Kind) {
    let mut bench = Bench::new(kind, ALL);
    bench.join("alice", &["", "a", "b"]);
    bench.op(begin(1, new("p1", Some("alice"))));
    bench.append(lines(&["", "a", "b"], "1\n"));
    bench.append(lines(&["", "a", "b"], "2\n"));
    bench.ack("alice", &["", "a", "b"], AT(3));
    // By other connections.
    bench.leave("alice", &["b"]);
    bench.join("alice", &["c"]);
    let done = bench.op(again(2, Some("alice"), "p1", Some(AT(2))));
    let wanted = places(&[("", AT(2)), ("a", AT(2)), ("c", AT(3))]);
    assert_eq!(recovered(done), wanted);
    bench.join("alice", &["d"]);
    bench.op(enter(2, &["d"]));
    bench.append(lines(&["d"], "3\n"));
    bench.ack("alice", &["d"], AT(4));
    let done = bench.op(again(3, Some("alice"), "p1", Some(AT(2))));
    let wanted = places(&[("", AT(2)), ("a", AT(2)), ("c", AT(3)), ("d", AT(3))]);
    assert_eq!(recovered(done), wanted);
}

fn the_longest_gone_make_room(kind: Kind) {
    let mut bench = Bench::new(kind, ALL);
    let all = limits::SESSIONS_REMEMBERED as u64;
    let begins = (1..=all).map(|n| begin(n, new(&format!("p{n}"), None)));
    bench.group(begins.collect());
    let full = begin(all + 1, new("more", None));
    assert_eq!(bench.op(full.clone()), OpOutcome::SessionOpened(None));
    bench.op(lost(7));
    bench.now += 1;
    bench.op(lost(3));
    begun(bench.op(full.clone()));
    assert_eq!(bench.op(again(0, None, "p7", None)).to_owned(), {
        // It took the place of the other that was gone.
        let rooms = places(&[("", AT(1))]).unwrap();
        OpOutcome::SessionOpened(Some(OpenedSession {
            pid: "p0".into(),
            sid: "sid of p0".into(),
            origin: SessionOrigin::New,
            rooms,
        }))
    });
    assert_eq!(
        bench.op(again(all + 2, None, "p3", None)),
        OpOutcome::SessionOpened(None)
    );
    bench.op(forget(1));
    begun(bench.op(again(all + 3, None, "p3", None)));
}

fn many_rooms_of_the_gone_are_forgotten_bit_by_bit(kind: Kind) {
    const SESSIONS: u64 = 20;
    let keep = Retention {
        session_age: Duration::from_millis(100),
        ..ALL
    };
    let mut bench = Bench::new(kind, keep);
    let names: Vec<String> = (0..64).map(|n| format!("room {n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    for holder in 1..=SESSIONS {
        bench.op(begin(holder, new(&format!("p{holder}"), None)));
        bench.op(enter(holder, &names));
        bench.op(lost(holder));
    }
    bench.now += 100;
    let mut steps = 1;
    while bench.store.prune(bench.now).unwrap().more {
        steps += 1;
    }
    if let Kind::Sqlite = kind {
        let rows = SESSIONS as usize * (names.len() + 2);
        let most = limits::PRUNE_RECORDS + names.len() + 2;
        assert!(steps >= rows / most, "{steps} steps for {rows} rows");
    }
    for holder in 1..=SESSIONS {
        let pid = format!("p{holder}");
        assert_eq!(
            recovered(bench.op(again(100 + holder, None, &pid, None))),
            None
        );
    }
}
