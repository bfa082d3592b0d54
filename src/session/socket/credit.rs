//! What was handed to a socket and not yet confirmed: pure bookkeeping, one kind for each way of confirming.
//!
//! Knows nothing of rooms, stores or transports. A cursor is the first seq not yet confirmed.

use std::collections::VecDeque;

use crate::address::Seq;
use crate::limits;

/// How a socket confirms what it was handed.
#[derive(Debug)]
pub enum Credit {
    /// `roomcat`: the verb `ack` names the last message written.
    Acks(AckWindow),
    /// A stock client with `auth.ack`: each event carries an ack id.
    Events(EventAcks),
    /// Any other stock client: what its transport took counts.
    Written(Option<Seq>),
}

impl Credit {
    /// Whether more may be handed now.
    pub fn has_room(&self) -> bool {
        match self {
            Self::Acks(window) => window.bytes < limits::CREDIT_BYTES,
            Self::Events(answers) => answers.waiting.len() < limits::CREDIT_EVENTS,
            Self::Written(_) => true,
        }
    }

    /// Messages that were handed and are not confirmed.
    pub fn unconfirmed(&self) -> u64 {
        match self {
            Self::Acks(window) => window.messages,
            Self::Events(answers) => answers.waiting.len() as u64,
            Self::Written(_) => 0,
        }
    }

    /// A subscription begins: what was handed before is of another, and confirming it moves no cursor of this one.
    pub fn begin(&mut self) {
        match self {
            Self::Acks(window) => *window = AckWindow::default(),
            Self::Events(answers) => answers.forget(),
            Self::Written(end) => *end = None,
        }
    }

