//! Pruning: deletes records that neither members nor history want, a bounded step at a time. A step reads first and
//! makes a plan, then carries it out in one transaction.

use std::collections::{BTreeMap, HashMap};

use rusqlite::{Result, params};

use super::fault::{Fault, fatal};
use super::row::{Bodies, LogRow, log_rows};
use super::session_rows;
use super::store::SqliteStore;
use super::sweep::{RoomKey, Sweep, SweepPosition};
use crate::limits;
use crate::store::error::StoreError;
use crate::store::message::log_bytes;
use crate::store::retention::{HistoryPolicy, PruneReport, has_passed};

/// The plan of one step.
#[derive(Default)]
struct PrunePlan {
    position: SweepPosition,
    /// How far each room is swept then. None: all the way, as it has no members.
    swept_to: Vec<(RoomKey, Option<u64>)>,
    /// Rooms that need no further look.
    settled: Vec<RoomKey>,
    records: BTreeMap<u64, PrunableRecord>,
    producers: Vec<String>,
    sessions: Vec<i64>,
    more: bool,
}

struct PrunableRecord {
    row: LogRow,
    /// How many messages members lose with it.
    expired: u64,
}

impl PrunePlan {
    fn is_empty(&self) -> bool {
        self.records.is_empty() && self.producers.is_empty() && self.sessions.is_empty()
    }
}

impl Sweep {
    fn advance(&mut self, plan: PrunePlan) {
        self.position = plan.position;
        for (room, to) in plan.swept_to {
            match to {
                Some(to) => self.swept_to.insert(room, to),
                None => self.swept_to.remove(&room),
            };
        }
        for room in &plan.settled {
            self.unpinned.remove(room);
        }
    }
}

impl SqliteStore {
    pub(super) fn prune_history(&mut self, now_ms: u64) -> Result<PruneReport, StoreError> {
        self.prune_step(now_ms.max(self.state.last_ms), HistoryPolicy::Respect)
    }

    pub(super) fn prune_step(
        &mut self,
        now_ms: u64,
        history: HistoryPolicy,
    ) -> Result<PruneReport, StoreError> {
        let plan = self.plan(now_ms, history);
        let plan = plan.map_err(|error| fatal(&self.path, error))?;
        let report = PruneReport {
            records: plan.records.len() as u64,
            expired: plan.records.values().map(|record| record.expired).sum(),
            more: plan.more,
        };
        if !plan.is_empty() {
            let done = self.carry_out(&plan);
            match done.map_err(|error| Fault::of(&self.path, error)) {
                Ok(()) => {}
                // Even deleting needs space in the write-ahead log. The walks stay where they were.
                Err(Fault::NoSpace(_)) => {
                    self.roll_back()?;
                    return Ok(PruneReport::default());
                }
                Err(Fault::Fatal(error)) => return Err(error),
            }
        }
        self.sweep.advance(plan);
        Ok(report)
    }

    fn plan(&self, now_ms: u64, history: HistoryPolicy) -> Result<PrunePlan> {
        let mut plan = PrunePlan {
            position: self.sweep.position.clone(),
            ..PrunePlan::default()
        };
        self.plan_history(&mut plan, now_ms, history)?;
        self.plan_expiry(&mut plan, now_ms)?;
        self.plan_unpinned(&mut plan)?;
        self.plan_producers(&mut plan, now_ms)?;
        self.plan_sessions(&mut plan, now_ms)?;
        Ok(plan)
    }

    fn plan_history(
        &self,
        plan: &mut PrunePlan,
        now_ms: u64,
        history: HistoryPolicy,
    ) -> Result<()> {
        let found = self.records(plan.position.history, self.state.head)?;
        plan.more |= found.len() == limits::PRUNE_RECORDS;
        for row in found {
            let tail = self.state.end - row.start;
            if history == HistoryPolicy::Respect
                && self.retention.is_history(row.at_ms, tail, now_ms)
            {
                plan.more = false;
                return Ok(());
            }
            plan.position.history = row.number + 1;
            self.add_unless_pinned(plan, row);
        }
        Ok(())
    }

