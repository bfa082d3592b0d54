//! Several rooms' records in the order of the log, without reading all that they hold.

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
pub(super) enum Order {
    Ascending,
    Descending,
}

/// A record as its rooms' index knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Indexed {
    pub(super) number: u64,
    pub(super) count: u32,
    /// It is for everyone in its rooms.
    pub(super) plain: bool,
    /// Which of the merged rooms it is in, by their place in the list.
    pub(super) rooms: Vec<usize>,
}

pub(super) struct Merge<'a> {
    conn: &'a Connection,
    order: Order,
    chunk: usize,
    rooms: Vec<Room>,
    /// The next record of each room that has one, by what comes first.
    next: BinaryHeap<Reverse<(u64, usize)>>,
}

struct Room {
    id: i64,
    from: u64,
    upto: u64,
    buffer: VecDeque<(u64, u32, bool)>,
}

impl<'a> Merge<'a> {
    /// Of each room (its row) the records from a number on, up to `upto`.
    pub(super) fn new(
        conn: &'a Connection,
        order: Order,
        rooms: impl IntoIterator<Item = (i64, u64)>,
        upto: u64,
    ) -> Result<Self> {
        let upto = upto.min(i64::MAX as u64);
        let room = |(id, from)| Room {
            id,
            from,
            upto,
            buffer: VecDeque::new(),
        };
        let rooms: Vec<Room> = rooms.into_iter().map(room).collect();
        let share = limits::MERGE_CHUNK / rooms.len().max(1);
        let mut merge = Self {
            conn,
            order,
            chunk: share.max(limits::MERGE_CHUNK_MIN),
            next: BinaryHeap::with_capacity(rooms.len()),
            rooms,
        };
        for place in 0..merge.rooms.len() {
            merge.offer(place)?;
        }
        Ok(merge)
    }

    pub(super) fn next(&mut self) -> Result<Option<Indexed>> {
        let Some(Reverse((key, place))) = self.next.pop() else {
            return Ok(None);
        };
        let Some((number, count, plain)) = self.take(place)? else {
            return Ok(None);
        };
        let mut rooms = vec![place];
        while let Some(Reverse((other, place))) = self.next.peek().copied() {
            if other != key {
                break;
            }
            self.next.pop();
            self.take(place)?;
            rooms.push(place);
        }
        Ok(Some(Indexed {
            number,
            count,
            plain,
            rooms,
        }))
    }

    /// The room's first record, after which its next one stands in the heap.
    fn take(&mut self, place: usize) -> Result<Option<(u64, u32, bool)>> {
        let taken = self.rooms[place].buffer.pop_front();
        self.offer(place)?;
        Ok(taken)
    }

    fn offer(&mut self, place: usize) -> Result<()> {
        let room = &mut self.rooms[place];
        if room.buffer.is_empty() && room.from <= room.upto {
            room.fill(self.conn, self.order, self.chunk)?;
        }
        if let Some((number, ..)) = room.buffer.front() {
            let key = match self.order {
                Order::Ascending => *number,
                Order::Descending => u64::MAX - number,
            };
            self.next.push(Reverse((key, place)));
        }
        Ok(())
    }
}

impl Room {
    fn fill(&mut self, conn: &Connection, order: Order, chunk: usize) -> Result<()> {
        let sql = match order {
            Order::Ascending => ASCENDING,
            Order::Descending => DESCENDING,
        };
        let mut statement = conn.prepare_cached(sql)?;
        let mut rows = statement.query(params![self.id, self.from, self.upto, chunk])?;
        while let Some(row) = rows.next()? {
            self.buffer
                .push_back((row.get(0)?, row.get(1)?, row.get(2)?));
        }
        let last = self.buffer.back().filter(|_| self.buffer.len() == chunk);
        match (order, last) {
            (Order::Ascending, Some((number, ..))) => self.from = number + 1,
            (Order::Descending, Some((number, ..))) if *number > 0 => self.upto = number - 1,
            _ => self.from = u64::MAX,
        }
        Ok(())
    }
}
