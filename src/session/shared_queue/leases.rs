//! Who was handed which messages of a shared queue, and how far all of it is done: the ledger above the one durable cursor.
//!
//! Pure: the time comes as an argument, and what a record is nobody here knows. Records come in ascending order; each
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

/// A record that can be handed in pieces.
pub trait Divide: Clone {
    /// Where a piece ends that begins with message `from`, goes no further than `to`, and has no more than `bytes`, but at
    /// least one message; and how many bytes it has.
    fn fit(&self, from: u32, to: u32, bytes: usize) -> (u32, usize);
}

/// How much a sharer takes, and how patient it is to be waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// Messages handed and not acked.
    pub window: u32,
    /// What it was handed goes to others when it acks nothing for so long.
    pub ack_timeout: Duration,
}

/// Messages `from..to` of a record, for one sharer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece<P> {
    pub holder: SocketId,
    pub record: P,
    pub from: u32,
    pub to: u32,
}

#[derive(Debug)]
pub struct Leases<P> {
    /// Records that are not done, or stand behind one that is not.
    open: BTreeMap<u64, Open<P>>,
    /// Nothing before it is owed, but what is open.
    end: Seq,
    /// What is to be handed, lowest first: the first message of a stretch, and the index behind its last.
    free: BTreeMap<Seq, u32>,
    free_messages: u64,
    /// Messages of open records: how far acks may run ahead of the cursor.
    ahead: u64,
    /// Of records that may have to be handed once more.
    bytes: usize,
    holders: BTreeMap<SocketId, Holder>,
    /// Counts what was handed, to tell who was served last.
    turns: u64,
}

#[derive(Debug)]
struct Open<P> {
    /// None: all of it is done.
    record: Option<P>,
    first: u32,
    count: u32,
    bytes: usize,
    done: Ranges,
}

#[derive(Debug)]
struct Holder {
    terms: Terms,
    /// In the order of handing.
    leases: VecDeque<Lease>,
    messages: u32,
    bytes: usize,
    /// Of what it was handed, what its transport has not taken: an ack does not prove that it has.
    unsent: usize,
    /// Since when it holds something and acks nothing.
    since: Option<Instant>,
    /// When it was served last.
    turn: u64,
    /// What it holds was taken from it: it is handed nothing more until it has acked all of that.
    overdue: bool,
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

impl Holder {
    /// How many messages it may be handed now. A large window is refilled a part at a time, so that batches stay batches.
    fn room(&self) -> u32 {
        let left = self.terms.window.saturating_sub(self.messages);
        let least = (self.terms.window / limits::SHARE_REFILLS).max(1);
        let full = self.overdue || left < least || self.bytes_left() == 0;
        if full { 0 } else { left }
    }

    fn bytes_left(&self) -> usize {
        limits::SHARE_WINDOW_BYTES.saturating_sub(self.bytes.max(self.unsent))
    }
}

impl<P: Divide> Leases<P> {
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

    pub fn enter(&mut self, holder: SocketId, terms: Terms) {
        let new = Holder {
            terms,
            leases: VecDeque::new(),
            messages: 0,
            bytes: 0,
            unsent: 0,
            since: None,
            turn: self.turns,
            overdue: false,
        };
        self.holders.insert(holder, new);
    }

    /// What it holds goes to others.
    pub fn leave(&mut self, holder: SocketId) {
        if let Some(gone) = self.holders.remove(&holder)
            && !gone.overdue
        {
            self.release(gone.leases);
        }
    }

    /// So many bytes of what `holder` was handed wait for its transport.
    pub fn note_unsent(&mut self, holder: SocketId, bytes: usize) {
        if let Some(holder) = self.holders.get_mut(&holder) {
            holder.unsent = bytes;
        }
    }

    /// Whether there is somebody for more than is free, and place to note it.
    pub fn wants(&self) -> bool {
        let full = self.ahead >= limits::SHARE_AHEAD || self.bytes >= limits::SHARE_BYTES_MAX;
        if full && !self.open.is_empty() {
            return false;
        }
        if self.bytes >= limits::SHARE_BYTES && !self.open.is_empty() {
            // Who works slowly on a little of much keeps nobody idle.
            let idle = |holder: &Holder| holder.messages == 0 && holder.room() > 0;
            return self.free.is_empty() && self.holders.values().any(idle);
        }
        let room = self.holders.values().map(|it| u64::from(it.room()));
        self.free_messages < room.sum()
    }

