//! The durable log with cursors: what was published, who joined what, and how far each member has read.
//!
//! One writer commits groups of [`Op`]s in order ([`writer`]); readers stand beside it. Knows nothing of sockets,
//! sessions or tasks: whoever asked is a tag that travels with the op.

pub mod database;
pub mod delayed;
mod members;
pub mod memory;
pub mod names;
pub mod owed;
pub mod queues;
pub mod readers;
pub mod sessions;
pub mod sqlite;
pub mod writer;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::address::{ClientName, EventName, Namespace, RoomName, Seq};
use crate::limits;
use crate::wire::batch::{Audience, Framing, PublishId};
use delayed::{Delayed, DelayedQueueFull};
use names::NameQuery;
pub use owed::{Reader, owed};
use queues::{Memberships, PendingQueues};
use sessions::{OpenedSession, SessionOp};

/// What is known of a message, or of a batch of them, beside its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageHeader {
    pub namespace: Namespace,
    /// At least one; the empty room is the whole namespace. No room twice.
    pub rooms: Arc<[RoomName]>,
    /// Whoever is in one of these is skipped, judged at delivery.
    pub except: Arc<[RoomName]>,
    pub audience: Audience,
    pub event: EventName,
    pub framing: Framing,
    pub json: bool,
    /// Messages in the body, at least one.
    pub count: u32,
    pub from: Option<ClientName>,
    /// The sid of the socket that published it.
    pub origin: Arc<str>,
    /// The room that answers go to, when the sender asks for any.
    pub reply: Option<RoomName>,
}

/// A record before the store gave it its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRecord {
    pub header: MessageHeader,
    pub body: Bytes,
}

impl NewRecord {
    /// One message to a whole namespace, as tests have it.
    #[cfg(test)]
    pub fn sample(body: impl Into<Bytes>) -> Self {
        let header = MessageHeader {
            namespace: Namespace::root(),
            rooms: Arc::new([RoomName::whole_namespace()]),
            except: Arc::new([]),
            audience: Audience::All,
            event: EventName::message(),
            framing: Framing::Lines,
            json: false,
            count: 1,
            from: None,
            origin: "s".into(),
            reply: None,
        };
        Self {
            header,
            body: body.into(),
        }
    }

    /// What it counts for where bytes of the log are bounded.
    pub fn weight(&self) -> u64 {
        weight(self.body.len())
    }
}

fn weight(body_bytes: usize) -> u64 {
    (body_bytes + limits::RECORD_OVERHEAD) as u64
}

/// What the log stores. Numbers ascend from 1; gaps are legal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub number: u64,
    /// Milliseconds since 1970 (UTC); never less than an earlier record's.
    pub at_ms: u64,
    pub header: MessageHeader,
    pub body: Bytes,
}

/// One thing to do, in its place in the order of all things.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    Append {
        record: NewRecord,
        id: Option<PublishId>,
    },
    /// What is appended when `due_ms` (milliseconds since 1970) has come, and until then waits beside the log; the id is
    /// used now. When it has come already and nothing waits that is to come before it, it is appended.
    Delay {
        record: NewRecord,
        id: Option<PublishId>,
        due_ms: u64,
    },
    /// What [`Store::due`] gave waits no longer, and is appended. It has had its place: nothing refuses it but the disk.
    Due(Delayed),
    /// Makes `client` a member, from now, of those rooms it is not a member of yet.
    Join {
        namespace: Namespace,
        client: ClientName,
        rooms: Vec<RoomName>,
    },
    /// Ends memberships; what was pending in them is no longer owed.
    Leave {
        namespace: Namespace,
        client: ClientName,
        rooms: Vec<RoomName>,
    },
    /// What a subscription needs to know at one point of the order. With a client: joins `rooms` (or takes every room it
    /// joined, when `rooms` is empty) and answers its cursors. Without: every cursor is "from now".
    Subscribe {
        namespace: Namespace,
        client: Option<ClientName>,
        rooms: Vec<RoomName>,
    },
    /// Everything before `cursor` is acknowledged in these rooms. Cursors never move back nor beyond the head; rooms not
    /// joined are passed over.
    Ack {
        namespace: Namespace,
        client: ClientName,
        rooms: Arc<[RoomName]>,
        cursor: Seq,
    },
    /// Gives up what waits before `cursor` for a member in these of its rooms, or in all of them when none is named.
    Purge {
        namespace: Namespace,
        client: ClientName,
        rooms: Vec<RoomName>,
        cursor: Seq,
    },
    /// Of a socket that may come back.
    Session(SessionOp),
    /// Changes nothing; takes its place in the order (live joins, for instance).
    Noop,
}

