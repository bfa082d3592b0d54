//! Who is owed a message: the one predicate that fan-out, catch-up and counts share.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Header;
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
    pub also_in: BTreeSet<RoomName>,
}

impl Reader {
    /// A member that is away, as it reads one of the rooms that it joined.
    pub fn away(name: ClientName, room: &RoomName, joined: &BTreeMap<RoomName, Seq>) -> Self {
        let also_in = joined.keys().filter(|other| *other != room);
        Self {
            sid: None,
            name: Some(name),
            also_in: also_in.cloned().collect(),
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
        self.rooms.contains_key(room) || self.also_in.contains(room)
    }
}

/// The first message of a record that a cursor has not passed, or None when it has passed all of them.
pub fn behind(number: u64, count: u32, cursor: Seq) -> Option<u32> {
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
pub fn owed(number: u64, header: &Header, reader: &Reader) -> Option<u32> {
    let left = |room| behind(number, header.count, *reader.rooms.get(room)?);
    let first = header.rooms.iter().filter_map(left).min()?;
    let own = header.audience == Audience::Others
        && (reader.sid.as_ref() == Some(&header.origin)
            || (header.from.is_some() && reader.name == header.from));
    if own || header.except.iter().any(|room| reader.is_in(room)) {
        None
    } else {
        Some(first)
    }
}
