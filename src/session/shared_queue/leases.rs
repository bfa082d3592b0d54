//! The leases of a shared queue: which sharer holds which messages, and which are done, above the one durable cursor.
//!
//! Pure: time comes in as an argument, and the type of a record is a parameter. Records are added in ascending order. Each
//! message is free, held by one sharer, or done.

mod ranges;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use self::ranges::Ranges;
use crate::address::Seq;
use crate::hub::socket_id::SocketId;
use crate::limits;

/// A record that can be cut into pieces.
pub trait DivisibleRecord: Clone {
    /// The largest piece that begins with message `from`, ends at `to` or before, and has at most `bytes` bytes, but at
    /// least one message. Returns the index after its last message, and its length in bytes.
    fn fit(&self, from: u32, to: u32, bytes: usize) -> (u32, usize);
}

/// How much one sharer may hold, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaseTerms {
    /// The most unacked messages.
    pub window: u32,
    /// When a sharer acks nothing for this long, its messages go to others.
    pub ack_timeout: Duration,
}

/// Messages `from..to` of a record, for one sharer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeasedPiece<P> {
    pub holder: SocketId,
    pub record: P,
    pub from: u32,
    pub to: u32,
}

#[derive(Debug)]
pub struct Leases<P> {
    /// Records that are not done, and those after them.
    open: BTreeMap<u64, Open<P>>,
    /// Before this seq only open records are owed.
    end: Seq,
    /// Ranges of free messages: the first seq, and the index after the last message.
    free: BTreeMap<Seq, u32>,
    free_messages: u64,
    /// Messages of all open records. Bounds how far acks run ahead of the cursor.
    ahead: u64,
    /// Bytes of the open records that are not done.
    bytes: usize,
    holders: BTreeMap<SocketId, LeaseHolder>,
    /// The number of leases granted. Orders holders by when they were served.
    turns: u64,
}

#[derive(Debug)]
struct Open<P> {
    /// `None` when all its messages are done.
    record: Option<P>,
    first: u32,
    count: u32,
    bytes: usize,
    done: Ranges,
}

#[derive(Debug)]
struct LeaseHolder {
    terms: LeaseTerms,
    /// In the order granted.
    leases: VecDeque<Lease>,
    messages: u32,
    bytes: usize,
    /// Bytes that its transport has not taken. An ack does not prove that it has.
    unsent: usize,
    /// When it last acked, or took its first message. `None` when it holds nothing.
    since: Option<Instant>,
    /// The value of `turns` when it was last served.
    turn: u64,
    /// Its lease expired. It gets no more messages until it has acked everything it was given.
    is_overdue: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Lease {
    record: u64,
    from: u32,
    to: u32,
    bytes: usize,
}

impl Lease {
    fn holds(&self, seq: Seq) -> bool {
        self.record == seq.record && (self.from..self.to).contains(&seq.index)
    }

    fn messages(&self) -> u32 {
        self.to - self.from
    }
}

impl LeaseHolder {
    /// How many messages it may get now. A large window is refilled in parts, so that batches stay large.
    fn room(&self) -> u32 {
        let left = self.terms.window.saturating_sub(self.messages);
        let smallest = (self.terms.window / limits::SHARE_REFILLS).max(1);
        let full = self.is_overdue || left < smallest || self.bytes_left() == 0;
        if full { 0 } else { left }
    }

    fn bytes_left(&self) -> usize {
        limits::SHARE_WINDOW_BYTES.saturating_sub(self.bytes.max(self.unsent))
    }
}

impl<P: DivisibleRecord> Leases<P> {
    pub fn new(start: Seq) -> Self {
        Self {
            open: BTreeMap::new(),
            end: start,
            free: BTreeMap::new(),
            free_messages: 0,
            ahead: 0,
            bytes: 0,
            holders: BTreeMap::new(),
            turns: 0,
        }
    }

    pub fn add_holder(&mut self, holder: SocketId, terms: LeaseTerms) {
        let new = LeaseHolder {
            terms,
            leases: VecDeque::new(),
            messages: 0,
            bytes: 0,
            unsent: 0,
            since: None,
            turn: self.turns,
            is_overdue: false,
        };
        self.holders.insert(holder, new);
    }

    /// Removes a holder. Its messages go to others.
    pub fn remove_holder(&mut self, holder: SocketId) {
        if let Some(removed) = self.holders.remove(&holder)
            && !removed.is_overdue
        {
            self.release(removed.leases);
        }
    }

    /// Sets how many bytes wait for the holder's transport.
    pub fn note_unsent(&mut self, holder: SocketId, bytes: usize) {
        if let Some(holder) = self.holders.get_mut(&holder) {
            holder.unsent = bytes;
        }
    }

