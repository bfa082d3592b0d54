//! Decides which parts in a room belong to the stream that is being written, and where the next stream begins.
//!
//! Pure. Streams may be interleaved, but the tracker remembers only the current one, and where the earliest of the others
//! began. The others are not kept: the room is read again from there. Streams whose first part was not seen are skipped. So
//! each stream is written once, in the order of their first parts.

use crate::address::Seq;
use crate::cli::failure::stream::StreamDefect;
use crate::limits;
use crate::wire::stream::{Crc32, StreamPart};

#[derive(Debug, Default)]
pub struct PartTracker {
    current: Option<CurrentStream>,
    /// The first part of the earliest other stream that began after the current one.
    next_stream: Option<Seq>,
}

#[derive(Debug)]
struct CurrentStream {
    id: String,
    start: Seq,
    next_part: u64,
    bytes: u64,
    crc: Crc32,
}

/// What a part means for the stream that is being written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PartMatch {
    /// It belongs to another stream.
    Other,
    Next,
    /// The stream is complete with this part.
    Last,
    Defect(StreamDefect),
}

impl PartTracker {
    /// Takes the next part in the log. After [`PartMatch::Last`] and [`PartMatch::Defect`] the caller calls
    /// [`Self::finish_stream`].
    pub fn take(&mut self, seq: Seq, part: &StreamPart, bytes: &[u8]) -> PartMatch {
        let current = match &mut self.current {
            None if part.part > 0 => return PartMatch::Other,
            None => self.current.insert(CurrentStream {
                id: part.id.clone(),
                start: seq,
                next_part: 0,
                bytes: 0,
                crc: Crc32::new(),
            }),
            Some(current) if current.id == part.id => current,
            Some(_) => {
                if part.part == 0 {
                    self.next_stream.get_or_insert(seq);
                }
                return PartMatch::Other;
            }
        };
        current.take(part, bytes)
    }

    /// The first part of the current stream. A cursor must stay there until the stream is complete.
    pub fn stream_start(&self) -> Option<Seq> {
        Some(self.current.as_ref()?.start)
    }

    /// Ends the current stream. Returns where the next one begins, if it has begun already.
    pub fn finish_stream(&mut self) -> Option<Seq> {
        self.current = None;
        self.next_stream.take()
    }
}

