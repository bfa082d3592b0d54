//! Who is owed a message: the one predicate that fan-out, catch-up and counts share.

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
    fn is_in(&self, room: &RoomName) -> bool {
        self.rooms.contains_key(room) || self.also_in.contains(room)
    }
}

/// The index of the first message of record `number` that `reader` is owed, or None when it is owed none of it.
///
/// `others` skips the emitting socket and, if it is named, its name, live and on replay; `except` is judged by the
/// reader's rooms now.
pub fn owed(number: u64, header: &Header, reader: &Reader) -> Option<u32> {
    let behind = |room: &RoomName| {
        let cursor = reader.rooms.get(room)?;
        match cursor.record.cmp(&number) {
            std::cmp::Ordering::Less => Some(0),
            std::cmp::Ordering::Equal => (cursor.index < header.count).then_some(cursor.index),
            std::cmp::Ordering::Greater => None,
        }
    };
    let first = header.rooms.iter().filter_map(behind).min()?;
    let own = header.audience == Audience::Others
        && (reader.sid.as_ref() == Some(&header.origin)
            || (header.from.is_some() && reader.name == header.from));
    if own || header.except.iter().any(|room| reader.is_in(room)) {
        None
    } else {
        Some(first)
    }
}
