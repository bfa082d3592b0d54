//! What every store does. Each behaviour runs against both of them; `model` compares them on random histories, and
//! `file` holds what only a file can do.

/// Each function becomes a test of either store.
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

/// Everything is kept.
const ALL: Retention = Retention {
    history_age: Duration::from_secs(1_000_000),
    history_bytes: 1 << 40,
    pending_age: Duration::from_secs(1_000_000),
    pending_bytes: 1 << 40,
    session_age: Duration::from_secs(1_000_000),
};
/// Nothing is kept that no member still has to get.
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

/// A store with a clock of its own and short words for what tests ask.
struct Bench {
    store: Box<dyn Store>,
    now: u64,
    _folder: Option<TempDir>,
}

impl Bench {
    fn new(kind: Kind, keep: Retention) -> Self {
        let (store, folder): (Box<dyn Store>, _) = match kind {
            Kind::Memory => (Box::new(MemoryStore::new(keep)), None),
            Kind::Sqlite => {
                let folder = TempDir::new().unwrap();
                let path = folder.path().join("hub.db");
                (Box::new(open(&path, keep)), Some(folder))
            }
        };
        Self::with(store, folder)
    }

    fn with(store: Box<dyn Store>, folder: Option<TempDir>) -> Self {
        Self {
            store,
            now: 1_000_000,
            _folder: folder,
        }
    }

    fn group(&mut self, ops: Vec<Op>) -> Vec<OpOutcome> {
        self.store.commit(ops, self.now).unwrap()
    }

    fn op(&mut self, op: Op) -> OpOutcome {
        let done = self.group(vec![op]);
        let [done] = <[OpOutcome; 1]>::try_from(done).unwrap();
        done
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

    /// As the writer does: everything that is due by now, a group at a time.
    fn deliver(&mut self) -> Vec<OpOutcome> {
        let mut done = Vec::new();
        while self.store.next_due().is_some_and(|due| due <= self.now) {
            let due = self.store.due(self.now).unwrap();
            done.extend(self.group(due.into_iter().map(Op::Due).collect()));
        }
        done
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

    /// Until there is nothing more to look at.
    fn prune(&mut self) -> PruneReport {
        let mut sum = PruneReport::default();
        loop {
            let step = self.store.prune(self.now).unwrap();
            sum.records += step.records;
            sum.expired += step.expired;
            if !step.more {
                return sum;
            }
        }
    }

    fn reader(&self) -> Box<dyn StoreReader> {
        self.store.reader().unwrap()
    }

    fn page(&self, reader: &Reader, from: Seq) -> LogPage {
        self.reader()
            .page(&root(), reader, from, self.store.head())
            .unwrap()
    }

    /// Every page, as (number, first index) of what it holds.
    fn read_all(&self, reader: &Reader) -> Vec<(u64, u32)> {
        let mut found = Vec::new();
        let mut from = Some(Seq::START);
        while let Some(at) = from {
            let page = self.page(reader, at);
            found.extend(page.records.iter().map(|(first, r)| (r.number, *first)));
            assert!(page.next.is_none_or(|next| next > at), "it does not go on");
            from = page.next;
        }
        found
    }

    fn pending(&self, reader: &Reader) -> u64 {
        self.reader()
            .pending(&root(), reader, Seq::START, self.store.head())
            .unwrap()
    }

    fn cursors(&self, client: &str) -> Vec<(String, Seq)> {
        let members = self.store.members().unwrap();
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

fn open(path: &Path, keep: Retention) -> SqliteStore {
    SqliteStore::open(path, keep).unwrap()
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

/// One message of so many bytes.
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

/// Whoever reads these rooms, from these places on.
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
