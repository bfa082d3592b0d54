//! The schema, version by version. The version of a database, its `user_version`, is the number of migrations applied to it.

use rusqlite::{Connection, Result};

use crate::limits;
use crate::store::log_id;

/// `room` in ASCII. It stands in the file's header, so that `file(1)` and we recognise our files.
pub(super) const APPLICATION_ID: i64 = 0x726f_6f6d;

/// A step from one version to the next. Never changed once released: a new version is a new step at the end.
struct Migration {
    sql: &'static str,
    /// The tables that it adds.
    tables: &'static [&'static str],
}

const MIGRATIONS: [Migration; 4] = [
    Migration {
        sql: include_str!("migrations/1_log.sql"),
        tables: &["log", "log_rooms", "members", "meta", "producers", "rooms"],
    },
    Migration {
        sql: include_str!("migrations/2_sessions.sql"),
        tables: &["sessions", "session_rooms"],
    },
    // The room for answers. A column after the body costs nothing: SQLite finds a NULL without reading the body.
    Migration {
        sql: "ALTER TABLE log ADD COLUMN reply TEXT",
        tables: &[],
    },
    Migration {
        sql: include_str!("migrations/4_delayed.sql"),
        tables: &["delayed"],
    },
];

/// The newest version.
pub(super) const VERSION: i64 = MIGRATIONS.len() as i64;

pub(super) fn version(conn: &Connection) -> Result<i64> {
    conn.query_row("PRAGMA user_version", [], |row| row.get(0))
}

/// The tables that a database of this version has.
pub(super) fn tables(version: i64) -> impl Iterator<Item = &'static str> {
    let applied = usize::try_from(version).unwrap_or(0);
    let applied = MIGRATIONS.iter().take(applied);
    applied.flat_map(|migration| migration.tables).copied()
}

/// Brings the schema to the newest version in one transaction, before the journal becomes a write-ahead log. A new file
/// is therefore recognizable as ours from the start.
pub(super) fn migrate(conn: &mut Connection) -> Result<()> {
    let found = version(conn)?;
    if found == VERSION {
        return Ok(());
    }
    conn.pragma_update(None, "page_size", limits::DB_PAGE_BYTES)?;
    let transaction = conn.transaction()?;
    for migration in MIGRATIONS.iter().skip(usize::try_from(found).unwrap_or(0)) {
        transaction.execute_batch(migration.sql)?;
    }
    if found == 0 {
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.execute(
            "INSERT INTO meta VALUES ('log_id', ?1), ('pruned_to', 0), ('pruned_ms', 0), ('pruned_end', 0)",
            [log_id::random()],
        )?;
    }
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()
}
