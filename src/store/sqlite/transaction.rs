//! One transaction of the writer: how each kind of op changes the rows, and the state in memory with them.

use rusqlite::{Connection, OptionalExtension, Result, params};

use super::row::{HEADER_WIDTH, bind_header, header_columns, header_values};
use super::state::WriterState;
use super::sweep::Sweep;
use crate::address::{ClientName, Namespace, RoomName, Seq};
use crate::limits;
use crate::store::message::NewRecord;
use crate::store::op::{OpOutcome, Refusal};
use crate::store::retention::{Retention, has_passed};
use crate::wire::batch::{Audience, PublishId};

/// The result of an op inside the transaction. Outcomes that repeat data of the op are made from the op itself, once
/// the transaction is durable.
pub(super) enum OpResult {
    /// A record has this number now.
    Appended(u64),
    /// The op took effect as it is.
    Applied,
    Outcome(OpOutcome),
}

/// How much a transaction may append, and the refusal beyond that. Without a refusal there is no limit.
pub(super) struct Budget {
    pub(super) bytes: u64,
    pub(super) refusal: Option<Refusal>,
}

pub(super) struct OpTransaction<'a> {
    pub(super) conn: &'a Connection,
    pub(super) state: &'a mut WriterState,
    pub(super) sweep: &'a mut Sweep,
    /// Never before the last record.
    pub(super) now_ms: u64,
    /// The clock itself, which may have gone back.
    pub(super) clock_ms: u64,
    pub(super) retention: Retention,
    pub(super) budget: Budget,
}

