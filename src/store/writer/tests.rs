use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use super::*;
use crate::address::Seq;
use crate::store::{Member, NewRecord, StoreReader};

/// Long enough for a busy machine; nothing waits for it when all is well.
const PATIENCE: Duration = Duration::from_secs(20);

/// A store that tells what it is asked and does each commit when it is let.
struct Gated {
    told: Sender<Asked>,
    gate: Receiver<Result<(), StoreError>>,
}

#[derive(Debug, PartialEq, Eq)]
enum Asked {
    Commit(Vec<Op>),
    WriterClosed,
}

impl Store for Gated {
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
        let done = ops.iter().map(|op| match op {
            Op::Ack { .. } => OpOutcome::Acked,
            Op::Join { .. } => OpOutcome::Joined,
            Op::Leave { .. } => OpOutcome::Left,
            _ => OpOutcome::Noop,
        });
        let done = done.collect();
        self.told.send(Asked::Commit(ops)).unwrap();
        self.gate.recv().unwrap().map(|()| done)
    }
    fn next_due(&self) -> Option<u64> {
        None
    }
    fn due(&mut self, _: u64) -> Result<Vec<Delayed>, StoreError> {
        Ok(Vec::new())
    }
    fn prune(&mut self, _: u64) -> Result<PruneReport, StoreError> {
        Ok(PruneReport::default())
    }
    fn maintain(&mut self, when: Maintenance) -> Result<(), StoreError> {
        if when == Maintenance::Closing {
            self.told.send(Asked::WriterClosed).unwrap();
        }
        Ok(())
    }
    fn reader(&self) -> Result<Box<dyn StoreReader>, StoreError> {
        unreachable!("nobody reads here")
    }
}

struct House {
    writer: Option<Writer<u32>>,
    thread: JoinHandle<Result<(), StoreError>>,
    told: Receiver<Asked>,
    gate: Sender<Result<(), StoreError>>,
    committed: Receiver<Vec<(OpOutcome, u32)>>,
}

impl House {
    fn new() -> Self {
        let (tell, told) = channel();
        let (gate, gated) = channel();
        let (done, committed) = channel();
        let store = Box::new(Gated {
            told: tell,
            gate: gated,
        });
        let (writer, thread) = spawn(
            store,
            || 0,
            |_| None,
            move |group| done.send(group).unwrap(),
        );
        Self {
            writer: Some(writer),
            thread,
            told,
            gate,
            committed,
        }
    }

    fn send(&self, op: Op, urgency: Urgency, tag: u32) {
        let writer = self.writer.as_ref().unwrap();
        writer.send(op, urgency, tag).unwrap();
    }

    /// Keeps the writer busy with a commit, so that what is sent meanwhile is one group.
    fn hold(&self) {
        self.send(Op::Noop, Urgency::Now, u32::MAX);
        assert_eq!(self.next_commit(), [Op::Noop]);
    }

    fn next_commit(&self) -> Vec<Op> {
        match self.told.recv_timeout(PATIENCE).unwrap() {
            Asked::Commit(ops) => ops,
            Asked::WriterClosed => panic!("closed"),
        }
    }

    fn let_it(&self) -> Vec<(OpOutcome, u32)> {
        self.gate.send(Ok(())).unwrap();
        self.committed.recv_timeout(PATIENCE).unwrap()
    }

