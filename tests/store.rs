//! What every store must do. Each behaviour runs against both stores, `model` compares them on random histories, and
//! `file` tests what only a file can do. A new store is one more `Kind`.

/// Makes a test for each store of each function.
macro_rules! behaviours {
    ($($name:ident),* $(,)?) => {
        mod memory {
            $(#[test] fn $name() { super::$name(super::Kind::Memory); })*
        }
        mod sqlite {
            $(#[test] fn $name() { super::$name(super::Kind::Sqlite); })*
        }
    };
}

mod behaviours;
mod delayed;
mod file;
mod keeping;
mod model;
mod sessions;

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use roomcat::address::{ClientName, EventName, Namespace, RoomName, Seq};
use roomcat::store::memory::MemoryStore;
use roomcat::store::owed::Reader;
use roomcat::store::sqlite::SqliteStore;
use roomcat::store::{
    LogPage, MessageHeader, NewRecord, Op, OpOutcome, PruneReport, Record, Retention, RoomInfo,
    Store, StoreReader,
};
use roomcat::wire::batch::{Audience, Framing, PublishId};
use tempfile::TempDir;

const MIB: u64 = 1024 * 1024;
const HOUR: u64 = 3600 * 1000;

/// Keeps everything.
const ALL: Retention = Retention {
    history_age: Duration::from_secs(1_000_000),
    history_bytes: 1 << 40,
    pending_age: Duration::from_secs(1_000_000),
    pending_bytes: 1 << 40,
    session_age: Duration::from_secs(1_000_000),
};
/// Keeps only what members have not got.
const NO_HISTORY: Retention = Retention {
    history_age: Duration::ZERO,
    history_bytes: 0,
    ..ALL
};

#[derive(Clone, Copy)]
enum Kind {
    Memory,
    Sqlite,
}

/// A store with its own clock, and short calls for tests.
struct TestStore {
    inner: Box<dyn Store>,
    now: u64,
    _folder: Option<TempDir>,
}

impl TestStore {
    fn new(kind: Kind, retention: Retention) -> Self {
        let (store, folder): (Box<dyn Store>, _) = match kind {
            Kind::Memory => (Box::new(MemoryStore::new(retention)), None),
            Kind::Sqlite => {
                let folder = TempDir::new().unwrap();
                let path = folder.path().join("hub.db");
                (Box::new(open(&path, retention)), Some(folder))
            }
        };
        Self::with(store, folder)
    }

    fn with(inner: Box<dyn Store>, folder: Option<TempDir>) -> Self {
        Self {
            inner,
            now: 1_000_000,
            _folder: folder,
        }
    }

    fn group(&mut self, ops: Vec<Op>) -> Vec<OpOutcome> {
        self.inner.commit(ops, self.now).unwrap()
    }

    fn op(&mut self, op: Op) -> OpOutcome {
        let outcome = self.group(vec![op]);
        let [outcome] = <[OpOutcome; 1]>::try_from(outcome).unwrap();
        outcome
    }

    fn append(&mut self, record: NewRecord) -> Record {
        match self.op(append(record)) {
            OpOutcome::Appended(record) => record,
            other => panic!("{other:?}"),
        }
    }

    fn publish(&mut self, record: NewRecord, producer: &str, counter: u64) -> OpOutcome {
        self.op(Op::Append {
            record,
            id: Some(PublishId(producer.to_owned(), counter)),
        })
    }

    /// Appends everything that is due, a group at a time, as the writer does.
    fn deliver(&mut self) -> Vec<OpOutcome> {
        let mut outcome = Vec::new();
        while self.inner.next_due().is_some_and(|due| due <= self.now) {
            let due = self.inner.due(self.now).unwrap();
            outcome.extend(self.group(due.into_iter().map(Op::Due).collect()));
        }
        outcome
    }

    fn join(&mut self, client: &str, rooms: &[&str]) {
        let outcome = self.op(join(client, rooms));
        assert_eq!(outcome, joined(client, rooms));
    }

    fn leave(&mut self, client: &str, rooms: &[&str]) {
        let outcome = self.op(leave(client, rooms));
        assert_eq!(outcome, left(client, rooms));
    }

    fn ack(&mut self, client: &str, rooms: &[&str], cursor: Seq) {
        assert_eq!(self.op(ack(client, rooms, cursor)), OpOutcome::Acked);
    }

    /// Prunes until there is nothing more to do.
    fn prune(&mut self) -> PruneReport {
        let mut sum = PruneReport::default();
        loop {
            let step = self.inner.prune(self.now).unwrap();
            sum.records += step.records;
            sum.expired += step.expired;
            if !step.more {
                return sum;
            }
        }
    }

    fn reader(&self) -> Box<dyn StoreReader> {
        self.inner.reader().unwrap()
    }

    fn page(&self, reader: &Reader, from: Seq) -> LogPage {
        self.reader()
            .page(&root(), reader, from, self.inner.head())
            .unwrap()
    }

    /// All pages, each record as its number and the index of the first message owed.
    fn read_all(&self, reader: &Reader) -> Vec<(u64, u32)> {
        let mut found = Vec::new();
        let mut from = Some(Seq::START);
        while let Some(at) = from {
            let page = self.page(reader, at);
            found.extend(page.records.iter().map(|(first, r)| (r.number, *first)));
            assert!(
                page.next.is_none_or(|next| next > at),
                "the next page starts earlier"
            );
            from = page.next;
        }
        found
    }

    fn pending(&self, reader: &Reader) -> u64 {
        self.reader()
            .pending(&root(), reader, Seq::START, self.inner.head())
            .unwrap()
    }

    fn cursors(&self, client: &str) -> Vec<(String, Seq)> {
        let members = self.inner.members().unwrap();
        let theirs = members.iter().filter(|m| m.client.as_str() == client);
        theirs.map(|m| (m.room.to_string(), m.cursor)).collect()
    }

    fn info(&self, room: &str) -> Option<RoomInfo> {
        self.reader()
            .rooms(&root(), Some(&self::room(room)))
            .unwrap()
            .pop()
    }
}

fn open(path: &Path, retention: Retention) -> SqliteStore {
    SqliteStore::open(path, retention).unwrap()
}

fn root() -> Namespace {
    Namespace::root()
}

fn room(name: &str) -> RoomName {
    RoomName::parse(name).unwrap()
}

fn rooms(names: &[&str]) -> Vec<RoomName> {
    names.iter().map(|name| room(name)).collect()
}

fn client(name: &str) -> ClientName {
    ClientName::parse(name).unwrap()
}

fn joined(name: &str, names: &[&str]) -> OpOutcome {
    OpOutcome::Joined {
        namespace: root(),
        client: client(name),
        rooms: rooms(names),
    }
}

fn left(name: &str, names: &[&str]) -> OpOutcome {
    OpOutcome::Left {
        namespace: root(),
        client: client(name),
        rooms: rooms(names),
    }
}

/// One batch of lines.
fn lines(names: &[&str], text: &str) -> NewRecord {
    NewRecord {
        header: MessageHeader {
            framing: Framing::Lines,
            count: text.lines().count() as u32,
            origin: "origin".into(),
            ..MessageHeader::new(root(), rooms(names).into(), EventName::message())
        },
        body: Bytes::copy_from_slice(text.as_bytes()),
    }
}

/// One message of this size.
fn heavy(names: &[&str], bytes: usize) -> NewRecord {
    NewRecord {
        body: Bytes::from(vec![b'x'; bytes]),
        ..lines(names, "x\n")
    }
}

fn delay(record: NewRecord, due_ms: u64) -> Op {
    let id = None;
    Op::Delay { record, id, due_ms }
}

fn append(record: NewRecord) -> Op {
    Op::Append { record, id: None }
}

fn join(name: &str, names: &[&str]) -> Op {
    Op::Join {
        namespace: root(),
        client: client(name),
        rooms: rooms(names),
    }
}

fn leave(name: &str, names: &[&str]) -> Op {
    Op::Leave {
        namespace: root(),
        client: client(name),
        rooms: rooms(names),
    }
}

fn ack(name: &str, names: &[&str], cursor: Seq) -> Op {
    Op::Ack {
        namespace: root(),
        client: client(name),
        rooms: rooms(names).into(),
        cursor,
    }
}

fn subscribe(name: Option<&str>, names: &[&str]) -> Op {
    Op::Subscribe {
        namespace: root(),
        client: name.map(client),
        rooms: rooms(names),
    }
}

/// A reader of these rooms, with these cursors.
fn reader(rooms: &[(&str, Seq)]) -> Reader {
    Reader {
        rooms: rooms.iter().map(|(name, at)| (room(name), *at)).collect(),
        ..Reader::default()
    }
}

fn from_start(names: &[&str]) -> Reader {
    let rooms: Vec<_> = names.iter().map(|name| (*name, Seq::START)).collect();
    reader(&rooms)
}
