//! Opening the file: whose it is, whether it is sound, its schema and its lock. Never writes to a file that is not ours.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, Result};

use super::fault::fatal;
use crate::limits;
use crate::store::{StoreError, new_log_id};

/// `room` and 1: in the file's header, so that `file(1)` and we know our own.
const APPLICATION_ID: i64 = 0x726f_6f6d;
/// What takes a database from each version to the next; its version is how many of them it has seen.
const MIGRATIONS: [&str; 4] = [
    include_str!("schema.sql"),
    include_str!("sessions.sql"),
    include_str!("replies.sql"),
    include_str!("delayed.sql"),
];
/// What each migration adds.
const TABLES: [&[&str]; 4] = [
    &["log", "log_rooms", "members", "meta", "producers", "rooms"],
    &["sessions", "session_rooms"],
    &[],
    &["delayed"],
];

const MAGIC: &[u8; 16] = b"SQLite format 3\0";
/// Where the header of an SQLite file holds the application id (SQLite "Database File Format", 1.3).
const APPLICATION_ID_AT: usize = 68;
const HEADER_BYTES: usize = 100;

/// Messages are private: owner only.
const MODE: u32 = 0o600;

/// The database is this process's own for as long as this lives.
pub(super) struct Lock(File);

impl Drop for Lock {
    /// In so many words: a child that is about to become another program has the file open too, and to close ours alone
    /// would leave the lock to it for a moment.
    fn drop(&mut self) {
        let _ = self.0.unlock();
    }
}

/// Takes the database for this process. The lock file stays when we go: to remove it would let two hubs lock two files.
pub(super) fn lock(path: &Path) -> Result<Lock, StoreError> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|error| unwritable(path, &error))?;
    }
    let mut beside = path.as_os_str().to_owned();
    beside.push(".lock");
    let file = OpenOptions::new()
        .create(true)
        .append(true)
        .mode(MODE)
        .open(PathBuf::from(beside))
        .map_err(|error| unwritable(path, &error))?;
    match file.try_lock() {
        Ok(()) => Ok(Lock(file)),
        Err(TryLockError::WouldBlock) => Err(StoreError::Held {
            path: path.to_owned(),
        }),
        Err(TryLockError::Error(error)) => Err(unwritable(path, &error)),
    }
}

fn unwritable(path: &Path, error: &io::Error) -> StoreError {
    StoreError::ReadOnly {
        path: path.to_owned(),
        reason: error.to_string(),
    }
}

/// The writer's connection, to a file that is ours, sound as far as a glance tells, and of the schema we know.
pub(super) fn connect(path: &Path) -> Result<Connection, StoreError> {
    let file = OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .mode(MODE)
        .open(path)
        .map_err(|error| unwritable(path, &error))?;
    let whose = whose(path, file)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut conn =
        Connection::open_with_flags(path, flags).map_err(|error| unopened(path, error))?;
    let checked = match whose {
        Whose::Ours => check(&conn, path),
        Whose::Nobodys => check_unused(&conn, path),
    };
    checked?;
    migrate(&mut conn).map_err(|error| unopened(path, error))?;
    Ok(conn)
}

enum Whose {
    Ours,
    /// Empty, or an SQLite file without an owner.
    Nobodys,
}

/// Reads the header as bytes: SQLite itself would already make files beside a database that it opens.
fn whose(path: &Path, file: File) -> Result<Whose, StoreError> {
    let mut header = Vec::with_capacity(HEADER_BYTES);
    file.take(HEADER_BYTES as u64)
        .read_to_end(&mut header)
        .map_err(|error| StoreError::Io {
            path: path.to_owned(),
            reason: error.to_string(),
        })?;
    if header.is_empty() {
        return Ok(Whose::Nobodys);
    }
    let foreign = |reason: &str| StoreError::Foreign {
        path: path.to_owned(),
        reason: reason.to_owned(),
    };
    if !header.starts_with(MAGIC) {
        return Err(foreign("it is not an SQLite file"));
    }
    let id = header
        .get(APPLICATION_ID_AT..)
        .and_then(|rest| rest.first_chunk())
        .map(|bytes| i64::from(u32::from_be_bytes(*bytes)));
    match id {
        Some(APPLICATION_ID) => Ok(Whose::Ours),
        Some(0) => Ok(Whose::Nobodys),
        Some(_) => Err(foreign("it is another program's SQLite file")),
        None => Err(StoreError::Damaged {
            path: path.to_owned(),
            reason: "its header is cut short".to_owned(),
        }),
    }
}