    fn plan_expiry(&self, plan: &mut PrunePlan, now_ms: u64) -> Result<()> {
        let Some(upto) = plan.position.history.checked_sub(1) else {
            return Ok(());
        };
        let found = self.records(plan.position.expired, upto)?;
        let mut more = found.len() == limits::PRUNE_RECORDS;
        for row in found {
            if !self.retention.is_expired(row.at_ms, now_ms) {
                more = false;
                break;
            }
            plan.position.expired = row.number + 1;
            let expired = self.state.members.still_owed(row.number, &row.header);
            let record = PrunableRecord { row, expired };
            plan.records.insert(record.row.number, record);
        }
        plan.more |= more;
        Ok(())
    }

    fn plan_unpinned(&self, plan: &mut PrunePlan) -> Result<()> {
        let mut left = limits::PRUNE_RECORDS;
        for room in &self.sweep.unpinned {
            if left == 0 {
                plan.more = true;
                break;
            }
            let lowest = self.state.members.pin(&room.0, &room.1);
            let pin = lowest.map(|pin| pin.record);
            let from = self.sweep.swept_to.get(room).copied().unwrap_or(0);
            let upto = pin
                .unwrap_or(u64::MAX)
                .min(plan.position.history.saturating_sub(1));
            let found = self.records_of(room, from, upto, left)?;
            // Looking at a room counts, even if nothing was found.
            left -= found.len().max(1);
            for number in &found {
                for row in self.records(*number, *number)? {
                    self.add_unless_pinned(plan, row);
                }
            }
            if let (0, Some(last)) = (left, found.last()) {
                plan.swept_to.push((room.clone(), Some(last + 1)));
                plan.more = true;
                break;
            }
            plan.swept_to.push((room.clone(), pin));
            plan.settled.push(room.clone());
        }
        Ok(())
    }

    fn plan_producers(&self, plan: &mut PrunePlan, now_ms: u64) -> Result<()> {
        let position = &mut plan.position;
        if now_ms < position.next_producer_round_ms {
            return Ok(());
        }
        let mut next = self.conn.prepare_cached(
            "SELECT producer, at_ms FROM producers WHERE producer > ?1 ORDER BY producer LIMIT ?2",
        )?;
        let found: Vec<(String, u64)> = next
            .query_map(params![position.producer, limits::PRUNE_RECORDS], |row| {
                row.try_into()
            })?
            .collect::<Result<_>>()?;
        match found.last() {
            Some((last, _)) if found.len() == limits::PRUNE_RECORDS => {
                position.producer.clone_from(last);
                plan.more = true;
            }
            _ => {
                position.producer.clear();
                position.next_producer_round_ms =
                    now_ms + limits::PRODUCER_SWEEP.as_millis() as u64;
            }
        }
        let old = found
            .into_iter()
            .filter(|(_, at_ms)| has_passed(*at_ms, limits::PRODUCER_TTL, now_ms));
        plan.producers.extend(old.map(|(producer, _)| producer));
        Ok(())
    }

    fn plan_sessions(&self, plan: &mut PrunePlan, now_ms: u64) -> Result<()> {
        let age = u64::try_from(self.retention.session_age.as_millis()).unwrap_or(u64::MAX);
        let Some(lost_by) = now_ms.checked_sub(age) else {
            return Ok(());
        };
        let mut lost = self.conn.prepare_cached(
            "SELECT id, (SELECT count(*) FROM session_rooms WHERE session = id)
               FROM sessions WHERE lost_ms <= ?1 ORDER BY lost_ms",
        )?;
        let mut lost = lost.query([lost_by])?;
        // Each room of a session is a row too.
        let mut rows = 0;
        while let Some(session) = lost.next()? {
            if rows >= limits::PRUNE_RECORDS {
                plan.more = true;
                break;
            }
            plan.sessions.push(session.get(0)?);
            rows += 1 + session.get::<_, usize>(1)?;
        }
        Ok(())
    }

