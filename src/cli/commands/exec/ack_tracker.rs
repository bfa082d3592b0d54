//! Tracks which messages are in progress, and up to which one all are done and may be acknowledged. Pure.

use std::collections::VecDeque;

use crate::address::Seq;

/// Messages in the order they came. They may finish in any order.
#[derive(Debug, Default)]
pub struct AckTracker {
    slots: VecDeque<Slot>,
    /// The number of the first slot.
    first: u64,
}

#[derive(Debug)]
struct Slot {
    /// None for a volatile message.
    seq: Option<Seq>,
    state: AckState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AckState {
    InProgress,
    Done,
}

impl AckTracker {
    /// Starts the next message; returns its number.
    pub fn start(&mut self, seq: Option<Seq>) -> u64 {
        self.push(seq, AckState::InProgress)
    }

    /// Messages up to `seq` need no work.
    pub fn skip(&mut self, seq: Option<Seq>) {
        match self.slots.back_mut() {
            Some(last) if last.state == AckState::Done => last.seq = seq.or(last.seq),
            _ => {
                self.push(seq, AckState::Done);
            }
        }
    }

    /// The message with this number is done.
    pub fn finish(&mut self, number: u64) {
        let index = number.checked_sub(self.first);
        let index = index.and_then(|index| usize::try_from(index).ok());
        if let Some(slot) = index.and_then(|index| self.slots.get_mut(index)) {
            slot.state = AckState::Done;
        }
    }

    /// The seq up to which all messages are done, if it has advanced.
    pub fn next_ack(&mut self) -> Option<Seq> {
        let mut last = None;
        while let Some(slot) = self.slots.pop_front_if(|slot| slot.state == AckState::Done) {
            self.first += 1;
            last = slot.seq.or(last);
        }
        last
    }

    /// How many messages there are from the oldest unfinished one on.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    fn push(&mut self, seq: Option<Seq>, state: AckState) -> u64 {
        self.slots.push_back(Slot { seq, state });
        self.first + self.slots.len() as u64 - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seq(record: u64) -> Option<Seq> {
        Some(Seq::new(record, 0))
    }

    #[test]
    fn a_slow_message_delays_the_acks_of_later_ones() {
        let mut tracker = AckTracker::default();
        let numbers: Vec<u64> = (1..=4).map(|record| tracker.start(seq(record))).collect();
        tracker.finish(numbers[1]);
        tracker.finish(numbers[3]);
        assert_eq!((tracker.next_ack(), tracker.len()), (None, 4));
        tracker.finish(numbers[0]);
        assert_eq!((tracker.next_ack(), tracker.len()), (seq(2), 2));
        tracker.finish(numbers[2]);
        assert_eq!((tracker.next_ack(), tracker.len()), (seq(4), 0));
        assert_eq!(tracker.next_ack(), None);
        // Numbers are not reused, and an old number is ignored.
        tracker.finish(numbers[0]);
        let next = tracker.start(seq(5));
        assert!(next > numbers[3]);
        tracker.finish(next);
        assert_eq!(tracker.next_ack(), seq(5));
    }

    #[test]
    fn skipped_messages_are_acked_in_order() {
        let mut tracker = AckTracker::default();
        tracker.skip(seq(1));
        assert_eq!(tracker.next_ack(), seq(1));
        let slow = tracker.start(seq(2));
        for record in 3..1000 {
            tracker.skip(seq(record));
        }
        assert_eq!((tracker.next_ack(), tracker.len()), (None, 2));
        let volatile = tracker.start(None);
        tracker.finish(volatile);
        tracker.finish(slow);
        assert_eq!(tracker.next_ack(), seq(999));
    }
}
