//! Forgetting what neither members nor history want, a bounded step at a time, and making room when the bound is reached.
//!
//! Three walks see each record a bounded number of times, however many are pinned: one follows the edge of history,
//! one follows the age at which members lose what they did not get, and one looks at a room again when its lowest
//! cursor moved. What a walk leaves because a member pins it is found again when that cursor moves.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rusqlite::{Result, params};

use super::SqliteStore;
use super::commit::Budget;
use super::fault::{Fault, fatal};
use super::row::{Bodies, Stored, stored_between};
use super::sessions;
use super::state::State;
use crate::address::{Namespace, RoomName};
use crate::limits;
use crate::store::{Member, Op, PruneReport, Refusal, StoreError, past, weight};

type Room = (Namespace, RoomName);

/// How far the walks came. Lost when the store is closed; then they start over.
pub(super) struct Sweep {
    reached: Reached,
    /// By room with members: what history let go of before this record is gone, or pinned by another room.
    swept_to: HashMap<Room, u64>,
    /// Rooms whose lowest cursor may have moved since.
    unpinned: BTreeSet<Room>,
}

#[derive(Clone, Default)]
struct Reached {
    /// Every record before it was looked at after history let go of it.
    floor: u64,
    /// Every record before it is gone, by age.
    expired_to: u64,
    /// The last producer looked at, and when the next round through all of them begins.
    producer: String,
    producers_due_ms: u64,
}

/// Whether history keeps a record from going.
#[derive(Clone, Copy, PartialEq, Eq)]
enum History {
    Respected,
    Ignored,
}

/// What a step is going to do; decided by reading alone.
#[derive(Default)]
struct Plan {
    reached: Reached,
    /// How far rooms are swept then; None: all the way, and it has no members.
    swept_to: Vec<(Room, Option<u64>)>,
    /// Rooms that need no further look.
    settled: Vec<Room>,
    gone: BTreeMap<u64, Gone>,
    producers: Vec<String>,
    sessions: Vec<i64>,
    more: bool,
}

struct Gone {
    stored: Stored,
    /// Messages that members lose with it.
    expired: u64,
}

impl Plan {
    fn changes_something(&self) -> bool {
        !(self.gone.is_empty() && self.producers.is_empty() && self.sessions.is_empty())
    }
}

impl Sweep {
    pub(super) fn new(state: &State) -> Self {
        let lowest = state.members.lowest_of_each_room();
        Self {
            reached: Reached::default(),
            swept_to: lowest
                .map(|member| ((member.namespace, member.room), member.cursor.record))
                .collect(),
            unpinned: BTreeSet::new(),
        }
    }

    pub(super) fn joined(&mut self, namespace: &Namespace, room: &RoomName, record: u64) {
        let room = (namespace.clone(), room.clone());
        self.swept_to.entry(room).or_insert(record);
    }

    fn went(&mut self, plan: Plan) {
        self.reached = plan.reached;
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

    pub(super) fn unpinned(&mut self, namespace: &Namespace, room: &RoomName) {
        self.unpinned.insert((namespace.clone(), room.clone()));
    }
}

impl SqliteStore {
    pub(super) fn prune_step(&mut self, now_ms: u64) -> Result<PruneReport, StoreError> {
        self.step(now_ms.max(self.state.last_ms), History::Respected)
    }

    /// What of these appends fits. History yields first; what members pin does not.
    pub(super) fn make_room(&mut self, ops: &[Op], now_ms: u64) -> Result<Budget, StoreError> {
        let weight = |op: &Op| match op {
            Op::Append { record, .. } | Op::Delay { record, .. } => record.weight(),
            _ => 0,
        };
        let incoming: u64 = ops.iter().map(weight).sum();
        let limit = self.keep.pending_bytes;
        let mut live = if incoming == 0 { 0 } else { self.live()? };
        let mut more = true;
        while live + incoming > limit && more {
            more = self.step(now_ms, History::Ignored)?.more;
            live = self.live()?;
        }
        let refusal = if live + incoming > limit {
            self.culprit(now_ms)?
        } else {
            None
        };
        Ok(Budget {
            bytes: limit.saturating_sub(live),
            refusal,
        })
    }

    /// Bytes of the database that hold something.
    fn live(&self) -> Result<u64, StoreError> {
        let count = |sql| -> Result<u64> {
            let mut pragma = self.conn.prepare_cached(sql)?;
            pragma.query_row([], |row| row.get(0))
        };
        let pages = count("PRAGMA page_count")
            .and_then(|pages| Ok(pages.saturating_sub(count("PRAGMA freelist_count")?)));
        let pages = pages.map_err(|error| fatal(&self.path, error))?;
        Ok(pages * limits::DB_PAGE_BYTES as u64)
    }

