//! Recoverable sessions in both stores.

use std::collections::BTreeMap;

use super::*;
use roomcat::limits;
use roomcat::store::sessions::{
    HolderId, OpenedSession, ResumeRequest, SessionIdentity, SessionOp, SessionOrigin,
};

behaviours!(
    a_session_starts_in_the_empty_room_and_a_clients_in_its_rooms,
    it_resumes_where_the_client_says,
    only_its_own_client_in_its_namespace_resumes_it,
    its_sid_is_known_while_it_can_be_resumed,
    a_room_owes_messages_since_it_was_entered,
    ops_of_a_former_holder_change_nothing,
    it_can_be_resumed_for_a_while_after_it_was_lost,
    all_sessions_are_lost_when_the_hub_starts,
    it_is_not_resumed_after_missed_messages_were_pruned,
    a_cursor_past_the_head_resumes_nothing,
    a_clients_session_follows_its_memberships,
    sessions_that_were_lost_first_make_room,
    many_rooms_of_lost_sessions_are_deleted_step_by_step,
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

/// Resumes `pid`, or opens a session named after the holder.
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

fn opened(outcome: OpOutcome) -> OpenedSession {
    match outcome {
        OpOutcome::SessionOpened(Some(begun)) => begun,
        other => panic!("{other:?}"),
    }
}

/// The rooms of a resumed session with their cursors. None if the session is new.
pub fn recovered(outcome: OpOutcome) -> Option<BTreeMap<RoomName, Seq>> {
    let begun = opened(outcome);
    (begun.origin == SessionOrigin::Recovered).then_some(begun.rooms)
}

fn places(places: &[(&str, Seq)]) -> Option<BTreeMap<RoomName, Seq>> {
    Some(places.iter().map(|(name, at)| (room(name), *at)).collect())
}

const AT: fn(u64) -> Seq = |record| Seq::new(record, 0);

fn a_session_starts_in_the_empty_room_and_a_clients_in_its_rooms(kind: Kind) {
    let mut store = TestStore::new(kind, ALL);
    store.append(lines(&["a"], "x\n"));
    let outcome = store.op(begin(1, new("p1", None)));
    let wanted = OpenedSession {
        pid: "p1".into(),
        sid: "sid of p1".into(),
        origin: SessionOrigin::New,
        rooms: places(&[("", AT(2))]).unwrap(),
    };
    assert_eq!(opened(outcome), wanted);
    store.join("alice", &["", "a"]);
    let outcome = store.op(begin(2, new("p2", Some("alice"))));
    assert_eq!(opened(outcome).rooms, BTreeMap::new(), "its cursors decide");
    store.append(lines(&["a"], "x\n"));
    store.ack("alice", &["", "a"], AT(3));
    let outcome = store.op(again(3, Some("alice"), "p2", None));
    assert_eq!(recovered(outcome), places(&[("", AT(2)), ("a", AT(2))]));
}

fn it_resumes_where_the_client_says(kind: Kind) {
    let mut store = TestStore::new(kind, ALL);
    store.op(begin(1, new("p1", None)));
    store.op(enter(1, &["a"]));
    store.append(lines(&["a"], "x\ny\nz\n"));
    store.op(lost(1));
    let outcome = opened(store.op(again(2, None, "p1", Some(Seq::new(1, 2)))));
    assert_eq!((&*outcome.pid, &*outcome.sid), ("p1", "sid of p1"));
    let here = Seq::new(1, 2);
    assert_eq!(Some(outcome.rooms), places(&[("", here), ("a", here)]));
    // It can be resumed while it is held: the newest holder has it.
    let outcome = store.op(again(3, None, "p1", None));
    assert_eq!(recovered(outcome), places(&[("", AT(1)), ("a", AT(1))]));
}

fn only_its_own_client_in_its_namespace_resumes_it(kind: Kind) {
    let mut store = TestStore::new(kind, ALL);
    store.join("alice", &[""]);
    store.join("bob", &[""]);
    store.op(begin(1, new("p1", None)));
    store.op(begin(2, new("p2", Some("alice"))));
    assert_eq!(
        recovered(store.op(again(3, Some("alice"), "p1", None))),
        None
    );
    assert_eq!(recovered(store.op(again(4, None, "p2", None))), None);
    assert_eq!(recovered(store.op(again(5, Some("bob"), "p2", None))), None);
    assert_eq!(recovered(store.op(again(6, None, "p", None))), None);
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
    assert_eq!(recovered(store.op(elsewhere)), None);
    assert!(recovered(store.op(again(8, None, "p1", None))).is_some());
    assert!(recovered(store.op(again(9, Some("alice"), "p2", None))).is_some());
}

fn its_sid_is_known_while_it_can_be_resumed(kind: Kind) {
    let mut store = TestStore::new(kind, ALL);
    store.join("alice", &[""]);
    store.op(begin(1, new("p1", None)));
    store.op(begin(2, new("p2", Some("alice"))));
    let sid = |store: &TestStore, pid: &str, name: Option<&str>, lost_by| {
        let name = name.map(client);
        let mut reader = store.reader();
        let sid = reader.sid_of(pid, &root(), name.as_ref(), lost_by).unwrap();
        sid.map(|sid| sid.to_string())
    };
    let known = |pid: &str| Some(format!("sid of {pid}"));
    assert_eq!(sid(&store, "p1", None, u64::MAX), known("p1"));
    assert_eq!(sid(&store, "p2", Some("alice"), 0), known("p2"));
    assert_eq!(sid(&store, "p2", None, 0), None);
    assert_eq!(sid(&store, "p1", Some("alice"), 0), None);
    assert_eq!(sid(&store, "p3", None, 0), None);
    let admin = Namespace::parse("/admin").unwrap();
    assert_eq!(store.reader().sid_of("p1", &admin, None, 0).unwrap(), None);
    store.op(lost(1));
    assert_eq!(sid(&store, "p1", None, store.now - 1), known("p1"));
    assert_eq!(sid(&store, "p1", None, store.now), None);
}

fn a_room_owes_messages_since_it_was_entered(kind: Kind) {
    let mut store = TestStore::new(kind, ALL);
    store.append(lines(&["a"], "x\n"));
    store.op(begin(1, new("p1", None)));
    store.append(lines(&["a"], "x\n"));
    store.op(enter(1, &["a", "b"]));
    store.append(lines(&["a"], "x\n"));
    store.op(enter(1, &["a"]));
    store.op(exit(1, &["b", "never", ""]));
    // A resumed session is in the empty room again.
    let outcome = store.op(again(2, None, "p1", Some(Seq::START)));
    assert_eq!(recovered(outcome), places(&[("", AT(4)), ("a", AT(3))]));
    store.op(exit(2, &["a"]));
    store.append(lines(&["a"], "x\n"));
    store.op(enter(2, &["a"]));
    let outcome = store.op(again(3, None, "p1", Some(AT(4))));
    assert_eq!(recovered(outcome), places(&[("", AT(4)), ("a", AT(5))]));
}

fn ops_of_a_former_holder_change_nothing(kind: Kind) {
    let mut store = TestStore::new(kind, ALL);
    store.op(begin(1, new("p1", None)));
    store.op(again(2, None, "p1", None));
    for op in [enter(1, &["a"]), exit(1, &[""]), lost(1), forget(1)] {
        assert_eq!(store.op(op), OpOutcome::Noop);
    }
    store.now += HOUR * 1_000_000;
    let outcome = store.op(again(3, None, "p1", None));
    assert_eq!(recovered(outcome), places(&[("", AT(1))]), "it is held");
    store.op(forget(3));
    assert_eq!(recovered(store.op(again(4, None, "p1", None))), None);
}

fn it_can_be_resumed_for_a_while_after_it_was_lost(kind: Kind) {
    let retention = Retention {
        session_age: Duration::from_millis(100),
        ..ALL
    };
    let mut store = TestStore::new(kind, retention);
    store.op(begin(1, new("p1", None)));
    store.now += 1000;
    store.prune();
    store.op(lost(1));
    store.now += 99;
    store.op(lost(1));
    store.prune();
    assert!(recovered(store.op(again(2, None, "p1", None))).is_some());
    store.op(lost(2));
    store.now += 100;
    assert_eq!(recovered(store.op(again(3, None, "p1", None))), None);
    store.prune();
    store.now -= 100;
    assert_eq!(
        recovered(store.op(again(4, None, "p1", None))),
        None,
        "gone"
    );
}

fn all_sessions_are_lost_when_the_hub_starts(kind: Kind) {
    let retention = Retention {
        session_age: Duration::from_millis(100),
        ..ALL
    };
    let mut store = TestStore::new(kind, retention);
    store.op(begin(1, new("p1", None)));
    store.op(begin(2, new("p2", None)));
    store.op(lost(2));
    store.now += 50;
    store.op(Op::Session(SessionOp::AllLost));
    store.op(forget(1));
    store.now += 50;
    assert!(recovered(store.op(again(3, None, "p1", None))).is_some());
    assert_eq!(recovered(store.op(again(4, None, "p2", None))), None);
}

fn it_is_not_resumed_after_missed_messages_were_pruned(kind: Kind) {
    let mut store = TestStore::new(kind, NO_HISTORY);
    store.op(begin(1, new("p1", None)));
    store.op(enter(1, &["a"]));
    store.append(lines(&["a"], "x\ny\n"));
    store.append(lines(&["b"], "x\n"));
    store.prune();
    assert_eq!(
        recovered(store.op(again(2, None, "p1", Some(Seq::new(1, 1))))),
        None
    );
    assert_eq!(recovered(store.op(again(3, None, "p1", None))), None);
    for (holder, from) in [(4, Seq::new(1, 2)), (5, AT(2)), (6, AT(3))] {
        let outcome = store.op(again(holder, None, "p1", Some(from)));
        assert_eq!(recovered(outcome), places(&[("", from), ("a", from)]));
    }
}

fn a_cursor_past_the_head_resumes_nothing(kind: Kind) {
    let mut store = TestStore::new(kind, ALL);
    store.op(begin(1, new("p1", None)));
    assert_eq!(recovered(store.op(again(2, None, "p1", Some(AT(2))))), None);
    let beyond = Seq::new(i64::MAX as u64 - 1, u32::MAX);
    assert_eq!(
        recovered(store.op(again(3, None, "p1", Some(beyond)))),
        None
    );
    let outcome = store.op(again(4, None, "p1", Some(AT(1))));
    assert_eq!(recovered(outcome), places(&[("", AT(1))]));
}

fn a_clients_session_follows_its_memberships(kind: Kind) {
    let mut store = TestStore::new(kind, ALL);
    store.join("alice", &["", "a", "b"]);
    store.op(begin(1, new("p1", Some("alice"))));
    store.append(lines(&["", "a", "b"], "1\n"));
    store.append(lines(&["", "a", "b"], "2\n"));
    store.ack("alice", &["", "a", "b"], AT(3));
    // Other connections change the memberships.
    store.leave("alice", &["b"]);
    store.join("alice", &["c"]);
    let outcome = store.op(again(2, Some("alice"), "p1", Some(AT(2))));
    let wanted = places(&[("", AT(2)), ("a", AT(2)), ("c", AT(3))]);
    assert_eq!(recovered(outcome), wanted);
    store.join("alice", &["d"]);
    store.op(enter(2, &["d"]));
    store.append(lines(&["d"], "3\n"));
    store.ack("alice", &["d"], AT(4));
    let outcome = store.op(again(3, Some("alice"), "p1", Some(AT(2))));
    let wanted = places(&[("", AT(2)), ("a", AT(2)), ("c", AT(3)), ("d", AT(3))]);
    assert_eq!(recovered(outcome), wanted);
}

fn sessions_that_were_lost_first_make_room(kind: Kind) {
    let mut store = TestStore::new(kind, ALL);
    let all = limits::SESSIONS_REMEMBERED as u64;
    let begins = (1..=all).map(|n| begin(n, new(&format!("p{n}"), None)));
    store.group(begins.collect());
    let full = begin(all + 1, new("more", None));
    assert_eq!(store.op(full.clone()), OpOutcome::SessionOpened(None));
    store.op(lost(7));
    store.now += 1;
    store.op(lost(3));
    opened(store.op(full.clone()));
    assert_eq!(store.op(again(0, None, "p7", None)).to_owned(), {
        // It replaced the other session that was lost.
        let rooms = places(&[("", AT(1))]).unwrap();
        OpOutcome::SessionOpened(Some(OpenedSession {
            pid: "p0".into(),
            sid: "sid of p0".into(),
            origin: SessionOrigin::New,
            rooms,
        }))
    });
    assert_eq!(
        store.op(again(all + 2, None, "p3", None)),
        OpOutcome::SessionOpened(None)
    );
    store.op(forget(1));
    opened(store.op(again(all + 3, None, "p3", None)));
}

fn many_rooms_of_lost_sessions_are_deleted_step_by_step(kind: Kind) {
    const SESSIONS: u64 = 20;
    let retention = Retention {
        session_age: Duration::from_millis(100),
        ..ALL
    };
    let mut store = TestStore::new(kind, retention);
    let names: Vec<String> = (0..64).map(|n| format!("room {n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    for holder in 1..=SESSIONS {
        store.op(begin(holder, new(&format!("p{holder}"), None)));
        store.op(enter(holder, &names));
        store.op(lost(holder));
    }
    store.now += 100;
    let mut steps = 1;
    while store.inner.prune(store.now).unwrap().more {
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
            recovered(store.op(again(100 + holder, None, &pid, None))),
            None
        );
    }
}