    /// Whether holders have room for more than is free, and the bounds allow more open records.
    pub fn has_room(&self) -> bool {
        let full = self.ahead >= limits::SHARE_AHEAD || self.bytes >= limits::SHARE_BYTES_MAX;
        if full && !self.open.is_empty() {
            return false;
        }
        if self.bytes >= limits::SHARE_BYTES && !self.open.is_empty() {
            // One slow holder does not keep the others idle.
            let idle = |holder: &LeaseHolder| holder.messages == 0 && holder.room() > 0;
            return self.free.is_empty() && self.holders.values().any(idle);
        }
        let room = self.holders.values().map(|holder| u64::from(holder.room()));
        self.free_messages < room.sum()
    }

    /// Adds the messages `first..count` of a record that comes after all others.
    pub fn add(&mut self, number: u64, first: u32, count: u32, record: P, bytes: usize) {
        self.end = self.end.max(Seq::after_record(number));
        if first >= count {
            return;
        }
        let open = Open {
            record: Some(record),
            first,
            count,
            bytes: bytes + limits::ENTRY_BYTES,
            done: Ranges::default(),
        };
        self.ahead += u64::from(count);
        self.bytes += open.bytes;
        self.open.insert(number, open);
        self.set_free(number, first, count);
    }

    /// Nothing before `cursor` is owed, except records added already.
    pub fn skip(&mut self, cursor: Seq) {
        self.end = self.end.max(cursor);
    }

    /// Leases the next piece to the holder with the fewest messages, and among equals to the one served longest ago. Free
    /// messages are divided among all holders with room.
    pub fn lease_next(&mut self, now: Instant) -> Option<LeasedPiece<P>> {
        let (start, end) = self.free.first_key_value().map(|(at, end)| (*at, *end))?;
        let id = self.freest_holder()?;
        let fair = self.fair_share();
        let holder = self.holders.get_mut(&id)?;
        let record = self.open.get(&start.record)?.record.clone()?;
        let fair = fair.saturating_sub(holder.messages).max(1);
        let most = (end - start.index).min(holder.room()).min(fair);
        let (to, bytes) = record.fit(start.index, start.index + most, holder.bytes_left());
        let lease = Lease {
            record: start.record,
            from: start.index,
            to,
            bytes: bytes + limits::ENTRY_BYTES,
        };
        self.turns += 1;
        holder.turn = self.turns;
        holder.messages += lease.messages();
        holder.bytes += lease.bytes;
        holder.since.get_or_insert(now);
        holder.leases.push_back(lease);
        self.take_free(start.record, start.index, to);
        Some(LeasedPiece {
            holder: id,
            record,
            from: start.index,
            to,
        })
    }

    /// Marks everything that `holder` was given up to `seq` as done, even if another holder has it now. Ignores a seq that
    /// `holder` was not given.
    pub fn ack(&mut self, holder: SocketId, seq: Seq, now: Instant) {
        let Some(state) = self.holders.get_mut(&holder) else {
            return;
        };
        let Some(at) = state.leases.iter().position(|lease| lease.holds(seq)) else {
            return;
        };
        let mut done: Vec<Lease> = state.leases.drain(..at).collect();
        if let Some(last) = state.leases.front_mut() {
            let acked = seq.index + 1 - last.from;
            let share = last.bytes as u64 * u64::from(acked) / u64::from(last.messages());
            let bytes = usize::try_from(share).unwrap_or(last.bytes);
            done.push(Lease {
                to: seq.index + 1,
                bytes,
                ..*last
            });
            last.from = seq.index + 1;
            last.bytes -= bytes;
            if last.messages() == 0 {
                state.leases.pop_front();
            }
        }
        for lease in &done {
            state.messages -= lease.messages();
            state.bytes -= lease.bytes;
        }
        state.is_overdue &= !state.leases.is_empty();
        state.since = (!state.is_overdue && !state.leases.is_empty()).then_some(now);
        for lease in done {
            self.mark_done(lease.record, lease.from, lease.to);
        }
        self.drop_done();
    }

    /// Frees the messages of all holders whose ack timeout has passed. Returns how many holders.
    pub fn expire(&mut self, now: Instant) -> usize {
        let is_late = |holder: &LeaseHolder| {
            holder
                .since
                .is_some_and(|since| since + holder.terms.ack_timeout <= now)
        };
        let mut expired = Vec::new();
        let late = self.holders.values_mut().filter(|holder| is_late(holder));
        for holder in late {
            holder.since = None;
            holder.is_overdue = true;
            expired.push(holder.leases.clone());
        }
        let count = expired.len();
        for leases in expired {
            self.release(leases);
        }
        count
    }

