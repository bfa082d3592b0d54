//! Leases: single cases, and random sequences of steps.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::vec;
use proptest::prelude::{ProptestConfig, Strategy, prop_oneof, proptest};

use super::*;

/// A record whose messages have one byte each.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Even;

impl DivisibleRecord for Even {
    fn fit(&self, from: u32, to: u32, bytes: usize) -> (u32, usize) {
        let most = u32::try_from(bytes).unwrap_or(u32::MAX).max(1);
        let to = to.min(from.saturating_add(most));
        (to, (to - from) as usize)
    }
}

const ACK_TIMEOUT: Duration = Duration::from_secs(30);

fn terms(window: u32) -> LeaseTerms {
    LeaseTerms {
        window,
        ack_timeout: ACK_TIMEOUT,
    }
}

fn a(n: u64) -> SocketId {
    SocketId(n)
}

fn share(windows: &[u32]) -> Leases<Even> {
    let mut leases = Leases::new(Seq::START);
    for (id, window) in (0..).zip(windows) {
        leases.add_holder(a(id), terms(*window));
    }
    leases
}

/// Leases as many messages as possible. Returns the holder and the range of indices of each lease.
fn lease_all(leases: &mut Leases<Even>, now: Instant) -> Vec<(u64, u32, u32)> {
    std::iter::from_fn(|| leases.lease_next(now))
        .map(|piece| (piece.holder.0, piece.from, piece.to))
        .collect()
}

#[test]
fn a_batch_is_divided_among_the_holders_with_room() {
    let mut leases = share(&[256, 256, 2, 256]);
    let now = Instant::now();
    assert!(leases.has_room());
    leases.add(1, 0, 100, Even, 100);
    let leased = lease_all(&mut leases, now);
    let expected = [
        (0, 0, 25),
        (1, 25, 50),
        (2, 50, 52),
        (3, 52, 85),
        (0, 85, 93),
        (1, 93, 100),
    ];
    assert_eq!(leased, expected, "at most two for a window of two");
    assert_eq!((leases.leased(), leases.cursor()), (100, Seq::new(1, 0)));
}

#[test]
fn the_cursor_stops_at_the_first_message_that_is_not_done() {
    let mut leases = share(&[10, 10]);
    let now = Instant::now();
    for number in [1, 2, 5] {
        leases.add(number, 0, 4, Even, 4);
    }
    leases.skip(Seq::new(9, 0));
    let leased = lease_all(&mut leases, now);
    assert_eq!(
        leased.iter().map(|(_, from, to)| to - from).sum::<u32>(),
        12
    );
    let held = |leases: &Leases<Even>, id| {
        let held = &leases.holders[&a(id)].leases;
        held.back().map(|last| Seq::new(last.record, last.to - 1))
    };
    let second = held(&leases, 1).unwrap();
    leases.ack(a(1), second, now);
    assert_eq!(
        leases.cursor(),
        Seq::new(1, 0),
        "the other holder's come first"
    );
    let first = held(&leases, 0).unwrap();
    leases.ack(a(0), first, now);
    assert_eq!(leases.cursor(), Seq::new(9, 0));
    assert_eq!((leases.ahead, leases.bytes, leases.leased()), (0, 0, 0));
}

#[test]
fn messages_of_a_removed_holder_go_to_the_others() {
    let mut leases = share(&[4, 4]);
    let now = Instant::now();
    leases.add(1, 2, 10, Even, 8);
    assert_eq!(lease_all(&mut leases, now), [(0, 2, 6), (1, 6, 10)]);
    leases.ack(a(0), Seq::new(1, 3), now);
    leases.remove_holder(a(0));
    assert_eq!(lease_all(&mut leases, now), [], "no room");
    leases.ack(a(1), Seq::new(1, 9), now);
    assert_eq!(lease_all(&mut leases, now), [(1, 4, 6)]);
    leases.ack(a(1), Seq::new(1, 4), now);
    assert_eq!(leases.cursor(), Seq::new(1, 5));
}