    /// The messages `first..count` of a record behind all others are to be handed.
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

    /// Nothing before `behind` is owed, but what was added.
    pub fn skip(&mut self, behind: Seq) {
        self.end = self.end.max(behind);
    }

    /// The next piece, and for whom: for who holds least, and of those for who was served longest ago. What is free is
    /// divided among all who take something now.
    pub fn hand(&mut self, now: Instant) -> Option<Piece<P>> {
        let (start, end) = self.free.first_key_value().map(|(at, end)| (*at, *end))?;
        let id = self.freest()?;
        let fair = self.fair();
        let holder = self.holders.get_mut(&id)?;
        let record = self.open.get(&start.record)?.record.clone()?;
        let part = fair.saturating_sub(holder.messages).max(1);
        let most = (end - start.index).min(holder.room()).min(part);
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
        Some(Piece {
            holder: id,
            record,
            from: start.index,
            to,
        })
    }

    /// Everything handed to `holder` up to the handing of `seq` is done, whoever holds it now. What it was never handed
    /// confirms nothing.
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
        state.overdue &= !state.leases.is_empty();
        state.since = (!state.overdue && !state.leases.is_empty()).then_some(now);
        for lease in done {
            self.settle(lease.record, lease.from, lease.to);
        }
        self.close();
    }

    /// Takes from everyone who has acked nothing for too long what it holds. How many there were.
    pub fn expire(&mut self, now: Instant) -> usize {
        let late = |holder: &Holder| {
            holder
                .since
                .is_some_and(|since| since + holder.terms.ack_timeout <= now)
        };
        let mut taken = Vec::new();
        let late = self.holders.values_mut().filter(|holder| late(holder));
        for holder in late {
            holder.since = None;
            holder.overdue = true;
            taken.push(holder.leases.clone());
        }
        let count = taken.len();
        for leases in taken {
            self.release(leases);
        }
        count
    }

    /// For whom something is that nobody leases: for who is next to be served, if anybody has room.
    pub fn pass_by(&mut self) -> Option<SocketId> {
        let id = self.freest()?;
        self.turns += 1;
        self.holders.get_mut(&id)?.turn = self.turns;
        Some(id)
    }

    /// Who has most room, if anybody has.
    fn freest(&self) -> Option<SocketId> {
        let open = self.holders.iter().filter(|(_, holder)| holder.room() > 0);
        let (id, _) = open.min_by_key(|(_, holder)| (holder.messages, holder.turn))?;
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

    /// What is free and no longer owed is done: `owed` says from which message on a record still is.
    pub fn drop_free(&mut self, owed: impl Fn(&P) -> Option<u32>) {
        let free: Vec<(Seq, u32)> = self.free.iter().map(|(at, end)| (*at, *end)).collect();
        for (start, end) in free {
            let Some(record) = self.record(start.record) else {
                continue;
            };
            let upto = owed(record).map_or(end, |first| first.min(end));
            if start.index < upto {
                self.settle(start.record, start.index, upto);
            }
        }
        self.close();
    }

    /// The first message that is not done.
    pub fn cursor(&self) -> Seq {
        match self.open.first_key_value() {
            Some((number, open)) => Seq::new(*number, open.done.end_from(open.first)),
            None => self.end,
        }
    }

    /// Whether everything that was added was handed.
    pub fn is_handed(&self) -> bool {
        self.free.is_empty()
    }

    /// Messages that are to be handed.
    pub fn free(&self) -> u64 {
        self.free_messages
    }

    /// Messages that somebody holds.
    pub fn leased(&self) -> u64 {
        let holding = self.holders.values().filter(|holder| !holder.overdue);
        holding.map(|holder| u64::from(holder.messages)).sum()
    }

    /// How many messages each of those who take something would have if what is free was divided among them.
    fn fair(&self) -> u32 {
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

    fn settle(&mut self, number: u64, from: u32, to: u32) {
        self.take_free(number, from, to);
        let Some(open) = self.open.get_mut(&number) else {
            return;
        };
        open.done.insert(from, to);
        if open.done.end_from(open.first) == open.count && open.record.take().is_some() {
            self.bytes -= open.bytes;
        }
    }

    /// Forgets the records that the cursor has passed.
    fn close(&mut self) {
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

    /// Those of the messages that are free are so no longer.
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
