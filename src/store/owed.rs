//! Who is owed a message: the one predicate that fan-out, catch-up and counts share.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::message::MessageHeader;
use crate::address::{ClientName, RoomName, Seq};
use crate::wire::batch::Audience;

/// For each room, the first seq that is not acknowledged there.
pub type Cursors = BTreeMap<RoomName, Seq>;

/// A reader of rooms: a socket, live or catching up, or a member whose pending messages are counted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reader {
    /// None for a member that is offline.
    pub sid: Option<Arc<str>>,
    pub name: Option<ClientName>,
    /// The rooms it reads, each with the first seq that it has not received.
    pub rooms: Cursors,
    /// Rooms it is in but does not read now. They count for `except`.
    pub other_rooms: BTreeSet<RoomName>,
}

impl Reader {
    /// A member that is offline, as it would read those of its rooms that `reads` selects.
    pub fn offline(
        name: ClientName,
        cursors: impl IntoIterator<Item = (RoomName, Seq)>,
        reads: impl Fn(&RoomName) -> bool,
    ) -> Self {
        let (read, other): (Vec<_>, Vec<_>) =
            cursors.into_iter().partition(|(room, _)| reads(room));
        Self {
            sid: None,
            name: Some(name),
            rooms: read.into_iter().collect(),
            other_rooms: other.into_iter().map(|(room, _)| room).collect(),
        }
    }

    /// This reader with no cursor before `from`.
    pub fn starting_at(&self, from: Seq) -> Self {
        let mut reader = self.clone();
        for cursor in reader.rooms.values_mut() {
            *cursor = (*cursor).max(from);
        }
        reader
    }

    /// This reader with every cursor at the start of the log.
    pub fn from_the_start(&self) -> Self {
        let mut reader = self.clone();
        for cursor in reader.rooms.values_mut() {
            *cursor = Seq::START;
        }
        reader
    }

    /// The range that this reader missed, if records after its cursors were pruned. `pruned_to` gives the place after the
    /// highest record pruned in a room.
    pub(super) fn gap(&self, pruned_to: impl Fn(&RoomName) -> Option<Seq>) -> Option<(Seq, Seq)> {
        let missed = self.rooms.iter().filter_map(|(room, cursor)| {
            let end = pruned_to(room)?;
            (*cursor < end).then_some((*cursor, Seq::after_record(end.record)))
        });
        missed.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
    }

    fn is_in(&self, room: &RoomName) -> bool {
        self.rooms.contains_key(room) || self.other_rooms.contains(room)
    }
}

/// The index of the first message of a record that is not before `cursor`. None if the cursor is past the record.
pub fn first_unread(number: u64, count: u32, cursor: Seq) -> Option<u32> {
    match cursor.record.cmp(&number) {
        Ordering::Less => Some(0),
        Ordering::Equal => (cursor.index < count).then_some(cursor.index),
        Ordering::Greater => None,
    }
}

/// The index of the first message of record `number` that `reader` is owed. None if it is owed none of them.
///
/// Audience `others` skips the socket that published and, if it is named, every reader of that name, live and on replay.
/// `except` is judged by the rooms that the reader is in now.
pub fn owed(number: u64, header: &MessageHeader, reader: &Reader) -> Option<u32> {
    let unread = |room| first_unread(number, header.count, *reader.rooms.get(room)?);
    let first = header.rooms.iter().filter_map(unread).min()?;
    (!is_excluded(header, reader)).then_some(first)
}

/// The part of [`owed`] that does not depend on cursors. Live fan-out needs only this: it looks at sockets in the record's
/// rooms, and their cursors cannot be past a new record.
pub fn is_excluded(header: &MessageHeader, reader: &Reader) -> bool {
    let is_own = header.audience == Audience::Others
        && (reader.sid.as_ref() == Some(&header.origin)
            || (header.from.is_some() && reader.name == header.from));
    is_own || header.except.iter().any(|room| reader.is_in(room))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::{EventName, Namespace};

    fn room(name: &str) -> RoomName {
        RoomName::parse(name).unwrap()
    }

    fn header(rooms: &[&str]) -> MessageHeader {
        let rooms = rooms.iter().map(|name| room(name)).collect();
        MessageHeader {
            count: 3,
            from: ClientName::parse("alice").ok(),
            origin: "s1".into(),
            ..MessageHeader::new(Namespace::root(), rooms, EventName::message())
        }
    }

    fn reader(rooms: &[(&str, Seq)]) -> Reader {
        Reader {
            sid: Some("s2".into()),
            name: ClientName::parse("bob").ok(),
            rooms: rooms.iter().map(|(name, at)| (room(name), *at)).collect(),
            other_rooms: BTreeSet::new(),
        }
    }

    #[test]
    fn the_lowest_cursor_decides_the_first_message() {
        let at = |record, index| Seq::new(record, index);
        type Case<'a> = (&'a [(&'a str, Seq)], Option<u32>);
        let cases: [Case<'_>; 8] = [
            (&[("a", at(4, 9))], Some(0)),
            (&[("a", at(5, 0))], Some(0)),
            (&[("a", at(5, 2))], Some(2)),
            (&[("a", at(5, 3))], None),
            (&[("a", at(6, 0))], None),
            (&[("a", at(5, 2)), ("b", at(5, 1))], Some(1)),
            (&[("a", at(6, 0)), ("b", at(5, 1))], Some(1)),
            (&[("c", Seq::START)], None),
        ];
        for (rooms, first) in cases {
            assert_eq!(
                owed(5, &header(&["a", "b"]), &reader(rooms)),
                first,
                "{rooms:?}"
            );
        }
    }

    #[test]
    fn others_skips_the_socket_and_its_name_only() {
        let mut header = header(&["a"]);
        let bob = reader(&[("a", Seq::START)]);
        let socket = Reader {
            sid: Some("s1".into()),
            ..bob.clone()
        };
        let alice = Reader {
            name: ClientName::parse("alice").ok(),
            ..bob.clone()
        };
        let nobody = Reader {
            sid: None,
            name: None,
            ..bob.clone()
        };
        for reader in [&bob, &socket, &alice, &nobody] {
            assert_eq!(owed(1, &header, reader), Some(0));
        }
        header.audience = Audience::Others;
        assert_eq!(owed(1, &header, &socket), None);
        assert_eq!(owed(1, &header, &alice), None);
        header.from = None;
        // Two readers without a name are not the same reader.
        for reader in [&bob, &alice, &nobody] {
            assert_eq!(owed(1, &header, reader), Some(0));
        }
    }

    #[test]
    fn except_counts_rooms_that_are_read_and_rooms_that_are_not() {
        let mut header = header(&["a"]);
        header.except = Arc::new([room("x")]);
        let mut bob = reader(&[("a", Seq::START)]);
        assert_eq!(owed(1, &header, &bob), Some(0));
        bob.other_rooms.insert(room("x"));
        assert_eq!(owed(1, &header, &bob), None);
        // A reader whose cursor is past the record is still in the room.
        let both = reader(&[("a", Seq::START), ("x", Seq::new(9, 0))]);
        assert_eq!(owed(1, &header, &both), None);
    }
}