#[test]
fn an_overdue_holder_loses_its_messages_and_gets_more_once_it_has_acked_them() {
    let mut leases = share(&[4, 4]);
    let now = Instant::now();
    leases.add(1, 0, 8, Even, 8);
    assert_eq!(lease_all(&mut leases, now), [(0, 0, 4), (1, 4, 8)]);
    assert_eq!(leases.deadline(), Some(now + ACK_TIMEOUT));
    let later = now + ACK_TIMEOUT;
    leases.ack(a(1), Seq::new(1, 7), later);
    assert_eq!(leases.expire(later), 1);
    assert_eq!(leases.deadline(), None);
    assert_eq!(
        lease_all(&mut leases, later),
        [(1, 0, 4)],
        "not to the overdue holder"
    );
    leases.add(2, 0, 8, Even, 8);
    assert_eq!(lease_all(&mut leases, later), []);
    // A late ack counts, although another holder has the messages now.
    leases.ack(a(0), Seq::new(1, 2), later);
    assert_eq!(leases.cursor(), Seq::new(1, 3));
    assert_eq!(
        lease_all(&mut leases, later),
        [],
        "one ack is still missing"
    );
    leases.ack(a(0), Seq::new(1, 3), later);
    assert_eq!(leases.cursor(), Seq::new(2, 0));
    assert_eq!(lease_all(&mut leases, later), [(0, 0, 4)]);
    // The other holder's messages are done, so its removal frees none.
    leases.remove_holder(a(1));
    assert_eq!(leases.free(), 4);
}

#[test]
fn an_ack_of_messages_that_were_never_leased_confirms_nothing() {
    let mut leases = share(&[4]);
    let now = Instant::now();
    leases.add(1, 0, 8, Even, 8);
    lease_all(&mut leases, now);
    for seq in [Seq::new(1, 4), Seq::new(2, 0), Seq::new(u64::MAX, u32::MAX)] {
        leases.ack(a(0), seq, now);
        leases.ack(a(7), seq, now);
    }
    assert_eq!((leases.cursor(), leases.leased()), (Seq::new(1, 0), 4));
}

#[test]
fn acks_run_ahead_of_a_slow_holder_up_to_a_bound() {
    let mut leases = share(&[1, 1 << 16]);
    let now = Instant::now();
    let mut number = 0;
    while leases.has_room() {
        number += 1;
        leases.add(number, 0, 1000, Even, 1);
        while let Some(piece) = leases.lease_next(now) {
            if piece.holder == a(1) {
                leases.ack(a(1), Seq::new(number, piece.to - 1), now);
            }
        }
        assert!(number < limits::SHARE_AHEAD, "the bound is never reached");
    }
    assert!(leases.ahead >= limits::SHARE_AHEAD);
    leases.remove_holder(a(0));
    let piece = leases.lease_next(now).unwrap();
    assert_eq!((piece.holder, piece.from, piece.to), (a(1), 0, 1));
    leases.ack(a(1), Seq::new(1, 0), now);
    assert_eq!(leases.cursor(), Seq::after_record(number));
    assert!(leases.has_room());
}

#[test]
fn purged_messages_are_done_unless_a_holder_has_them() {
    let mut leases = share(&[3]);
    let now = Instant::now();
    leases.add(1, 0, 8, Even, 8);
    leases.add(2, 0, 8, Even, 8);
    lease_all(&mut leases, now);
    leases.drop_free(|_| None);
    assert!(leases.is_all_leased());
    assert_eq!(leases.cursor(), Seq::new(1, 0));
    leases.ack(a(0), Seq::new(1, 2), now);
    assert_eq!(leases.cursor(), Seq::new(3, 0));
}