fn check_unused(conn: &Connection, path: &Path) -> Result<(), StoreError> {
    let tables: i64 = conn
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(|error| unopened(path, error))?;
    if tables == 0 {
        return Ok(());
    }
    Err(StoreError::Foreign {
        path: path.to_owned(),
        reason: "it is another program's SQLite file".to_owned(),
    })
}

fn check(conn: &Connection, path: &Path) -> Result<(), StoreError> {
    let found = version(conn).map_err(|error| unopened(path, error))?;
    let known = MIGRATIONS.len() as i64;
    if found > known {
        return Err(StoreError::Newer {
            path: path.to_owned(),
            found,
            known,
        });
    }
    match complaint(conn, found).map_err(|error| unopened(path, error))? {
        None => Ok(()),
        Some(reason) => Err(StoreError::Damaged {
            path: path.to_owned(),
            reason,
        }),
    }
}

/// What is wrong at a glance: the small tables are checked whole, the log (which may be of any size) at its ends, when its
/// state is loaded.
fn complaint(conn: &Connection, version: i64) -> Result<Option<String>> {
    let there = TABLES.iter().zip(0_i64..);
    let there = there.filter(|(_, before)| *before < version);
    for table in there.flat_map(|(tables, _)| *tables) {
        if !conn.table_exists(None, *table)? {
            return Ok(Some(format!("its table {table:?} is missing")));
        }
    }
    for table in ["meta", "rooms", "members"] {
        let sql = format!("PRAGMA quick_check({table})");
        let found: String = conn.query_row(&sql, [], |row| row.get(0))?;
        if found != "ok" {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

fn version(conn: &Connection) -> Result<i64> {
    conn.query_row("PRAGMA user_version", [], |row| row.get(0))
}

/// Brings the schema to what we know, in one transaction before the journal becomes a write-ahead log: from the first
/// moment on the file itself says whose it is.
fn migrate(conn: &mut Connection) -> Result<()> {
    let seen = version(conn)?;
    let known = MIGRATIONS.len() as i64;
    if seen == known {
        return Ok(());
    }
    conn.pragma_update(None, "page_size", limits::DB_PAGE_BYTES)?;
    let transaction = conn.transaction()?;
    for (migration, before) in MIGRATIONS.iter().zip(0_i64..) {
        if before >= seen {
            transaction.execute_batch(migration)?;
        }
    }
    if seen == 0 {
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.execute(
            "INSERT INTO meta VALUES ('log_id', ?1), ('pruned_to', 0), ('pruned_ms', 0), ('pruned_end', 0)",
            [new_log_id()],
        )?;
    }
    transaction.pragma_update(None, "user_version", known)?;
    transaction.commit()
}

/// How the writer's connection works: durable, and checkpointed by us alone, because SQLite's own checkpoint after a commit
/// says nothing when the disk fails.
pub(super) fn settle(conn: &mut Connection, wal_pages: Arc<AtomicUsize>) -> Result<()> {
    conn.busy_timeout(limits::DB_BUSY_WAIT)?;
    conn.pragma_update(None, "journal_mode", "WAL")?;
    conn.pragma_update(None, "synchronous", "FULL")?;
    conn.pragma_update(None, "foreign_keys", "OFF")?;
    conn.pragma_update(None, "wal_autocheckpoint", 0)?;
    conn.pragma_update(None, "journal_size_limit", limits::WAL_BYTES_MAX)?;
    prepare_for_speed(conn, limits::DB_WRITER_CACHE_BYTES)?;
    conn.wal_hook(Some(move |_: &mut _, pages| {
        wal_pages.store(usize::try_from(pages).unwrap_or(0), Ordering::Relaxed);
        Ok(())
    }))
}

/// What both kinds of connection want.
pub(super) fn prepare_for_speed(conn: &Connection, bytes: usize) -> Result<()> {
    // Plans do not depend on what is bound: else every other value compiles the statement anew, at five times its cost.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    // Negative: KiB, not pages.
    conn.pragma_update(None, "cache_size", -((bytes / 1024) as i64))?;
    conn.set_prepared_statement_cache_capacity(64);
    Ok(())
}

pub(super) fn log_id(conn: &Connection) -> Result<String> {
    conn.query_row("SELECT value FROM meta WHERE name = 'log_id'", [], |row| {
        row.get(0)
    })
}

fn unopened(path: &Path, error: rusqlite::Error) -> StoreError {
    match error.sqlite_error().map(|error| error.code) {
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::ReadOnly) => {
            StoreError::ReadOnly {
                path: path.to_owned(),
                reason: error.to_string(),
            }
        }
        _ => fatal(path, error),
    }
}
