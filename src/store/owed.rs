//! Who is owed a message: the one predicate that fan-out, catch-up and counts share.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::MessageHeader;
use crate::address::{ClientName, RoomName, Seq};
use crate::wire::batch::Audience;

/// Whoever reads: a socket, live or catching up, or a member for whom is counted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reader {
    /// None for a member that is away.
    pub sid: Option<Arc<str>>,
    pub name: Option<ClientName>,
    /// The rooms it reads, each with the first seq that it still has to get there.
    pub rooms: BTreeMap<RoomName, Seq>,
    /// Rooms that it is in without reading them now; they count for `except`.
    pub other_rooms: BTreeSet<RoomName>,
}

impl Reader {
    /// A member that is away, as it reads one of the rooms that it joined.
    pub fn offline(name: ClientName, room: &RoomName, joined: &BTreeMap<RoomName, Seq>) -> Self {
        let other_rooms = joined.keys().filter(|other| *other != room);
        Self {
            sid: None,
            name: Some(name),
            other_rooms: other_rooms.cloned().collect(),
            rooms: joined
                .get_key_value(room)
                .map(|(room, at)| (room.clone(), *at))
                .into_iter()
                .collect(),
        }
    }

    /// The same reader when it starts at `from`: no cursor lies before it.
    pub fn starting_at(&self, from: Seq) -> Self {
        let mut reader = self.clone();
        for cursor in reader.rooms.values_mut() {
            *cursor = (*cursor).max(from);
        }
        reader
    }

    /// The same reader with no regard to its cursors.
    pub fn from_the_start(&self) -> Self {
        let mut reader = self.clone();
        for cursor in reader.rooms.values_mut() {
            *cursor = Seq::START;
        }
        reader
    }

    fn is_in(&self, room: &RoomName) -> bool {
        self.rooms.contains_key(room) || self.other_rooms.contains(room)
    }
}

/// The first message of a record that a cursor has not passed, or None when it has passed all of them.
pub fn first_unread(number: u64, count: u32, cursor: Seq) -> Option<u32> {
    match cursor.record.cmp(&number) {
        Ordering::Less => Some(0),
        Ordering::Equal => (cursor.index < count).then_some(cursor.index),
        Ordering::Greater => None,
    }
}

/// The index of the first message of record `number` that `reader` is owed, or None when it is owed none of it.
///
/// `others` skips the emitting socket and, if it is named, its name, live and on replay; `except` is judged by the
/// reader's rooms now.
pub fn owed(number: u64, header: &MessageHeader, reader: &Reader) -> Option<u32> {
    let left = |room| first_unread(number, header.count, *reader.rooms.get(room)?);
    let first = header.rooms.iter().filter_map(left).min()?;
    (!is_excluded(header, reader)).then_some(first)
}

/// The part of [`owed`] that is left for whoever is in one of the record's rooms with a cursor that cannot have passed it:
/// in live fan-out that is everybody. Most records pass nobody over, and then the reader is not even looked at.
pub fn is_excluded(header: &MessageHeader, reader: &Reader) -> bool {
    let own = header.audience == Audience::Others
        && (reader.sid.as_ref() == Some(&header.origin)
            || (header.from.is_some() && reader.name == header.from));
    own || header.except.iter().any(|room| reader.is_in(room))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::{EventName, Namespace};
    use crate::wire::batch::Framing;

    fn room(name: &str) -> RoomName {
        RoomName::parse(name).unwrap()
    }

    fn header(rooms: &[&str]) -> MessageHeader {
        MessageHeader {
            namespace: Namespace::root(),
            rooms: rooms.iter().map(|name| room(name)).collect(),
            except: Arc::new([]),
            audience: Audience::All,
            event: EventName::message(),
            framing: Framing::Lines,
            json: false,
            count: 3,
            from: ClientName::parse("alice").ok(),
            origin: "s1".into(),
            reply: None,
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
    fn the_cursor_farthest_behind_decides_where_it_begins() {
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
    fn others_skips_the_socket_and_its_name_and_nobody_else() {
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
        // Two without a name are not the same one.
        for reader in [&bob, &alice, &nobody] {
            assert_eq!(owed(1, &header, reader), Some(0));
        }
    }

    #[test]
    fn except_counts_rooms_read_and_rooms_only_joined() {
        let mut header = header(&["a"]);
        header.except = Arc::new([room("x")]);
        let mut bob = reader(&[("a", Seq::START)]);
        assert_eq!(owed(1, &header, &bob), Some(0));
        bob.other_rooms.insert(room("x"));
        assert_eq!(owed(1, &header, &bob), None);
        // A cursor that has passed the record does not leave the room.
        let both = reader(&[("a", Seq::START), ("x", Seq::new(9, 0))]);
        assert_eq!(owed(1, &header, &both), None);
    }
}