#[test]
fn unsent_bytes_bound_the_leases_of_a_holder_whatever_it_acks() {
    let mut leases = share(&[1 << 16, 4]);
    let now = Instant::now();
    let half = limits::SHARE_WINDOW_BYTES as u32 / 2;
    leases.add(1, 0, half, Even, half as usize);
    leases.remove_holder(a(1));
    let mut unsent = 0;
    while let Some(piece) = leases.lease_next(now) {
        unsent += (piece.to - piece.from) as usize;
        leases.note_unsent(a(0), unsent);
        leases.ack(a(0), Seq::new(1, piece.to - 1), now);
    }
    assert_eq!(unsent, half as usize, "all of it fits");
    leases.note_unsent(a(0), limits::SHARE_WINDOW_BYTES - 1);
    leases.add(2, 0, 2, Even, 2);
    assert_eq!(lease_all(&mut leases, now), [(0, 0, 1), (0, 1, 2)]);
    leases.note_unsent(a(0), limits::SHARE_WINDOW_BYTES);
    leases.ack(a(0), Seq::new(2, 1), now);
    leases.add(3, 0, 1, Even, 1);
    assert_eq!(lease_all(&mut leases, now), []);
    assert!(!leases.has_room());
    assert_eq!(leases.next_sharer(), None);
    leases.note_unsent(a(0), 0);
    assert_eq!(lease_all(&mut leases, now), [(0, 0, 1)]);
}

#[test]
fn large_messages_are_leased_to_all_holders_at_once_up_to_a_bound() {
    const MIB: usize = 1024 * 1024;
    let bound = limits::SHARE_BYTES_MAX / MIB;
    for (sharers, busy) in [(12, 12), (1000, bound)] {
        let mut leases = share(&vec![1; sharers]);
        let now = Instant::now();
        let mut number = 0;
        while leases.has_room() {
            number += 1;
            leases.add(number, 0, 1, Even, MIB);
            lease_all(&mut leases, now);
            assert!(number <= sharers as u64, "nobody has room for it");
        }
        assert_eq!(leases.leased(), busy as u64, "of {sharers}");
    }
    // Nothing is read ahead for holders that have messages.
    let mut leases = share(&[8; 2]);
    let now = Instant::now();
    for number in 1..=9 {
        leases.add(number, 0, 1, Even, MIB);
    }
    lease_all(&mut leases, now);
    assert!(!leases.has_room());
}

#[test]
fn unleased_messages_go_to_the_holders_in_turn() {
    let mut leases = share(&[4, 4, 4]);
    let round = [(); 6].map(|()| leases.next_sharer().unwrap().0);
    assert_eq!(round, [0, 1, 2, 0, 1, 2]);
}

#[derive(Debug, Clone)]
enum Step {
    Publish(u32),
    Enter(u64, u32),
    Leave(u64),
    /// Acks some of the messages that the holder was given, counted from the oldest.
    Ack(u64, usize),
    Advance(u64),
    Lease,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (1..40_u32).prop_map(Step::Publish),
        2 => (0..5_u64, 1..40_u32).prop_map(|(id, window)| Step::Enter(id, window)),
        1 => (0..5_u64).prop_map(Step::Leave),
        6 => (0..5_u64, 0..60_usize).prop_map(|(id, n)| Step::Ack(id, n)),
        1 => (1..40_u64).prop_map(Step::Advance),
        6 => proptest::strategy::Just(Step::Lease),
    ];
    vec(step, 1..120)
}

/// A model of the queue, message by message.
#[derive(Default)]
struct Model {
    published: BTreeSet<Seq>,
    done: BTreeSet<Seq>,
    /// Leased and not acked, in the order of the leases.
    leased: BTreeMap<u64, Vec<Seq>>,
}

impl Model {
    fn lease(&mut self, holder: u64, number: u64, piece: (u32, u32)) {
        for index in piece.0..piece.1 {
            let seq = Seq::new(number, index);
            assert!(self.published.contains(&seq), "{seq} was never published");
            assert!(!self.done.contains(&seq), "{seq} was done");
            self.leased.entry(holder).or_default().push(seq);
        }
    }

