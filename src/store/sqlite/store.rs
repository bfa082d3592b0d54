//! The writer's half of the SQLite store.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;

use super::fault::{Fault, fatal};
use super::read::SqliteReader;
use super::state::WriterState;
use super::sweep::Sweep;
use super::wal::Wal;
use super::{delayed_rows, open};
use crate::limits;
use crate::store::delayed::DelayedRecord;
use crate::store::error::StoreError;
use crate::store::membership::Member;
use crate::store::op::{Op, OpOutcome, Refusal};
use crate::store::retention::{PruneReport, Retention};
use crate::store::traits::{Maintenance, Store, StoreReader};

pub struct SqliteStore {
    pub(super) path: PathBuf,
    pub(super) conn: Connection,
    pub(super) retention: Retention,
    log_id: String,
    pub(super) state: WriterState,
    pub(super) sweep: Sweep,
    wal: Wal,
    /// The clock at the last commit.
    pub(super) clock_ms: u64,
    /// The refusal that names the largest pending queue, and when it was looked up.
    pub(super) largest_pending: Option<(u64, Refusal)>,
    /// Held as long as the store lives.
    _lock: open::DatabaseLock,
}

impl SqliteStore {
    /// Opens the database, or creates it and its folders.
    pub fn open(path: &Path, retention: Retention) -> Result<Self, StoreError> {
        let lock = open::lock(path)?;
        let mut conn = open::connect(path)?;
        let wal = Wal::default();
        let opened = open::configure_writer(&mut conn, wal.length())
            .and_then(|()| Ok((open::log_id(&conn)?, WriterState::load(&conn)?)));
        let (log_id, state) = opened.map_err(|error| fatal(path, error))?;
        let mut store = Self {
            path: path.to_owned(),
            sweep: Sweep::new(&state.members),
            conn,
            retention,
            log_id,
            state,
            wal,
            clock_ms: 0,
            largest_pending: None,
            _lock: lock,
        };
        store.extend_wal()?;
        Ok(store)
    }

    /// Makes the write-ahead log as long as it usually is, by writing and dropping that much. Commits then overwrite it,
    /// which the disk syncs in half the time that a growing file takes.
    fn extend_wal(&mut self) -> Result<(), StoreError> {
        let bytes = limits::WAL_BYTES_MIN;
        let written = self.conn.execute_batch(&format!(
            "DROP TABLE IF EXISTS padding;
             BEGIN; CREATE TABLE padding (body BLOB); INSERT INTO padding VALUES (zeroblob({bytes})); COMMIT;
             DROP TABLE padding;"
        ));
        match written.map_err(|error| Fault::of(&self.path, error)) {
            Ok(()) => self.restart_wal(),
            // The first publish reports it.
            Err(Fault::NoSpace(_)) => self.roll_back(),
            Err(Fault::Fatal(error)) => Err(error),
        }
    }

    /// Ends an unfinished transaction, and drops its changes from memory too.
    pub(super) fn roll_back(&mut self) -> Result<(), StoreError> {
        // SQLite rolls back by itself after some errors.
        let rolled_back = if self.conn.is_autocommit() {
            Ok(())
        } else {
            self.conn.execute_batch("ROLLBACK")
        };
        let state = rolled_back.and_then(|()| WriterState::load(&self.conn));
        self.state = state.map_err(|error| fatal(&self.path, error))?;
        Ok(())
    }

    fn checkpoint(&mut self, mode: &str) -> Result<(), StoreError> {
        let sql = format!("PRAGMA wal_checkpoint({mode})");
        let moved = self.conn.query_row(&sql, [], |row| row.get::<_, i64>(2));
        match moved.map_err(|error| Fault::of(&self.path, error)) {
            // Negative: the file has no write-ahead log.
            Ok(pages) => self.wal.set_moved(usize::try_from(pages).unwrap_or(0)),
            // Everything in the log is durable; it is only longer than it should be.
            Err(Fault::NoSpace(_)) => self.wal.set_all_moved(),
            Err(Fault::Fatal(error)) => return Err(error),
        }
        Ok(())
    }

    /// A checkpoint that waits a moment for readers: the log is reused from its start only when no reader uses it.
    pub(super) fn restart_wal(&mut self) -> Result<(), StoreError> {
        self.set_busy_wait(limits::WAL_RESTART_WAIT)?;
        let done = self.checkpoint("RESTART");
        self.set_busy_wait(limits::DB_BUSY_WAIT)?;
        done
    }

    fn set_busy_wait(&self, longest: Duration) -> Result<(), StoreError> {
        let set = self.conn.busy_timeout(longest);
        set.map_err(|error| fatal(&self.path, error))
    }
}

impl Store for SqliteStore {
    fn log_id(&self) -> &str {
        &self.log_id
    }

    fn head(&self) -> u64 {
        self.state.head
    }

    fn members(&self) -> Result<Vec<Member>, StoreError> {
        Ok(self.state.members.all())
    }

    fn commit(&mut self, ops: Vec<Op>, now_ms: u64) -> Result<Vec<OpOutcome>, StoreError> {
        self.commit_group(ops, now_ms)
    }

    fn next_due(&self) -> Option<u64> {
        self.state.delayed.next_due_ms
    }

    fn due(&mut self, now_ms: u64) -> Result<Vec<DelayedRecord>, StoreError> {
        let due = delayed_rows::due(&self.conn, now_ms).and_then(|due| {
            if due.is_empty() {
                // Another program deleted the first row: count what is in the file.
                self.state.delayed = delayed_rows::usage(&self.conn)?;
            }
            Ok(due)
        });
        due.map_err(|error| fatal(&self.path, error))
    }

    fn prune(&mut self, now_ms: u64) -> Result<PruneReport, StoreError> {
        self.prune_history(now_ms)
    }

    fn maintain(&mut self, when: Maintenance) -> Result<(), StoreError> {
        let waiting = self.wal.bytes_to_move();
        let allowed = self.wal.bytes_allowed();
        match when {
            Maintenance::Closing => self.checkpoint("TRUNCATE"),
            Maintenance::AfterCommit if waiting < allowed => Ok(()),
            Maintenance::Idle if waiting == 0 => Ok(()),
            _ if self.wal.bytes() >= limits::WAL_BYTES_MAX => self.restart_wal(),
            _ => self.checkpoint("PASSIVE"),
        }
    }

    fn reader(&self) -> Result<Box<dyn StoreReader>, StoreError> {
        Ok(Box::new(SqliteReader::new(self.path.clone())))
    }
}