    /// The refusal that names who pins most; None when nobody pins anything.
    fn culprit(&mut self, now_ms: u64) -> Result<Option<Refusal>, StoreError> {
        if let Some((looked_up_ms, known)) = &self.culprit
            && !past(*looked_up_ms, limits::CULPRIT_TTL, now_ms)
            && self.still_holds(known)
        {
            return Ok(Some(known.clone()));
        }
        let found = self.look_up_culprit();
        let found = found.map_err(|error| fatal(&self.path, error))?;
        self.culprit = found.clone().map(|refusal| (now_ms, refusal));
        Ok(found)
    }

    fn still_holds(&self, refusal: &Refusal) -> bool {
        match refusal {
            Refusal::Full {
                namespace,
                client,
                room,
                ..
            } => {
                let members = &self.state.members;
                members.cursor(namespace, client, room).is_some()
            }
            Refusal::DelayedQueueFull(crowded) => {
                self.state.delayed.next_due_ms == Some(crowded.next_due_ms())
            }
            _ => false,
        }
    }

    fn look_up_culprit(&mut self) -> Result<Option<Refusal>> {
        let lowest: Vec<Member> = self.state.members.lowest_of_each_room().collect();
        let mut most: Option<(u64, Member)> = None;
        for member in lowest {
            let bytes = self.held_by(&member)?;
            if bytes > most.as_ref().map_or(0, |(bytes, _)| *bytes) {
                most = Some((bytes, member));
            }
        }
        let limit = self.keep.pending_bytes;
        let bytes = most.as_ref().map_or(0, |(bytes, _)| *bytes);
        let member = most.map(|(bytes, member)| Refusal::Full {
            limit,
            namespace: member.namespace,
            client: member.client,
            room: member.room,
            bytes,
        });
        Ok(self.state.delayed.or_member(limit, bytes, member))
    }

    /// The weight of the room from the member's cursor on: it pins all of that, so nothing in between is gone.
    fn held_by(&mut self, member: &Member) -> Result<u64> {
        let Self { state, conn, .. } = self;
        let room = *state.room(conn, &member.namespace, &member.room)?;
        let mut first = conn.prepare_cached(
            "SELECT start FROM log_rooms
              WHERE room = ?1 AND record >= ?2 AND (record > ?2 OR count > ?3) ORDER BY record LIMIT 1",
        )?;
        let mut rows = first.query(params![room.id, member.cursor.record, member.cursor.index])?;
        match rows.next()? {
            Some(row) => Ok(room.end.saturating_sub(row.get(0)?)),
            None => Ok(0),
        }
    }

    fn step(&mut self, now_ms: u64, history: History) -> Result<PruneReport, StoreError> {
        let plan = self.plan(now_ms, history);
        let plan = plan.map_err(|error| fatal(&self.path, error))?;
        let pruned = PruneReport {
            records: plan.gone.len() as u64,
            expired: plan.gone.values().map(|gone| gone.expired).sum(),
            more: plan.more,
        };
        if plan.changes_something() {
            let done = self.carry_out(&plan);
            match done.map_err(|error| Fault::of(&self.path, error)) {
                Ok(()) => {}
                // Even forgetting needs room in the write-ahead log. The walks stay where they were.
                Err(Fault::NoRoom(_)) => {
                    self.roll_back()?;
                    return Ok(PruneReport::default());
                }
                Err(Fault::Fatal(error)) => return Err(error),
            }
        }
        self.sweep.went(plan);
        Ok(pruned)
    }

    fn plan(&self, now_ms: u64, history: History) -> Result<Plan> {
        let mut plan = Plan {
            reached: self.sweep.reached.clone(),
            ..Plan::default()
        };
        self.follow_history(&mut plan, now_ms, history)?;
        self.follow_expiry(&mut plan, now_ms)?;
        self.follow_cursors(&mut plan)?;
        self.follow_producers(&mut plan, now_ms)?;
        self.follow_sessions(&mut plan, now_ms)?;
        Ok(plan)
    }

    fn follow_history(&self, plan: &mut Plan, now_ms: u64, history: History) -> Result<()> {
        let found = self.stored(plan.reached.floor, self.state.head)?;
        plan.more |= found.len() == limits::PRUNE_RECORDS;
        for stored in found {
            let tail = self.state.end - stored.start;
            if history == History::Respected && self.keep.history_wants(stored.at_ms, tail, now_ms)
            {
                plan.more = false;
                return Ok(());
            }
            plan.reached.floor = stored.number + 1;
            self.unless_pinned(plan, stored);
        }
        Ok(())
    }

    fn follow_expiry(&self, plan: &mut Plan, now_ms: u64) -> Result<()> {
        let Some(upto) = plan.reached.floor.checked_sub(1) else {
            return Ok(());
        };
        let found = self.stored(plan.reached.expired_to, upto)?;
        let mut more = found.len() == limits::PRUNE_RECORDS;
        for stored in found {
            if !self.keep.expired(stored.at_ms, now_ms) {
                more = false;
                break;
            }
            plan.reached.expired_to = stored.number + 1;
            let expired = self.state.members.still_owed(stored.number, &stored.header);
            plan.gone.insert(stored.number, Gone { stored, expired });
        }
        plan.more |= more;
        Ok(())
    }

