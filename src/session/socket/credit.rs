//! Counts the messages that a socket has not confirmed yet. Pure, with one type for each way to confirm. A cursor is
//! the first seq that is not confirmed. Knows nothing of rooms, stores or transports.

use std::collections::VecDeque;

use crate::address::Seq;
use crate::limits;

/// How a socket confirms messages.
#[derive(Debug)]
pub enum Credit {
    /// A roomcat client: the verb `ack` names the last message written.
    Acks(AckWindow),
    /// A stock client with `auth.ack`: each event carries an ack id.
    Events(EventAcks),
    /// Any other stock client: it confirms what its transport takes.
    Written(Option<Seq>),
}

impl Credit {
    /// Whether more may be sent now.
    pub fn has_room(&self) -> bool {
        match self {
            Self::Acks(window) => window.bytes < limits::CREDIT_BYTES,
            Self::Events(acks) => acks.unacked.len() < limits::CREDIT_EVENTS,
            Self::Written(_) => true,
        }
    }

    /// Messages that were sent and are not confirmed.
    pub fn unconfirmed(&self) -> u64 {
        match self {
            Self::Acks(window) => window.messages,
            Self::Events(acks) => acks.unacked.len() as u64,
            Self::Written(_) => 0,
        }
    }

    /// Starts a subscription. A late confirmation of an earlier message moves none of its cursors.
    pub fn reset(&mut self) {
        match self {
            Self::Acks(window) => *window = AckWindow::default(),
            Self::Events(acks) => acks.reset(),
            Self::Written(end) => *end = None,
        }
    }

    /// Nothing else before `cursor` is owed. Returns the cursor to move to now, if nothing before it is unconfirmed.
    pub fn skip(&mut self, cursor: Seq) -> Option<Seq> {
        let last = match self {
            Self::Acks(window) => window.unacked.back_mut().map(|record| &mut record.end),
            Self::Events(acks) => acks.unacked.back_mut().map(|event| &mut event.end),
            Self::Written(end) => {
                *end = Some(cursor);
                return None;
            }
        };
        match last {
            Some(end) => {
                *end = cursor;
                None
            }
            None => Some(cursor),
        }
    }
}

/// How far the cursors of one subscription may move. A client that assembles one object from many messages confirms
/// each of them for credit, but keeps the cursor at the first until it has all. After a lost connection the hub sends
/// them again.
#[derive(Debug, Default)]
pub struct CursorHold {
    confirmed: Option<Seq>,
    keep: Option<Seq>,
}

impl CursorHold {
    pub fn keeping(keep: Option<Seq>) -> Self {
        Self {
            confirmed: None,
            keep,
        }
    }

    /// From now on the cursors stop at `keep`, if there is one.
    pub fn keep(&mut self, keep: Option<Seq>) {
        self.keep = keep;
    }

    /// Everything before `cursor` is confirmed.
    pub fn confirm(&mut self, cursor: Seq) {
        self.confirmed = self.confirmed.max(Some(cursor));
    }

    /// Where the cursors may stand now. `None`: nothing is confirmed yet.
    pub fn cursor(&self) -> Option<Seq> {
        let confirmed = self.confirmed?;
        Some(self.keep.map_or(confirmed, |keep| keep.min(confirmed)))
    }
}

/// Records sent and not acked, bounded by bytes.
#[derive(Debug, Default)]
pub struct AckWindow {
    unacked: VecDeque<UnackedRecord>,
    bytes: usize,
    messages: u64,
}

#[derive(Debug)]
struct UnackedRecord {
    last: Seq,
    /// The cursor once `last` is confirmed.
    end: Seq,
    bytes: usize,
    /// Those that are not confirmed.
    messages: u64,
}

impl AckWindow {
    /// Notes that a record was sent, up to and including its message `last`.
    pub fn add(&mut self, last: Seq, messages: u32, bytes: usize) {
        let bytes = bytes + limits::ENTRY_BYTES;
        let messages = u64::from(messages);
        self.bytes += bytes;
        self.messages += messages;
        self.unacked.push_back(UnackedRecord {
            last,
            end: Seq::after_record(last.record),
            bytes,
            messages,
        });
    }

    /// Confirms everything up to and including `seq`. Returns the new cursor, or None when nothing changes. A seq after
    /// the last message sent confirms only the messages sent.
    pub fn ack(&mut self, seq: Seq) -> Option<Seq> {
        let mut cursor = None;
        while let Some(first) = self.unacked.front().filter(|first| first.last <= seq) {
            cursor = Some(first.end);
            self.bytes -= first.bytes;
            self.messages -= first.messages;
            self.unacked.pop_front();
        }
        let first = self.unacked.front_mut();
        match first.filter(|first| first.last.record == seq.record) {
            Some(first) => {
                let left = u64::from(first.last.index - seq.index).min(first.messages);
                self.messages -= first.messages - left;
                first.messages = left;
                Some(seq.next())
            }
            None => cursor,
        }
    }
}

