//! How ops are grouped, with a store that commits when the test lets it.

mod due;

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use super::*;
use crate::address::{ClientName, Namespace, RoomName, Seq};
use crate::limits;
use crate::store::delayed::DelayedRecord;
use crate::store::{Maintenance, Member, PruneReport, StoreReader};

/// Long enough for a busy machine. A test that passes never waits for it.
const PATIENCE: Duration = Duration::from_secs(20);

/// A store that reports its calls, and finishes a commit when the gate lets it.
struct GatedStore {
    calls: Sender<Call>,
    gate: Receiver<Result<(), StoreError>>,
}

#[derive(Debug, PartialEq, Eq)]
enum Call {
    Commit(Vec<Op>),
    Close,
}

impl Store for GatedStore {
    fn log_id(&self) -> &str {
        "gated"
    }
    fn head(&self) -> u64 {
        0
    }
    fn members(&self) -> Result<Vec<Member>, StoreError> {
        Ok(Vec::new())
    }
    fn commit(&mut self, ops: Vec<Op>, _: u64) -> Result<Vec<OpOutcome>, StoreError> {
        let outcome = |op: &Op| match op {
            Op::Ack { .. } => OpOutcome::Acked,
            _ => OpOutcome::Noop,
        };
        let outcomes = ops.iter().map(outcome).collect();
        self.calls.send(Call::Commit(ops)).unwrap();
        self.gate.recv().unwrap().map(|()| outcomes)
    }
    fn next_due(&self) -> Option<u64> {
        None
    }
    fn due(&mut self, _: u64) -> Result<Vec<DelayedRecord>, StoreError> {
        Ok(Vec::new())
    }
    fn prune(&mut self, _: u64) -> Result<PruneReport, StoreError> {
        Ok(PruneReport::default())
    }
    fn maintain(&mut self, when: Maintenance) -> Result<(), StoreError> {
        if when == Maintenance::Closing {
            self.calls.send(Call::Close).unwrap();
        }
        Ok(())
    }
    fn reader(&self) -> Result<Box<dyn StoreReader>, StoreError> {
        unreachable!("nobody reads here")
    }
}

struct Fixture {
    writer: Option<Writer<u32>>,
    thread: JoinHandle<Result<(), StoreError>>,
    calls: Receiver<Call>,
    gate: Sender<Result<(), StoreError>>,
    committed: Receiver<Vec<(OpOutcome, u32)>>,
}

impl Fixture {
    fn new() -> Self {
        let (call, calls) = channel();
        let (gate, gated) = channel();
        let (commit, committed) = channel();
        let store = Box::new(GatedStore {
            calls: call,
            gate: gated,
        });
        let (writer, thread) = spawn(
            store,
            || 0,
            |_| None,
            move |group| commit.send(group).unwrap(),
        );
        Self {
            writer: Some(writer),
            thread,
            calls,
            gate,
            committed,
        }
    }

    fn send(&self, op: Op, urgency: Urgency, tag: u32) {
        let writer = self.writer.as_ref().unwrap();
        writer.send(op, urgency, tag).unwrap();
    }

    /// Keeps the writer busy with a commit, so that ops sent in the meantime are one group.
    fn hold(&self) {
        self.send(Op::Noop, Urgency::Now, u32::MAX);
        assert_eq!(self.next_commit(), [Op::Noop]);
    }

    fn next_commit(&self) -> Vec<Op> {
        match self.calls.recv_timeout(PATIENCE).unwrap() {
            Call::Commit(ops) => ops,
            Call::Close => panic!("closed"),
        }
    }

    fn finish_commit(&self) -> Vec<(OpOutcome, u32)> {
        self.gate.send(Ok(())).unwrap();
        self.committed.recv_timeout(PATIENCE).unwrap()
    }

    fn tags(&self) -> Vec<u32> {
        self.finish_commit()
            .into_iter()
            .map(|(_, tag)| tag)
            .collect()
    }
}

fn ack(client: &str, room: &str, record: u64) -> Op {
    Op::Ack {
        namespace: Namespace::root(),
        client: ClientName::parse(client).unwrap(),
        rooms: Arc::new([RoomName::parse(room).unwrap()]),
        cursor: Seq::new(record, 0),
    }
}

fn subscribe(client: &str) -> Op {
    Op::Subscribe {
        namespace: Namespace::root(),
        client: Some(ClientName::parse(client).unwrap()),
        rooms: Vec::new(),
    }
}

fn append(bytes: usize) -> Op {
    Op::Append {
        record: NewRecord::sample(vec![b'\n'; bytes]),
        id: None,
    }
}

