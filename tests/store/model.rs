//! Random histories, applied to SQLite and to the reference in memory.

use std::time::Duration;

use super::sessions::new;
use super::*;
use crate::random::Random;
use proptest::collection::vec;
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof};
use proptest::sample::{select, subsequence};
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use roomcat::store::sessions::{HolderId, ResumeRequest, SessionIdentity, SessionOp};

const ROOMS: [&str; 4] = ["", "a", "b", "c"];
const CLIENTS: [&str; 3] = ["alice", "bob", "carol"];
const SIDS: [&str; 2] = ["s1", "s2"];

#[derive(Debug, Clone)]
enum Step {
    Commit(Vec<Op>),
    Prune,
    Deliver,
    Advance(u64),
    Reopen,
}

fn some_rooms(least: usize) -> impl Strategy<Value = Vec<RoomName>> {
    subsequence(&ROOMS[..], least..=ROOMS.len()).prop_map(|names| rooms(&names))
}

fn a_client() -> impl Strategy<Value = ClientName> {
    select(&CLIENTS[..]).prop_map(client)
}

fn a_namespace() -> impl Strategy<Value = Namespace> {
    let admin = Namespace::parse("/admin").unwrap();
    prop_oneof![9 => Just(root()), 1 => Just(admin)]
}

fn a_record() -> impl Strategy<Value = NewRecord> {
    let body = prop_oneof![8 => 1..200_usize, 1 => 4000..40_000_usize];
    let from = proptest::option::of(a_client());
    let except = prop_oneof![3 => Just(Vec::new()), 1 => some_rooms(1)];
    let who = (a_namespace(), from, select(&SIDS[..]), any::<bool>());
    (who, some_rooms(1), except, 1..4_u32, body).prop_map(
        |((namespace, from, origin, others), rooms, except, count, bytes)| NewRecord {
            header: MessageHeader {
                except: except.into(),
                audience: if others {
                    Audience::Others
                } else {
                    Audience::All
                },
                framing: Framing::Bytes,
                count,
                from,
                origin: origin.into(),
                reply: others.then(|| RoomName::parse("answers").unwrap()),
                ..MessageHeader::new(namespace, rooms.into(), EventName::message())
            },
            body: Bytes::from(vec![count as u8; bytes]),
        },
    )
}

fn an_op() -> impl Strategy<Value = Op> {
    let id = (select(&["p", "q"][..]), 1..12_u64)
        .prop_map(|(producer, counter)| PublishId(producer.to_owned(), counter));
    let append = (a_record(), proptest::option::weighted(0.3, id))
        .prop_map(|(record, id)| Op::Append { record, id });
    let id = (select(&["p", "q"][..]), 1..12_u64)
        .prop_map(|(producer, counter)| PublishId(producer.to_owned(), counter));
    let due_ms = 1_000_000..1_000_300_u64;
    let delay = (a_record(), proptest::option::weighted(0.3, id), due_ms)
        .prop_map(|(record, id, due_ms)| Op::Delay { record, id, due_ms });
    let join = (a_namespace(), a_client(), some_rooms(0)).prop_map(|(namespace, client, rooms)| {
        Op::Join {
            namespace,
            client,
            rooms,
        }
    });
    let leave =
        (a_namespace(), a_client(), some_rooms(0)).prop_map(|(namespace, client, rooms)| {
            Op::Leave {
                namespace,
                client,
                rooms,
            }
        });
    let subscribe = (
        a_namespace(),
        proptest::option::of(a_client()),
        some_rooms(0),
    )
        .prop_map(|(namespace, client, rooms)| Op::Subscribe {
            namespace,
            client,
            rooms,
        });
    let ack = (
        a_namespace(),
        a_client(),
        some_rooms(1),
        0..60_u64,
        0..4_u32,
    )
        .prop_map(|(namespace, client, rooms, record, index)| Op::Ack {
            namespace,
            client,
            rooms: rooms.into(),
            cursor: Seq::new(record, index),
        });
    let purge = (a_namespace(), a_client(), some_rooms(0), 0..60_u64).prop_map(
        |(namespace, client, rooms, record)| Op::Purge {
            namespace,
            client,
            rooms,
            cursor: Seq::after_record(record),
        },
    );
    prop_oneof![
        1 => purge, 8 => append, 3 => delay, 2 => join, 1 => leave, 2 => subscribe, 4 => ack, 4 => a_session_op(), 1 => Just(Op::Noop),
    ]
}