    fn follow_cursors(&self, plan: &mut Plan) -> Result<()> {
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
                .min(plan.reached.floor.saturating_sub(1));
            let found = self.records_of(room, from, upto, left)?;
            // A room without anything to do is a look too.
            left -= found.len().max(1);
            for number in &found {
                for stored in self.stored(*number, *number)? {
                    self.unless_pinned(plan, stored);
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

    fn follow_producers(&self, plan: &mut Plan, now_ms: u64) -> Result<()> {
        let reached = &mut plan.reached;
        if now_ms < reached.producers_due_ms {
            return Ok(());
        }
        let mut next = self.conn.prepare_cached(
            "SELECT producer, at_ms FROM producers WHERE producer > ?1 ORDER BY producer LIMIT ?2",
        )?;
        let found: Vec<(String, u64)> = next
            .query_map(params![reached.producer, limits::PRUNE_RECORDS], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?
            .collect::<Result<_>>()?;
        match found.last() {
            Some((last, _)) if found.len() == limits::PRUNE_RECORDS => {
                reached.producer.clone_from(last);
                plan.more = true;
            }
            _ => {
                reached.producer.clear();
                reached.producers_due_ms = now_ms + limits::PRODUCER_SWEEP.as_millis() as u64;
            }
        }
        let old = found
            .into_iter()
            .filter(|(_, at_ms)| past(*at_ms, limits::PRODUCER_TTL, now_ms));
        plan.producers.extend(old.map(|(producer, _)| producer));
        Ok(())
    }

    fn follow_sessions(&self, plan: &mut Plan, now_ms: u64) -> Result<()> {
        let age = u64::try_from(self.keep.session_age.as_millis()).unwrap_or(u64::MAX);
        let Some(lost_by) = now_ms.checked_sub(age) else {
            return Ok(());
        };
        let mut lost = self.conn.prepare_cached(
            "SELECT id, (SELECT count(*) FROM session_rooms WHERE session = id)
               FROM sessions WHERE lost_ms <= ?1 ORDER BY lost_ms",
        )?;
        let mut lost = lost.query([lost_by])?;
        // Each of its rooms is a row as well.
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

    fn unless_pinned(&self, plan: &mut Plan, stored: Stored) {
        if !self.state.members.pinned(stored.number, &stored.header) {
            let gone = Gone { stored, expired: 0 };
            plan.gone.entry(gone.stored.number).or_insert(gone);
        }
    }

    fn stored(&self, from: u64, upto: u64) -> Result<Vec<Stored>> {
        stored_between(&self.conn, from, upto, limits::PRUNE_RECORDS, Bodies::None)
    }

    fn records_of(&self, room: &Room, from: u64, upto: u64, limit: usize) -> Result<Vec<u64>> {
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

    /// One transaction that no disk is waited for: the next commit makes it durable, and to lose it is to prune again.
    fn carry_out(&mut self, plan: &Plan) -> Result<()> {
        self.conn.pragma_update(None, "synchronous", "NORMAL")?;
        let done = self.delete(plan);
        let restored = self.conn.pragma_update(None, "synchronous", "FULL");
        done.and(restored)
    }

    fn delete(&mut self, plan: &Plan) -> Result<()> {
        let Self { conn, state, .. } = self;
        conn.execute_batch("BEGIN IMMEDIATE")?;
        let mut pruned_to: HashMap<i64, (u64, u32)> = HashMap::new();
        for (number, Gone { stored, .. }) in &plan.gone {
            conn.prepare_cached("DELETE FROM log WHERE record = ?1")?
                .execute([number])?;
            for name in stored.header.rooms.iter() {
                let room = state.room(conn, &stored.header.namespace, name)?.id;
                conn.prepare_cached("DELETE FROM log_rooms WHERE room = ?1 AND record = ?2")?
                    .execute(params![room, number])?;
                pruned_to.insert(room, (*number, stored.header.count));
            }
        }
        for (room, (number, count)) in pruned_to {
            conn.prepare_cached(
                "UPDATE rooms SET pruned_to = ?2, pruned_count = ?3 WHERE id = ?1 AND pruned_to < ?2",
            )?
            .execute(params![room, number, count])?;
        }
        if let Some((number, Gone { stored, .. })) = plan.gone.last_key_value() {
            let mut note =
                conn.prepare_cached("UPDATE meta SET value = ?2 WHERE name = ?1 AND value < ?2")?;
            note.execute(params!["pruned_to", number])?;
            note.execute(params!["pruned_ms", stored.at_ms])?;
            note.execute(params![
                "pruned_end",
                stored.start + weight(stored.body_bytes)
            ])?;
        }
        for producer in &plan.producers {
            conn.prepare_cached("DELETE FROM producers WHERE producer = ?1")?
                .execute([producer])?;
        }
        for session in &plan.sessions {
            sessions::forget(conn, *session)?;
        }
        state.sessions -= plan.sessions.len();
        conn.execute_batch("COMMIT")
    }
}