    fn add_unless_pinned(&self, plan: &mut PrunePlan, row: LogRow) {
        if !self.state.members.is_pinned(row.number, &row.header) {
            let number = row.number;
            let record = PrunableRecord { row, expired: 0 };
            plan.records.entry(number).or_insert(record);
        }
    }

    fn records(&self, from: u64, upto: u64) -> Result<Vec<LogRow>> {
        log_rows(&self.conn, from, upto, limits::PRUNE_RECORDS, Bodies::None)
    }

    fn records_of(&self, room: &RoomKey, from: u64, upto: u64, limit: usize) -> Result<Vec<u64>> {
        if from > upto {
            return Ok(Vec::new());
        }
        let upto = upto.min(i64::MAX as u64);
        self.conn
            .prepare_cached(
                "SELECT record FROM log_rooms WHERE room = (SELECT id FROM rooms WHERE namespace = ?1 AND name = ?2)
                    AND record BETWEEN ?3 AND ?4 ORDER BY record LIMIT ?5",
            )?
            .query_map(
                params![room.0.as_str(), room.1.as_str(), from, upto, limit],
                |row| row.get(0),
            )?
            .collect()
    }

    /// In one transaction that does not wait for the disk. The next commit makes it durable; if it is lost, pruning starts
    /// over.
    fn carry_out(&mut self, plan: &PrunePlan) -> Result<()> {
        self.conn.pragma_update(None, "synchronous", "NORMAL")?;
        let done = self.delete(plan);
        let restored = self.conn.pragma_update(None, "synchronous", "FULL");
        done.and(restored)
    }

    fn delete(&mut self, plan: &PrunePlan) -> Result<()> {
        self.conn.execute_batch("BEGIN IMMEDIATE")?;
        self.delete_records(plan)?;
        let Self { conn, state, .. } = self;
        if let Some((number, PrunableRecord { row, .. })) = plan.records.last_key_value() {
            let mut note =
                conn.prepare_cached("UPDATE meta SET value = ?2 WHERE name = ?1 AND value < ?2")?;
            note.execute(params!["pruned_to", number])?;
            note.execute(params!["pruned_ms", row.at_ms])?;
            note.execute(params!["pruned_end", row.start + log_bytes(row.body_bytes)])?;
        }
        for producer in &plan.producers {
            conn.prepare_cached("DELETE FROM producers WHERE producer = ?1")?
                .execute([producer])?;
        }
        for session in &plan.sessions {
            session_rows::delete(conn, *session)?;
        }
        state.sessions -= plan.sessions.len();
        conn.execute_batch("COMMIT")
    }

    /// Deletes the records from the log and from the index of their rooms.
    fn delete_records(&mut self, plan: &PrunePlan) -> Result<()> {
        let Self { conn, state, .. } = self;
        let mut pruned_to: HashMap<i64, (u64, u32)> = HashMap::new();
        for (number, PrunableRecord { row, .. }) in &plan.records {
            conn.prepare_cached("DELETE FROM log WHERE record = ?1")?
                .execute([number])?;
            for name in row.header.rooms.iter() {
                let room = state.room(conn, &row.header.namespace, name)?.id;
                conn.prepare_cached("DELETE FROM log_rooms WHERE room = ?1 AND record = ?2")?
                    .execute(params![room, number])?;
                pruned_to.insert(room, (*number, row.header.count));
            }
        }
        for (room, (number, count)) in pruned_to {
            conn.prepare_cached(
                "UPDATE rooms SET pruned_to = ?2, pruned_count = ?3 WHERE id = ?1 AND pruned_to < ?2",
            )?
            .execute(params![room, number, count])?;
        }
        Ok(())
    }
}