/// Events sent with ack ids, bounded by number.
#[derive(Debug, Default)]
pub struct EventAcks {
    unacked: VecDeque<UnackedEvent>,
    /// The ack id of the first unacked event; the others count up from it.
    first_id: u64,
}

#[derive(Debug)]
struct UnackedEvent {
    /// The cursor once it is acked.
    end: Seq,
    is_acked: bool,
}

impl EventAcks {
    /// The ack id for one more event; `end` is the cursor once it is acked.
    pub fn add(&mut self, end: Seq) -> u64 {
        self.unacked.push_back(UnackedEvent {
            end,
            is_acked: false,
        });
        self.first_id + self.unacked.len() as u64 - 1
    }

    /// Later acks of events sent so far have no effect, because no id is used twice.
    fn reset(&mut self) {
        self.first_id += self.unacked.len() as u64;
        self.unacked.clear();
    }

    /// Returns the new cursor, if this ack completes a prefix of the events sent.
    pub fn ack(&mut self, id: u64) -> Option<Seq> {
        let index = usize::try_from(id.checked_sub(self.first_id)?).ok()?;
        self.unacked.get_mut(index)?.is_acked = true;
        let mut cursor = None;
        while let Some(first) = self.unacked.front().filter(|first| first.is_acked) {
            cursor = Some(first.end);
            self.first_id += 1;
            self.unacked.pop_front();
        }
        cursor
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ack_confirms_everything_sent_up_to_it() {
        let mut window = AckWindow::default();
        window.add(Seq::new(1, 9), 10, 100);
        window.add(Seq::new(2, 0), 1, 100);
        window.add(Seq::new(5, 3), 4, 100);
        assert_eq!(window.messages, 15);
        assert_eq!(
            window.ack(Seq::new(1, 4)),
            Some(Seq::new(1, 5)),
            "inside a record"
        );
        assert_eq!(window.messages, 10);
        window.ack(Seq::new(1, 3));
        assert_eq!(window.messages, 10, "an ack that comes late");
        assert_eq!(window.ack(Seq::new(2, 0)), Some(Seq::new(3, 0)));
        assert_eq!(window.messages, 4);
        assert_eq!(window.ack(Seq::new(2, 0)), None, "again");
        assert_eq!(
            window.ack(Seq::new(99, 0)),
            Some(Seq::new(6, 0)),
            "never past what was sent"
        );
        assert_eq!((window.bytes, window.messages), (0, 0));
    }

    #[test]
    fn a_full_window_waits_for_an_ack() {
        let mut credit = Credit::Acks(AckWindow::default());
        let Credit::Acks(window) = &mut credit else {
            unreachable!()
        };
        window.add(Seq::new(1, 0), 1, limits::CREDIT_BYTES);
        assert!(!credit.has_room());
        let Credit::Acks(window) = &mut credit else {
            unreachable!()
        };
        window.ack(Seq::new(1, 0));
        assert!(credit.has_room());
    }

    #[test]
    fn a_skipped_record_is_confirmed_with_the_one_before_it() {
        let mut credit = Credit::Acks(AckWindow::default());
        assert_eq!(
            credit.skip(Seq::new(3, 0)),
            Some(Seq::new(3, 0)),
            "nothing is unconfirmed"
        );
        let Credit::Acks(window) = &mut credit else {
            unreachable!()
        };
        window.add(Seq::new(3, 0), 1, 1);
        assert_eq!(credit.skip(Seq::new(9, 0)), None);
        let Credit::Acks(window) = &mut credit else {
            unreachable!()
        };
        assert_eq!(window.ack(Seq::new(3, 0)), Some(Seq::new(9, 0)));
    }

    #[test]
    fn a_kept_message_holds_the_cursor_and_no_credit() {
        let mut hold = CursorHold::default();
        hold.keep(Some(Seq::new(3, 0)));
        assert_eq!(hold.cursor(), None, "nothing is confirmed");
        hold.confirm(Seq::new(2, 5));
        assert_eq!(hold.cursor(), Some(Seq::new(2, 5)));
        hold.confirm(Seq::new(9, 0));
        assert_eq!(hold.cursor(), Some(Seq::new(3, 0)));
        hold.confirm(Seq::new(4, 0));
        hold.keep(Some(Seq::new(7, 2)));
        assert_eq!(hold.cursor(), Some(Seq::new(7, 2)));
        hold.keep(None);
        assert_eq!(hold.cursor(), Some(Seq::new(9, 0)), "as far as ever");
    }

    #[test]
    fn acks_out_of_order_confirm_the_contiguous_prefix() {
        let mut acks = EventAcks::default();
        let ids: Vec<u64> = (1..=3).map(|n| acks.add(Seq::after_record(n))).collect();
        assert_eq!(acks.ack(ids[1]), None);
        assert_eq!(acks.ack(77), None, "never sent");
        assert_eq!(acks.ack(ids[0]), Some(Seq::after_record(2)));
        assert_eq!(acks.ack(ids[0]), None, "again");
        assert_eq!(acks.ack(ids[2]), Some(Seq::after_record(3)));
        assert_eq!(acks.add(Seq::after_record(4)), 3);
    }
}