/// What became of an [`Op`], as committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OpOutcome {
    Appended(Record),
    /// It waits; `count` messages.
    Delayed {
        due_ms: u64,
        count: u32,
    },
    /// The producer's counter was used before: nothing was stored. `first` is known for its latest publish, unless that
    /// was for later.
    Duplicate {
        first: Option<Seq>,
    },
    /// All the rooms asked for, members before or not.
    Joined,
    Left,
    /// `rooms` with the cursor of each: the first seq not yet acknowledged. `joined`: every room the client is a member
    /// of. `head`: the number of the last record in the order before this op (0: none yet).
    Subscribed {
        rooms: Vec<(RoomName, Seq)>,
        joined: Vec<RoomName>,
        head: u64,
    },
    Acked,
    /// The rooms that the member is in of those named, and the place that its cursors stand at now, or behind it.
    Purged {
        rooms: Vec<RoomName>,
        cursor: Seq,
    },
    /// None: so many are remembered that there is no place for one more.
    SessionOpened(Option<OpenedSession>),
    Noop,
    Refused(Refusal),
}

/// Why an op was not done. Nothing was stored and no producer number was used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the next number of this producer is {expected}")]
    OutOfOrder { expected: u64 },
    /// `--keep-pending` is reached by what members still have to get.
    #[error(
        "the pending queue is full ({limit} bytes); \"{client}\" in room \"{room}\" of {namespace} holds more of it than any other ({bytes} bytes)"
    )]
    Full {
        limit: u64,
        namespace: Namespace,
        client: ClientName,
        room: RoomName,
        bytes: u64,
    },
    #[error(transparent)]
    DelayedQueueFull(DelayedQueueFull),
    /// The disk, or a file-size limit.
    #[error("the disk is full: {reason}")]
    Disk { reason: String },
}

/// How long and how much is kept (`--keep`, `--keep-pending`). A record is kept while history or a member wants it;
/// `pending_age` ends what members want, and `pending_bytes` bounds the sum: history yields first, then publishes are
/// refused. `session_age`: how long a socket that lost its connection may come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    pub history_age: Duration,
    pub history_bytes: u64,
    pub pending_age: Duration,
    pub pending_bytes: u64,
    pub session_age: Duration,
}

impl Retention {
    /// Whether history wants a record of this time, when the log from it to its end weighs `tail` bytes.
    fn history_wants(&self, at_ms: u64, tail: u64, now_ms: u64) -> bool {
        !past(at_ms, self.history_age, now_ms) && tail <= self.history_bytes
    }

    fn expired(&self, at_ms: u64, now_ms: u64) -> bool {
        past(at_ms, self.pending_age, now_ms)
    }
}

fn past(at_ms: u64, age: Duration, now_ms: u64) -> bool {
    u128::from(at_ms) + age.as_millis() <= u128::from(now_ms)
}

/// What one step of pruning did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PruneReport {
    pub records: u64,
    /// Messages, counted once per member that still had to get them, that went because `pending_age` had passed.
    pub expired: u64,
    /// There is more to look at now.
    pub more: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    pub namespace: Namespace,
    pub client: ClientName,
    pub room: RoomName,
    pub cursor: Seq,
}

/// A stretch of the log for one reader.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogPage {
    /// Only what is owed, each with the index of the first message owed.
    pub records: Vec<(u32, Record)>,
    /// Everything before this was looked at; the next page starts here.
    pub next: Option<Seq>,
    /// Some of what lay between these was pruned before it was read.
    pub gap: Option<(Seq, Seq)>,
}

/// One room as `rooms` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomInfo {
    pub room: RoomName,
    /// Messages in the log.
    pub messages: u64,
    pub last_ms: Option<u64>,
    /// Each member with what is pending for it here, by name.
    pub members: Vec<(ClientName, u64)>,
}

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("{path} is not a roomcat database: {reason}")]
    Foreign { path: PathBuf, reason: String },
    #[error("{path} is damaged: {reason}")]
    Damaged { path: PathBuf, reason: String },
    #[error("{path} was written by a newer roomcat (schema {found}; this one knows {known})")]
    Newer {
        path: PathBuf,
        found: i64,
        known: i64,
    },
    #[error("{path} is held by another hub")]
    Held { path: PathBuf },
    #[error("{path} cannot be written: {reason}")]
    ReadOnly { path: PathBuf, reason: String },
    /// What was not confirmed may be on disk or not; the handle is not used again.
    #[error("the disk failed to make {path} durable: {reason}")]
    Sync { path: PathBuf, reason: String },
    #[error("{path}: {reason}")]
    Io { path: PathBuf, reason: String },
}

