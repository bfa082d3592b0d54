//! The rows of `delayed`.

use bytes::Bytes;
use rusqlite::{Connection, Result, params};

use super::row::{HEADER_WIDTH, bind_header, header, header_columns, header_values};
use crate::limits;
use crate::store::delayed::{DelayedRecord, DelayedUsage};
use crate::store::message::NewRecord;

/// The records that are due, as many as fit one commit.
pub(super) fn due(conn: &Connection, now_ms: u64) -> Result<Vec<DelayedRecord>> {
    let mut rows = conn.prepare_cached(concat!(
        "SELECT ",
        header_columns!(),
        ", id, body FROM delayed WHERE due_ms <= ?1 ORDER BY due_ms, id LIMIT ?2"
    ))?;
    let now_ms = now_ms.min(i64::MAX as u64);
    let mut rows = rows.query(params![now_ms, limits::GROUP_OPS])?;
    let mut due = Vec::new();
    let mut bytes = 0;
    while bytes < limits::GROUP_BYTES
        && let Some(row) = rows.next()?
    {
        let body: Vec<u8> = row.get(HEADER_WIDTH + 1)?;
        bytes += body.len();
        due.push(DelayedRecord {
            number: row.get(HEADER_WIDTH)?,
            record: NewRecord {
                header: header(row)?,
                body: Bytes::from(body),
            },
        });
    }
    Ok(due)
}

pub(super) fn insert(
    conn: &Connection,
    record: &NewRecord,
    due_ms: u64,
    taken_ms: u64,
) -> Result<()> {
    let mut insert = conn.prepare_cached(concat!(
        "INSERT INTO delayed (",
        header_columns!(),
        ", due_ms, taken_ms, bytes, body) VALUES (",
        header_values!(),
        ", ?, ?, ?, ?)"
    ))?;
    bind_header(&mut insert, &record.header)?;
    insert.raw_bind_parameter(HEADER_WIDTH + 1, due_ms)?;
    insert.raw_bind_parameter(HEADER_WIDTH + 2, taken_ms)?;
    insert.raw_bind_parameter(HEADER_WIDTH + 3, record.body.len())?;
    insert.raw_bind_parameter(HEADER_WIDTH + 4, &record.body[..])?;
    insert.raw_execute().map(drop)
}

/// Whether the row was there.
pub(super) fn delete(conn: &Connection, number: u64) -> Result<bool> {
    let mut delete = conn.prepare_cached("DELETE FROM delayed WHERE id = ?1")?;
    Ok(delete.execute([number])? > 0)
}

pub(super) fn next_due_ms(conn: &Connection) -> Result<Option<u64>> {
    conn.prepare_cached("SELECT min(due_ms) FROM delayed")?
        .query_row([], |row| row.get(0))
}

pub(super) fn usage(conn: &Connection) -> Result<DelayedUsage> {
    let sql = "SELECT count(*), coalesce(sum(bytes + ?1), 0), min(due_ms) FROM delayed";
    conn.query_row(sql, [limits::RECORD_OVERHEAD], |row| {
        Ok(DelayedUsage {
            records: row.get(0)?,
            bytes: row.get(1)?,
            next_due_ms: row.get(2)?,
        })
    })
}

/// A number that changes when another program has changed the file.
pub(super) fn data_version(conn: &Connection) -> Result<i64> {
    conn.query_row("PRAGMA data_version", [], |row| row.get(0))
}