/// Holders and sessions are given by how many were opened after them; [`SessionCounter::resolve`] makes them absolute.
fn a_session_op() -> impl Strategy<Value = Op> {
    let holder = || (0..4_u64).prop_map(HolderId);
    let from = proptest::option::of((0..60_u64, 0..4_u32));
    let from = from.prop_map(|place| place.map(|(record, index)| Seq::new(record, index)));
    let earlier = (0..4_u64, from).prop_map(|(before, from)| ResumeRequest {
        pid: before.to_string(),
        from,
    });
    let earlier = proptest::option::weighted(0.8, earlier);
    let client = proptest::option::weighted(0.4, a_client());
    let begin =
        (a_namespace(), client, earlier).prop_map(|(namespace, client, earlier)| SessionOp::Open {
            holder: HolderId(0),
            new: SessionIdentity {
                namespace,
                ..new("", client.as_ref().map(ClientName::as_str))
            },
            resume: earlier,
        });
    let enter =
        (holder(), some_rooms(0)).prop_map(|(holder, rooms)| SessionOp::Enter { holder, rooms });
    let exit =
        (holder(), some_rooms(0)).prop_map(|(holder, rooms)| SessionOp::Exit { holder, rooms });
    prop_oneof![
        8 => begin,
        4 => enter,
        2 => exit,
        2 => holder().prop_map(SessionOp::Lost),
        1 => holder().prop_map(SessionOp::Forget),
        1 => Just(SessionOp::AllLost),
    ]
    .prop_map(Op::Session)
}

/// How many sessions were opened.
#[derive(Default)]
struct SessionCounter(u64);

impl SessionCounter {
    fn resolve(&mut self, op: &mut Op) {
        let Op::Session(op) = op else { return };
        let number = |before: u64| self.0.saturating_sub(before);
        match op {
            SessionOp::Open {
                holder,
                new: begun,
                resume: earlier,
            } => {
                if let Some(earlier) = earlier {
                    earlier.pid = number(earlier.pid.parse().unwrap()).to_string();
                }
                self.0 += 1;
                *holder = HolderId(self.0);
                let session = new(&self.0.to_string(), None);
                (begun.pid, begun.sid) = (session.pid, session.sid);
            }
            SessionOp::Enter { holder, .. }
            | SessionOp::Exit { holder, .. }
            | SessionOp::Lost(holder)
            | SessionOp::Forget(holder) => *holder = HolderId(number(holder.0)),
            SessionOp::AllLost => {}
        }
    }
}

fn a_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => vec(an_op(), 1..6).prop_map(Step::Commit),
        3 => Just(Step::Prune),
        3 => Just(Step::Deliver),
        3 => (1..60_u64).prop_map(Step::Advance),
        1 => Just(Step::Reopen),
    ]
}

fn a_retention() -> impl Strategy<Value = Retention> {
    let ages = [0, 40, 200, 1_000_000].map(Duration::from_millis);
    let sizes = [0, 1500, 20_000, 1 << 40];
    (
        select(ages.to_vec()),
        select(sizes.to_vec()),
        select(ages[1..].to_vec()),
    )
        .prop_map(|(history_age, history_bytes, pending_age)| Retention {
            history_age,
            history_bytes,
            pending_age,
            session_age: history_age,
            ..ALL
        })
}

/// Readers with different rooms, cursors and identities.
fn readers(head: u64) -> Vec<(Reader, Seq)> {
    let middle = Seq::new(head / 2, 1);
    let mut alice = from_start(&["a", "b"]);
    alice.name = Some(client("alice"));
    alice.other_rooms.insert(room("c"));
    let mut socket = reader(&[("", Seq::START), ("c", middle)]);
    socket.sid = Some("s1".into());
    vec![
        (from_start(&ROOMS), Seq::START),
        (from_start(&["a"]), middle),
        (alice, Seq::START),
        (socket, Seq::new(2, 0)),
        (from_start(&["never"]), Seq::START),
    ]
}

