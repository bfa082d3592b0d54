//! Which of the pieces in a room belong to the stream that is being written, and where the next one begins.
//!
//! Pure. It remembers one stream and one place, however many streams there are: the pieces of the others are not kept but
//! read again, and what is needed for that is where the earliest of them began. A stream of which the first piece was not
//! seen is passed over, so reading from that place gives each stream once, in the order of their beginnings.

use crate::address::Seq;
use crate::cli::failure::stream::Broken;
use crate::limits;
use crate::wire::stream::{Crc32, StreamPart};

#[derive(Debug, Default)]
pub struct Ledger {
    current: Option<Current>,
    /// The first piece of the earliest other stream that began since the current one did.
    other: Option<Seq>,
}

#[derive(Debug)]
struct Current {
    id: String,
    begun: Seq,
    /// The part that comes next.
    due: u64,
    bytes: u64,
    crc: Crc32,
}

/// What a piece is for the stream that is being written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// None of it.
    Other,
    /// Its bytes are the next.
    Next,
    /// Its bytes are the last, and the stream is whole.
    Last,
    Broken(Broken),
}

impl Ledger {
    /// The next piece in the log. After [`Step::Last`] and [`Step::Broken`] comes [`Self::over`].
    pub fn piece(&mut self, seq: Seq, piece: &StreamPart, bytes: &[u8]) -> Step {
        let current = match &mut self.current {
            None if piece.part > 0 => return Step::Other,
            None => self.current.insert(Current {
                id: piece.id.clone(),
                begun: seq,
                due: 0,
                bytes: 0,
                crc: Crc32::new(),
            }),
            Some(current) if current.id == piece.id => current,
            Some(_) => {
                if piece.part == 0 {
                    self.other.get_or_insert(seq);
                }
                return Step::Other;
            }
        };
        current.take(piece, bytes)
    }

    /// Where the stream that is being written began: what must not be lost while it is not whole.
    pub fn begun(&self) -> Option<Seq> {
        Some(self.current.as_ref()?.begun)
    }

    /// The part of it that comes next.
    pub fn due(&self) -> Option<u64> {
        Some(self.current.as_ref()?.due)
    }

    /// The current stream is done with. Returns where the next one begins, when it has begun already.
    pub fn over(&mut self) -> Option<Seq> {
        self.current = None;
        self.other.take()
    }
}