    /// The first message that is not done; None when all are.
    fn cursor(&self) -> Option<Seq> {
        self.published.difference(&self.done).next().copied()
    }
}

/// Like [`Even`], with a number.
#[derive(Debug, Clone)]
struct Numbered(u64);

impl DivisibleRecord for Numbered {
    fn fit(&self, from: u32, to: u32, bytes: usize) -> (u32, usize) {
        Even.fit(from, to, bytes)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn every_message_is_with_one_holder_at_a_time_and_is_done_once_acked(steps in steps()) {
        let mut leases: Leases<Numbered> = Leases::new(Seq::START);
        let mut model = Model::default();
        let mut now = Instant::now();
        let mut number = 0;
        for step in steps {
            match step {
                Step::Publish(count) => {
                    number += 1;
                    leases.add(number, 0, count, Numbered(number), 1);
                    model.published.extend((0..count).map(|index| Seq::new(number, index)));
                }
                Step::Enter(id, window) => {
                    leases.remove_holder(a(id));
                    model.leased.remove(&id);
                    leases.add_holder(a(id), terms(window));
                }
                Step::Leave(id) => {
                    leases.remove_holder(a(id));
                    model.leased.remove(&id);
                }
                Step::Ack(id, n) => {
                    let held = model.leased.entry(id).or_default();
                    if let Some(seq) = held.get(n).copied() {
                        leases.ack(a(id), seq, now);
                        model.done.extend(held.drain(..=n));
                    }
                }
                Step::Advance(seconds) => {
                    now += Duration::from_secs(seconds);
                    leases.expire(now);
                }
                Step::Lease => while let Some(piece) = leases.lease_next(now) {
                    model.lease(piece.holder.0, piece.record.0, (piece.from, piece.to));
                },
            }
            check(&leases, &model);
        }
        // One remaining holder handles all of it.
        for id in 0..5 {
            leases.remove_holder(a(id));
        }
        leases.add_holder(a(9), terms(7));
        while let Some(piece) = leases.lease_next(now) {
            leases.ack(a(9), Seq::new(piece.record.0, piece.to - 1), now);
        }
        let end = if number == 0 { Seq::START } else { Seq::after_record(number) };
        assert_eq!(leases.cursor(), end);
        assert_eq!((leases.ahead, leases.bytes, leases.free()), (0, 0, 0));
    }
}

fn check(leases: &Leases<Numbered>, model: &Model) {
    match model.cursor() {
        Some(first) => assert_eq!(leases.cursor(), first),
        None => assert!(leases.open.is_empty()),
    }
    // Each message is free, leased to one holder that is not overdue, or done: exactly one of these.
    let mut places: BTreeMap<Seq, u32> = BTreeMap::new();
    let mut count = |number, from, to| {
        for index in from..to {
            *places.entry(Seq::new(number, index)).or_default() += 1;
        }
    };
    for (start, end) in &leases.free {
        count(start.record, start.index, *end);
    }
    for holder in leases.holders.values() {
        let messages: u32 = holder.leases.iter().map(Lease::messages).sum();
        assert_eq!(holder.messages, messages);
        assert!(messages <= holder.terms.window);
        if !holder.is_overdue {
            for lease in &holder.leases {
                count(lease.record, lease.from, lease.to);
            }
        }
    }
    for seq in &model.published {
        let here = places.get(seq).copied().unwrap_or(0);
        let done = model.done.contains(seq);
        assert!(
            done && here <= 1 || !done && here == 1,
            "{seq}: {here} {done}"
        );
    }
    let free: u64 = leases
        .free
        .iter()
        .map(|(at, end)| u64::from(end - at.index))
        .sum();
    assert_eq!(free, leases.free());
}
