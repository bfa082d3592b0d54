//! A group of ops as one transaction.

use rusqlite::{Connection, OptionalExtension, params};

use super::SqliteStore;
use super::fault::Fault;
use super::prune::Sweep;
use super::row::{audience_as_text, framing_as_text, rooms_as_json};
use super::state::State;
use crate::address::{ClientName, Namespace, RoomName, Seq};
use crate::limits;
use crate::store::delayed::Delayed;
use crate::store::{NewRecord, Op, OpOutcome, Record, Refusal, Retention, StoreError, past};
use crate::wire::batch::{Audience, PublishId};

/// What an op came to; an appended record gets its record back once the transaction is durable.
pub(super) enum Staged {
    Appended(u64),
    Outcome(OpOutcome),
}

/// What may still be appended, and why no more.
pub(super) struct Budget {
    pub(super) bytes: u64,
    pub(super) refusal: Option<Refusal>,
}

impl SqliteStore {
    pub(super) fn commit_group(
        &mut self,
        ops: Vec<Op>,
        now_ms: u64,
    ) -> Result<Vec<OpOutcome>, StoreError> {
        self.clock_ms = now_ms;
        let now_ms = now_ms.max(self.state.last_ms);
        let budget = self.make_room(&ops, now_ms)?;
        let fault = match self.transact(&ops, now_ms, budget) {
            Ok(outcomes) => return Ok(finish(ops, outcomes, now_ms)),
            Err(fault) => fault,
        };
        self.roll_back()?;
        match fault {
            Fault::NoRoom(reason) => self.commit_without_appends(ops, now_ms, &reason),
            Fault::Fatal(error) => Err(error),
        }
    }

    /// The disk is full for what is published; what frees room, or needs little, is tried on its own.
    fn commit_without_appends(
        &mut self,
        ops: Vec<Op>,
        now_ms: u64,
        reason: &str,
    ) -> Result<Vec<OpOutcome>, StoreError> {
        // A log that starts over needs no room of its own.
        self.restart_log()?;
        let refused = || {
            OpOutcome::Refused(Refusal::Disk {
                reason: reason.to_owned(),
            })
        };
        let is_append = |op: &Op| matches!(op, Op::Append { .. } | Op::Delay { .. } | Op::Due(_));
        let appends: Vec<bool> = ops.iter().map(is_append).collect();
        let others: Vec<Op> = ops.into_iter().filter(|op| !is_append(op)).collect();
        let unlimited = Budget {
            bytes: 0,
            refusal: None,
        };
        let outcomes = match self.transact(&others, now_ms, unlimited) {
            Ok(outcomes) => finish(others, outcomes, now_ms),
            Err(Fault::Fatal(error)) => return Err(error),
            Err(Fault::NoRoom(_)) => {
                self.roll_back()?;
                let without_disk = |op| match op {
                    Op::Noop => OpOutcome::Noop,
                    _ => refused(),
                };
                others.into_iter().map(without_disk).collect()
            }
        };
        let mut outcomes = outcomes.into_iter();
        let in_place = appends.into_iter().map(|append| {
            let other = if append { None } else { outcomes.next() };
            other.unwrap_or_else(refused)
        });
        Ok(in_place.collect())
    }

    fn transact(&mut self, ops: &[Op], now_ms: u64, budget: Budget) -> Result<Vec<Staged>, Fault> {
        let writes = |op: &Op| !matches!(op, Op::Noop | Op::Subscribe { client: None, .. });
        let writes = ops.iter().any(writes);
        let mut group = Group {
            conn: &self.conn,
            state: &mut self.state,
            sweep: &mut self.sweep,
            now_ms,
            clock_ms: self.clock_ms,
            keep: self.keep,
            budget,
        };
        let done = (|| {
            if writes {
                group.conn.execute_batch("BEGIN IMMEDIATE")?;
            }
            let outcomes: rusqlite::Result<Vec<Staged>> =
                ops.iter().map(|op| group.run(op)).collect();
            let outcomes = outcomes?;
            if writes {
                // Without a change this writes nothing and waits for no disk.
                group.conn.execute_batch("COMMIT")?;
            }
            Ok(outcomes)
        })();
        done.map_err(|error| Fault::of(&self.path, error))
    }
}

