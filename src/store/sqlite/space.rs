//! Space for a commit: how much of `--keep-pending` is left, and, when it is used up, which member holds most of it.

use rusqlite::{Result, params};

use super::fault::fatal;
use super::store::SqliteStore;
use super::transaction::Budget;
use crate::limits;
use crate::store::error::StoreError;
use crate::store::membership::Member;
use crate::store::op::{Op, Refusal};
use crate::store::retention::{HistoryPolicy, has_passed};

impl SqliteStore {
    /// How much of these appends fits. History is pruned to make room; records that members pin stay.
    pub(super) fn make_room(&mut self, ops: &[Op], now_ms: u64) -> Result<Budget, StoreError> {
        let bytes = |op: &Op| match op {
            Op::Append { record, .. } | Op::Delay { record, .. } => record.log_bytes(),
            _ => 0,
        };
        let incoming: u64 = ops.iter().map(bytes).sum();
        let limit = self.retention.pending_bytes;
        let mut in_use = if incoming == 0 {
            0
        } else {
            self.bytes_in_use()?
        };
        let mut more = true;
        while in_use + incoming > limit && more {
            more = self.prune_step(now_ms, HistoryPolicy::Ignore)?.more;
            in_use = self.bytes_in_use()?;
        }
        let refusal = if in_use + incoming > limit {
            self.largest_pending(now_ms)?
        } else {
            None
        };
        Ok(Budget {
            bytes: limit.saturating_sub(in_use),
            refusal,
        })
    }

    /// The pages of the database that are not free, in bytes.
    fn bytes_in_use(&self) -> Result<u64, StoreError> {
        let count = |sql| -> Result<u64> {
            let mut pragma = self.conn.prepare_cached(sql)?;
            pragma.query_row([], |row| row.get(0))
        };
        let pages = count("PRAGMA page_count")
            .and_then(|pages| Ok(pages.saturating_sub(count("PRAGMA freelist_count")?)));
        let pages = pages.map_err(|error| fatal(&self.path, error))?;
        Ok(pages * limits::DB_PAGE_BYTES as u64)
    }

    /// The refusal that names the largest pending queue. None if nobody has pending messages.
    fn largest_pending(&mut self, now_ms: u64) -> Result<Option<Refusal>, StoreError> {
        if let Some((looked_up_ms, known)) = &self.largest_pending
            && !has_passed(*looked_up_ms, limits::LARGEST_PENDING_TTL, now_ms)
            && self.is_current(known)
        {
            return Ok(Some(known.clone()));
        }
        let found = self.find_largest_pending();
        let found = found.map_err(|error| fatal(&self.path, error))?;
        self.largest_pending = found.clone().map(|refusal| (now_ms, refusal));
        Ok(found)
    }

    /// Whether the pending queue that the refusal names still exists.
    fn is_current(&self, refusal: &Refusal) -> bool {
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
            Refusal::DelayedQueueFull(full) => {
                self.state.delayed.next_due_ms == Some(full.next_due_ms())
            }
            _ => false,
        }
    }

    fn find_largest_pending(&mut self) -> Result<Option<Refusal>> {
        let lowest: Vec<Member> = self.state.members.lowest_of_each_room().collect();
        let mut largest: Option<(u64, Member)> = None;
        for member in lowest {
            let bytes = self.pinned_bytes(&member)?;
            if bytes > largest.as_ref().map_or(0, |(bytes, _)| *bytes) {
                largest = Some((bytes, member));
            }
        }
        let limit = self.retention.pending_bytes;
        let bytes = largest.as_ref().map_or(0, |(bytes, _)| *bytes);
        if let Some(full) = self.state.delayed.largest_pending(limit, bytes) {
            return Ok(Some(Refusal::DelayedQueueFull(full)));
        }
        Ok(largest.map(|(bytes, member)| Refusal::full(limit, member, bytes)))
    }

    /// The size of the room from the member's cursor on. The member pins all of that, so no record in between is gone.
    fn pinned_bytes(&mut self, member: &Member) -> Result<u64> {
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
}
