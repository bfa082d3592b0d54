//! The records of several rooms in the order of the log, read a few at a time.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use rusqlite::{Connection, Result, params};

use crate::limits;

const ASCENDING: &str = "
    SELECT record, count, plain FROM log_rooms
     WHERE room = ?1 AND record BETWEEN ?2 AND ?3 ORDER BY record LIMIT ?4";
const DESCENDING: &str = "
    SELECT record, count, plain FROM log_rooms
     WHERE room = ?1 AND record BETWEEN ?2 AND ?3 ORDER BY record DESC LIMIT ?4";

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ScanOrder {
    Ascending,
    Descending,
}

/// A record as the index of rooms knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct IndexEntry {
    pub(super) number: u64,
    pub(super) count: u32,
    /// It is for everyone in its rooms: nobody is excluded.
    pub(super) plain: bool,
    /// Which of the merged rooms it is in, by their index.
    pub(super) rooms: Vec<usize>,
}

pub(super) struct RoomMerge<'a> {
    conn: &'a Connection,
    order: ScanOrder,
    /// How many entries of a room are read at a time.
    chunk: usize,
    rooms: Vec<RoomScan>,
    /// The next record of each room that has one; the first of them on top.
    next: BinaryHeap<Reverse<(u64, usize)>>,
}

struct RoomScan {
    id: i64,
    from: u64,
    upto: u64,
    buffer: VecDeque<(u64, u32, bool)>,
}

impl<'a> RoomMerge<'a> {
    /// Scans rooms, each given by its row and the record to start at, up to the record `upto`.
    pub(super) fn new(
        conn: &'a Connection,
        order: ScanOrder,
        rooms: impl IntoIterator<Item = (i64, u64)>,
        upto: u64,
    ) -> Result<Self> {
        let upto = upto.min(i64::MAX as u64);
        let room = |(id, from)| RoomScan {
            id,
            from,
            upto,
            buffer: VecDeque::new(),
        };
        let rooms: Vec<RoomScan> = rooms.into_iter().map(room).collect();
        let share = limits::MERGE_CHUNK / rooms.len().max(1);
        let mut merge = Self {
            conn,
            order,
            chunk: share.max(limits::MERGE_CHUNK_MIN),
            next: BinaryHeap::with_capacity(rooms.len()),
            rooms,
        };
        for index in 0..merge.rooms.len() {
            merge.enqueue(index)?;
        }
        Ok(merge)
    }

    pub(super) fn next(&mut self) -> Result<Option<IndexEntry>> {
        let Some(Reverse((key, index))) = self.next.pop() else {
            return Ok(None);
        };
        let Some((number, count, plain)) = self.take(index)? else {
            return Ok(None);
        };
        let mut rooms = vec![index];
        while let Some(Reverse((other, index))) = self.next.peek().copied() {
            if other != key {
                break;
            }
            self.next.pop();
            self.take(index)?;
            rooms.push(index);
        }
        Ok(Some(IndexEntry {
            number,
            count,
            plain,
            rooms,
        }))
    }

    /// Takes the room's next record, and puts the one after it into the heap.
    fn take(&mut self, index: usize) -> Result<Option<(u64, u32, bool)>> {
        let taken = self.rooms[index].buffer.pop_front();
        self.enqueue(index)?;
        Ok(taken)
    }

    fn enqueue(&mut self, index: usize) -> Result<()> {
        let room = &mut self.rooms[index];
        if room.buffer.is_empty() && room.from <= room.upto {
            room.fill(self.conn, self.order, self.chunk)?;
        }
        if let Some((number, ..)) = room.buffer.front() {
            let key = match self.order {
                ScanOrder::Ascending => *number,
                ScanOrder::Descending => u64::MAX - number,
            };
            self.next.push(Reverse((key, index)));
        }
        Ok(())
    }
}

impl RoomScan {
    fn fill(&mut self, conn: &Connection, order: ScanOrder, chunk: usize) -> Result<()> {
        let sql = match order {
            ScanOrder::Ascending => ASCENDING,
            ScanOrder::Descending => DESCENDING,
        };
        let mut statement = conn.prepare_cached(sql)?;
        let mut rows = statement.query(params![self.id, self.from, self.upto, chunk])?;
        while let Some(row) = rows.next()? {
            self.buffer
                .push_back((row.get(0)?, row.get(1)?, row.get(2)?));
        }
        let last = self.buffer.back().filter(|_| self.buffer.len() == chunk);
        match (order, last) {
            (ScanOrder::Ascending, Some((number, ..))) => self.from = number + 1,
            (ScanOrder::Descending, Some((number, ..))) if *number > 0 => self.upto = number - 1,
            _ => self.from = u64::MAX,
        }
        Ok(())
    }
}