fn finish(ops: Vec<Op>, outcomes: Vec<Staged>, at_ms: u64) -> Vec<OpOutcome> {
    let pairs = ops.into_iter().zip(outcomes);
    let done = |(op, outcome)| match (op, outcome) {
        (
            Op::Append { record, .. } | Op::Delay { record, .. } | Op::Due(Delayed { record, .. }),
            Staged::Appended(number),
        ) => OpOutcome::Appended(Record {
            number,
            at_ms,
            header: record.header,
            body: record.body,
        }),
        (_, Staged::Outcome(done)) => done,
        (_, Staged::Appended(_)) => unreachable!("only an append appends"),
    };
    pairs.map(done).collect()
}

pub(super) struct Group<'a> {
    pub(super) conn: &'a Connection,
    pub(super) state: &'a mut State,
    sweep: &'a mut Sweep,
    /// Never before the last record.
    pub(super) now_ms: u64,
    /// What the clock says: it may have gone back.
    pub(super) clock_ms: u64,
    pub(super) keep: Retention,
    budget: Budget,
}

impl Group<'_> {
    fn run(&mut self, op: &Op) -> rusqlite::Result<Staged> {
        let done = match op {
            Op::Append { record, id } => return self.append(record, id.as_ref()),
            Op::Delay { record, id, due_ms } => return self.delay(record, id.as_ref(), *due_ms),
            Op::Due(delayed) => return self.due(delayed),
            Op::Join {
                namespace,
                client,
                rooms,
            } => {
                self.join(namespace, client, rooms)?;
                OpOutcome::Joined
            }
            Op::Leave {
                namespace,
                client,
                rooms,
            } => {
                self.leave(namespace, client, rooms)?;
                OpOutcome::Left
            }
            Op::Subscribe {
                namespace,
                client,
                rooms,
            } => {
                if let Some(client) = client {
                    self.join(namespace, client, rooms)?;
                }
                let State { members, head, .. } = &self.state;
                members.subscribed(namespace, client.as_ref(), rooms, *head)
            }
            Op::Ack {
                namespace,
                client,
                rooms,
                cursor,
            } => {
                self.ack(namespace, client, rooms, *cursor)?;
                OpOutcome::Acked
            }
            Op::Purge {
                namespace,
                client,
                rooms,
                cursor,
            } => self.purge(namespace, client, rooms, *cursor)?,
            Op::Session(op) => self.session(op)?,
            Op::Noop => OpOutcome::Noop,
        };
        Ok(Staged::Outcome(done))
    }

    pub(super) fn append(
        &mut self,
        record: &NewRecord,
        id: Option<&PublishId>,
    ) -> rusqlite::Result<Staged> {
        if let Some(id) = id
            && let Some(done) = self.used(id)?
        {
            return Ok(Staged::Outcome(done));
        }
        if let Some(refusal) = self.takes(record.weight()) {
            return Ok(Staged::Outcome(OpOutcome::Refused(refusal)));
        }
        let number = self.record(record)?;
        self.use_number(id, number)?;
        Ok(Staged::Appended(number))
    }

    /// Takes so much of the budget, or says why not.
    pub(super) fn takes(&mut self, weight: u64) -> Option<Refusal> {
        let refusal = self.budget.refusal.as_ref()?;
        if weight > self.budget.bytes {
            return Some(refusal.clone());
        }
        self.budget.bytes -= weight;
        None
    }

    /// The next record of the log.
    pub(super) fn record(&mut self, record: &NewRecord) -> rusqlite::Result<u64> {
        let number = self.state.head + 1;
        self.insert(number, record)?;
        self.index(number, record)?;
        self.state.head = number;
        self.state.end += record.weight();
        self.state.last_ms = self.now_ms;
        Ok(number)
    }

    /// `record` 0: none.
    pub(super) fn use_number(&self, id: Option<&PublishId>, record: u64) -> rusqlite::Result<()> {
        if let Some(PublishId(producer, counter)) = id {
            self.conn
                .prepare_cached("INSERT OR REPLACE INTO producers (producer, counter, record, at_ms) VALUES (?1, ?2, ?3, ?4)")?
                .execute(params![producer, counter, record, self.now_ms])?;
        }
        Ok(())
    }

    /// What becomes of a publish whose number is not its producer's next one.
    pub(super) fn used(
        &self,
        PublishId(producer, counter): &PublishId,
    ) -> rusqlite::Result<Option<OpOutcome>> {
        let last = self
            .conn
            .prepare_cached("SELECT counter, record, at_ms FROM producers WHERE producer = ?1")?
            .query_row([producer], |row| {
                Ok((
                    row.get::<_, u64>(0)?,
                    row.get::<_, u64>(1)?,
                    row.get::<_, u64>(2)?,
                ))
            })
            .optional()?
            .filter(|(_, _, at_ms)| !past(*at_ms, limits::PRODUCER_TTL, self.now_ms));
        let Some((last, record, _)) = last else {
            return Ok(None);
        };
        if *counter <= last {
            let known = *counter == last && record > 0;
            let first = known.then_some(Seq::new(record, 0));
            return Ok(Some(OpOutcome::Duplicate { first }));
        }
        let expected = last + 1;
        Ok((*counter != expected).then_some(OpOutcome::Refused(Refusal::OutOfOrder { expected })))
    }

    fn insert(&self, number: u64, record: &NewRecord) -> rusqlite::Result<()> {
        let header = &record.header;
        let except = (!header.except.is_empty()).then(|| rooms_as_json(&header.except));
        self.conn
            .prepare_cached(
                "INSERT INTO log (record, start, at_ms, namespace, rooms, except_rooms, audience, event, sender, origin,
                                  framing, json, count, body, reply)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
            )?
            .execute(params![
                number,
                self.state.end,
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
                &record.body[..],
                header.reply.as_ref().map(RoomName::as_str),
            ])?;
        Ok(())
    }

    fn index(&mut self, number: u64, record: &NewRecord) -> rusqlite::Result<()> {
        let header = &record.header;
        let plain = header.audience == Audience::All && header.except.is_empty();
        let mut insert = self.conn.prepare_cached(
            "INSERT INTO log_rooms (room, record, count, plain, start) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?;
        for name in header.rooms.iter() {
            let room = self.state.room(self.conn, &header.namespace, name)?;
            insert.execute(params![room.id, number, header.count, plain, room.end])?;
            room.end += record.weight();
        }
        Ok(())
    }

    fn join(
        &mut self,
        namespace: &Namespace,
        client: &ClientName,
        rooms: &[RoomName],
    ) -> rusqlite::Result<()> {
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

    fn leave(
        &mut self,
        namespace: &Namespace,
        client: &ClientName,
        rooms: &[RoomName],
    ) -> rusqlite::Result<()> {
        for room in self.state.members.leave(namespace, client, rooms) {
            self.sweep.unpinned(namespace, &room);
            let id = self.state.room(self.conn, namespace, &room)?.id;
            self.conn
                .prepare_cached("DELETE FROM members WHERE client = ?1 AND room = ?2")?
                .execute(params![client.as_str(), id])?;
        }
        Ok(())
    }

    fn purge(
        &mut self,
        namespace: &Namespace,
        client: &ClientName,
        rooms: &[RoomName],
        cursor: Seq,
    ) -> rusqlite::Result<OpOutcome> {
        let reader = self.state.members.away(namespace, client, rooms);
        let rooms: Vec<RoomName> = reader.rooms.into_keys().collect();
        let cursor = cursor.min(Seq::after_record(self.state.head));
        self.ack(namespace, client, &rooms, cursor)?;
        Ok(OpOutcome::Purged { rooms, cursor })
    }

    fn ack(
        &mut self,
        namespace: &Namespace,
        client: &ClientName,
        rooms: &[RoomName],
        cursor: Seq,
    ) -> rusqlite::Result<()> {
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
