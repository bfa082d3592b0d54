//! The state of a client's subscription: the request, the messages received, and those written.
//!
//! Pure. Lets a `sub` survive a lost connection without repeats and without loss. It resumes after the last message
//! that was written, so that the hub moves no cursor past unwritten messages, and drops messages that it receives
//! twice.

use std::collections::VecDeque;

use super::events::Gap;
use super::verbs::sub::{ResumePoint, ShareSettings, SubscribeRequest};
use crate::address::{RoomName, Seq};
use crate::wire::batch::DeliveryHeader;
use crate::wire::verb::Verb;

#[derive(Debug)]
pub struct Subscription {
    request: SubscribeRequest,
    /// The log that `cursor` and the seqs belong to.
    log: String,
    /// The first message not yet received.
    cursor: Option<Seq>,
    unwritten: VecDeque<UnwrittenRange>,
    /// The last message written, in this log.
    last_written: Option<Seq>,
    /// The last write cannot be acked: its message is of a shared queue and arrived on a connection that is lost.
    ack_lost: bool,
    /// The rooms that the hub subscribed this client to, in this log.
    hub_rooms: Vec<RoomName>,
    /// Holds the client name's cursor here, however much was written.
    held: Option<Seq>,
}

/// Messages that were received and are not written yet.
#[derive(Debug)]
struct UnwrittenRange {
    first: Seq,
    last: Seq,
    log: LogOrigin,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LogOrigin {
    Current,
    /// Its seqs would ack other messages in the current log.
    Former,
}

impl Subscription {
    pub fn new(request: SubscribeRequest, log: &str) -> Self {
        Self {
            request,
            log: log.to_owned(),
            cursor: None,
            unwritten: VecDeque::new(),
            last_written: None,
            ack_lost: false,
            hub_rooms: Vec::new(),
            held: None,
        }
    }

    /// The same subscription, reading again from `cursor`. It forgets messages received before.
    pub fn restart_at(&self, cursor: Seq, held: Option<Seq>) -> Self {
        Self {
            cursor: Some(cursor),
            hub_rooms: self.hub_rooms.clone(),
            held,
            ..Self::new(self.request.clone(), &self.log)
        }
    }

    pub fn hold(&mut self, held: Option<Seq>) {
        self.held = held;
    }

    pub fn held(&self) -> Option<Seq> {
        self.held
    }

    pub fn request(&self) -> &SubscribeRequest {
        &self.request
    }

    pub fn remove_rooms(&mut self, rooms: &[RoomName]) {
        self.request.rooms.retain(|room| !rooms.contains(room));
        self.hub_rooms.retain(|room| !rooms.contains(room));
    }

    pub fn set_hub_rooms(&mut self, rooms: &[RoomName]) {
        self.hub_rooms = rooms.to_vec();
    }

    /// The verb to send, at first and after each reconnect, and its argument.
    pub fn encode_request(&self) -> (Verb, String) {
        let resume = self.resume_from().map(|from| ResumePoint {
            from,
            log: &self.log,
            // No messages of a room that the name joined later were written, so its cursor differs.
            within: if self.request.rooms.is_empty() {
                &self.hub_rooms
            } else {
                &[]
            },
            keep: self.held,
        });
        self.request.encode(resume)
    }

    pub fn share(&self) -> Option<ShareSettings> {
        self.request.share()
    }

    /// A new connection greeted with this log. A subscription with a cursor learns of another log from the hub's gap event.
    pub fn connection_opened(&mut self, log: &str) {
        // Messages of a shared queue that an earlier connection received went to another subscriber, so they cannot be
        // acked.
        if self.share().is_some() || self.cursor.is_none() && self.log != log {
            self.switch_log(log);
        }
    }

    /// Notes a received batch. Returns how many of its first messages were received before.
    pub fn record_received(&mut self, header: &DeliveryHeader) -> u32 {
        // A volatile message has no seq: there is nothing to resume from and nothing to ack.
        let Some(first) = header.first else { return 0 };
        let last = nth(first, header.count.saturating_sub(1));
        // A sharer handles every message that it receives, repeated ones included.
        let cursor = self.cursor.filter(|_| self.share().is_none());
        let known = match cursor {
            Some(cursor) if last < cursor => return header.count,
            // The cursor is not behind the last message, so it is in the same record.
            Some(cursor) if first < cursor => cursor.index - first.index,
            _ => 0,
        };
        self.cursor = self.share().is_none().then_some(last.next());
        self.unwritten.push_back(UnwrittenRange {
            first: nth(first, known),
            last,
            log: LogOrigin::Current,
        });
        known
    }

    /// The first message that may be unwritten; None before any was received, and for a shared queue, whose cursor the
    /// hub knows.
    fn resume_from(&self) -> Option<Seq> {
        if self.share().is_some() {
            return None;
        }
        let mut unwritten = self.unwritten.iter();
        let oldest = unwritten.find(|range| range.log == LogOrigin::Current);
        let written = self.last_written.map(Seq::next);
        // The oldest range may be written in part.
        match oldest {
            Some(range) => Some(written.map_or(range.first, |written| written.max(range.first))),
            None => self.cursor,
        }
    }

    pub fn is_all_written(&self) -> bool {
        self.unwritten.is_empty()
    }

    /// Everything up to and including the record of `head` was received or is not for this subscription.
    pub fn caught_up(&mut self, head: Seq) {
        if self.share().is_none() {
            let next = Seq::after_record(head.record);
            self.cursor = Some(self.cursor.map_or(next, |cursor| cursor.max(next)));
        }
    }

    pub fn handle_gap(&mut self, gap: &Gap) {
        if let Gap::OtherLog { log } = gap {
            self.switch_log(log);
        }
    }

    /// Notes that everything received up to `seq` was written. Returns whether to ack it.
    pub fn record_written(&mut self, seq: Seq) -> bool {
        let contains = |range: &UnwrittenRange| range.first <= seq && seq <= range.last;
        let Some(index) = self.unwritten.iter().position(contains) else {
            return false;
        };
        let UnwrittenRange { last, log, .. } = self.unwritten[index];
        self.unwritten.drain(..index + usize::from(last == seq));
        match log {
            LogOrigin::Current => {
                self.last_written = Some(seq);
                self.ack_lost = false;
                true
            }
            LogOrigin::Former => {
                self.ack_lost = self.share().is_some();
                false
            }
        }
    }

    pub fn last_written(&self) -> Option<Seq> {
        self.last_written
    }

    /// Whether the last write cannot be acked, so that its messages go to another subscriber of the shared queue.
    pub fn is_ack_lost(&self) -> bool {
        self.ack_lost
    }

    fn switch_log(&mut self, log: &str) {
        self.log = log.to_owned();
        self.cursor = None;
        self.last_written = None;
        self.held = None;
        self.hub_rooms.clear();
        for range in &mut self.unwritten {
            range.log = LogOrigin::Former;
        }
    }
}

/// The seq of the message `offset` places after `first` in the same record.
fn nth(first: Seq, offset: u32) -> Seq {
    Seq::new(first.record, first.index.saturating_add(offset))
}

#[cfg(test)]
mod tests;
