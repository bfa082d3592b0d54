//! What comes due, by a clock that the tests set.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use super::*;
use crate::store::delayed::Delayed;
use crate::store::memory::MemoryStore;
use crate::store::writer::{Urgency, Writer, spawn};
use crate::store::{Member, PruneReport, Refusal, Retention, Store, StoreReader};

/// Long enough for a busy machine; nothing waits for it when all is well.
const PATIENCE: Duration = Duration::from_secs(20);

/// The tag of what is due.
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

struct House {
    writer: Writer<u32>,
    committed: Receiver<Vec<(OpOutcome, u32)>>,
}

impl House {
    fn new(
        store: impl Store + 'static,
        clock: fn() -> u64,
        mut takes: impl FnMut() -> bool + Send + 'static,
    ) -> Self {
        let (done, committed) = channel();
        let due_tag = move |_: &NewRecord| takes().then_some(DUE);
        let on_commit = move |group| drop(done.send(group));
        let (writer, _) = spawn(Box::new(store), clock, due_tag, on_commit);
        Self { writer, committed }
    }

    fn send(&self, op: Op) {
        self.writer.send(op, Urgency::Now, 0).unwrap();
    }

    /// What is committed next: the texts of records, with their tags.
    fn next(&self) -> Vec<(String, u32)> {
        let group = self.committed.recv_timeout(PATIENCE).unwrap();
        let text = |(done, tag)| match done {
            OpOutcome::Appended(record) => {
                let text = String::from_utf8(record.body.to_vec()).unwrap();
                (format!("{text} at {}", record.at_ms), tag)
            }
            other => (format!("{other:?}"), tag),
        };
        group.into_iter().map(text).collect()
    }
}

/// A clock of its own for each test: the writer takes a function.
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
fn it_wakes_for_what_is_due_next() {
    let (clock, now) = clock!(START);
    let house = House::new(memory(), clock, || true);
    for (text, due_ms) in [("c", 3_000), ("a", 2_000), ("b", 2_000)] {
        house.send(delay(text, due_ms));
        house.next();
    }
    now.store(2_000, Ordering::SeqCst);
    let due = [("a at 2000", DUE), ("b at 2000", DUE)];
    assert_eq!(house.next(), due.map(|(text, tag)| (text.to_owned(), tag)));
    now.store(9_000, Ordering::SeqCst);
    assert_eq!(house.next(), [("c at 9000".to_owned(), DUE)]);
}

#[test]
fn what_was_due_is_before_what_comes_after() {
    let (clock, now) = clock!(START);
    let house = House::new(memory(), clock, || true);
    house.send(delay("due", 5_000));
    house.next();
    now.store(5_000, Ordering::SeqCst);
    house.send(Op::Append {
        record: NewRecord::sample("new"),
        id: None,
    });
    assert_eq!(house.next(), [("due at 5000".to_owned(), DUE)]);
    assert_eq!(house.next(), [("new at 5000".to_owned(), 0)]);
}

#[test]
fn what_was_due_while_nobody_was_there_comes_at_once() {
    let (clock, _) = clock!(START);
    let mut store = memory();
    store.commit(vec![delay("late", 500)], 100).unwrap();
    let house = House::new(store, clock, || true);
    assert_eq!(house.next(), [("late at 1000".to_owned(), DUE)]);
}

#[test]
fn what_cannot_be_handed_on_is_due_still() {
    let (clock, now) = clock!(START);
    let mut asked = 0;
    let one_of_three = move || {
        asked += 1;
        asked % 3 == 0
    };
    let house = House::new(memory(), clock, one_of_three);
    for text in ["a", "b"] {
        house.send(delay(text, 2_000));
        house.next();
    }
    now.store(2_000, Ordering::SeqCst);
    assert_eq!(house.next(), [("a at 2000".to_owned(), DUE)]);
    assert_eq!(house.next(), [("b at 2000".to_owned(), DUE)]);
}

/// A store in which something is due, and that has no room for it.
struct NoRoom {
    told: Sender<Told>,
}

#[derive(Debug, PartialEq, Eq)]
enum Told {
    Looked,
    PruneReport,
}

impl Store for NoRoom {
    fn log_id(&self) -> &str {
        "no room"
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
    fn due(&mut self, _: u64) -> Result<Vec<Delayed>, StoreError> {
        let _ = self.told.send(Told::Looked);
        Ok(vec![Delayed {
            number: 1,
            record: NewRecord::sample("x"),
        }])
    }
    fn prune(&mut self, _: u64) -> Result<PruneReport, StoreError> {
        let _ = self.told.send(Told::PruneReport);
        Ok(PruneReport::default())
    }
    fn reader(&self) -> Result<Box<dyn StoreReader>, StoreError> {
        unreachable!("nobody reads here")
    }
}

#[test]
fn what_finds_no_room_is_tried_again_and_not_all_the_time() {
    let (clock, _) = clock!(START);
    let (told, tells) = channel();
    let house = House::new(NoRoom { told }, clock, || true);
    let (mut looked, mut pruned) = (0, 0);
    // Pruning goes by a clock of its own, and about as often as what is due is tried.
    while looked < 2 || pruned < 2 {
        match tells.recv_timeout(PATIENCE).unwrap() {
            Told::Looked => looked += 1,
            Told::PruneReport => pruned += 1,
        }
        assert!(looked <= pruned + 4, "{looked} times for {pruned}");
    }
    assert_eq!(house.next()[0].1, DUE);
}
