//! What waits for its time, as rows: taken and let go as part of the group that it comes in.

use bytes::Bytes;
use rusqlite::{Connection, Result, params};

use super::commit::{Group, Staged};
use super::row::{audience_as_text, framing_as_text, header, rooms_as_json};
use crate::address::{ClientName, RoomName};
use crate::limits;
use crate::store::delayed::{Delayed, DelayedUsage};
use crate::store::{NewRecord, OpOutcome, Refusal};
use crate::wire::batch::PublishId;

/// What is due by then, as it fits a group.
pub(super) fn due(conn: &Connection, now_ms: u64) -> Result<Vec<Delayed>> {
    let mut rows = conn.prepare_cached(
        "SELECT namespace, rooms, except_rooms, audience, event, sender, origin, framing, json, count, reply, id, body
           FROM delayed WHERE due_ms <= ?1 ORDER BY due_ms, id LIMIT ?2",
    )?;
    let now_ms = now_ms.min(i64::MAX as u64);
    let mut rows = rows.query(params![now_ms, limits::GROUP_OPS])?;
    let mut due = Vec::new();
    let mut bytes = 0;
    while bytes < limits::GROUP_BYTES
        && let Some(row) = rows.next()?
    {
        let body: Vec<u8> = row.get(12)?;
        bytes += body.len();
        due.push(Delayed {
            number: row.get(11)?,
            record: NewRecord {
                header: header(row)?,
                body: Bytes::from(body),
            },
        });
    }
    Ok(due)
}

/// All that waits.
pub(super) fn crowd(conn: &Connection) -> Result<DelayedUsage> {
    let sql = "SELECT count(*), coalesce(sum(bytes + ?1), 0), min(due_ms) FROM delayed";
    conn.query_row(sql, [limits::RECORD_OVERHEAD], |row| {
        Ok(DelayedUsage {
            records: row.get(0)?,
            bytes: row.get(1)?,
            next_due_ms: row.get(2)?,
        })
    })
}

/// Changes when somebody else has changed the file.
pub(super) fn changes_by_others(conn: &Connection) -> Result<i64> {
    conn.query_row("PRAGMA data_version", [], |row| row.get(0))
}

impl Group<'_> {
    pub(super) fn delay(
        &mut self,
        record: &NewRecord,
        id: Option<&PublishId>,
        due_ms: u64,
    ) -> Result<Staged> {
        if self.state.delayed.passes(due_ms, self.clock_ms) {
            return self.append(record, id);
        }
        if let Some(id) = id
            && let Some(done) = self.used(id)?
        {
            return Ok(Staged::Outcome(done));
        }
        let weight = record.weight();
        let refusal = self.crowded(weight)?;
        if let Some(refusal) = refusal.or_else(|| self.takes(weight)) {
            return Ok(Staged::Outcome(OpOutcome::Refused(refusal)));
        }
        let due_ms = due_ms.min(i64::MAX as u64);
        self.insert_delayed(record, due_ms)?;
        self.use_number(id, 0)?;
        self.state.delayed.came(weight, due_ms);
        let count = record.header.count;
        Ok(Staged::Outcome(OpOutcome::Delayed { due_ms, count }))
    }

    /// Why so much more may not wait. Somebody else may have taken some of it out meanwhile: then the file says how much is
    /// left.
    fn crowded(&mut self, weight: u64) -> Result<Option<Refusal>> {
        let pending_bytes = self.keep.pending_bytes;
        let refusal = self.state.delayed.refuses(weight, pending_bytes);
        if refusal.is_none() {
            return Ok(None);
        }
        let version = changes_by_others(self.conn)?;
        if version == self.state.counted_at {
            return Ok(refusal);
        }
        self.state.counted_at = version;
        self.state.delayed = crowd(self.conn)?;
        Ok(self.state.delayed.refuses(weight, pending_bytes))
    }

    fn insert_delayed(&self, record: &NewRecord, due_ms: u64) -> Result<()> {
        let header = &record.header;
        let except = (!header.except.is_empty()).then(|| rooms_as_json(&header.except));
        self.conn
            .prepare_cached(
                "INSERT INTO delayed (due_ms, taken_ms, namespace, rooms, except_rooms, audience, event, sender, origin,
                                      framing, json, count, reply, bytes, body)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
            )?
            .execute(params![
                due_ms,
                self.now_ms,
                header.namespace.as_str(),
                rooms_as_json(&header.rooms),
                except,
                audience_as_text(header.audience),
                header.event.as_str(),
                header.from.as_ref().map(ClientName::as_str),
                &*header.origin,
                framing_as_text(header.framing),
                header.json,
                header.count,
                header.reply.as_ref().map(RoomName::as_str),
                record.body.len(),
                &record.body[..],
            ])?;
        Ok(())
    }

    /// Its row goes first: the record takes the pages that this frees, and so needs no room of its own.
    pub(super) fn due(&mut self, delayed: &Delayed) -> Result<Staged> {
        let mut delete = self
            .conn
            .prepare_cached("DELETE FROM delayed WHERE id = ?1")?;
        if delete.execute([delayed.number])? == 0 {
            return Ok(Staged::Outcome(OpOutcome::Noop));
        }
        let mut first = self
            .conn
            .prepare_cached("SELECT min(due_ms) FROM delayed")?;
        let next_due_ms = first.query_row([], |row| row.get(0))?;
        self.state
            .delayed
            .went(delayed.record.weight(), next_due_ms);
        self.record(&delayed.record).map(Staged::Appended)
    }
}