#[test]
fn ops_sent_during_a_commit_are_the_next_one() {
    let fixture = Fixture::new();
    fixture.hold();
    for tag in 1..=3 {
        fixture.send(Op::Noop, Urgency::Now, tag);
    }
    assert_eq!(fixture.tags(), [u32::MAX]);
    assert_eq!(fixture.next_commit().len(), 3);
    assert_eq!(fixture.tags(), [1, 2, 3]);
}

#[test]
fn a_cursor_move_waits_for_the_next_commit_and_keeps_its_place() {
    let fixture = Fixture::new();
    fixture.hold();
    fixture.send(ack("a", "x", 1), Urgency::Later, 0);
    fixture.send(Op::Noop, Urgency::Now, 1);
    fixture.finish_commit();
    assert_eq!(fixture.next_commit(), [ack("a", "x", 1), Op::Noop]);
    assert_eq!(fixture.tags(), [0, 1]);
}

#[test]
fn a_lone_cursor_move_is_committed_after_a_while() {
    let fixture = Fixture::new();
    fixture.send(ack("a", "x", 1), Urgency::Later, 7);
    assert_eq!(fixture.next_commit(), [ack("a", "x", 1)]);
    assert_eq!(fixture.finish_commit(), [(OpOutcome::Acked, 7)]);
}

#[test]
fn cursor_moves_merge_and_each_gets_an_outcome() {
    let fixture = Fixture::new();
    fixture.hold();
    fixture.send(ack("a", "x", 1), Urgency::Later, 0);
    fixture.send(ack("b", "x", 5), Urgency::Later, 1);
    fixture.send(ack("a", "x", 3), Urgency::Later, 2);
    fixture.send(ack("a", "y", 2), Urgency::Later, 3);
    fixture.send(ack("a", "x", 2), Urgency::Later, 4);
    fixture.send(Op::Noop, Urgency::Now, 5);
    fixture.finish_commit();
    assert_eq!(
        fixture.next_commit(),
        [
            ack("a", "x", 3),
            ack("b", "x", 5),
            ack("a", "y", 2),
            Op::Noop
        ]
    );
    let outcomes = fixture.finish_commit();
    assert_eq!(
        outcomes[..5],
        [0, 1, 2, 3, 4].map(|tag| (OpOutcome::Acked, tag))
    );
    assert_eq!(outcomes[5], (OpOutcome::Noop, 5));
}

#[test]
fn a_subscription_sees_the_moves_before_it_and_none_after() {
    let fixture = Fixture::new();
    fixture.hold();
    fixture.send(ack("a", "x", 1), Urgency::Later, 0);
    fixture.send(subscribe("a"), Urgency::Now, 1);
    fixture.send(ack("a", "x", 3), Urgency::Later, 2);
    fixture.finish_commit();
    assert_eq!(
        fixture.next_commit(),
        [ack("a", "x", 1), subscribe("a"), ack("a", "x", 3)]
    );
    assert_eq!(fixture.tags(), [0, 1, 2]);
}

#[test]
fn a_group_is_bounded_in_bytes_and_ops() {
    let fixture = Fixture::new();
    fixture.hold();
    for tag in 1..=3 {
        fixture.send(append(limits::GROUP_BYTES / 2), Urgency::Now, tag);
    }
    for tag in 0..limits::GROUP_OPS {
        fixture.send(Op::Noop, Urgency::Now, tag as u32);
    }
    fixture.finish_commit();
    assert_eq!(fixture.next_commit().len(), 2);
    fixture.finish_commit();
    assert_eq!(fixture.next_commit().len(), limits::GROUP_OPS);
    fixture.finish_commit();
    assert_eq!(fixture.next_commit().len(), 1);
    fixture.finish_commit();
}

#[test]
fn the_end_commits_waiting_ops_and_closes() {
    let mut fixture = Fixture::new();
    fixture.send(ack("a", "x", 1), Urgency::Later, 0);
    fixture.writer = None;
    assert_eq!(fixture.next_commit(), [ack("a", "x", 1)]);
    fixture.finish_commit();
    assert_eq!(fixture.calls.recv_timeout(PATIENCE).unwrap(), Call::Close);
    fixture.thread.join().unwrap().unwrap();
}

#[test]
fn an_error_ends_the_writer_without_an_outcome() {
    let mut fixture = Fixture::new();
    fixture.send(Op::Noop, Urgency::Now, 0);
    fixture.next_commit();
    let error = StoreError::Sync {
        path: PathBuf::from("x"),
        reason: "on purpose".to_owned(),
    };
    fixture.gate.send(Err(error)).unwrap();
    let writer = fixture.writer.take().unwrap();
    assert!(matches!(
        fixture.thread.join().unwrap(),
        Err(StoreError::Sync { .. })
    ));
    assert!(fixture.committed.recv_timeout(PATIENCE).is_err());
    assert_eq!(writer.send(Op::Noop, Urgency::Now, 1), Err(WriterClosed));
}
