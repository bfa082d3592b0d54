//! The rows of `sessions` and `session_rooms`.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Result, params};

use super::row::name;
use crate::address::{ClientName, Namespace, RoomName, Seq};
use crate::store::owed::Cursors;
use crate::store::sessions::{HolderId, SessionIdentity};

pub(super) fn count(conn: &Connection) -> Result<usize> {
    conn.query_row("SELECT count(*) FROM sessions", [], |row| row.get(0))
}

pub(super) fn insert(conn: &Connection, new: &SessionIdentity, holder: HolderId) -> Result<i64> {
    let client = new.client.as_ref().map(ClientName::as_str);
    conn.prepare_cached(
        "INSERT INTO sessions (pid, sid, namespace, client, holder) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute(params![
        &*new.pid,
        &*new.sid,
        new.namespace.as_str(),
        client,
        holder.0
    ])?;
    Ok(conn.last_insert_rowid())
}

/// The session that `holder` holds.
pub(super) fn held_by(conn: &Connection, holder: HolderId) -> Result<Option<i64>> {
    conn.prepare_cached("SELECT id FROM sessions WHERE holder = ?1")?
        .query_row([holder.0], |row| row.get(0))
        .optional()
}

/// The session that was lost first.
pub(super) fn lost_first(conn: &Connection) -> Result<Option<i64>> {
    let sql = "SELECT id FROM sessions WHERE lost_ms IS NOT NULL ORDER BY lost_ms, pid LIMIT 1";
    conn.prepare_cached(sql)?
        .query_row([], |row| row.get(0))
        .optional()
}

pub(super) fn set_holder(conn: &Connection, id: i64, holder: HolderId) -> Result<()> {
    conn.prepare_cached("UPDATE sessions SET holder = ?2, lost_ms = NULL WHERE id = ?1")?
        .execute(params![id, holder.0])
        .map(drop)
}

pub(super) fn set_lost(conn: &Connection, holder: HolderId, now_ms: u64) -> Result<()> {
    conn.prepare_cached("UPDATE sessions SET holder = NULL, lost_ms = ?2 WHERE holder = ?1")?
        .execute(params![holder.0, now_ms])
        .map(drop)
}

pub(super) fn set_all_lost(conn: &Connection, now_ms: u64) -> Result<()> {
    let sql = "UPDATE sessions SET holder = NULL, lost_ms = ?1 WHERE holder IS NOT NULL";
    conn.prepare_cached(sql)?.execute([now_ms]).map(drop)
}

pub(super) fn delete(conn: &Connection, id: i64) -> Result<()> {
    conn.prepare_cached("DELETE FROM session_rooms WHERE session = ?1")?
        .execute([id])?;
    conn.prepare_cached("DELETE FROM sessions WHERE id = ?1")?
        .execute([id])
        .map(drop)
}

pub(super) fn rooms(conn: &Connection, id: i64) -> Result<Cursors> {
    let sql = "SELECT room, since_record, since_index FROM session_rooms WHERE session = ?1";
    conn.prepare_cached(sql)?
        .query_map([id], |row| {
            let cursor = Seq::new(row.get(1)?, row.get(2)?);
            Ok((name(row, 0, RoomName::parse)?, cursor))
        })?
        .collect()
}

/// Rooms that the session is in already keep their cursor.
pub(super) fn insert_rooms(conn: &Connection, id: i64, rooms: &Cursors) -> Result<()> {
    let mut insert = conn.prepare_cached(
        "INSERT OR IGNORE INTO session_rooms (session, room, since_record, since_index) VALUES (?1, ?2, ?3, ?4)",
    )?;
    for (room, since) in rooms {
        insert.execute(params![id, room.as_str(), since.record, since.index])?;
    }
    Ok(())
}

pub(super) fn delete_rooms<'a>(
    conn: &Connection,
    id: i64,
    rooms: impl Iterator<Item = &'a RoomName>,
) -> Result<()> {
    let sql = "DELETE FROM session_rooms WHERE session = ?1 AND room = ?2";
    let mut delete = conn.prepare_cached(sql)?;
    for room in rooms {
        delete.execute(params![id, room.as_str()])?;
    }
    Ok(())
}

/// See [`crate::store::StoreReader::sid_of`].
pub(super) fn sid_of(
    conn: &Connection,
    pid: &str,
    (namespace, client): (&Namespace, Option<&ClientName>),
    lost_by_ms: u64,
) -> Result<Option<Arc<str>>> {
    let lost_by_ms = lost_by_ms.min(i64::MAX as u64);
    let client = client.map(ClientName::as_str);
    conn.prepare_cached(
        "SELECT sid FROM sessions WHERE pid = ?1 AND namespace = ?2 AND client IS ?3 AND (lost_ms IS NULL OR lost_ms > ?4)",
    )?
    .query_row(params![pid, namespace.as_str(), client, lost_by_ms], |row| {
        Ok(Arc::from(row.get::<_, String>(0)?))
    })
    .optional()
}
