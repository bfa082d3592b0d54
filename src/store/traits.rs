//! The interface of a store: a writer that commits groups of ops, and readers beside it. Every store implements these
//! two traits and passes the same tests.

use std::sync::Arc;

use super::delayed::DelayedRecord;
use super::error::StoreError;
use super::membership::{Member, Memberships};
use super::message::Record;
use super::names::NameQuery;
use super::op::{Op, OpOutcome};
use super::owed::Reader;
use super::queues::PendingQueues;
use super::retention::PruneReport;
use crate::address::{ClientName, Namespace, RoomName, Seq};

/// The writer's half of a store.
pub trait Store: Send {
    /// Random for each database. A client that resumes with another log id gets a `gap` event.
    fn log_id(&self) -> &str;
    /// The number of the last record ever appended, 0 before the first.
    fn head(&self) -> u64;
    fn members(&self) -> Result<Vec<Member>, StoreError>;
    /// Does the ops in order, in one durable transaction. After an error the store cannot be used any more.
    fn commit(&mut self, ops: Vec<Op>, now_ms: u64) -> Result<Vec<OpOutcome>, StoreError>;
    /// When the first delayed record is due, milliseconds since 1970.
    fn next_due(&self) -> Option<u64>;
    /// The delayed records that are due, as many as fit one commit: by their time, then in the order of publishing.
    fn due(&mut self, now_ms: u64) -> Result<Vec<DelayedRecord>, StoreError>;
    /// One bounded step of pruning: deletes records that neither members nor history want, old producers and old sessions.
    fn prune(&mut self, now_ms: u64) -> Result<PruneReport, StoreError>;
    /// Background work that nobody waits for.
    fn maintain(&mut self, _when: Maintenance) -> Result<(), StoreError> {
        Ok(())
    }
    /// A reader of everything committed, for another thread.
    fn reader(&self) -> Result<Box<dyn StoreReader>, StoreError>;
}

/// When a store gets the chance to do maintenance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Maintenance {
    /// After a commit whose outcomes were reported, or after a step of pruning.
    AfterCommit,
    /// Nothing waits.
    Idle,
    /// The store is closed next.
    Closing,
}

/// A reader's half of a store. It sees a commit as soon as [`Store::commit`] has returned.
pub trait StoreReader: Send {
    /// The records `from..=upto` that the reader is owed, ascending. A page ends after `limits::PAGE_BYTES` (but holds at
    /// least one record), `limits::PAGE_RECORDS` or `limits::PAGE_LOOKED_AT` records examined.
    fn page(
        &mut self,
        namespace: &Namespace,
        reader: &Reader,
        from: Seq,
        upto: u64,
    ) -> Result<LogPage, StoreError>;
    /// How many messages all pages of `from..=upto` hold.
    fn pending(
        &mut self,
        namespace: &Namespace,
        reader: &Reader,
        from: Seq,
        upto: u64,
    ) -> Result<u64, StoreError>;
    /// The first of the last `n` messages in the reader's rooms, whatever its cursors. The first message of all if there are
    /// fewer; the place after `upto` if there is none.
    fn seq_of_last(
        &mut self,
        namespace: &Namespace,
        reader: &Reader,
        n: u64,
        upto: u64,
    ) -> Result<Seq, StoreError>;
    /// The first message at or after a time. If records of that time were pruned, a place before them, so that `page`
    /// reports the gap.
    fn seq_at(&mut self, at_ms: u64) -> Result<Seq, StoreError>;
    /// The sid of the session with this pid, if it is of that client and was not lost at `lost_by_ms` or before.
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
    /// Names that have messages or members, sorted, at most `limits::NAMES_LISTED`.
    fn names(
        &mut self,
        namespace: &Namespace,
        query: &NameQuery,
    ) -> Result<Vec<String>, StoreError>;
    /// The pending queues of one member or of all, by name and room, at most `limits::QUEUES_LISTED`.
    fn queues(
        &mut self,
        namespace: &Namespace,
        client: Option<&ClientName>,
    ) -> Result<PendingQueues, StoreError>;
    /// A client's memberships with their cursors.
    fn memberships(
        &mut self,
        namespace: &Namespace,
        client: &ClientName,
    ) -> Result<Memberships, StoreError>;
}

/// A part of the log, as one reader sees it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogPage {
    /// The records owed, each with the index of the first message owed.
    pub records: Vec<(u32, Record)>,
    /// Where the next page starts; None if this one reached `upto`.
    pub next: Option<Seq>,
    /// Between these two places the reader missed messages: they were pruned.
    pub gap: Option<(Seq, Seq)>,
}

/// One room as `rooms` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomInfo {
    pub room: RoomName,
    /// Messages in the log.
    pub messages: u64,
    pub last_ms: Option<u64>,
    /// Each member with its pending messages in this room, by name.
    pub members: Vec<(ClientName, u64)>,
}