    /// Everything before `cursor` was looked at and the rest of it is not owed. Returns the cursor to move to now, when
    /// nothing before it waits to be confirmed.
    pub fn skip(&mut self, cursor: Seq) -> Option<Seq> {
        let last = match self {
            Self::Acks(window) => window.handed.back_mut().map(|handed| &mut handed.end),
            Self::Events(answers) => answers.waiting.back_mut().map(|waiting| &mut waiting.end),
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

/// Where the cursors of one subscription may stand: how far everything is confirmed, and what is wanted again all the same.
/// Who writes one thing that is made of many messages confirms each of them for its credit, and keeps the first until it has
/// all of them.
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

    /// From now on the cursors stop at this one; at None they go as far as everything is confirmed.
    pub fn keep(&mut self, keep: Option<Seq>) {
        self.keep = keep;
    }

    /// Everything before `cursor` is confirmed.
    pub fn confirm(&mut self, cursor: Seq) {
        self.confirmed = self.confirmed.max(Some(cursor));
    }

    /// Where the cursors stand now, once anything was confirmed.
    pub fn cursor(&self) -> Option<Seq> {
        let confirmed = self.confirmed?;
        Some(self.keep.map_or(confirmed, |keep| keep.min(confirmed)))
    }
}

/// Records handed and not acked, bounded by bytes.
#[derive(Debug, Default)]
pub struct AckWindow {
    handed: VecDeque<UnackedRecord>,
    bytes: usize,
    messages: u64,
}

#[derive(Debug)]
struct UnackedRecord {
    last: Seq,
    /// The cursor once `last` is confirmed.
    end: Seq,
    bytes: usize,
    /// Not yet confirmed.
    messages: u64,
}

impl AckWindow {
    /// So many messages of a record up to `last`, its final one, were handed.
    pub fn hand(&mut self, last: Seq, messages: u32, bytes: usize) {
        let bytes = bytes + limits::ENTRY_BYTES;
        let messages = u64::from(messages);
        self.bytes += bytes;
        self.messages += messages;
        self.handed.push_back(UnackedRecord {
            last,
            end: Seq::after_record(last.record),
            bytes,
            messages,
        });
    }

    /// Everything handed up to and including `seq` is confirmed: the new cursor, or None when that changes nothing.
    /// A seq that was never handed confirms no more than what was.
    pub fn ack(&mut self, seq: Seq) -> Option<Seq> {
        let mut cursor = None;
        while let Some(first) = self.handed.front().filter(|first| first.last <= seq) {
            cursor = Some(first.end);
            self.bytes -= first.bytes;
            self.messages -= first.messages;
            self.handed.pop_front();
        }
        let first = self.handed.front_mut();
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

/// Events handed with ack ids, bounded by number.
#[derive(Debug, Default)]
pub struct EventAcks {
    waiting: VecDeque<UnackedEvent>,
    /// The ack id of the first that waits; the others count up from it.
    first_id: u64,
}

#[derive(Debug)]
struct UnackedEvent {
    end: Seq,
    answered: bool,
}

impl EventAcks {
    /// The ack id for one more event; `end` is the cursor once it is confirmed.
    pub fn hand(&mut self, end: Seq) -> u64 {
        self.waiting.push_back(UnackedEvent {
            end,
            answered: false,
        });
        self.first_id + self.waiting.len() as u64 - 1
    }

    /// Answers to what was handed so far mean nothing any more; no id is used twice.
    fn forget(&mut self) {
        self.first_id += self.waiting.len() as u64;
        self.waiting.clear();
    }

    /// The new cursor, when this answer completes a prefix of what was handed.
    pub fn ack(&mut self, id: u64) -> Option<Seq> {
        let index = usize::try_from(id.checked_sub(self.first_id)?).ok()?;
        self.waiting.get_mut(index)?.answered = true;
        let mut cursor = None;
        while let Some(first) = self.waiting.front().filter(|first| first.answered) {
            cursor = Some(first.end);
            self.first_id += 1;
            self.waiting.pop_front();
        }
        cursor
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ack_confirms_everything_handed_up_to_it() {
        let mut window = AckWindow::default();
        window.hand(Seq::new(1, 9), 10, 100);
        window.hand(Seq::new(2, 0), 1, 100);
        window.hand(Seq::new(5, 3), 4, 100);
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
            "never past what was handed"
        );
        assert_eq!((window.bytes, window.messages), (0, 0));
    }

    #[test]
    fn a_full_window_waits_for_an_ack() {
        let mut credit = Credit::Acks(AckWindow::default());
        let Credit::Acks(window) = &mut credit else {
            unreachable!()
        };
        window.hand(Seq::new(1, 0), 1, limits::CREDIT_BYTES);
        assert!(!credit.has_room());
        let Credit::Acks(window) = &mut credit else {
            unreachable!()
        };
        window.ack(Seq::new(1, 0));
        assert!(credit.has_room());
    }

    #[test]
    fn what_is_skipped_is_confirmed_with_what_stands_before_it() {
        let mut credit = Credit::Acks(AckWindow::default());
        assert_eq!(
            credit.skip(Seq::new(3, 0)),
            Some(Seq::new(3, 0)),
            "nothing waits"
        );
        let Credit::Acks(window) = &mut credit else {
            unreachable!()
        };
        window.hand(Seq::new(3, 0), 1, 1);
        assert_eq!(credit.skip(Seq::new(9, 0)), None);
        let Credit::Acks(window) = &mut credit else {
            unreachable!()
        };
        assert_eq!(window.ack(Seq::new(3, 0)), Some(Seq::new(9, 0)));
    }

    #[test]
    fn what_is_kept_holds_the_cursor_and_nothing_else() {
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
    fn answers_out_of_order_confirm_the_contiguous_prefix() {
        let mut answers = EventAcks::default();
        let ids: Vec<u64> = (1..=3)
            .map(|n| answers.hand(Seq::after_record(n)))
            .collect();
        assert_eq!(answers.ack(ids[1]), None);
        assert_eq!(answers.ack(77), None, "never handed");
        assert_eq!(answers.ack(ids[0]), Some(Seq::after_record(2)));
        assert_eq!(answers.ack(ids[0]), None, "again");
        assert_eq!(answers.ack(ids[2]), Some(Seq::after_record(3)));
        assert_eq!(answers.hand(Seq::after_record(4)), 3);
    }
}