impl CurrentStream {
    fn take(&mut self, part: &StreamPart, bytes: &[u8]) -> PartMatch {
        if part.part != self.next_part {
            return PartMatch::Defect(StreamDefect::Parts {
                expected: self.next_part,
                received: part.part,
            });
        }
        if let Some(reason) = &part.abort {
            let reason = reason.chars().take(limits::STREAM_REASON).collect();
            return PartMatch::Defect(StreamDefect::Aborted(reason));
        }
        self.next_part += 1;
        self.bytes += bytes.len() as u64;
        self.crc.update(bytes);
        match part.end {
            None => PartMatch::Next,
            Some(end) if end.bytes != self.bytes => PartMatch::Defect(StreamDefect::Length {
                announced: end.bytes,
                received: self.bytes,
            }),
            Some(end)
                if end
                    .crc32
                    .is_some_and(|crc| crc != self.crc.clone().finalize()) =>
            {
                PartMatch::Defect(StreamDefect::Checksum)
            }
            Some(_) => PartMatch::Last,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::stream::StreamEnd;

    fn part(id: &str, number: u64) -> StreamPart {
        StreamPart {
            id: id.to_owned(),
            part: number,
            sid: None,
            end: None,
            abort: None,
        }
    }

    fn last(id: &str, number: u64, bytes: u64) -> StreamPart {
        StreamPart {
            end: Some(StreamEnd { bytes, crc32: None }),
            ..part(id, number)
        }
    }

    fn at(record: u64) -> Seq {
        Seq::new(record, 0)
    }

    #[test]
    fn a_stream_is_written_from_its_first_part() {
        let mut tracker = PartTracker::default();
        assert_eq!(tracker.take(at(1), &part("old", 4), b"x"), PartMatch::Other);
        assert_eq!(tracker.stream_start(), None);
        assert_eq!(tracker.take(at(2), &part("a", 0), b"ab"), PartMatch::Next);
        let next_part = tracker.current.as_ref().map(|stream| stream.next_part);
        assert_eq!((tracker.stream_start(), next_part), (Some(at(2)), Some(1)));
        assert_eq!(
            tracker.take(at(3), &last("old", 5, 9), b""),
            PartMatch::Other
        );
        assert_eq!(
            tracker.take(at(4), &last("a", 1, 5), b"cde"),
            PartMatch::Last
        );
        assert_eq!(tracker.finish_stream(), None);
        assert_eq!(
            tracker.take(at(5), &last("empty", 0, 0), b""),
            PartMatch::Last
        );
    }

    #[test]
    fn the_earliest_stream_that_began_meanwhile_is_next() {
        let mut tracker = PartTracker::default();
        for (seq, id, number) in [(1, "a", 0), (2, "b", 0), (3, "c", 0), (4, "b", 1)] {
            tracker.take(at(seq), &part(id, number), b"x");
        }
        assert_eq!(tracker.take(at(5), &last("a", 1, 1), b""), PartMatch::Last);
        assert_eq!(tracker.finish_stream(), Some(at(2)));
        assert_eq!(tracker.finish_stream(), None);
    }

    #[test]
    fn missing_parts_and_wrong_sums_are_defects() {
        let begun = || {
            let mut tracker = PartTracker::default();
            tracker.take(at(1), &part("a", 0), b"123456789");
            tracker
        };
        let parts =
            |expected, received| PartMatch::Defect(StreamDefect::Parts { expected, received });
        assert_eq!(begun().take(at(2), &part("a", 2), b"x"), parts(1, 2));
        assert_eq!(begun().take(at(2), &part("a", 0), b"x"), parts(1, 0));
        assert_eq!(
            begun().take(at(2), &last("a", 1, 12), b"x"),
            PartMatch::Defect(StreamDefect::Length {
                announced: 12,
                received: 10
            })
        );
        let sum = |crc32| {
            let mut last = last("a", 1, 9);
            last.end = last.end.map(|end| StreamEnd { crc32, ..end });
            begun().take(at(2), &last, b"")
        };
        assert_eq!(sum(Some(0xCBF4_3926)), PartMatch::Last);
        assert_eq!(
            sum(Some(0xCBF4_3927)),
            PartMatch::Defect(StreamDefect::Checksum)
        );
        let aborted = StreamPart {
            abort: Some("why".to_owned()),
            ..part("a", 1)
        };
        assert_eq!(
            begun().take(at(2), &aborted, b""),
            PartMatch::Defect(StreamDefect::Aborted("why".to_owned()))
        );
    }

    #[test]
    fn a_long_abort_reason_is_cut() {
        let aborted = StreamPart {
            abort: Some("é".repeat(1_000_000)),
            ..part("a", 0)
        };
        assert_eq!(
            PartTracker::default().take(at(1), &aborted, b""),
            PartMatch::Defect(StreamDefect::Aborted("é".repeat(limits::STREAM_REASON)))
        );
    }

    /// A room: parts of streams and, as None, other messages; the index is the record number.
    type Room = Vec<Option<StreamPart>>;

    /// One `sub` that reads from `cursor`: the stream it writes, and the cursor afterwards. With `killed` it sees only that many
    /// records, like a killed process; the hub keeps what it acknowledged.
    fn call(room: &Room, cursor: u64, killed: Option<usize>) -> (Option<String>, u64) {
        let mut tracker = PartTracker::default();
        let mut confirmed = cursor;
        let seen = room.len().min(killed.unwrap_or(room.len()));
        for (number, record) in (0..).zip(room).take(seen).skip(cursor as usize) {
            let step = record
                .as_ref()
                .map(|part| (part, tracker.take(at(number), part, b"x")));
            confirmed = number + 1;
            if let Some((part, PartMatch::Last)) = step {
                let next = tracker.finish_stream().map_or(confirmed, |seq| seq.record);
                return (Some(part.id.clone()), next);
            }
        }
        let kept = tracker
            .stream_start()
            .map_or(confirmed, |begun| begun.record);
        (None, kept.min(confirmed))
    }

    /// Streams of these lengths, interleaved as `choices` say; the parts of each are in order.
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
                // A part goes with each other message, so that the loop ends.
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

    fn made(id: &str, number: &mut u64, length: u64) -> StreamPart {
        *number += 1;
        if *number == length {
            last(id, *number - 1, length)
        } else {
            part(id, *number - 1)
        }
    }

    proptest! {
        #[test]
        fn successive_calls_get_each_stream_once_in_the_order_of_their_first_parts(
            lengths in prop::collection::vec(1..6u64, 0..8),
            choices in prop::collection::vec(any::<usize>(), 1..60),
            kills in prop::collection::vec(prop::option::of(0..60usize), 0..30),
        ) {
            let room = mixed(&lengths, &choices);
            let begun = room.iter().flatten().filter(|part| part.part == 0);
            let wanted: Vec<String> = begun.map(|part| part.id.clone()).collect();
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