impl Current {
    fn take(&mut self, piece: &StreamPart, bytes: &[u8]) -> Step {
        if piece.part != self.due {
            return Step::Broken(Broken::Parts {
                due: self.due,
                came: piece.part,
            });
        }
        if let Some(reason) = &piece.abort {
            let reason = reason.chars().take(limits::STREAM_REASON).collect();
            return Step::Broken(Broken::Aborted(reason));
        }
        self.due += 1;
        self.bytes += bytes.len() as u64;
        self.crc.update(bytes);
        match piece.end {
            None => Step::Next,
            Some(end) if end.bytes != self.bytes => Step::Broken(Broken::Length {
                said: end.bytes,
                came: self.bytes,
            }),
            Some(end)
                if end
                    .crc32
                    .is_some_and(|crc| crc != self.crc.clone().finalize()) =>
            {
                Step::Broken(Broken::Checksum)
            }
            Some(_) => Step::Last,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::stream::StreamEnd;

    fn piece(id: &str, part: u64) -> StreamPart {
        StreamPart {
            id: id.to_owned(),
            part,
            sid: None,
            end: None,
            abort: None,
        }
    }

    fn last(id: &str, part: u64, bytes: u64) -> StreamPart {
        StreamPart {
            end: Some(StreamEnd { bytes, crc32: None }),
            ..piece(id, part)
        }
    }

    fn at(record: u64) -> Seq {
        Seq::new(record, 0)
    }

    #[test]
    fn a_stream_is_taken_from_its_beginning() {
        let mut ledger = Ledger::default();
        assert_eq!(ledger.piece(at(1), &piece("old", 4), b"x"), Step::Other);
        assert_eq!(ledger.begun(), None);
        assert_eq!(ledger.piece(at(2), &piece("a", 0), b"ab"), Step::Next);
        assert_eq!((ledger.begun(), ledger.due()), (Some(at(2)), Some(1)));
        assert_eq!(ledger.piece(at(3), &last("old", 5, 9), b""), Step::Other);
        assert_eq!(ledger.piece(at(4), &last("a", 1, 5), b"cde"), Step::Last);
        assert_eq!(ledger.over(), None);
        assert_eq!(ledger.piece(at(5), &last("empty", 0, 0), b""), Step::Last);
    }

    #[test]
    fn the_earliest_of_those_that_began_meanwhile_is_next() {
        let mut ledger = Ledger::default();
        for (seq, id, part) in [(1, "a", 0), (2, "b", 0), (3, "c", 0), (4, "b", 1)] {
            ledger.piece(at(seq), &piece(id, part), b"x");
        }
        assert_eq!(ledger.piece(at(5), &last("a", 1, 1), b""), Step::Last);
        assert_eq!(ledger.over(), Some(at(2)));
        assert_eq!(ledger.over(), None);
    }

    #[test]
    fn what_does_not_add_up_is_found_out() {
        let begun = || {
            let mut ledger = Ledger::default();
            ledger.piece(at(1), &piece("a", 0), b"123456789");
            ledger
        };
        let parts = |due, came| Step::Broken(Broken::Parts { due, came });
        assert_eq!(begun().piece(at(2), &piece("a", 2), b"x"), parts(1, 2));
        assert_eq!(begun().piece(at(2), &piece("a", 0), b"x"), parts(1, 0));
        assert_eq!(
            begun().piece(at(2), &last("a", 1, 12), b"x"),
            Step::Broken(Broken::Length { said: 12, came: 10 })
        );
        let sum = |crc32| {
            let mut last = last("a", 1, 9);
            last.end = last.end.map(|end| StreamEnd { crc32, ..end });
            begun().piece(at(2), &last, b"")
        };
        assert_eq!(sum(Some(0xCBF4_3926)), Step::Last);
        assert_eq!(sum(Some(0xCBF4_3927)), Step::Broken(Broken::Checksum));
        let aborted = StreamPart {
            abort: Some("why".to_owned()),
            ..piece("a", 1)
        };
        assert_eq!(
            begun().piece(at(2), &aborted, b""),
            Step::Broken(Broken::Aborted("why".to_owned()))
        );
    }

    #[test]
    fn of_a_long_reason_the_beginning_is_shown() {
        let aborted = StreamPart {
            abort: Some("é".repeat(1_000_000)),
            ..piece("a", 0)
        };
        assert_eq!(
            Ledger::default().piece(at(1), &aborted, b""),
            Step::Broken(Broken::Aborted("é".repeat(limits::STREAM_REASON)))
        );
    }

    /// A room: pieces of streams and, as None, whatever else there is, each at its index.
    type Room = Vec<Option<StreamPart>>;

    /// What one `sub` writes that reads from `cursor`, and the cursor behind it. With `killed` it ends when it has seen so
    /// many records, as a process does that is killed; the hub has then what it acknowledged.
    fn call(room: &Room, cursor: u64, killed: Option<usize>) -> (Option<String>, u64) {
        let mut ledger = Ledger::default();
        let mut confirmed = cursor;
        let seen = room.len().min(killed.unwrap_or(room.len()));
        for (number, record) in (0..).zip(room).take(seen).skip(cursor as usize) {
            let step = record
                .as_ref()
                .map(|piece| (piece, ledger.piece(at(number), piece, b"x")));
            confirmed = number + 1;
            if let Some((piece, Step::Last)) = step {
                let next = ledger.over().map_or(confirmed, |seq| seq.record);
                return (Some(piece.id.clone()), next);
            }
        }
        let kept = ledger.begun().map_or(confirmed, |begun| begun.record);
        (None, kept.min(confirmed))
    }

    /// Streams of these lengths, their pieces in order, mixed as `choices` say.
    fn mixed(lengths: &[u64], choices: &[usize]) -> Room {
        let mut left: Vec<(String, u64, u64)> = (0..)
            .zip(lengths)
            .map(|(n, length)| (format!("s{n}"), 0, *length))
            .collect();
        let mut room = Vec::new();
        let mut choices = choices.iter().cycle();
        while !left.is_empty() {
            let choice = choices.next().copied().unwrap_or(0) % (left.len() + 1);
            let Some((id, part, length)) = left.get_mut(choice) else {
                room.push(None);
                // Something else at every turn would be nothing else for ever.
                let (id, part, length) = &mut left[0];
                room.push(Some(made(id, part, *length)));
                left.retain(|(_, part, length)| part < length);
                continue;
            };
            room.push(Some(made(id, part, *length)));
            left.retain(|(_, part, length)| part < length);
        }
        room
    }

    fn made(id: &str, part: &mut u64, length: u64) -> StreamPart {
        *part += 1;
        if *part == length {
            last(id, *part - 1, length)
        } else {
            piece(id, *part - 1)
        }
    }

    proptest! {
        #[test]
        fn one_call_after_the_other_gets_each_stream_once_in_the_order_of_their_beginnings(
            lengths in prop::collection::vec(1..6u64, 0..8),
            choices in prop::collection::vec(any::<usize>(), 1..60),
            kills in prop::collection::vec(prop::option::of(0..60usize), 0..30),
        ) {
            let room = mixed(&lengths, &choices);
            let begun = room.iter().flatten().filter(|piece| piece.part == 0);
            let wanted: Vec<String> = begun.map(|piece| piece.id.clone()).collect();
            let (mut found, mut cursor, mut kills) = (Vec::new(), 0, kills.into_iter());
            loop {
                let killed = kills.next().flatten();
                let (written, next) = call(&room, cursor, killed);
                prop_assert!(next >= cursor);
                cursor = next;
                let done = written.is_none() && killed.is_none();
                found.extend(written);
                if done {
                    break;
                }
            }
            prop_assert_eq!(found, wanted);
            prop_assert_eq!(cursor, room.len() as u64);
        }
    }
}