    /// The holder for a message that is not leased: the next one to serve, if any has room.
    pub fn next_sharer(&mut self) -> Option<SocketId> {
        let id = self.freest_holder()?;
        self.turns += 1;
        self.holders.get_mut(&id)?.turn = self.turns;
        Some(id)
    }

    /// The next holder to serve, if any has room.
    fn freest_holder(&self) -> Option<SocketId> {
        let with_room = self.holders.iter().filter(|(_, holder)| holder.room() > 0);
        let (id, _) = with_room.min_by_key(|(_, holder)| (holder.messages, holder.turn))?;
        Some(*id)
    }

    /// When [`Self::expire`] has something to do next.
    pub fn deadline(&self) -> Option<Instant> {
        let deadlines = self.holders.values().filter_map(|holder| {
            let since = holder.since?;
            Some(since + holder.terms.ack_timeout)
        });
        deadlines.min()
    }

    /// Marks free messages that are no longer owed as done. `owed` returns the first message of a record that still is.
    pub fn drop_free(&mut self, owed: impl Fn(&P) -> Option<u32>) {
        let free: Vec<(Seq, u32)> = self.free.iter().map(|(at, end)| (*at, *end)).collect();
        for (start, end) in free {
            let Some(record) = self.record(start.record) else {
                continue;
            };
            let upto = owed(record).map_or(end, |first| first.min(end));
            if start.index < upto {
                self.mark_done(start.record, start.index, upto);
            }
        }
        self.drop_done();
    }

    /// The first message that is not done.
    pub fn cursor(&self) -> Seq {
        match self.open.first_key_value() {
            Some((number, open)) => Seq::new(*number, open.done.end_from(open.first)),
            None => self.end,
        }
    }

    /// Whether no message is free.
    pub fn is_all_leased(&self) -> bool {
        self.free.is_empty()
    }

    /// The number of free messages.
    pub fn free(&self) -> u64 {
        self.free_messages
    }

    /// The number of messages held by holders whose lease has not expired.
    pub fn leased(&self) -> u64 {
        let holding = self.holders.values().filter(|holder| !holder.is_overdue);
        holding.map(|holder| u64::from(holder.messages)).sum()
    }

    /// How many messages each holder with room would have if the free ones were divided among them.
    fn fair_share(&self) -> u32 {
        let takers = self.holders.values().filter(|holder| holder.room() > 0);
        let held: u64 = takers
            .clone()
            .map(|holder| u64::from(holder.messages))
            .sum();
        let fair = (self.free_messages + held).div_ceil(takers.count().max(1) as u64);
        u32::try_from(fair).unwrap_or(u32::MAX)
    }

    fn record(&self, number: u64) -> Option<&P> {
        self.open.get(&number)?.record.as_ref()
    }

    fn release(&mut self, leases: VecDeque<Lease>) {
        for Lease {
            record, from, to, ..
        } in leases
        {
            let Some(open) = self.open.get(&record) else {
                continue;
            };
            for (from, to) in open.done.holes(from, to) {
                self.set_free(record, from, to);
            }
        }
    }

    fn mark_done(&mut self, number: u64, from: u32, to: u32) {
        self.take_free(number, from, to);
        let Some(open) = self.open.get_mut(&number) else {
            return;
        };
        open.done.insert(from, to);
        if open.done.end_from(open.first) == open.count && open.record.take().is_some() {
            self.bytes -= open.bytes;
        }
    }

    /// Drops the records that the cursor has passed.
    fn drop_done(&mut self) {
        while let Some(first) = self.open.first_entry()
            && first.get().record.is_none()
        {
            self.ahead -= u64::from(first.remove().count);
        }
    }

    fn set_free(&mut self, number: u64, from: u32, to: u32) {
        self.free_messages += u64::from(to - from);
        self.free.insert(Seq::new(number, from), to);
    }

    /// Removes messages from the free ranges.
    fn take_free(&mut self, number: u64, from: u32, to: u32) {
        let before = self.free.range(..=Seq::new(number, from)).next_back();
        let begin = before
            .filter(|(at, end)| at.record == number && **end > from)
            .map_or(Seq::new(number, from), |(at, _)| *at);
        let met: Vec<(Seq, u32)> = self
            .free
            .range(begin..Seq::new(number, to))
            .map(|(at, end)| (*at, *end))
            .collect();
        for (at, end) in met {
            self.free.remove(&at);
            self.free_messages -= u64::from(end - at.index);
            if at.index < from {
                self.set_free(number, at.index, from);
            }
            if end > to {
                self.set_free(number, to, end);
            }
        }
    }
}
