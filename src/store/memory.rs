//! The store in memory (`--db :memory:`): the reference that SQLite is compared with. Simple rather than fast, and gone when
//! the hub stops.

mod delayed;
mod reader;
mod sessions;
mod state;

use std::sync::{Arc, Mutex};

use self::reader::MemoryReader;
use self::state::{MemoryState, lock};
use super::delayed::DelayedRecord;
use super::error::StoreError;
use super::log_id;
use super::membership::Member;
use super::op::{Op, OpOutcome};
use super::retention::{HistoryPolicy, PruneReport, Retention};
use super::traits::{Store, StoreReader};

pub struct MemoryStore {
    log_id: String,
    state: Arc<Mutex<MemoryState>>,
}

impl MemoryStore {
    pub fn new(retention: Retention) -> Self {
        Self {
            log_id: log_id::random(),
            state: Arc::new(Mutex::new(MemoryState::new(retention))),
        }
    }
}

impl Store for MemoryStore {
    fn log_id(&self) -> &str {
        &self.log_id
    }

    fn head(&self) -> u64 {
        lock(&self.state).head
    }

    fn members(&self) -> Result<Vec<Member>, StoreError> {
        Ok(lock(&self.state).members.all())
    }

    fn commit(&mut self, ops: Vec<Op>, now_ms: u64) -> Result<Vec<OpOutcome>, StoreError> {
        Ok(lock(&self.state).commit(ops, now_ms))
    }

    fn next_due(&self) -> Option<u64> {
        lock(&self.state).delayed.usage.next_due_ms
    }

    fn due(&mut self, now_ms: u64) -> Result<Vec<DelayedRecord>, StoreError> {
        Ok(lock(&self.state).delayed.due(now_ms))
    }

    fn prune(&mut self, now_ms: u64) -> Result<PruneReport, StoreError> {
        let mut state = lock(&self.state);
        let now_ms = now_ms.max(state.last_ms);
        state.forget_producers_and_sessions(now_ms);
        Ok(state.prune(now_ms, HistoryPolicy::Respect))
    }

    fn reader(&self) -> Result<Box<dyn StoreReader>, StoreError> {
        Ok(Box::new(MemoryReader::new(Arc::clone(&self.state))))
    }
}