fn assert_same(memory: &TestStore, sqlite: &TestStore) {
    let head = memory.inner.head();
    assert_eq!(head, sqlite.inner.head());
    assert_eq!(memory.inner.next_due(), sqlite.inner.next_due());
    assert_eq!(
        memory.inner.members().unwrap(),
        sqlite.inner.members().unwrap()
    );
    let (mut m, mut s) = (memory.reader(), sqlite.reader());
    for namespace in ["/", "/admin"] {
        let ns = Namespace::parse(namespace).unwrap();
        assert_eq!(m.rooms(&ns, None).unwrap(), s.rooms(&ns, None).unwrap());
        assert_eq!(m.queues(&ns, None).unwrap(), s.queues(&ns, None).unwrap());
        for client in CLIENTS.map(client) {
            let (memory, sqlite) = (m.queues(&ns, Some(&client)), s.queues(&ns, Some(&client)));
            assert_eq!(memory.unwrap(), sqlite.unwrap());
            let (memory, sqlite) = (m.memberships(&ns, &client), s.memberships(&ns, &client));
            assert_eq!(memory.unwrap(), sqlite.unwrap());
        }
        for (reader, from) in readers(head) {
            for upto in [head, head / 2] {
                assert_eq!(
                    m.page(&ns, &reader, from, upto).unwrap(),
                    s.page(&ns, &reader, from, upto).unwrap(),
                    "{reader:?} from {from} upto {upto}"
                );
                assert_eq!(
                    m.pending(&ns, &reader, from, upto).unwrap(),
                    s.pending(&ns, &reader, from, upto).unwrap(),
                );
                for n in [0, 1, 3, 100] {
                    assert_eq!(
                        m.seq_of_last(&ns, &reader, n, upto).unwrap(),
                        s.seq_of_last(&ns, &reader, n, upto).unwrap(),
                        "the last {n} of {reader:?} upto {upto}"
                    );
                }
            }
        }
    }
    for time in (0..300).step_by(25) {
        let time = 1_000_000 + time;
        assert_eq!(m.seq_at(time).unwrap(), s.seq_at(time).unwrap(), "{time}");
    }
}

#[test]
fn sqlite_does_what_the_reference_does() {
    compare_with_reference(48);
}

mod long {
    #[test]
    #[ignore = "long"]
    fn sqlite_does_what_the_reference_does() {
        super::compare_with_reference(10_000);
    }
}

fn compare_with_reference(cases: u32) {
    let mut random = Random::from_env("the model of the store");
    let seed: Vec<u8> = (0..4).flat_map(|_| random.next().to_le_bytes()).collect();
    let config = ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let steps = (a_retention(), vec(a_step(), 1..25));
    TestRunner::new_with_rng(config, rng)
        .run(&steps, |(retention, steps)| {
            take_steps(retention, steps);
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
}

/// Takes the same steps with both stores and compares them after each.
fn take_steps(retention: Retention, steps: Vec<Step>) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("hub.db");
    let mut memory = TestStore::new(Kind::Memory, retention);
    let mut sqlite = TestStore::with(Box::new(open(&path, retention)), None);
    let mut sessions = SessionCounter::default();
    for step in steps {
        match step {
            Step::Commit(mut ops) => {
                ops.iter_mut().for_each(|op| sessions.resolve(op));
                assert_eq!(memory.group(ops.clone()), sqlite.group(ops));
            }
            Step::Prune => assert_eq!(memory.prune(), sqlite.prune()),
            Step::Deliver => assert_eq!(memory.deliver(), sqlite.deliver()),
            Step::Advance(time) => {
                memory.now += time;
                sqlite.now += time;
            }
            Step::Reopen => {
                let now = sqlite.now;
                drop(sqlite);
                sqlite = TestStore::with(Box::new(open(&path, retention)), None);
                sqlite.now = now;
            }
        }
        assert_same(&memory, &sqlite);
    }
}
