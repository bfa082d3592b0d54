//! Delayed records, with a clock that the tests set.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use std::time::Duration;

use super::PATIENCE;
use crate::store::delayed::DelayedRecord;
use crate::store::memory::MemoryStore;
use crate::store::writer::{Urgency, Writer, spawn};
use crate::store::{
    Member, NewRecord, Op, OpOutcome, PruneReport, Refusal, Retention, Store, StoreError,
    StoreReader,
};

/// The tag of delayed records.
const DUE: u32 = u32::MAX;

fn memory() -> MemoryStore {
    MemoryStore::new(Retention {
        history_age: Duration::from_secs(1_000),
        history_bytes: 1 << 30,
        pending_age: Duration::from_secs(1_000),
        pending_bytes: 1 << 30,
        session_age: Duration::ZERO,
    })
}

fn delay(text: &str, due_ms: u64) -> Op {
    Op::Delay {
        record: NewRecord::sample(text.to_owned()),
        id: None,
        due_ms,
    }
}

struct Fixture {
    writer: Writer<u32>,
    committed: Receiver<Vec<(OpOutcome, u32)>>,
}

impl Fixture {
    fn new(
        store: impl Store + 'static,
        clock: fn() -> u64,
        mut has_capacity: impl FnMut() -> bool + Send + 'static,
    ) -> Self {
        let (commit, committed) = channel();
        let due_tag = move |_: &NewRecord| has_capacity().then_some(DUE);
        let on_commit = move |group| drop(commit.send(group));
        let (writer, _) = spawn(Box::new(store), clock, due_tag, on_commit);
        Self { writer, committed }
    }

    fn send(&self, op: Op) {
        self.writer.send(op, Urgency::Now, 0).unwrap();
    }

    /// The next commit: the texts of its records, with their tags.
    fn next(&self) -> Vec<(String, u32)> {
        let group = self.committed.recv_timeout(PATIENCE).unwrap();
        let text = |(outcome, tag)| match outcome {
            OpOutcome::Appended(record) => {
                let text = String::from_utf8(record.body.to_vec()).unwrap();
                (format!("{text} at {}", record.at_ms), tag)
            }
            other => (format!("{other:?}"), tag),
        };
        group.into_iter().map(text).collect()
    }
}

/// Each test has its own clock. The writer wants a plain function, hence the macro.
macro_rules! clock {
    ($now:ident) => {{
        static NOW: AtomicU64 = AtomicU64::new($now);
        fn clock() -> u64 {
            NOW.load(Ordering::SeqCst)
        }
        (clock as fn() -> u64, &NOW)
    }};
}

const START: u64 = 1_000;

#[test]
fn the_writer_wakes_for_the_next_due_record() {
    let (clock, now) = clock!(START);
    let fixture = Fixture::new(memory(), clock, || true);
    for (text, due_ms) in [("c", 3_000), ("a", 2_000), ("b", 2_000)] {
        fixture.send(delay(text, due_ms));
        fixture.next();
    }
    now.store(2_000, Ordering::SeqCst);
    let due = [("a at 2000", DUE), ("b at 2000", DUE)];
    assert_eq!(
        fixture.next(),
        due.map(|(text, tag)| (text.to_owned(), tag))
    );
    now.store(9_000, Ordering::SeqCst);
    assert_eq!(fixture.next(), [("c at 9000".to_owned(), DUE)]);
}

#[test]
fn a_due_record_comes_before_ops_that_arrive_later() {
    let (clock, now) = clock!(START);
    let fixture = Fixture::new(memory(), clock, || true);
    fixture.send(delay("due", 5_000));
    fixture.next();
    now.store(5_000, Ordering::SeqCst);
    fixture.send(Op::Append {
        record: NewRecord::sample("new"),
        id: None,
    });
    assert_eq!(fixture.next(), [("due at 5000".to_owned(), DUE)]);
    assert_eq!(fixture.next(), [("new at 5000".to_owned(), 0)]);
}

#[test]
fn records_that_came_due_before_the_start_are_appended_at_once() {
    let (clock, _) = clock!(START);
    let mut store = memory();
    store.commit(vec![delay("late", 500)], 100).unwrap();
    let fixture = Fixture::new(store, clock, || true);
    assert_eq!(fixture.next(), [("late at 1000".to_owned(), DUE)]);
}

#[test]
fn records_without_a_tag_stay_due() {
    let (clock, now) = clock!(START);
    let mut calls = 0;
    let one_of_three = move || {
        calls += 1;
        calls % 3 == 0
    };
    let fixture = Fixture::new(memory(), clock, one_of_three);
    for text in ["a", "b"] {
        fixture.send(delay(text, 2_000));
        fixture.next();
    }
    now.store(2_000, Ordering::SeqCst);
    assert_eq!(fixture.next(), [("a at 2000".to_owned(), DUE)]);
    assert_eq!(fixture.next(), [("b at 2000".to_owned(), DUE)]);
}

/// A store with a due record and a full disk.
struct FullStore {
    calls: Sender<Call>,
}

#[derive(Debug, PartialEq, Eq)]
enum Call {
    Due,
    Prune,
}

impl Store for FullStore {
    fn log_id(&self) -> &str {
        "full"
    }
    fn head(&self) -> u64 {
        0
    }
    fn members(&self) -> Result<Vec<Member>, StoreError> {
        Ok(Vec::new())
    }
    fn commit(&mut self, ops: Vec<Op>, _: u64) -> Result<Vec<OpOutcome>, StoreError> {
        let reason = "on purpose".to_owned();
        let refused = OpOutcome::Refused(Refusal::Disk { reason });
        Ok(vec![refused; ops.len()])
    }
    fn next_due(&self) -> Option<u64> {
        Some(0)
    }
    fn due(&mut self, _: u64) -> Result<Vec<DelayedRecord>, StoreError> {
        let _ = self.calls.send(Call::Due);
        Ok(vec![DelayedRecord {
            number: 1,
            record: NewRecord::sample("x"),
        }])
    }
    fn prune(&mut self, _: u64) -> Result<PruneReport, StoreError> {
        let _ = self.calls.send(Call::Prune);
        Ok(PruneReport::default())
    }
    fn reader(&self) -> Result<Box<dyn StoreReader>, StoreError> {
        unreachable!("nobody reads here")
    }
}

#[test]
fn a_refused_record_is_tried_again_but_not_all_the_time() {
    let (clock, _) = clock!(START);
    let (call, calls) = channel();
    let fixture = Fixture::new(FullStore { calls: call }, clock, || true);
    let (mut tried, mut pruned) = (0, 0);
    // Pruning has its own interval, about as long as the pause after a refusal.
    while tried < 2 || pruned < 2 {
        match calls.recv_timeout(PATIENCE).unwrap() {
            Call::Due => tried += 1,
            Call::Prune => pruned += 1,
        }
        assert!(tried <= pruned + 4, "{tried} times for {pruned}");
    }
    assert_eq!(fixture.next()[0].1, DUE);
}