impl OpTransaction<'_> {
    pub(super) fn append(
        &mut self,
        record: &NewRecord,
        id: Option<&PublishId>,
    ) -> Result<OpResult> {
        if let Some(id) = id
            && let Some(outcome) = self.reject_id(id)?
        {
            return Ok(OpResult::Outcome(outcome));
        }
        if let Err(refusal) = self.spend(record.log_bytes()) {
            return Ok(OpResult::Outcome(OpOutcome::Refused(refusal)));
        }
        let number = self.push(record)?;
        self.use_id(id, number)?;
        Ok(OpResult::Appended(number))
    }

    /// Takes bytes out of the budget.
    pub(super) fn spend(&mut self, bytes: u64) -> std::result::Result<(), Refusal> {
        let Some(refusal) = &self.budget.refusal else {
            return Ok(());
        };
        if bytes > self.budget.bytes {
            return Err(refusal.clone());
        }
        self.budget.bytes -= bytes;
        Ok(())
    }

    /// Adds the next record to the log and to the index of its rooms.
    pub(super) fn push(&mut self, record: &NewRecord) -> Result<u64> {
        let number = self.state.head + 1;
        self.insert(number, record)?;
        self.index(number, record)?;
        self.state.head = number;
        self.state.end += record.log_bytes();
        self.state.last_ms = self.now_ms;
        Ok(number)
    }

    /// `record` is 0 if the publish was delayed.
    pub(super) fn use_id(&self, id: Option<&PublishId>, record: u64) -> Result<()> {
        if let Some(PublishId(producer, counter)) = id {
            self.conn
                .prepare_cached("INSERT OR REPLACE INTO producers (producer, counter, record, at_ms) VALUES (?1, ?2, ?3, ?4)")?
                .execute(params![producer, counter, record, self.now_ms])?;
        }
        Ok(())
    }

    /// The outcome of a publish whose counter is not its producer's next one. None if it is.
    pub(super) fn reject_id(
        &self,
        PublishId(producer, counter): &PublishId,
    ) -> Result<Option<OpOutcome>> {
        let last = self
            .conn
            .prepare_cached("SELECT counter, record, at_ms FROM producers WHERE producer = ?1")?
            .query_row([producer], |row| <(u64, u64, u64)>::try_from(row))
            .optional()?
            .filter(|(_, _, at_ms)| !has_passed(*at_ms, limits::PRODUCER_TTL, self.now_ms));
        let Some((last, record, _)) = last else {
            return Ok(None);
        };
        if *counter <= last {
            let is_known = *counter == last && record > 0;
            let first = is_known.then_some(Seq::new(record, 0));
            return Ok(Some(OpOutcome::Duplicate { first }));
        }
        let expected = last + 1;
        Ok((*counter != expected).then_some(OpOutcome::Refused(Refusal::OutOfOrder { expected })))
    }

    fn insert(&self, number: u64, record: &NewRecord) -> Result<()> {
        let mut insert = self.conn.prepare_cached(concat!(
            "INSERT INTO log (",
            header_columns!(),
            ", record, start, at_ms, body) VALUES (",
            header_values!(),
            ", ?, ?, ?, ?)"
        ))?;
        bind_header(&mut insert, &record.header)?;
        insert.raw_bind_parameter(HEADER_WIDTH + 1, number)?;
        insert.raw_bind_parameter(HEADER_WIDTH + 2, self.state.end)?;
        insert.raw_bind_parameter(HEADER_WIDTH + 3, self.now_ms)?;
        insert.raw_bind_parameter(HEADER_WIDTH + 4, &record.body[..])?;
        insert.raw_execute().map(drop)
    }

    fn index(&mut self, number: u64, record: &NewRecord) -> Result<()> {
        let header = &record.header;
        let plain = header.audience == Audience::All && header.except.is_empty();
        let mut insert = self.conn.prepare_cached(
            "INSERT INTO log_rooms (room, record, count, plain, start) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?;
        for name in header.rooms.iter() {
            let room = self.state.room(self.conn, &header.namespace, name)?;
            insert.execute(params![room.id, number, header.count, plain, room.end])?;
            room.end += record.log_bytes();
        }
        Ok(())
    }

    pub(super) fn join(
        &mut self,
        namespace: &Namespace,
        client: &ClientName,
        rooms: &[RoomName],
    ) -> Result<()> {
        let now = Seq::after_record(self.state.head);
        for room in self.state.members.join(namespace, client, rooms, now) {
            self.sweep.joined(namespace, &room, now.record);
            let id = self.state.room(self.conn, namespace, &room)?.id;
            self.conn
                .prepare_cached("INSERT INTO members (client, room, cursor_record, cursor_index) VALUES (?1, ?2, ?3, ?4)")?
                .execute(params![client.as_str(), id, now.record, now.index])?;
        }
        Ok(())
    }

    pub(super) fn leave(
        &mut self,
        namespace: &Namespace,
        client: &ClientName,
        rooms: &[RoomName],
    ) -> Result<()> {
        for room in self.state.members.leave(namespace, client, rooms) {
            self.sweep.unpinned(namespace, &room);
            let id = self.state.room(self.conn, namespace, &room)?.id;
            self.conn
                .prepare_cached("DELETE FROM members WHERE client = ?1 AND room = ?2")?
                .execute(params![client.as_str(), id])?;
        }
        Ok(())
    }

    pub(super) fn purge(
        &mut self,
        namespace: &Namespace,
        client: &ClientName,
        rooms: &[RoomName],
        cursor: Seq,
    ) -> Result<OpOutcome> {
        let reader = self.state.members.offline_reader(namespace, client, rooms);
        let rooms: Vec<RoomName> = reader.rooms.into_keys().collect();
        let cursor = cursor.min(Seq::after_record(self.state.head));
        self.ack(namespace, client, &rooms, cursor)?;
        Ok(OpOutcome::Purged {
            namespace: namespace.clone(),
            client: client.clone(),
            rooms,
            cursor,
        })
    }

    pub(super) fn ack(
        &mut self,
        namespace: &Namespace,
        client: &ClientName,
        rooms: &[RoomName],
        cursor: Seq,
    ) -> Result<()> {
        let cursor = cursor.min(Seq::after_record(self.state.head));
        for room in self.state.members.ack(namespace, client, rooms, cursor) {
            self.sweep.unpinned(namespace, &room);
            let id = self.state.room(self.conn, namespace, &room)?.id;
            self.conn
                .prepare_cached("UPDATE members SET cursor_record = ?3, cursor_index = ?4 WHERE client = ?1 AND room = ?2")?
                .execute(params![client.as_str(), id, cursor.record, cursor.index])?;
        }
        Ok(())
    }
}