    fn tags(&self) -> Vec<u32> {
        self.let_it().into_iter().map(|(_, tag)| tag).collect()
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
fn what_comes_while_a_commit_runs_is_the_next_one() {
    let house = House::new();
    house.hold();
    for tag in 1..=3 {
        house.send(Op::Noop, Urgency::Now, tag);
    }
    assert_eq!(house.tags(), [u32::MAX]);
    assert_eq!(house.next_commit().len(), 3);
    assert_eq!(house.tags(), [1, 2, 3]);
}

#[test]
fn a_cursor_move_waits_for_the_next_commit_and_keeps_its_place() {
    let house = House::new();
    house.hold();
    house.send(ack("a", "x", 1), Urgency::Later, 0);
    house.send(Op::Noop, Urgency::Now, 1);
    house.let_it();
    assert_eq!(house.next_commit(), [ack("a", "x", 1), Op::Noop]);
    assert_eq!(house.tags(), [0, 1]);
}

#[test]
fn a_cursor_move_alone_is_committed_in_the_end() {
    let house = House::new();
    house.send(ack("a", "x", 1), Urgency::Later, 7);
    assert_eq!(house.next_commit(), [ack("a", "x", 1)]);
    assert_eq!(house.let_it(), [(OpOutcome::Acked, 7)]);
}

#[test]
fn cursor_moves_merge_and_each_is_answered() {
    let house = House::new();
    house.hold();
    house.send(ack("a", "x", 1), Urgency::Later, 0);
    house.send(ack("b", "x", 5), Urgency::Later, 1);
    house.send(ack("a", "x", 3), Urgency::Later, 2);
    house.send(ack("a", "y", 2), Urgency::Later, 3);
    house.send(ack("a", "x", 2), Urgency::Later, 4);
    house.send(Op::Noop, Urgency::Now, 5);
    house.let_it();
    assert_eq!(
        house.next_commit(),
        [
            ack("a", "x", 3),
            ack("b", "x", 5),
            ack("a", "y", 2),
            Op::Noop
        ]
    );
    let done = house.let_it();
    assert_eq!(
        done[..5],
        [0, 1, 2, 3, 4].map(|tag| (OpOutcome::Acked, tag))
    );
    assert_eq!(done[5], (OpOutcome::Noop, 5));
}

#[test]
fn a_subscription_sees_the_moves_before_it_and_none_after() {
    let house = House::new();
    house.hold();
    house.send(ack("a", "x", 1), Urgency::Later, 0);
    house.send(subscribe("a"), Urgency::Now, 1);
    house.send(ack("a", "x", 3), Urgency::Later, 2);
    house.let_it();
    assert_eq!(
        house.next_commit(),
        [ack("a", "x", 1), subscribe("a"), ack("a", "x", 3)]
    );
    assert_eq!(house.tags(), [0, 1, 2]);
}

#[test]
fn a_group_is_bounded_in_bytes_and_ops() {
    let house = House::new();
    house.hold();
    for tag in 1..=3 {
        house.send(append(limits::GROUP_BYTES / 2), Urgency::Now, tag);
    }
    for tag in 0..limits::GROUP_OPS {
        house.send(Op::Noop, Urgency::Now, tag as u32);
    }
    house.let_it();
    assert_eq!(house.next_commit().len(), 2);
    house.let_it();
    assert_eq!(house.next_commit().len(), limits::GROUP_OPS);
    house.let_it();
    assert_eq!(house.next_commit().len(), 1);
    house.let_it();
}

#[test]
fn the_end_commits_what_waits_and_closes() {
    let mut house = House::new();
    house.send(ack("a", "x", 1), Urgency::Later, 0);
    house.writer = None;
    assert_eq!(house.next_commit(), [ack("a", "x", 1)]);
    house.let_it();
    assert_eq!(
        house.told.recv_timeout(PATIENCE).unwrap(),
        Asked::WriterClosed
    );
    house.thread.join().unwrap().unwrap();
}

#[test]
fn an_error_ends_the_writer_without_an_answer() {
    let mut house = House::new();
    house.send(Op::Noop, Urgency::Now, 0);
    house.next_commit();
    let error = StoreError::Sync {
        path: PathBuf::from("x"),
        reason: "on purpose".to_owned(),
    };
    house.gate.send(Err(error)).unwrap();
    let writer = house.writer.take().unwrap();
    assert!(matches!(
        house.thread.join().unwrap(),
        Err(StoreError::Sync { .. })
    ));
    assert!(house.committed.recv_timeout(PATIENCE).is_err());
    assert_eq!(writer.send(Op::Noop, Urgency::Now, 1), Err(WriterClosed));
}
