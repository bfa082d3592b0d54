//! Which messages are under way, and how far they are done without a hole: what may be acknowledged. Pure.

use std::collections::VecDeque;

use crate::address::Seq;

/// Messages in the order in which they came; they are done in any.
#[derive(Debug, Default)]
pub struct Order {
    slots: VecDeque<Slot>,
    /// The number of the first slot.
    first: u64,
}

#[derive(Debug)]
struct Slot {
    /// None: it has no place in the log.
    seq: Option<Seq>,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    UnderWay,
    Done,
}

impl Order {
    /// The next message is under way, by the number that is returned.
    pub fn take(&mut self, seq: Option<Seq>) -> u64 {
        self.push(seq, State::UnderWay)
    }

    /// Messages up to `seq` need no work.
    pub fn pass(&mut self, seq: Option<Seq>) {
        match self.slots.back_mut() {
            Some(last) if last.state == State::Done => last.seq = seq.or(last.seq),
            _ => {
                self.push(seq, State::Done);
            }
        }
    }

    pub fn done(&mut self, number: u64) {
        let index = number.checked_sub(self.first);
        let index = index.and_then(|index| usize::try_from(index).ok());
        if let Some(slot) = index.and_then(|index| self.slots.get_mut(index)) {
            slot.state = State::Done;
        }
    }

    /// The last message up to which all are done, when it is another one than before.
    pub fn settled(&mut self) -> Option<Seq> {
        let mut last = None;
        while let Some(slot) = self.slots.pop_front_if(|slot| slot.state == State::Done) {
            self.first += 1;
            last = slot.seq.or(last);
        }
        last
    }

    /// Messages from the oldest that is not done on.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    fn push(&mut self, seq: Option<Seq>, state: State) -> u64 {
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
    fn a_slow_one_holds_the_acks_of_those_behind_it() {
        let mut order = Order::default();
        let numbers: Vec<u64> = (1..=4).map(|record| order.take(seq(record))).collect();
        order.done(numbers[1]);
        order.done(numbers[3]);
        assert_eq!((order.settled(), order.len()), (None, 4));
        order.done(numbers[0]);
        assert_eq!((order.settled(), order.len()), (seq(2), 2));
        order.done(numbers[2]);
        assert_eq!((order.settled(), order.len()), (seq(4), 0));
        assert_eq!(order.settled(), None);
        // Numbers go on, and a number of the past means nothing.
        order.done(numbers[0]);
        let next = order.take(seq(5));
        assert!(next > numbers[3]);
        order.done(next);
        assert_eq!(order.settled(), seq(5));
    }

    #[test]
    fn what_needs_no_work_is_acked_in_its_place() {
        let mut order = Order::default();
        order.pass(seq(1));
        assert_eq!(order.settled(), seq(1));
        let slow = order.take(seq(2));
        for record in 3..1000 {
            order.pass(seq(record));
        }
        assert_eq!((order.settled(), order.len()), (None, 2));
        let volatile = order.take(None);
        order.done(volatile);
        order.done(slow);
        assert_eq!(order.settled(), seq(999));
    }
}