/// When a store is asked to maintain up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Maintenance {
    /// After a commit whose outcome was told, or a step of pruning.
    AfterCommit,
    /// Nothing waits.
    Idle,
    /// The store is closed next.
    Closing,
}

fn new_log_id() -> String {
    let mut bytes = [0; 12];
    getrandom::fill(&mut bytes).expect("the system has randomness");
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What a reader missed, when for each room the place behind the highest record pruned there is known.
fn gap(reader: &Reader, pruned_to: impl Fn(&RoomName) -> Option<Seq>) -> Option<(Seq, Seq)> {
    let missed = reader.rooms.iter().filter_map(|(room, cursor)| {
        let end = pruned_to(room)?;
        (*cursor < end).then_some((*cursor, Seq::after_record(end.record)))
    });
    missed.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
}

/// The writer's half of a store.
pub trait Store: Send {
    /// Random per database; a client that resumes against another log is told so.
    fn log_id(&self) -> &str;
    /// The number of the last record ever given, 0 before the first.
    fn head(&self) -> u64;
    fn members(&self) -> Result<Vec<Member>, StoreError>;
    /// Does the ops in order, in one durable transaction. An error means that the store is of no more use.
    fn commit(&mut self, ops: Vec<Op>, now_ms: u64) -> Result<Vec<OpOutcome>, StoreError>;
    /// When the first that waits is due, milliseconds since 1970.
    fn next_due(&self) -> Option<u64>;
    /// What is due by then, as it fits a group: in the order of when it was due, and then of when it was taken.
    fn due(&mut self, now_ms: u64) -> Result<Vec<Delayed>, StoreError>;
    /// One bounded step: forgets what neither members nor history want, and producers past their time.
    fn prune(&mut self, now_ms: u64) -> Result<PruneReport, StoreError>;
    /// Work that is no part of a commit and that nobody waits for.
    fn maintain(&mut self, _when: Maintenance) -> Result<(), StoreError> {
        Ok(())
    }
    /// A reader of everything committed, for another thread.
    fn reader(&self) -> Result<Box<dyn StoreReader>, StoreError>;
}

/// A reader's half: sees each commit as soon as `commit` has returned.
pub trait StoreReader: Send {
    /// Records `from..=upto` in the reader's rooms, ascending, at most `limits::PAGE_BYTES` (but at least one record) and
    /// `limits::PAGE_RECORDS`, out of at most `limits::PAGE_LOOKED_AT`. `next` is None when everything up to `upto` was looked at.
    fn page(
        &mut self,
        namespace: &Namespace,
        reader: &Reader,
        from: Seq,
        upto: u64,
    ) -> Result<LogPage, StoreError>;
    /// How many messages `page` would give in all.
    fn pending(
        &mut self,
        namespace: &Namespace,
        reader: &Reader,
        from: Seq,
        upto: u64,
    ) -> Result<u64, StoreError>;
    /// Where the last `n` messages of the reader's rooms begin, its cursors not considered: the first one there is when
    /// there are fewer, behind `upto` when there is none.
    fn seq_of_last(
        &mut self,
        namespace: &Namespace,
        reader: &Reader,
        n: u64,
        upto: u64,
    ) -> Result<Seq, StoreError>;
    /// The first place at or after a time. When something of that time on was pruned, the place is before that, so that
    /// `page` reports the gap.
    fn seq_at(&mut self, at_ms: u64) -> Result<Seq, StoreError>;
    /// The sid of a session that its own client shows, unless it was lost at that time or before.
    fn sid_of(
        &mut self,
        pid: &str,
        namespace: &Namespace,
        client: Option<&ClientName>,
        lost_by_ms: u64,
    ) -> Result<Option<Arc<str>>, StoreError>;
    /// One room, or every room that has messages or members, by name.
    fn rooms(
        &mut self,
        namespace: &Namespace,
        room: Option<&RoomName>,
    ) -> Result<Vec<RoomInfo>, StoreError>;
    /// Names of what has messages or members, sorted, at most `limits::NAMES_LISTED`.
    fn names(
        &mut self,
        namespace: &Namespace,
        sought: &NameQuery,
    ) -> Result<Vec<String>, StoreError>;
    /// What waits for one member or for all, by name and room, at most `limits::QUEUES_LISTED`.
    fn queues(
        &mut self,
        namespace: &Namespace,
        client: Option<&ClientName>,
    ) -> Result<PendingQueues, StoreError>;
    /// Where a member stands in the rooms that it joined.
    fn memberships(
        &mut self,
        namespace: &Namespace,
        client: &ClientName,
    ) -> Result<Memberships, StoreError>;
}
