//! Opening the file: its lock, whether it is ours, whether it is sound, and its schema. Never writes to another program's
//! file.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, Result};

use super::fault::fatal;
use super::migrations::{self, APPLICATION_ID, migrate};
use crate::limits;
use crate::store::error::StoreError;

const MAGIC: &[u8; 16] = b"SQLite format 3\0";
/// The offset of the application id in the header of an SQLite file (SQLite "Database File Format", 1.3).
const APPLICATION_ID_AT: usize = 68;
const HEADER_BYTES: usize = 100;

/// Owner only: messages are private.
const FILE_MODE: u32 = 0o600;

/// Reserves the database for this process while it lives.
pub(super) struct DatabaseLock(File);

impl Drop for DatabaseLock {
    /// Unlocks explicitly: between fork and exec a child has the file open too, and closing only our handle would leave the
    /// lock with the child for a moment.
    fn drop(&mut self) {
        let _ = self.0.unlock();
    }
}

/// Reserves the database for this process. The lock file is never removed: otherwise two hubs could lock two different
/// files.
pub(super) fn lock(path: &Path) -> Result<DatabaseLock, StoreError> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|error| not_writable(path, &error))?;
    }
    let mut lock_path = path.as_os_str().to_owned();
    lock_path.push(".lock");
    let file = OpenOptions::new()
        .create(true)
        .append(true)
        .mode(FILE_MODE)
        .open(PathBuf::from(lock_path))
        .map_err(|error| not_writable(path, &error))?;
    match file.try_lock() {
        Ok(()) => Ok(DatabaseLock(file)),
        Err(TryLockError::WouldBlock) => Err(StoreError::Locked {
            path: path.to_owned(),
        }),
        Err(TryLockError::Error(error)) => Err(not_writable(path, &error)),
    }
}

fn not_writable(path: &Path, error: &io::Error) -> StoreError {
    StoreError::ReadOnly {
        path: path.to_owned(),
        reason: error.to_string(),
    }
}

/// The writer's connection to a file that is ours, sound at a glance, and of the newest schema.
pub(super) fn connect(path: &Path) -> Result<Connection, StoreError> {
    let file = OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .mode(FILE_MODE)
        .open(path)
        .map_err(|error| not_writable(path, &error))?;
    let owner = owner_of(path, file)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut conn =
        Connection::open_with_flags(path, flags).map_err(|error| open_error(path, error))?;
    match owner {
        FileOwner::Roomcat => check(&conn, path)?,
        FileOwner::Nobody => check_empty(&conn, path)?,
    }
    migrate(&mut conn).map_err(|error| open_error(path, error))?;
    Ok(conn)
}

enum FileOwner {
    Roomcat,
    /// The file is empty, or an SQLite file without an application id.
    Nobody,
}

/// Reads the header as bytes, because SQLite would create files beside a database that it opens.
fn owner_of(path: &Path, file: File) -> Result<FileOwner, StoreError> {
    let mut header = Vec::with_capacity(HEADER_BYTES);
    file.take(HEADER_BYTES as u64)
        .read_to_end(&mut header)
        .map_err(|error| StoreError::Io {
            path: path.to_owned(),
            reason: error.to_string(),
        })?;
    if header.is_empty() {
        return Ok(FileOwner::Nobody);
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
        Some(APPLICATION_ID) => Ok(FileOwner::Roomcat),
        Some(0) => Ok(FileOwner::Nobody),
        Some(_) => Err(foreign("it is another program's SQLite file")),
        None => Err(StoreError::Damaged {
            path: path.to_owned(),
            reason: "its header is cut short".to_owned(),
        }),
    }
}

fn check_empty(conn: &Connection, path: &Path) -> Result<(), StoreError> {
    let tables: i64 = conn
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(|error| open_error(path, error))?;
    if tables == 0 {
        return Ok(());
    }
    Err(StoreError::Foreign {
        path: path.to_owned(),
        reason: "it is another program's SQLite file".to_owned(),
    })
}

fn check(conn: &Connection, path: &Path) -> Result<(), StoreError> {
    let found = migrations::version(conn).map_err(|error| open_error(path, error))?;
    let known = migrations::VERSION;
    if found > known {
        return Err(StoreError::Newer {
            path: path.to_owned(),
            found,
            known,
        });
    }
    match find_damage(conn, found).map_err(|error| open_error(path, error))? {
        None => Ok(()),
        Some(reason) => Err(StoreError::Damaged {
            path: path.to_owned(),
            reason,
        }),
    }
}

/// Looks for damage: checks the small tables completely. The log may be large, so only its ends are checked, when the
/// writer's state is loaded.
fn find_damage(conn: &Connection, version: i64) -> Result<Option<String>> {
    for table in migrations::tables(version) {
        if !conn.table_exists(None, table)? {
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

/// Makes the writer's connection durable, with checkpoints by us alone: SQLite's own checkpoint after a commit does not
/// report a failing disk.
pub(super) fn configure_writer(conn: &mut Connection, wal_pages: Arc<AtomicUsize>) -> Result<()> {
    conn.busy_timeout(limits::DB_BUSY_WAIT)?;
    conn.pragma_update(None, "journal_mode", "WAL")?;
    conn.pragma_update(None, "synchronous", "FULL")?;
    conn.pragma_update(None, "foreign_keys", "OFF")?;
    conn.pragma_update(None, "wal_autocheckpoint", 0)?;
    conn.pragma_update(None, "journal_size_limit", limits::WAL_BYTES_MAX)?;
    tune(conn, limits::DB_WRITER_CACHE_BYTES)?;
    conn.wal_hook(Some(move |_: &mut _, pages| {
        wal_pages.store(usize::try_from(pages).unwrap_or(0), Ordering::Relaxed);
        Ok(())
    }))
}

/// Settings of every connection.
pub(super) fn tune(conn: &Connection, bytes: usize) -> Result<()> {
    // Query plans do not depend on bound values. Otherwise a new value may compile the statement again, at five times the cost.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    // Negative: KiB instead of pages.
    conn.pragma_update(None, "cache_size", -((bytes / 1024) as i64))?;
    conn.set_prepared_statement_cache_capacity(64);
    Ok(())
}

pub(super) fn log_id(conn: &Connection) -> Result<String> {
    conn.query_row("SELECT value FROM meta WHERE name = 'log_id'", [], |row| {
        row.get(0)
    })
}

fn open_error(path: &Path, error: rusqlite::Error) -> StoreError {
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
