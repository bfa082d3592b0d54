//! The store in one SQLite file: the log, who joined what and the producers, changed in the same transactions. One writer
//! connection lives here, readers have their own ([`read`]).
//!
//! What the next op depends on (head, cursors, the rooms' row numbers) is kept in memory and read back from the file
//! when a transaction fails, so memory never claims what the file does not hold.

mod commit;
mod delayed;
mod fault;
mod merge;
mod names;
mod open;
mod prune;
mod queues;
mod read;
mod rooms;
mod row;
mod sessions;
mod state;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rusqlite::Connection;

use self::fault::{Fault, fatal};
use self::prune::Sweep;
use self::state::State;
use super::delayed::Delayed;
use super::{
    Maintenance, Member, Op, OpOutcome, PruneReport, Refusal, Retention, Store, StoreError,
    StoreReader,
};
use crate::limits;

pub struct SqliteStore {
    path: PathBuf,
    conn: Connection,
    keep: Retention,
    log_id: String,
    state: State,
    sweep: Sweep,
    wal: Wal,
    /// What the clock said at the last commit.
    clock_ms: u64,
    /// Who pins most, and when that was looked up.
    culprit: Option<(u64, Refusal)>,
    /// Held as long as the store lives.
    _lock: open::Lock,
}

/// The write-ahead log, in pages.
#[derive(Default)]
struct Wal {
    /// Its length, as of the last commit.
    length: Arc<AtomicUsize>,
    /// Its length when it was last considered.
    seen: usize,
    /// What of it is in the database already: it starts over with a commit after all of it is, unless readers use it.
    moved: usize,
}

impl Wal {
    fn bytes(&self) -> usize {
        self.length.load(Ordering::Relaxed) * limits::DB_PAGE_BYTES
    }

    /// How long it may become now: little by little it stays in the part of the file that is there already, because a file
    /// that grows takes the disk twice as long to sync.
    fn allowed(&mut self) -> usize {
        let length = self.length.load(Ordering::Relaxed);
        let grown = length.saturating_sub(self.seen) * limits::DB_PAGE_BYTES;
        self.seen = length;
        if grown <= limits::SMALL_COMMIT_BYTES {
            limits::WAL_BYTES_MIN
        } else {
            limits::WAL_BYTES
        }
    }

    fn bytes_to_move(&mut self) -> usize {
        let length = self.length.load(Ordering::Relaxed);
        if length < self.moved {
            self.moved = 0;
        }
        (length - self.moved) * limits::DB_PAGE_BYTES
    }
}

impl SqliteStore {
    /// Opens the database, or makes it where there is none. `path`'s folders are made too.
    pub fn open(path: &Path, keep: Retention) -> Result<Self, StoreError> {
        let lock = open::lock(path)?;
        let mut conn = open::connect(path)?;
        let wal = Wal::default();
        let opened = open::settle(&mut conn, Arc::clone(&wal.length))
            .and_then(|()| Ok((open::log_id(&conn)?, State::load(&conn)?)));
        let (log_id, state) = opened.map_err(|error| fatal(path, error))?;
        let mut store = Self {
            path: path.to_owned(),
            sweep: Sweep::new(&state),
            conn,
            keep,
            log_id,
            state,
            wal,
            clock_ms: 0,
            culprit: None,
            _lock: lock,
        };
        store.lengthen_wal()?;
        Ok(store)
    }

    /// Makes the write-ahead log as long as it usually is, by writing and dropping so much: commits then overwrite it,
    /// which the disk syncs in half the time that a growing file takes.
    fn lengthen_wal(&mut self) -> Result<(), StoreError> {
        let bytes = limits::WAL_BYTES_MIN;
        let written = self.conn.execute_batch(&format!(
            "DROP TABLE IF EXISTS padding;
             BEGIN; CREATE TABLE padding (body BLOB); INSERT INTO padding VALUES (zeroblob({bytes})); COMMIT;
             DROP TABLE padding;"
        ));
        match written.map_err(|error| Fault::of(&self.path, error)) {
            Ok(()) => self.restart_log(),
            // The first publish will be told.
            Err(Fault::NoRoom(_)) => self.roll_back(),
            Err(Fault::Fatal(error)) => Err(error),
        }
    }

    /// Ends an unfinished transaction and forgets what it had changed.
    fn roll_back(&mut self) -> Result<(), StoreError> {
        // SQLite rolls back by itself after some errors.
        let rolled_back = if self.conn.is_autocommit() {
            Ok(())
        } else {
            self.conn.execute_batch("ROLLBACK")
        };
        let state = rolled_back.and_then(|()| State::load(&self.conn));
        self.state = state.map_err(|error| fatal(&self.path, error))?;
        Ok(())
    }

    fn checkpoint(&mut self, mode: &str) -> Result<(), StoreError> {
        let sql = format!("PRAGMA wal_checkpoint({mode})");
        let moved = self.conn.query_row(&sql, [], |row| row.get::<_, i64>(2));
        match moved.map_err(|error| Fault::of(&self.path, error)) {
            // Negative: the file has no write-ahead log.
            Ok(pages) => self.wal.moved = usize::try_from(pages).unwrap_or(0),
            // The log stays as it is: everything in it is durable, only longer than it should be.
            Err(Fault::NoRoom(_)) => self.wal.moved = self.wal.length.load(Ordering::Relaxed),
            Err(Fault::Fatal(error)) => return Err(error),
        }
        Ok(())
    }

    /// A checkpoint that waits a moment for readers, because the log starts over only when none uses it.
    fn restart_log(&mut self) -> Result<(), StoreError> {
        self.wait_for_others(limits::WAL_RESTART_WAIT)?;
        let done = self.checkpoint("RESTART");
        self.wait_for_others(limits::DB_BUSY_WAIT)?;
        done
    }

    fn wait_for_others(&self, longest: Duration) -> Result<(), StoreError> {
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

    fn due(&mut self, now_ms: u64) -> Result<Vec<Delayed>, StoreError> {
        let due = delayed::due(&self.conn, now_ms).and_then(|due| {
            if due.is_empty() {
                // Somebody else took out what was the first: the file says what is.
                self.state.delayed = delayed::crowd(&self.conn)?;
            }
            Ok(due)
        });
        due.map_err(|error| fatal(&self.path, error))
    }

    fn prune(&mut self, now_ms: u64) -> Result<PruneReport, StoreError> {
        self.prune_step(now_ms)
    }

    fn maintain(&mut self, when: Maintenance) -> Result<(), StoreError> {
        let waiting = self.wal.bytes_to_move();
        let allowed = self.wal.allowed();
        match when {
            Maintenance::Closing => self.checkpoint("TRUNCATE"),
            Maintenance::AfterCommit if waiting < allowed => Ok(()),
            Maintenance::Idle if waiting == 0 => Ok(()),
            _ if self.wal.bytes() >= limits::WAL_BYTES_MAX => self.restart_log(),
            _ => self.checkpoint("PASSIVE"),
        }
    }

    fn reader(&self) -> Result<Box<dyn StoreReader>, StoreError> {
        Ok(Box::new(read::SqliteReader::new(self.path.clone())))
    }
}
